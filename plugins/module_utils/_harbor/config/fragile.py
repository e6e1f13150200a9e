# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What Harbor's own migration of harbor.yml would damage, and how to bring it through unharmed.

The migration fills in a template without quotes: C(key: VALUE). Whatever does not read back as it was is found by doing
the same with each value. Some keys it drops, overwrites, or can't go on without; those are tables here.
"""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Collection, Iterator
from typing import Any, Literal

from . import harbor_cfg
from .compare import (
    Config,
    Keys,
    dotted,
    get_value,
    is_equivalent,
    remove_value,
    set_value,
)

# Who uses this has asked for PyYAML already; see document.
with contextlib.suppress(ImportError):
    import yaml

SECRET = re.compile(r"password|passwd|pwd|secret|token|credential|access_?key|account_?key|provider_config", re.I)
# They have such a name, and are paths or durations.
_HARMLESS = frozenset({"secretkey_path", "token_expiration"})

Row = tuple[str, Any, str]
# What protect_values() does with a value: replaces it by a placeholder, keeps it as it is since that would not help,
# takes it out, or adds it.
Treatment = Literal["protect", "kept", "breaking", "missing"]

_LEFT_OUT = "nothing: the migration leaves it out"
_NO_WAY = "an error: the migration can't go on"
# In the template only as a comment [18874], or not at all.
_DROPPED = (
    "external_database.harbor.conn_max_idle_time",
    "external_database.harbor.conn_max_lifetime",
    "external_redis.sentinel_master_set",
)
# The template has these values in it, or looks for the key in the wrong place.
_OVERWRITTEN: dict[str, Any] = {
    "external_redis.idle_timeout_seconds": 30,
    "external_redis.trivy_db_index": 5,
    "https.strong_ssl_ciphers": False,
}
# The template takes the value from the section redis, which is not there beside external_redis.
_BREAKING = ("external_redis.cache_layer_db_index", "external_redis.harbor_db_index")
# Read without a default once the section is there. A section that is not there is no harm.
_REQUIRED = {
    "cache": ("enabled", "expire_hours"),
    "core": ("quota_update_provider",),
    "database": ("max_idle_conns", "max_open_conns", "password"),
    "external_database.harbor": (
        *("db_name", "host", "max_idle_conns", "max_open_conns", "password", "port", "ssl_mode", "username"),
    ),
    "external_redis": ("host", "jobservice_db_index", "password", "registry_db_index"),
    "external_redis.tlsOptions": ("enable",),
    "http": ("port",),
    "https": ("certificate", "port", "private_key"),
    "internal_tls": ("enabled",),
    "ip_family.ipv4": ("enabled",),
    "ip_family.ipv6": ("enabled",),
    "jobservice": ("max_job_workers",),
    "log": ("level",),
    "log.external_endpoint": ("host", "port", "protocol"),
    "log.local": ("location", "rotate_count", "rotate_size"),
    "metric": ("enabled", "path", "port"),
    "notification": ("webhook_job_max_retry",),
    "proxy": ("http_proxy", "https_proxy", "no_proxy"),
    "trace": ("enabled", "sample_rate"),
    "trace.jaeger": ("agent_host", "agent_port", "endpoint", "password", "username"),
    "trace.otel": ("compression", "endpoint", "insecure", "timeout", "url_path"),
    "uaa": ("ca_file",),
    "upload_purging": ("age", "dryrun", "enabled", "interval"),
}
# What else any release from 1.8 on has in its harbor.yml.tmpl; a folder with * takes any key. The migration knows no
# other key, and none survives it.
_OTHERS = (
    *("_version", "chart.absolute_url", "data_volume", "external_url", "harbor_admin_password", "hostname"),
    *("clair.http_proxy", "clair.https_proxy", "clair.no_proxy", "clair.updaters_interval"),
    *("database.conn_max_idle_time", "database.conn_max_lifetime"),
    *("external_database.clair.*", "external_database.notary_server.*", "external_database.notary_signer.*"),
    *("external_redis.chartmuseum_db_index", "external_redis.clair_db_index", "external_redis.port"),
    *("external_redis.tlsOptions.rootCA", "external_redis.username", "internal_tls.dir"),
    *("jobservice.job_loggers", "jobservice.logger_sweeper_duration", "jobservice.max_job_duration_hours"),
    *("log.location", "log.rotate_count", "log.rotate_size", "network.allow_private_network_access"),
    *("notification.webhook_job_http_client_timeout", "proxy.components"),
    *("redis.cache_layer_db_index", "redis.harbor_db_index", "redis.jobservice_db_index"),
    *("redis.registry_db_index", "redis.trivy_db_index", "storage_service.*", "strong_ssl_ciphers"),
    *("trace.attributes.*", "trace.namespace", "trivy.db_repository", "trivy.github_token", "trivy.ignore_unfixed"),
    *("trivy.insecure", "trivy.java_db_repository", "trivy.offline_scan", "trivy.security_check"),
    *("trivy.skip_java_db_update", "trivy.skip_update", "trivy.timeout"),
)
_KNOWN = frozenset(
    {f"{folder}.{key}" for folder, keys in _REQUIRED.items() for key in keys}
    | {*_OTHERS, *_DROPPED, *_OVERWRITTEN, *_BREAKING}
)
# There the template writes nothing for a value that is nothing, and "None" everywhere else. An empty text reads back as
# nothing, and the migration goes from release to release.
_NOTHING_IS_FINE = re.compile(r"proxy\.(https?|no)_proxy|storage_service\.[^.]+(\.[^.]+)?|trace\.(jaeger|otel)\.[^.]+")
# Mappings and lists below here are written in one line, the way Python shows them.
_IN_ONE_LINE = re.compile(r"(storage_service\.[^.]+|trace\.attributes|external_database\.\w+)\.[^.]+")

_WORD = "dockyard-value-"


def fragile_values(config: Config) -> list[Row]:
    """Return what the migration would damage: dotted path, value, and what would become of it.

    The last says nothing of a value that is a secret; the value itself is as it is. A key that is missing, and without
    which the migration can't go on, has None for a value. harbor.cfg, which no template of YAML is made from, has none.
    """
    return [(dotted(keys), value, becomes) for keys, value, becomes, _how in _damages(config)]


def protect_values(config: Config, wanted: Collection[Keys] = ()) -> tuple[Config, dict[str, Any]]:
    """Return the same with placeholders that come through the migration in place of what would not.

    What it drops, or overwrites, does not get through this way either: differences() finds it. The second is fit for
    JSON and holds passwords.
    wanted: keys that are not there, and that the migration was seen to want.
    """
    safe = copy.deepcopy(config)
    values: dict[str, Any] = {}
    taken = "\n".join(_texts(config))
    number = 0
    missing = ((keys, None, _NO_WAY, "missing") for keys in wanted)
    for keys, value, _becomes, how in (*_damages(config), *missing):
        if how == "kept":
            continue
        if how == "breaking":
            remove_value(safe, keys)
            values[f"+{dotted(keys)}"] = value
            continue
        number += 1
        while f"{_WORD}{number}" in taken:
            number += 1
        word = f"{_WORD}{number}"
        if how == "missing":
            for count in range(1, len(keys)):
                if not isinstance(get_value(safe, keys[:count]), dict):
                    values[f"~{dotted(keys[:count])}"] = None
            set_value(safe, keys, word)
            values[f"-{dotted(keys)}"] = word
        else:
            _replace(safe, keys, [word] if value == [] else word)
            values[word] = value
    return safe, values


def restore_values(config: Config, values: dict[str, Any]) -> Config:
    """Return the migrated configuration with what the placeholders stand for."""
    words = {word: value for word, value in values.items() if word.startswith(_WORD)}
    result = {key: _restored(value, words) for key, value in config.items()}
    for name, value in values.items():
        keys = tuple(name[1:].split("."))
        if name.startswith("-") and get_value(result, keys) == value:
            remove_value(result, keys)
        elif name.startswith("+") and isinstance(get_value(result, keys[:-1]), dict):
            set_value(result, keys, value)
    # Sections that were made for keys that the migration wants, the innermost first.
    for name in reversed([name for name in values if name.startswith("~")]):
        keys = tuple(name[1:].split("."))
        if get_value(result, keys) == {}:
            remove_value(result, keys)
    return result


def _restored(value: Any, words: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _restored(inner, words) for key, inner in value.items()}
    if isinstance(value, list):
        return [_restored(inner, words) for inner in value if not _stands_for_none(inner, words)]
    if not isinstance(value, str):
        return value
    if value in words:
        return words[value]
    # 2.0 puts host and port of an external Redis into one text.
    return re.sub(rf"{_WORD}\d+", lambda found: str(words.get(found[0], found[0])), value)


def _stands_for_none(value: Any, words: dict[str, Any]) -> bool:
    """Return whether it is the only member of a list that was empty."""
    return isinstance(value, str) and words.get(value) == []


def _replace(config: Any, keys: Keys, value: Any) -> None:
    """Set the value at that place, also in lists."""
    for key in keys[:-1]:
        config = config[key]
    config[keys[-1]] = value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def _damages(config: Config) -> Iterator[tuple[Keys, Any, str, Treatment]]:
    """Yield place, value, what becomes of it, and what to do with it: see Treatment."""
    if harbor_cfg.is_cfg(config):
        return
    yield from _below(config, (), False)
    if str(config.get("_version")).startswith("1.8."):
        # It has fewer keys, and its successor's template asks for no more.
        return
    for folder, names in _REQUIRED.items():
        found = get_value(config, tuple(folder.split(".")))
        for name in names if isinstance(found, dict) else ():
            if name not in found:
                yield (*folder.split("."), name), None, _NO_WAY, "missing"


def _below(value: Any, keys: Keys, in_list: bool) -> Iterator[tuple[Keys, Any, str, Treatment]]:
    path = dotted(keys)
    if keys and not in_list:
        if path in _BREAKING:
            yield keys, value, _NO_WAY, "breaking"
            return
        if path in _DROPPED or not _is_known(path):
            if value not in (None, "", {}, []):
                yield keys, value, _LEFT_OUT, "kept"
            return
        if path in _OVERWRITTEN and not is_equivalent(value, _OVERWRITTEN[path]):
            yield keys, value, f"{str(_OVERWRITTEN[path]).lower()}: the migration always writes that", "kept"
            return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _below(inner, (*keys, key), in_list)
    elif value == [] and not _IN_ONE_LINE.match(path):
        yield keys, value, _described(None, False), "protect"
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _below(inner, (*keys, number), True)
    elif value is None or isinstance(value, (str, int, float)):
        becomes = _becomes(path, value, in_list)
        if becomes is not None:
            yield keys, value, becomes, "protect"


def _is_known(path: str) -> bool:
    """Return whether some release has that key, or one above or below it."""
    parts = path.split(".")
    above = {f"{'.'.join(parts[:count])}.*" for count in range(1, len(parts))}
    return path in _KNOWN or not above.isdisjoint(_KNOWN) or _is_folder(path)


def _is_folder(path: str) -> bool:
    """Return whether there are keys below it, so that nothing there means that all of them are comments."""
    return any(known.startswith(path + ".") for known in _KNOWN)


def _becomes(path: str, value: Any, in_list: bool) -> str | None:
    """Return what such a value reads back as; None if it is what it was."""
    if value in (None, "") and (_NOTHING_IS_FINE.fullmatch(path) or _is_folder(path)):
        return None
    one_line = _IN_ONE_LINE.match(path)
    wanted: Any
    if one_line and one_line[0] != path:
        line, wanted = f"key: {[value]!r}", {"key": [value]}
    elif in_list:
        line, wanted = f"- {value}", [value]
    else:
        line, wanted = f"key: {value}", {"key": value}
    try:
        found = yaml.safe_load(f"above:\n  {line}\nbelow: 1\n")
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        return _NO_WAY
    if _identical(found, {"above": wanted, "below": 1}):
        return None
    above = get_value(found, ("above",))
    read = above[0] if isinstance(above, list) and above else get_value(above, ("key",))
    if one_line and isinstance(read, list) and len(read) == 1:
        read = read[0]
    return _described(read, bool(SECRET.search(path)))


def _identical(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_identical(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_identical, one, other))
    return type(one) is type(other) and bool(one == other)


def _described(value: Any, secret: bool) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list)):
        return "several values"
    if isinstance(value, bool):
        return f"{str(value).lower()}, which is no text"
    if isinstance(value, str):
        return "another text" if secret else f"the text {value!r}"
    kind = "number" if isinstance(value, (int, float)) else "date"
    return f"a {kind}" if secret else f"the {kind} {value}"


def is_secret(name: str) -> bool:
    """Return whether a key of that name bears a secret."""
    return name not in _HARMLESS and SECRET.search(name) is not None

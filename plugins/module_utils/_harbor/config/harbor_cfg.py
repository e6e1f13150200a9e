# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""harbor.cfg, which Harbor had up to 1.7: key = value lines, all of them text, and where each went in harbor.yml."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

Config = dict[str, Any]

_LINE = re.compile(r"(?P<key>[^\s=:][^=:]*?)\s*[=:]\s*(?P<value>.*)")
# Which of them marks the file: they are in every harbor.cfg from 1.5 to 1.7, and in no harbor.yml.
_MARK = "ui_url_protocol"
DATA_VOLUME = "/data"  # its templates of docker-compose.yml have it in them
# The hosts of Harbor's own services; any other is an external one.
_OWN_DATABASES = ("postgresql", "mysql", "")
_OWN_REDIS = ("redis", "")

# Where 1.8's harbor.yml has what harbor.cfg had, from the two files' own comments.
_IN_YML = {
    "hostname": "hostname",
    "harbor_admin_password": "harbor_admin_password",
    "max_job_workers": "jobservice.max_job_workers",
    "db_password": "database.password",
    "ssl_cert": "https.certificate",
    "ssl_cert_key": "https.private_key",
    "log_rotate_count": "log.rotate_count",
    "log_rotate_size": "log.rotate_size",
    "http_proxy": "clair.http_proxy",
    "https_proxy": "clair.https_proxy",
    "no_proxy": "clair.no_proxy",
    "clair_updaters_interval": "clair.updaters_interval",
    "registry_custom_ca_bundle": "storage_service.ca_bundle",
    "uaa_ca_cert": "uaa.ca_file",
}
_EXTERNAL_DATABASE = {
    "db_host": "external_database.harbor.host",
    "db_port": "external_database.harbor.port",
    "db_user": "external_database.harbor.username",
    "db_password": "external_database.harbor.password",
}
_EXTERNAL_REDIS = {
    "redis_host": "external_redis.host",
    "redis_port": "external_redis.port",
    "redis_password": "external_redis.password",
}
_REDIS_INDEXES = ("registry_db_index", "jobservice_db_index", "chartmuseum_db_index")
# Keys whose meaning is in other keys of harbor.yml, or that say only what is the default there.
_SPENT = (
    *(_MARK, "_version", "registry_storage_provider_name", "registry_storage_provider_config", "redis_db_index"),
    *_EXTERNAL_DATABASE,
    *_EXTERNAL_REDIS,
    *("clair_db", "clair_db_host", "clair_db_password", "clair_db_port", "clair_db_username"),
)


def is_cfg(config: Config) -> bool:
    return _MARK in config


def parse(text: str, path: str) -> Config:
    """Return all of it as strings.

    A line that begins with blanks continues the one before, as Python's parser has it.
    """
    config: Config = {}
    last: str | None = None
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        if not bare or bare[0] in "#;":
            last = last if bare else None
            continue
        if line[0] in " \t" and last is not None:
            config[last] = f"{config[last]}\n{bare}"
            continue
        found = _LINE.fullmatch(bare)
        if not found:
            raise DockyardError(
                "harbor_config_invalid",
                f"Line {number} of {path} is neither a comment nor of the form key = value; fix it and run again.",
            )
        last = found["key"].lower()
        config[last] = found["value"]
    if not config:
        raise DockyardError(
            "harbor_config_missing", f"{path} has no setting in it; put Harbor's configuration there and run again."
        )
    return config


def render(config: Config, comment: str) -> str:
    lines = [f"# {line}" for line in comment.splitlines()]
    for key, value in config.items():
        text = "" if value is None else str(value)
        lines.append(f"{key} = {text}".rstrip() if "\n" not in text else f"{key} = " + text.replace("\n", "\n    "))
    return "\n".join(lines) + "\n"


def address(config: Config) -> tuple[str, str, int]:
    """Return scheme, host and port; the port is only known from a host name that has it."""
    scheme = "https" if config.get(_MARK) == "https" else "http"
    host = str(config.get("hostname") or "")
    found = re.fullmatch(r"(?P<host>.*[^:]|\[.*\]):(?P<port>\d{1,5})", host)
    if found and (found["host"].startswith("[") or ":" not in found["host"]):
        return scheme, found["host"], int(found["port"])
    return scheme, host, 443 if scheme == "https" else 80


def external_database(config: Config) -> dict[str, Any] | None:
    if config.get("db_host", "") in _OWN_DATABASES:
        return None
    return {path.rsplit(".", 1)[1]: config.get(key) for key, path in _EXTERNAL_DATABASE.items()}


def external_redis(config: Config) -> dict[str, Any] | None:
    if config.get("redis_host", "") in _OWN_REDIS:
        return None
    found = {path.rsplit(".", 1)[1]: config.get(key) for key, path in _EXTERNAL_REDIS.items()}
    indexes = [part.strip() for part in str(config.get("redis_db_index") or "").split(",") if part.strip()]
    return {**found, **dict(zip(_REDIS_INDEXES, indexes))}


def as_yml(config: Config) -> Config:
    """Return the same settings as harbor.yml of 1.8 has them, still as strings.

    Keys with no place there stay at the top.

    What Harbor reads only at its very first start has no place there, and its removal is no damage.
    """
    moved: Config = {}
    for key, value in config.items():
        if key in _IN_YML:
            _put(moved, _IN_YML[key], value)
        elif key not in _SPENT:
            moved[key] = value
    if config.get(_MARK) != "https":
        moved.pop("https", None)
    name = config.get("registry_storage_provider_name") or "filesystem"
    details = _pairs(config.get("registry_storage_provider_config") or "")
    if details:
        _put(moved, f"storage_service.{name}", details)
    database, redis = external_database(config), external_redis(config)
    if database:
        _put(moved, "external_database.harbor", database)
        # The one password is then that of the external server.
        moved.pop("database", None)
    if redis:
        moved["external_redis"] = redis
    return moved


def _put(config: Config, path: str, value: Any) -> None:
    *folders, name = path.split(".")
    for folder in folders:
        config = config.setdefault(folder, {})
    config[name] = value


def _pairs(text: str) -> dict[str, str]:
    """Parse "key1: value, key2: value2"."""
    found = (part.split(":", 1) for part in text.split(",") if ":" in part)
    return {key.strip(): value.strip() for key, value in found}

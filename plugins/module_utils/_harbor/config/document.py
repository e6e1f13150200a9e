# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""harbor.yml, and harbor.cfg before it: read, written, shown without secrets, and asked for what it says."""

from __future__ import annotations

import contextlib
import os
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders

from . import harbor_cfg
from .compare import (
    Config,
    Difference,
    differences,
    dotted,
    get_value,
    put_back,
)
from .fragile import (
    fragile_values,
    is_secret,
    protect_values,
    restore_values,
)

YAML_IMPORT_ERROR: str | None
try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

__all__ = [
    "Config",
    "Difference",
    "Endpoint",
    "admin_password",
    "certificate_files",
    "data_volume",
    "differences",
    "dotted",
    "edited",
    "endpoint",
    "external_database",
    "external_redis",
    "files_to_keep",
    "fragile_values",
    "hostname",
    "merge",
    "misread_data_volume",
    "parse",
    "put_back",
    "read",
    "render",
    "protect_values",
    "restore_values",
    "with_placeholders",
]

_CERTIFICATES = (
    ("https", "certificate"),
    ("storage_service", "ca_bundle"),
    ("uaa", "ca_file"),
    ("external_redis", "tlsOptions", "rootCA"),
)
_CFG_CERTIFICATES = (("ssl_cert",), ("registry_custom_ca_bundle",), ("uaa_ca_cert",))
_KEYS = (("https", "private_key"), ("internal_tls", "dir"))
_CFG_KEYS = (("ssl_cert_key",),)


@dataclass(frozen=True)
class Endpoint:
    """Where this host's proxy listens. host: the name that it is asked for by, which need not lead here."""

    scheme: str
    host: str
    port: int


def parse(text: str, path: str) -> Config:
    """Return the settings in a configuration. path: tells harbor.cfg from harbor.yml, and is named in errors."""
    if path.endswith(".cfg"):
        return harbor_cfg.parse(text, path)
    try:
        config = _separate(yaml.safe_load(text))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"Line {mark.line + 1} of {path}" if mark else path
        # What it quotes may be a part of a password.
        why = re.sub(r"'[^']{2,}'|!\S+", "...", getattr(error, "problem", None) or "it can't be read")
        raise DockyardError(
            "harbor_config_invalid",
            f"{where} is no valid YAML ({why}); fix it, for instance with quotes around a value with special"
            " characters, and run again.",
        ) from error
    if not isinstance(config, dict):
        raise DockyardError(
            "harbor_config_missing",
            f"{path} has no settings in it, which would be lines of the form key: value; fix it and run again.",
        )
    return config


def _separate(value: Any) -> Any:
    """Return the same without any part in two places at once, as anchors make it, so that each can be changed alone."""
    if isinstance(value, dict):
        return {key: _separate(inner) for key, inner in value.items()}
    return [_separate(inner) for inner in value] if isinstance(value, list) else value


def read(path: str) -> Config:
    """Return the settings in a file. Raise DockyardError if it can't be read or is none."""
    content = atomic_file.read(path)
    if content is None:
        raise DockyardError(
            "harbor_config_missing",
            f"There is no {path}; put Harbor's configuration there, or give the folder that Harbor is installed in.",
        )
    try:
        return parse(content.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DockyardError(
            "harbor_config_invalid",
            f"Line {line} of {path} is not in UTF-8; save the file in that encoding and run again.",
        ) from error


def render(config: Config, version_comment: str) -> str:
    """Return the file with these settings, which parse() reads back as they are.

    version_comment: what the comment at its top says of its version. Harbor's prepare finds data_volume by a search
    in the text, so that it is without quotes and comment on a line of its own.
    """
    comment = f"Configuration file of Harbor {version_comment}\nWritten by dockyard.ops: comments are not kept."
    if harbor_cfg.is_cfg(config):
        return harbor_cfg.render(config, comment)
    header = "".join(f"# {' '.join(re.sub('[^ -~]', ' ', line).split())}\n" for line in comment.splitlines())
    if not config:
        return header + "{}\n"
    text = ""
    for allow_unicode in (True, False):
        body = yaml.safe_dump(
            _separate(config),
            sort_keys=False,
            default_flow_style=False,
            allow_unicode=allow_unicode,
            # A value that is folded onto a second line is cut by whoever reads the file by lines.
            width=2**31 - 1,
        )
        text = f"{header}{body}"
        # PyYAML writes some separators of lines as they are and reads them as blanks; escaped, they come through.
        with contextlib.suppress(yaml.YAMLError):
            if yaml.safe_load(text) == config:
                break
    return text


def edited(text: str, config: Config) -> str | None:
    """Return a harbor.yml with other values in the same lines, so that its comments stay; None if that can't be done.

    Values of one line are replaced where only one line is of that key.
    """
    for keys, value in _changed(parse(text, "harbor.yml"), config, ()):
        lines = re.findall(rf"^[ ]*{re.escape(str(keys[-1]))}:[ ].*$", text, re.MULTILINE)
        if len(lines) != 1 or isinstance(value, (dict, list)):
            return None
        shown = yaml.safe_dump(value, default_flow_style=True, width=2**31 - 1).split("\n")[0]
        text = text.replace(lines[0], f"{lines[0].partition(':')[0]}: {shown}")
    return text if parse(text, "harbor.yml") == config and misread_data_volume(text) is None else None


def _changed(old: Config, new: Config, keys: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            yield from _changed(before, value, (*keys, key))
        elif before != value or type(before) is not type(value):
            yield (*keys, key), value


def misread_data_volume(text: str) -> str | None:
    """Return what Harbor's prepare takes for the data volume if that is not what harbor.yml says; None if it is right.

    It takes the last word of the line, a comment or a quotation mark included.
    """
    said = data_volume(parse(text, "harbor.yml"))
    lines = re.findall(r"^[^#\n]*data_volume:(.*)$", text, re.MULTILINE)
    if not lines:
        return None
    words = " ".join(lines).split()
    taken = words[-1] if words else ""
    return None if len(lines) == 1 and taken and os.path.normpath(taken) == said else taken


def with_placeholders(config: Config, placeholders: Placeholders) -> Config:
    """Return the same with a placeholder for every secret, to be shown in a diff or a result."""
    return {key: placeholders.in_value(str(key), value, is_secret) for key, value in config.items()}


def data_volume(config: Config) -> str:
    """Return the folder with Harbor's data. In harbor.cfg it can't be set, and the templates of compose have /data."""
    if harbor_cfg.is_cfg(config):
        return harbor_cfg.DATA_VOLUME
    volume = config.get("data_volume")
    if volume is None:
        return harbor_cfg.DATA_VOLUME
    if not isinstance(volume, str) or not os.path.isabs(volume):
        raise DockyardError(
            "harbor_config_value",
            f"data_volume in harbor.yml is {volume!r}, which is no absolute path; give the folder with Harbor's data"
            " there and run again.",
        )
    return os.path.normpath(volume) if volume.strip("/") else "/"


def admin_password(config: Config) -> str | None:
    """Return the password that admin had at the first start; it may have been changed since."""
    password = config.get("harbor_admin_password")
    return None if password is None or password == "" else str(password)


def hostname(config: Config) -> str:
    """Return the name that clients know it by, without a port."""
    name = harbor_cfg.address(config)[1] if harbor_cfg.is_cfg(config) else config.get("hostname")
    if not isinstance(name, str) or not name.strip():
        raise DockyardError(
            "harbor_config_value",
            "Harbor's configuration has no hostname; give the name or address that clients reach it by, and run again.",
        )
    if "://" in name or "/" in name:
        raise DockyardError(
            "harbor_config_value",
            f"hostname in harbor.yml is {name.strip()!r}, which is an address and no name; give the name alone, and"
            " another address that clients reach it by as external_url, and run again.",
        )
    return name.strip()


def endpoint(config: Config) -> Endpoint:
    """Return where this host's proxy listens: with https if that is set up, else with http."""
    if harbor_cfg.is_cfg(config):
        scheme, _host, port = harbor_cfg.address(config)
        return Endpoint(scheme, hostname(config), port)
    scheme = "https" if isinstance(config.get("https"), dict) else "http"
    found = get_value(config, (scheme, "port"))
    usual = 443 if scheme == "https" else 80
    try:
        port = usual if found is None else int(found)
        if isinstance(found, (bool, float)) or not 0 < port < 65536:
            raise ValueError(found)
    except (TypeError, ValueError) as error:
        raise DockyardError(
            "harbor_config_value",
            f"{scheme}.port in harbor.yml is {found!r}, which is no port; give a number from 1 to 65535 there and run"
            " again.",
        ) from error
    return Endpoint(scheme, hostname(config), port)


def external_database(config: Config) -> dict[str, Any] | None:
    """Return the settings of a database that is not Harbor's own (host, port, username, ...)."""
    if harbor_cfg.is_cfg(config):
        return harbor_cfg.external_database(config)
    found = config.get("external_database")
    if not isinstance(found, dict):
        return None
    inner = found.get("harbor")
    return dict(inner) if isinstance(inner, dict) else dict(found)


def external_redis(config: Config) -> dict[str, Any] | None:
    """Return the settings of a Redis that is not Harbor's own."""
    if harbor_cfg.is_cfg(config):
        return harbor_cfg.external_redis(config)
    found = config.get("external_redis")
    return dict(found) if isinstance(found, dict) else None


def certificate_files(config: Config) -> list[str]:
    """Return the files with certificates that it names; they need not exist."""
    return _named(config, _CFG_CERTIFICATES if harbor_cfg.is_cfg(config) else _CERTIFICATES)


def files_to_keep(config: Config) -> list[str]:
    """Return the files and folders outside of the data volume that it names: certificates and private keys."""
    return _named(config, _CFG_CERTIFICATES + _CFG_KEYS if harbor_cfg.is_cfg(config) else _CERTIFICATES + _KEYS)


def _named(config: Config, places: tuple[tuple[str, ...], ...]) -> list[str]:
    if harbor_cfg.is_cfg(config) and config.get("ui_url_protocol") != "https":
        # The template names certificates that nobody has; they are only read for https.
        places = tuple(place for place in places if not place[0].startswith("ssl_"))
    found = (get_value(config, place) for place in places)
    return [path for path in found if isinstance(path, str) and os.path.isabs(path)]


def merge(template: Config, desired: Config) -> Config:
    """Return the template with what is desired on top: mappings are merged, None removes a key, all else replaces."""
    result = {key: _separate(value) for key, value in template.items()}
    for key, value in desired.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merge(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = _separate(value)
    return result

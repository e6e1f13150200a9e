# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The configuration of a MySQL or MariaDB as data, and as the option file that the server reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from ..container_definition import CONFIG

FILE = f"{CONFIG}/my.cnf"
ACCOUNTS = f"{CONFIG}/accounts.sql"
DATA = "/var/lib/mysql"
SOCKET = "/run/mysqld/mysqld.sock"
PORT = 3306
# The options of the server's certificate, and the files that they name.
TLS = {"ssl_ca": "ca.crt", "ssl_cert": "server.crt", "ssl_key": "server.key"}
# What the container's own place decides. Whoever could set them could move the data from our sight, or lock us out.
_OURS: dict[str, Any] = {
    "bind_address": "*",
    "datadir": DATA,
    # Accounts of this collection come back by it at each start, whatever was restored or deleted.
    "init_file": ACCOUNTS,
    "pid_file": "/run/mysqld/mysqld.pid",
    "port": PORT,
    "socket": SOCKET,
    "tmpdir": "/tmp",
}
_REFUSED = {
    **dict.fromkeys(_OURS, "is decided by this module"),
    **dict.fromkeys(TLS, "is given by a file of the host; see the options tls_*"),
    **dict.fromkeys(("skip_networking", "skip_grant_tables", "skip_bind_address"), "would let in nobody, or everybody"),
    **dict.fromkeys(
        ("user", "basedir", "chroot", "log_error", "plugin_dir", "lc_messages_dir"), "is decided by the image"
    ),
    **dict.fromkeys(
        ("wsrep_on", "wsrep_cluster_address", "master_info_file"),
        "makes it a part of several servers, which is no task of this module",
    ),
}
# Versions differ in them, and text would be sorted in another way after an upgrade.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "mariadb": {
        "character_set_server": "utf8mb4",
        "collation_server": "utf8mb4_general_ci",
        "loose_character_set_collations": "utf8mb4=utf8mb4_general_ci",
        "skip_name_resolve": True,
    },
    "mysql": {
        "character_set_server": "utf8mb4",
        "collation_server": "utf8mb4_0900_ai_ci",
        "mysqlx": False,
        # Otherwise it wants a folder that the image may not have.
        "secure_file_priv": "NULL",
        "skip_name_resolve": True,
    },
}
_SECURE = "require_secure_transport"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+*,=~-]+")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}

Values = dict[str, str]


def merged(config: Mapping[str, Any], flavour: str, tls: tuple[str, ...] = ()) -> Values:
    """Return all options of the server as strings. Raise DockyardError for what may not be set.

    tls: the files of its certificate that there are.
    """
    values = {**_DEFAULTS[flavour]}
    for name, value in config.items():
        key = str(name).lower().replace("-", "_")
        if not _NAME.fullmatch(key):
            raise _refuse(f"'{name}' is no option of the server; write it as my.cnf does.")
        reason = _REFUSED.get(key.removeprefix("loose_"))
        if reason:
            raise _refuse(f"The option {key} {reason}; leave it out of config.")
        values[key] = value
    files = {option: f"{CONFIG}/{file}" for option, file in TLS.items() if file in tls}
    secured = [value for key, value in values.items() if key.removeprefix("loose_") == _SECURE]
    if "ssl_cert" not in files and any(_string(_SECURE, value).lower() in ("on", "yes", "1") for value in secured):
        raise _refuse(
            f"The option {_SECURE} lets nobody in over the network without a certificate of the server; give"
            " tls_certificate_file and tls_key_file."
        )
    return {key: _string(key, value) for key, value in sorted({**values, **_OURS, **files}.items())}


def _refuse(sentence: str) -> DockyardError:
    return DockyardError("mysql_config_invalid", sentence)


def _string(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "ON" if value else "OFF"
    if isinstance(value, (list, tuple)):
        return ",".join(_string(name, part) for part in value)
    if value is None or isinstance(value, dict):
        raise _refuse(f"The option {name} has no value that my.cnf could have; give a string, a number or a list.")
    text = str(value)
    # A survey gives everything as a string, and YAML 1.1 makes yes and no of true and false.
    text = {"true": "ON", "false": "OFF"}.get(text.lower(), text)
    if re.search(r'[\x00-\x1f"]', text):
        raise _refuse(f"The value of the option {name} has a quotation mark or a control character; remove it.")
    return text


def render(values: Mapping[str, str]) -> str:
    """Return the content of the file."""
    lines = ["# Written by dockyard.ops; changes are overwritten by the next run.", "[mysqld]"]
    lines += [f"{name} = {_written(value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def _written(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\")
    return f'"{escaped}"'


def parse(content: str) -> Values:
    """Return the options of a file that render() has written."""
    found = {}
    for line in content.splitlines():
        name, separator, value = line.partition(" = ")
        if separator and not name.startswith("#"):
            found[name] = value[1:-1].replace("\\\\", "\\") if value.startswith('"') else value
    return found


def literal(value: str) -> str:
    """Return a value as SET GLOBAL takes it."""
    amount = _amount(value)
    if amount is not None:
        return str(amount)
    if value.upper() in ("ON", "OFF"):
        return value.upper()
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def differs(wanted: str, now: str) -> bool:
    """Return whether a value in force is another one than that of the file."""
    if wanted.lower() == now.lower():
        return False
    switches = {"on": "1", "yes": "1", "off": "0", "no": "0"}
    if switches.get(wanted.lower(), wanted) == switches.get(now.lower(), now):
        return False
    amounts = _amount(wanted), _amount(now)
    if None not in amounts:
        return amounts[0] != amounts[1]
    try:
        return float(wanted) != float(now)
    except ValueError:
        # Sets and paths are shown in other forms than they are written in; the server itself has accepted them.
        return wanted.lower() in switches or amounts[0] is not None


def _amount(text: str) -> int | None:
    found = re.fullmatch(r"(\d+)([kmgt]?)", text.lower())
    return int(found[1]) * _UNITS[found[2]] if found else None

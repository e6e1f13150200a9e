# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a data folder holds, from files as real servers write them."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._database import flavours, info, rdb, redis_family, refusals
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

# The first bytes of what these servers have written, read with od.
REDIS_7 = (
    b"REDIS0010\xfa\tredis-ver\x067.0.15\xfa\nredis-bits\xc0@\xfa\x05ctime\xc2\xb2(\x0ck"
    b"\xfa\x08used-mem\xc2(\xe2\x0e\x00\xfa\x08aof-base\xc0\x00\xfe\x00\xfb\x01\x00\x00\x01a\x01b\xff"
)
REDIS_8 = b"REDIS0012\xfa\tredis-ver\x058.0.2\xfa\nredis-bits\xc0@\xfa\x05ctime\xc2\xb4(\x0ck\xfe\x00\xfb\x01\x00\xff"
VALKEY_8 = b"REDIS0011\xfa\nvalkey-ver\x058.1.1\xfa\nredis-bits\xc0@\xfa\x05ctime\xc2\xb6(\x0ck\xfe\x00\xfb\x01\x00\xff"
VALKEY_9 = b"VALKEY080\xfa\nvalkey-ver\x059.1.2\xfa\nredis-bits\xc0@\xfa\x05ctime\xc2\xb9(\x0ck\xfe\x00\xfb\x01\x00\xff"
REDIS_3 = b"REDIS0006\xfe\x00\x00\x01a\x01b\xff"
MANIFEST = (
    "file appendonly.aof.1.base.rdb seq 1 type b\n"
    "file appendonly.aof.1.incr.aof seq 1 type i startoffset 0 endoffset 1\n"
)
PLAIN = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"


def write(folder: pathlib.Path, files: dict[str, bytes | str]) -> str:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(folder)


def page(number: int) -> bytes:
    return b"\0" * 8 + number.to_bytes(4, "big") + b"\0" * 100


@pytest.mark.parametrize(
    ("files", "flavour", "version", "number", "source"),
    [
        ({"dump.rdb": REDIS_7}, "redis", (7, 0, 15), 10, ("dump.rdb",)),
        ({"dump.rdb": REDIS_8}, "redis", (8, 0, 2), 12, ("dump.rdb",)),
        ({"dump.rdb": VALKEY_8}, "valkey", (8, 1, 1), 11, ("dump.rdb",)),
        ({"dump.rdb": VALKEY_9}, "valkey", (9, 1, 2), 80, ("dump.rdb",)),
        ({"dump.rdb": REDIS_3}, "redis", (), 6, ("dump.rdb",)),
        # The append-only file was rewritten by a newer server than the one that saved last.
        (
            {
                "dump.rdb": REDIS_7,
                redis_family.MANIFEST: MANIFEST,
                "appendonlydir/appendonly.aof.1.base.rdb": REDIS_8,
                "appendonlydir/appendonly.aof.1.incr.aof": PLAIN,
            },
            "redis",
            (8, 0, 2),
            12,
            ("appendonlydir/appendonly.aof.1.base.rdb", "dump.rdb"),
        ),
        # Valkey took over what Redis wrote.
        (
            {
                "dump.rdb": VALKEY_8,
                redis_family.MANIFEST: MANIFEST,
                "appendonlydir/appendonly.aof.1.base.rdb": REDIS_7,
            },
            "valkey",
            (8, 1, 1),
            11,
            ("appendonlydir/appendonly.aof.1.base.rdb", "dump.rdb"),
        ),
        ({"appendonly.aof": PLAIN}, "redis", (), None, ("appendonly.aof",)),
        (
            {"mysql_upgrade_info": "10.11.18-MariaDB", "ibdata1": b""},
            "mariadb",
            (10, 11, 18),
            None,
            ("mysql_upgrade_info",),
        ),
        ({"mariadb_upgrade_info": "11.8.9-MariaDB\n"}, "mariadb", (11, 8, 9), None, ("mariadb_upgrade_info",)),
        ({"ibdata1": b"", "aria_log_control": b""}, "mariadb", (), None, ("ibdata1", "aria_log_control")),
        ({"mysql_upgrade_info": "8.0.36\n", "ibdata1": b""}, "mysql", (8, 0, 36), None, ("mysql_upgrade_info",)),
        (
            {
                "mysql.ibd": page(80400),
                "mysql_upgrade_history": json.dumps(
                    {
                        "file_format": "1",
                        "upgrade_history": [
                            {"version": "8.4.10", "maturity": "LTS", "initialize": True},
                            {"version": "9.7.1", "maturity": "LTS"},
                        ],
                    }
                ),
            },
            "mysql",
            (9, 7, 1),
            None,
            ("mysql_upgrade_history",),
        ),
        ({"mysql.ibd": page(80036), "ibdata1": b""}, "mysql", (8, 0, 36), None, ("mysql.ibd",)),
    ],
)
def test_what_a_folder_holds(
    tmp_path: pathlib.Path,
    files: dict[str, bytes | str],
    flavour: str,
    version: tuple[int, ...],
    number: int | None,
    source: tuple[str, ...],
) -> None:
    found = flavours.recognise(write(tmp_path, files))
    assert found.state == "database" and found.data is not None
    data = found.data
    assert (data.flavour, data.version, data.format, data.source) == (flavour, version, number, source)


@pytest.mark.parametrize(
    ("name", "example"),
    [("aria_log_control", "mariadb_upgrade_info, as in 10.11.18-MariaDB"), ("x", "mysql_upgrade_info, as in 5.7.44")],
)
def test_data_of_an_unknown_version_are_not_taken_over(tmp_path: pathlib.Path, name: str, example: str) -> None:
    folder = flavours.recognise(write(tmp_path, {"ibdata1": b"", name: b""}))
    with pytest.raises(DockyardError, match=example) as caught:
        refusals.refuse_unknown_version(folder, None)
    assert caught.value.code == "database_version_unknown"
    assert_explained(caught.value)
    # An instance of the module's own has its version in the container's image.
    refusals.refuse_unknown_version(folder, {"flavour": "mariadb"})
    (tmp_path / "mariadb_upgrade_info").write_text("10.11.18-MariaDB")
    refusals.refuse_unknown_version(flavours.recognise(str(tmp_path)), None)


def test_folders_without_a_database(tmp_path: pathlib.Path) -> None:
    assert flavours.recognise(str(tmp_path / "none")).state == "missing"
    assert flavours.recognise(str(tmp_path)).state == "empty"
    (tmp_path / "lost+found").mkdir()
    assert flavours.recognise(str(tmp_path)).state == "empty"
    (tmp_path / "letter.txt").write_text("Dear")
    assert flavours.recognise(str(tmp_path)).state == "foreign"


@pytest.mark.parametrize(
    "files",
    [
        {"dump.rdb": b"REDIS0010\xfa\tredis"},
        {"dump.rdb": b"REDIS0010\xfa\xc3\x01\x02ab"},
        {"dump.rdb": b"not at all"},
        {"dump.rdb": b""},
        {"appendonly.aof": b"hello"},
        {redis_family.MANIFEST: "file ../../etc/passwd seq 1 type b\n"},
        {redis_family.MANIFEST: "seq 1\n"},
        {"mysql_upgrade_history": "{}"},
        {"mysql.ibd": page(80400), "mariadb_upgrade_info": "11.8.9-MariaDB"},
        {"dump.rdb": REDIS_7, "mariadb_upgrade_info": "11.8.9-MariaDB"},
    ],
)
def test_what_can_not_be_understood(tmp_path: pathlib.Path, files: dict[str, bytes | str]) -> None:
    with pytest.raises(DockyardError) as caught:
        flavours.recognise(write(tmp_path, files))
    assert caught.value.code == "database_data_unreadable"
    assert_explained(caught.value)


def test_a_shutdown_leaves_no_temporary_tablespace(tmp_path: pathlib.Path) -> None:
    folder = write(tmp_path, {"mariadb_upgrade_info": "11.8.9-MariaDB", "ibtmp1": b""})
    found = flavours.recognise(folder).data
    assert found is not None and found.clean is False
    (tmp_path / "ibtmp1").unlink()
    found = flavours.recognise(folder).data
    assert found is not None and found.clean is True


def test_numbers_and_long_strings_of_a_header(tmp_path: pathlib.Path) -> None:
    long = b"v" * 70
    content = (
        b"REDIS0012\xfa\tredis-ver\x058.0.2\xfa\x01a\xc1\xfe\xff\xfa\x01b@F" + long + b"\xfa\x01c\x80\0\0\0\x01x\xff"
    )
    header = rdb.read_header(write(tmp_path, {"dump.rdb": content}) + "/dump.rdb")
    assert header is not None
    assert header.fields == {"redis-ver": "8.0.2", "a": "-2", "b": long.decode(), "c": "x"}


def container(name: str, mounts: list[dict[str, Any]], running: bool = False, code: int = 0) -> dict[str, Any]:
    return {
        "Name": f"/{name}",
        "Config": {"Image": "redis:8"},
        "State": {"Running": running, "ExitCode": code},
        "Mounts": mounts,
    }


def test_containers_that_use_a_folder() -> None:
    listed = [
        container("whole", [{"Source": "/srv/x", "Destination": "/all", "RW": True}], True),
        container("inside", [{"Source": "/srv/x/data/sub", "Destination": "/sub", "RW": False}]),
        container("beside", [{"Source": "/srv/x/data2", "Destination": "/data", "RW": True}]),
        container("tmpfs", [{"Destination": "/data", "RW": True}]),
    ]
    found = info.users_of("/srv/x/data", listed)
    assert [(user.name, user.target, user.at_work) for user in found] == [
        ("inside", "/sub", False),
        ("whole", "/all/data", True),
    ]


def test_the_folder_of_a_container_has_to_be_clear(tmp_path: pathlib.Path) -> None:
    folder = write(tmp_path / "one", {"dump.rdb": REDIS_7})
    mounts = [
        {"Source": folder, "Destination": "/data", "RW": True},
        {"Source": str(tmp_path), "Destination": "/x", "RW": True},
    ]
    assert info.folder_of("it", container("it", mounts)) == folder
    for details in (None, container("it", mounts[1:])):
        with pytest.raises(DockyardError) as caught:
            info.folder_of("it", details)
        assert_explained(caught.value)

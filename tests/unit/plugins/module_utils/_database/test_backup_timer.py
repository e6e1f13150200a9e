# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypted backups, and the files of a timer: the program in them runs without this collection."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._database.backup import encryption, nightly, store, timer
from ansible_collections.dockyard.ops.plugins.module_utils._database.backup.run import Request
from ansible_collections.dockyard.ops.plugins.module_utils._database.checksum import checksum
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import program
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

SECRET = "0123456789abcdef-secret"
SETTINGS = nightly.Settings(Request("shop", "/srv/backups", keep_days=1.5), True, "/bin/true")


@pytest.fixture
def backup(tmp_path: Path) -> store.Backup:
    """Return an encrypted backup of 100000 bytes."""
    folder = tmp_path / "unfinished"
    folder.mkdir()
    plain, target = folder / "all.sql.gz", folder / "all.sql.gz.enc"
    plain.write_bytes(b"data" * 25000)
    encryption.encrypt(str(plain), str(target), SECRET)
    plain.unlink()
    manifest = store.Manifest(
        container="shop",
        flavour="mariadb",
        title="MariaDB",
        version="11.8.9",
        made=1.0,
        file=target.name,
        bytes=target.stat().st_size,
        sha256=checksum(str(target)),
        census={"rows": {}, "text": "nothing"},
        cipher=encryption.CIPHER,
    )
    return store.read(store.Store(str(tmp_path), "shop").complete(str(folder), manifest, SECRET).path)


def test_what_is_encrypted_is_read_with_its_key(backup: store.Backup, tmp_path: Path) -> None:
    assert b"datadata" not in Path(backup.data).read_bytes()
    plain = store.opened(backup, SECRET, str(tmp_path))
    assert plain == str(tmp_path / "all.sql.gz") and Path(plain).read_bytes() == b"data" * 25000


def test_the_guide_decrypts_by_hand(backup: store.Backup, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{SECRET}\n")
    command = f"openssl enc -d -aes-256-ctr -pbkdf2 -md sha256 -iter 600000 -pass file:{key} -in {backup.data}"
    assert subprocess.run(command.split(), capture_output=True, check=True).stdout == b"data" * 25000


@pytest.mark.parametrize(
    ("secret", "code"),
    [("", "database_backup_key_missing"), ("another secret of 25 letters", "database_backup_refused")],
)
def test_without_its_key_it_is_refused(backup: store.Backup, tmp_path: Path, secret: str, code: str) -> None:
    with pytest.raises(DockyardError) as caught:
        store.opened(backup, secret, str(tmp_path))
    assert caught.value.code == code
    assert_explained(caught.value)


def test_who_has_no_key_can_not_alter_it(backup: store.Backup, tmp_path: Path) -> None:
    # With a checksum that is right for what was altered.
    Path(backup.data).write_bytes(b"x" * backup.manifest.bytes)
    altered = dataclasses.replace(backup.manifest, sha256=checksum(backup.data))
    with pytest.raises(DockyardError) as caught:
        store.opened(store.Backup(backup.path, altered), SECRET, str(tmp_path))
    assert caught.value.code == "database_backup_refused"


@pytest.mark.parametrize("content", [None, "", "short\n", "\n0123456789abcdef-secret"])
def test_keys_that_are_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DockyardError) as caught:
        encryption.secret_of(str(path))
    assert "short" not in caught.value.message.replace(str(path), "")
    assert_explained(caught.value)


def test_settings_are_read_as_they_are_written() -> None:
    assert nightly.Settings.decoded(SETTINGS.encoded()) == SETTINGS


def test_the_program_runs_by_itself(tmp_path: Path) -> None:
    archive = tmp_path / "program.pyz"
    archive.write_bytes(program.packed("_database.backup.nightly"))
    assert program.packed("_database.backup.nightly") == archive.read_bytes()
    # -I: neither this folder nor the environment says where modules are.
    done = subprocess.run(
        [sys.executable, "-I", str(archive), "/nowhere"], capture_output=True, text=True, cwd="/", check=False
    )
    assert (done.returncode, done.stderr) == (2, "/nowhere does not exist.\n")


def test_files_of_a_timer() -> None:
    files = timer.desired_files(timer.Timer(SETTINGS, "*-*-* 02:30:00"))
    archive, settings, service, times = files
    assert settings == "/etc/dockyard/backups/shop.json" and files[settings][1] == 0o600
    assert f"{archive} {settings}\n" in files[service][0].decode()
    assert "OnCalendar=*-*-* 02:30:00\nPersistent=true\n" in files[times][0].decode()


@pytest.mark.parametrize("folder", ["", ".", "backups"])
def test_a_folder_that_depends_on_where_it_is_run_is_refused(folder: str) -> None:
    for refuse in (
        lambda: store.Store(folder, "shop"),
        lambda: timer.check(timer.Timer(nightly.Settings(Request("shop", folder)), "daily")),
    ):
        with pytest.raises(DockyardError) as caught:
            refuse()
        assert_explained(caught.value)


@pytest.mark.parametrize("name", ["", "a/b", "a b", "../x", "-x"])
def test_names_that_no_unit_can_have(name: str) -> None:
    with pytest.raises(DockyardError) as caught:
        timer.check_name(name)
    assert_explained(caught.value)

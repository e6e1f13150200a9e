# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore is complete or undone, wherever it was interrupted."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import archive, atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._registry import backup, restore
from ansible_collections.dockyard.ops.plugins.module_utils._registry.container import Container
from ansible_collections.dockyard.ops.plugins.modules import registry_maintenance
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_docker import RegistryDocker

FOLDERS = ("config", "auth", "tls", "data", "ca", "proof")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RegistryDocker:
    docker = RegistryDocker(tmp_path, monkeypatch)
    (docker.base / "data" / "image").write_text("old")
    (docker.base / ".proven").mkdir()
    return docker


def request(docker: RegistryDocker, path: str) -> restore.Request:
    return restore.Request(
        Container("registry"), str(docker.base), path, "", FOLDERS, [".proven"], ["config/config.yml"]
    )


def archive_of(docker: RegistryDocker, tmp_path: Path) -> str:
    target = tmp_path / "backups"
    found = backup.back_up(
        backup.Request(Container("registry"), str(docker.base), FOLDERS, ["data"], str(target)), check_mode=False
    )
    return str(found["archive"])


def tree(base: Path) -> dict[str, str]:
    return {str(path.relative_to(base)): path.read_text() if path.is_file() else "" for path in sorted(base.rglob("*"))}


def test_what_was_backed_up_comes_back(docker: RegistryDocker, tmp_path: Path) -> None:
    path = archive_of(docker, tmp_path)
    (docker.base / "data" / "image").write_text("new")
    (docker.base / "proof").mkdir()

    found = restore.restore(request(docker, path), check_mode=False)

    assert (docker.base / "data" / "image").read_text() == "old"
    assert sorted(os.listdir(found["previous"])) == [".proven", "auth", "config", "data", "tls"]
    assert (docker.base / "proof").is_dir()  # the archive has none, so it stays
    assert found["had_container"] and not docker.load()["containers"]["registry"]
    assert restore.pending(str(docker.base))
    (docker.base / "config" / "extra").write_text("restored")
    finished = restore.finish(str(docker.base), keep_previous=True, proven_folders=["config", "none"])
    assert finished == found["previous"]
    assert not restore.pending(str(docker.base))
    assert tree(docker.base / ".proven" / "config") == tree(docker.base / "config")
    assert os.listdir(docker.base / ".proven") == ["config"]


@pytest.mark.parametrize("interrupted", [False, True])
def test_what_is_undone_is_as_it_was(docker: RegistryDocker, tmp_path: Path, interrupted: bool) -> None:
    path = archive_of(docker, tmp_path)
    (docker.base / "data" / "image").write_text("new")
    before = tree(docker.base)
    restore.restore(request(docker, path), check_mode=False)
    # What the role does next: folders that were not there, and a container under the old name.
    (docker.base / "proof").mkdir()
    (docker.base / ".proven").mkdir()
    docker.change(containers={"registry": True, "registry-previous": False})
    if interrupted:
        # An attempt to undo it that came half way.
        (docker.base / ".restore").mkdir()
        os.rename(docker.base / "config", docker.base / ".restore" / "config")

    assert restore.undo(Container("registry"), str(docker.base), "registry-previous")

    assert tree(docker.base) == before
    assert docker.load()["containers"] == {"registry": True}
    assert not restore.undo(Container("registry"), str(docker.base), "registry-previous")


def test_on_a_host_without_a_registry_nothing_is_left(docker: RegistryDocker, tmp_path: Path) -> None:
    path = archive_of(docker, tmp_path)
    subprocess.run(["rm", "-r", str(docker.base)], check=True)
    docker.change(containers={})

    restore.restore(request(docker, path), check_mode=False)
    assert (docker.base / "data" / "image").read_text() == "old"
    docker.change(containers={"registry": True})

    assert restore.undo(Container("registry"), str(docker.base), "registry-previous")
    assert not docker.base.exists()
    assert docker.load()["containers"] == {}


@pytest.mark.parametrize("step", range(12))
def test_a_kill_between_any_two_renames(docker: RegistryDocker, tmp_path: Path, step: int) -> None:
    path = archive_of(docker, tmp_path)
    (docker.base / "data" / "image").write_text("new")
    before = tree(docker.base)
    process = os.fork()
    if process == 0:
        done = 0
        real = os.rename

        def rename(source: str, target: str) -> None:
            nonlocal done
            if done == step:
                os._exit(0)
            done += 1
            real(source, target)

        os.rename = rename  # type: ignore[assignment]
        try:
            restore.restore(request(docker, path), check_mode=False)
        finally:
            os._exit(0)
    os.waitpid(process, 0)

    if restore.undo(Container("registry"), str(docker.base), "registry-previous"):
        left = tree(docker.base)
    else:
        # Not even the record was written: nothing is exchanged, and the next restore clears this up.
        left = {name: text for name, text in tree(docker.base).items() if not name.startswith((".restore", ".ansible"))}
    assert left == before
    assert restore.restore(request(docker, path), check_mode=False)["changed"]


def test_check_mode_changes_nothing(docker: RegistryDocker, tmp_path: Path) -> None:
    path = archive_of(docker, tmp_path)
    before = tree(docker.base)
    assert restore.restore(request(docker, path), check_mode=True)["contents"]["config"]["files"] == 1
    assert tree(docker.base) == before


def test_an_archive_that_can_t_be_unpacked_leaves_nothing(
    docker: RegistryDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive_of(docker, tmp_path)
    subprocess.run(["rm", "-r", str(docker.base)], check=True)

    def full(*arguments: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tarfile.TarFile.extractall", full)
    with pytest.raises(DockyardError) as caught:
        restore.restore(request(docker, path), check_mode=False)
    assert caught.value.code == "host_archive_failed"
    assert "No space left on device" in caught.value.message and not caught.value.changed
    assert not docker.base.exists()


def test_a_record_that_can_t_be_read(docker: RegistryDocker) -> None:
    (docker.base / ".restoring").write_text("{")
    with pytest.raises(DockyardError) as caught:
        restore.undo(Container("registry"), str(docker.base), "")
    assert caught.value.code == "registry_restore_record"
    assert caught.value.message == (
        f"{docker.base}/.restoring, which says what a restore has changed, can't be read; look into"
        f" {docker.base}/.before-restore-* and put back what was there by hand, then remove that file."
    )


def test_a_backup_says_what_it_holds(docker: RegistryDocker, tmp_path: Path) -> None:
    path = Path(archive_of(docker, tmp_path))
    assert docker.calls == ["restart registry", "restart registry"]
    assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert Path(f"{path}.sha256").read_text() == f"{sha256}  {path.name}\n"
    # The configuration in the archive is the one with which the registry takes uploads.
    assert restore.check(request(docker, str(path))).parts["config"].bytes == docker.config.stat().st_size


def test_a_backup_that_takes_too_long(docker: RegistryDocker, tmp_path: Path) -> None:
    with pytest.raises(DockyardError) as caught:
        backup.back_up(
            backup.Request(
                Container("registry"), str(docker.base), FOLDERS, FOLDERS, str(tmp_path / "backups"), timeout=-1
            ),
            check_mode=False,
        )
    assert caught.value.code == "registry_backup_failed"
    assert caught.value.message.startswith(
        "The data of the registry registry could not be archived; the registry is back in read-write service. "
    )
    assert caught.value.changed
    assert os.listdir(tmp_path / "backups") == []
    assert "readonly" not in docker.config.read_text()


def test_a_registry_that_does_not_start_after_it_was_put_back_is_a_change(
    docker: RegistryDocker, tmp_path: Path
) -> None:
    restore.restore(request(docker, archive_of(docker, tmp_path)), check_mode=False)
    docker.change(fails={"start": 1})
    with pytest.raises(DockyardError) as caught:
        restore.undo(Container("registry"), str(docker.base), "")
    assert caught.value.code == "registry_container_unknown" and caught.value.changed
    assert restore.pending(str(docker.base))


def test_an_archive_that_fails_after_the_window_is_a_change(
    docker: RegistryDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_writer: object) -> None:
        raise DockyardError("host_archive_failed", "The disk is full.")

    monkeypatch.setattr(archive.Writer, "complete", full)
    with pytest.raises(DockyardError) as caught:
        archive_of(docker, tmp_path)
    assert caught.value.changed and docker.calls == ["restart registry", "restart registry"]


@pytest.mark.parametrize("operation", [registry_maintenance._finish_restore, registry_maintenance._undo_restore])
@pytest.mark.parametrize("folder", [".", "config"])
def test_a_restore_keeps_away_from_other_restores_and_from_windows(
    docker: RegistryDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, operation: Any
) -> None:
    restore.restore(request(docker, archive_of(docker, tmp_path)), check_mode=False)
    monkeypatch.setattr(registry_maintenance, "LOCK_SECONDS", 0.1)
    params = {
        "container_name": "registry",
        "instance_directory": str(docker.base),
        "keep_previous": False,
        "previous_container_name": "",
        "proven_folders": ["config"],
    }
    call: Any = SimpleNamespace(check_mode=False, params=params)
    # A window, or another restore.
    with atomic_file.locked(str(docker.base / folder)), pytest.raises(DockyardError) as caught:
        operation(call)
    assert caught.value.code == "file_locked" and restore.pending(str(docker.base))
    assert operation(call)["changed"] and not restore.pending(str(docker.base))


def test_a_restore_over_one_that_is_neither_complete_nor_undone(docker: RegistryDocker, tmp_path: Path) -> None:
    path = archive_of(docker, tmp_path)
    restore.restore(request(docker, path), check_mode=False)
    before = tree(docker.base)
    with pytest.raises(DockyardError) as caught:
        restore.restore(request(docker, path), check_mode=False)
    assert caught.value.code == "registry_restore_pending" and not caught.value.changed
    assert caught.value.message == (
        f"An earlier restore of {docker.base} is neither complete nor undone, and its record says where what was there"
        " before is; complete it by finish_restore, or undo it by undo_restore."
    )
    assert tree(docker.base) == before

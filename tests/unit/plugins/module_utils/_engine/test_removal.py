# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine's removal is refused for, and what of its folders is deleted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import removal, service
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.mounts import Mount
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

ID = "5c1f" * 16


def found(
    answers: bool = True, running: tuple[str, ...] = (), lasting: bool = False, others: tuple[str, ...] = ()
) -> removal.Removal:
    return removal.Removal(answers, list(running), lasting, list(others), "/var/lib/docker")


@pytest.mark.parametrize(
    ("removal_", "remove_running", "containerd", "code", "text"),
    [
        (found(running=("a", "b")), False, False, "removal_running", "still runs the containers a, b; stop them"),
        (found(running=("a",), lasting=True), True, False, "removal_live_restore", "containers a would run on"),
        (found(False, ("a",), True), True, False, "removal_unmanaged", "its containers a run on without it; start it"),
        (found(others=("5c1f of k8s.io",)), True, True, "removal_containerd_used", "containerd (5c1f of k8s.io)"),
    ],
)
def test_what_a_removal_is_refused_for(
    removal_: removal.Removal, remove_running: bool, containerd: bool, code: str, text: str
) -> None:
    with pytest.raises(DockyardError) as caught:
        removal.refuse(removal_, remove_running, containerd)
    assert_explained(caught.value)
    assert caught.value.code == code
    assert text in caught.value.message


@pytest.mark.parametrize(
    ("removal_", "remove_running", "containerd"),
    [
        (found(), False, True),
        (found(False, lasting=True), False, True),
        (found(running=("a",)), True, True),
        (found(others=("5c1f of k8s.io",)), False, False),
    ],
)
def test_what_a_removal_is_not_refused_for(removal_: removal.Removal, remove_running: bool, containerd: bool) -> None:
    removal.refuse(removal_, remove_running, containerd)


def test_containers_are_found_by_their_shims(tmp_path: Path) -> None:
    lines = {
        "1": ["/sbin/init"],
        "20": ["/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", ID, "-address", "/run/c.sock"],
        "3": ["containerd-shim", "-namespace", "k8s.io", "-workdir", f"/var/lib/containerd/x/k8s.io/{ID}"],
        "net": [],
    }
    for name, words in lines.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "cmdline").write_text("\0".join(words))
    (tmp_path / "21").mkdir()  # it has ended
    assert list(removal._shims(str(tmp_path))) == [("k8s.io", ID), ("moby", ID)]


def test_a_container_has_its_name_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "containers" / ID).mkdir(parents=True)
    assert removal._name(str(tmp_path), ID) == ID[:12]
    (tmp_path / "containers" / ID / "config.v2.json").write_text(json.dumps({"Name": "/web"}))
    assert removal._name(str(tmp_path), ID) == "web"


def unit(*argv: str, state: service.UnitState = "stopped") -> service.Unit:
    return service.Unit(state, ["dockerd", *argv])


def test_the_root_of_an_engine_that_can_not_be_asked(tmp_path: Path) -> None:
    file = tmp_path / "daemon.json"
    flag = f"--config-file={file}"
    assert removal._planned_root(unit(flag), True) == "/var/lib/docker"
    file.write_text('{"data-root": "/data/docker"}')
    assert removal._planned_root(unit(flag), True) == "/data/docker"
    assert removal._planned_root(unit(flag, "--data-root", "/disk"), True) == "/disk"
    file.write_text('{"data-root": "/data/docker"')
    assert removal._planned_root(unit(flag), False) == "/var/lib/docker"
    with pytest.raises(DockyardError) as caught:
        removal._planned_root(unit(flag), True)
    assert_explained(caught.value)
    assert caught.value.code == "removal_root_unknown"
    assert f"it does not answer and {file} can't be read" in caught.value.message


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data root on a disk that others use, with a mount in a volume."""
    for name in ("containers/x/mounts", "image/overlay2", "volumes/a/_data", "volumes/b/_data", "postgres/16"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("engine-id", "postgres/16/PG_VERSION", "volumes/a/_data/file", "volumes/b/_data/file", "notes"):
        (tmp_path / name).write_text("x")
    (tmp_path / "overlay2").symlink_to("postgres")
    mounts = [Mount("/", str(tmp_path / "volumes" / "b" / "_data"), "ext4", ())]
    monkeypatch.setattr(removal, "read_mounts", lambda: iter(mounts))
    return tmp_path


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def test_only_what_an_engine_makes_is_deleted(root: Path) -> None:
    deleted, kept = removal.delete_data(str(root), False, False)
    names = ["containers", "engine-id", "image", "overlay2"]
    assert deleted == [str(root / name) for name in names]
    assert kept == [str(root / name) for name in ("notes", "postgres", "volumes/b/_data")]
    assert files(root) == ["notes", "postgres/16/PG_VERSION", "volumes/b/_data/file"]
    assert removal.delete_data(str(root), False, False) == ([], kept)


def test_nothing_is_deleted_in_check_mode(root: Path) -> None:
    before = files(root)
    deleted, _kept = removal.delete_data(str(root), False, True)
    assert str(root / "containers") in deleted and str(root / "postgres") not in deleted
    assert files(root) == before


def test_the_root_of_the_system_is_no_data_root() -> None:
    with pytest.raises(DockyardError) as caught:
        removal.delete_data("/", False, True)
    assert_explained(caught.value)
    assert caught.value.message == "/ is no data root of a Docker Engine; name the folder."


def test_what_can_not_be_deleted_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(1, "Operation not permitted", path)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(DockyardError) as caught:
        removal.delete_data(str(root), False, False)
    assert_explained(caught.value, changed=True)
    assert caught.value.code == "removal_data_left"
    assert "can't be deleted ([Errno 1] Operation not permitted" in caught.value.message


@pytest.mark.parametrize(
    ("removal_", "who"), [(found(), "the Docker Engine"), (found(False, ("a", "b")), "the containers a, b")]
)
def test_data_in_use_is_not_deleted(removal_: removal.Removal, who: str) -> None:
    with pytest.raises(DockyardError) as caught:
        removal.require_gone(removal_)
    assert_explained(caught.value)
    assert caught.value.message == f"/var/lib/docker is in use by {who}; stop that and run again."

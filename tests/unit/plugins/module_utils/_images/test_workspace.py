# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said if the engine refuses, and what a build that was killed left on the host.

The command docker is a stand-in: a script that notes how it was called and answers as it is given, for what a healthy
engine does not do. What a real engine does is in the integration target image_build.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import state_dir
from ansible_collections.dockyard.ops.plugins.module_utils._images import engine, packages, workspace
from ansible_collections.dockyard.ops.plugins.module_utils._images.engine import Docker
from ansible_collections.dockyard.ops.plugins.module_utils._images.programs import Budget
from ansible_collections.dockyard.ops.plugins.module_utils._images.tree import Tree

SCRIPT = """#!/bin/sh
echo "$*" >> {folder}/calls
[ -e "{folder}/$1-$2" ] && cat "{folder}/$1-$2"
[ -e "{folder}/fails" ] && {{ echo 'Error response from daemon: out of order.' >&2; exit 1; }}
exit 0
"""


class StandIn:
    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        script = folder / "bin" / "docker"
        script.write_text(SCRIPT.format(folder=folder))
        script.chmod(0o755)

    def answer(self, command: str, output: str) -> None:
        (self.folder / command.replace(" ", "-")).write_text(output)

    def fail(self) -> None:
        (self.folder / "fails").touch()

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def docker(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    (tmp_path / "docker").mkdir()
    stand_in = StandIn(tmp_path / "docker")
    monkeypatch.setenv("PATH", f"{stand_in.folder / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(state_dir, "ROOT", str(tmp_path / "state"))
    return stand_in


def test_an_engine_that_refuses(docker: StandIn, tmp_path: pathlib.Path) -> None:
    docker.fail()
    refusing = Docker(Budget(30))
    with pytest.raises(DockyardError) as error:
        refusing.load(tmp_path / "x.tar")
    assert str(error.value) == (
        "Docker refused the image that was built (Error response from daemon: out of order); look at journalctl -u"
        " docker.service."
    )
    assert error.value.code == "image_refused_by_engine"
    with pytest.raises(DockyardError, match=r"^Docker did not name the image that was built a:1 \(Error response from"):
        refusing.tag("sha256:0", "a:1")
    docker.answer("image inspect", json.dumps([{"Id": "sha256:0", "RepoTags": ["a:1"]}]))
    with pytest.raises(DockyardError, match=r"^Docker did not remove a:1 \(.*\); remove what uses it and run again"):
        refusing.untag("a:1")
    with pytest.raises(DockyardError, match=r"^No Docker Engine answers on this host \(.*out of order\); install or"):
        refusing.require()


def test_an_engine_that_hangs_is_not_missing(docker: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    (docker.folder / "bin" / "docker").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(engine, "_ANSWERS_WITHIN", 0.3)
    with pytest.raises(DockyardError) as error:
        Docker(Budget(30)).require()
    assert (type(error.value), error.value.code) == (DockyardError, "image_engine_silent")
    assert error.value.message == (
        "The Docker Engine of this host takes a connection and does not answer within 0.3 seconds, so that nobody can"
        " say which images it has; see journalctl -u docker.service, and run again when docker version answers."
    )


def test_a_folder_that_can_not_be_used(docker: StandIn, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    budget = Budget(30)
    with pytest.raises(DockyardError) as error, workspace.workspace(str(tmp_path / "file"), Docker(budget), budget):
        pass
    assert str(error.value) == (
        f"The folder {tmp_path / 'file'} can't be used for building an image (Not a directory); name another one with"
        " build_directory."
    )
    assert error.value.code == "image_directory_unusable"


def test_what_a_killed_build_left_is_removed_by_the_next(docker: StandIn, tmp_path: pathlib.Path) -> None:
    left = tmp_path / "elsewhere" / "dockyard-image-left"
    left.mkdir(parents=True)
    state_dir.StateDir("images").write_record("build.json", {"folder": str(left), "pid": 1})
    docker.answer("ps --all", "c1\n")
    budget = Budget(30)
    with workspace.workspace(str(tmp_path), Docker(budget), budget) as folder:
        assert folder.parent == tmp_path
        assert not left.exists()
        note = state_dir.StateDir("images").read_record("build.json")
        assert note == {"folder": str(folder), "pid": os.getpid()}
    assert "rm --force --volumes c1" in docker.calls
    assert not folder.exists()
    assert state_dir.StateDir("images").read_record("build.json") is None
    with workspace.workspace(str(tmp_path), Docker(budget), budget):
        pass
    assert docker.calls.count("rm --force --volumes c1") == 1


@pytest.mark.parametrize("note", ['{"folder": "FOLDER"}', "no JSON", "[]", "{}"])
def test_a_note_never_leads_to_another_folder(docker: StandIn, tmp_path: pathlib.Path, note: str) -> None:
    kept = tmp_path / "precious"
    kept.mkdir()
    state = state_dir.StateDir("images")
    state.create()
    pathlib.Path(state.file("build.json")).write_text(note.replace("FOLDER", str(kept)))
    budget = Budget(30)
    with workspace.workspace(str(tmp_path), Docker(budget), budget):
        pass
    assert kept.is_dir()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_a_build_with_everything_removed(
    docker: StandIn, tmp_path: pathlib.Path, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    budget = Budget(30)
    with pytest.raises(DockyardError) as error, workspace.workspace(str(tmp_path), Docker(budget), budget) as folder:
        os.kill(os.getpid(), number)
        budget.run("sleep", "20")
    assert str(error.value) == f"The building of an image was interrupted by {number.name}; run it again."
    assert error.value.code == "image_interrupted"
    assert not folder.exists()
    assert signal.getsignal(number) == before


def test_a_package_that_is_damaged(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "odd_1_all.deb"
    file.write_text("no package")
    tree = Tree(tmp_path / "build" / "root")
    package = packages.Package(file, "odd", "1", "all", 0)
    with pytest.raises(DockyardError) as error:
        tree.unpack([package], Budget(30))
    assert str(error.value).startswith("The package odd_1_all.deb can't be unpacked (")
    assert str(error.value).endswith("); check the package sources of this host.")
    assert error.value.code == "image_package_unreadable"


def test_the_upstream_version() -> None:
    for version, upstream in (
        ("1:2.8.3+ds1-2+b8", "2.8.3"),
        ("13.8+deb13u8", "13.8"),
        ("3.0~rc1-1", "3.0"),
        ("1", "1"),
    ):
        assert packages.Package(pathlib.Path(), "x", version, "all", 0).upstream_version == upstream

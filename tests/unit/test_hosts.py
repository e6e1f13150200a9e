# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the test hosts (tests/hosts), engines in place of others, and a host that died.

The docker client is a script: it imitates what the client says of a host that runs no more, and of its journal. That a
host keeps a journal which outlives it is real only where there is an engine.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCKER = """\
#!/bin/sh
case "$*" in
    inspect*State*) echo "false 137, for want of memory" ;;
    inspect*Image*) echo small:1 ;;
    run*"--volumes-from a-123abc --entrypoint journalctl small:1"*) echo "the last that it said" ;;
esac
"""


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'tests' / 'hosts')!r}); import hosts, states; {code}"
    variables = {**os.environ, "DOCKYARD_CLONE": "123abc", **environment}
    return subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [["up", "a", "--suite", "sid"], ["up", "--suite", "sid", "a"]])
def test_options_of_docker_run_come_after_the_dashes(words: list[str]) -> None:
    done = python(f"a, more = hosts.parse({[*words, '--', '-v', '/tmp:/x']}); print(a.name, a.suite, a.flavour, more)")
    assert done.stdout == "a sid engine ['-v', '/tmp:/x']\n", done.stderr


def test_only_up_takes_them() -> None:
    done = python("hosts.parse(['down', 'a', '--', '-v', '/tmp:/x'])")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "-c: error: only up takes options of docker run")


def test_a_suite_is_another_one_where_that_is_asked_for() -> None:
    code = "print(*(states.asked_for(name) for name in ('sid', 'bookworm', 'trixie')))"
    assert python(code, DOCKYARD_INSTEAD="sid=engine29 trixie=engine29-upgraded").stdout == (
        "engine29 bookworm engine29-upgraded\n"
    )
    assert python(code).stdout == "sid bookworm trixie\n"


def test_a_state_is_one_of_a_suite() -> None:
    done = python("print({states.suite_of(name) for name in states.SCRIPTS}, states.suite_of('trixie'))")
    assert done.stdout == "{'engine29'} trixie\n"


def test_a_host_that_died_is_said_and_its_journal_kept(tmp_path: pathlib.Path) -> None:
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    code = f"import pathlib; hosts.ROOT = hosts.LOGS = pathlib.Path({str(tmp_path)!r}); hosts.down(['a'])"
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = python(code, PATH=path, DOCKYARD_HOSTS_FILE=str(tmp_path / "noted"))
    said = "The test host a died (exit code 137, for want of memory); its log is kept in host-a.log."
    assert done.stderr == f"{said}\n"
    assert json.loads((tmp_path / "noted").read_text()) == {"host": "a", "died": said}
    assert (tmp_path / "host-a.log").read_text() == "the last that it said\n"


def test_a_machine_that_did_not_boot_gets_its_folder_of_locks(tmp_path: pathlib.Path) -> None:
    lock = tmp_path / "run" / "lock" / "hosts.lock"
    code = f"import pathlib, engine; engine.LOCK = pathlib.Path({str(lock)!r})\nwith engine.alone(): print('alone')"
    assert python(code).stdout == "alone\n"
    assert lock.exists()

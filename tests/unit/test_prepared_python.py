# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A payload that runs in a Python that was started before (tests/hosts/prepared_python.py), against a plain one.

The server is the real one, in a process of this machine, and a payload is an archive of ansible-core's own files.
"""

from __future__ import annotations

import importlib
import pathlib
import sys
import zipfile
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import ansible
import pytest
from ansible_collections.dockyard.ops.tests.unit.test_host_commands import (  # pylint: disable=unused-import  # a fixture
    commands,  # noqa: F401
)

PYTHON = str(pathlib.Path(sys.executable).parent / "python3")
LINE = "import os\nIMPORTED_IN = os.getpid()\n"
# As Ansible has it in a payload.
INIT = "from pkgutil import extend_path\n__path__=extend_path(__path__,__name__)\n"
ARGUMENTS = '{"ANSIBLE_MODULE_ARGS": {"name": "a", "_ansible_no_log": false}}'
# A module of the new style, as the wrapper calls it.
MODULE = f"""
basic._ANSIBLE_ARGS = {ARGUMENTS.encode()!r}
basic._ANSIBLE_PROFILE = "legacy"
module = basic.AnsibleModule({{"name": {{"type": "str"}}}})
module.exit_json(name=module.params["name"], out=module.run_command(["sh", "-c", "echo $0 $PWD"])[1])
"""
STATE = """
import os, signal, sys, threading
print(__name__, sys.argv, sys.path[0] == "", sys.flags, sys.executable, sys.orig_argv, sorted(globals()))
print(sorted(os.listdir("/proc/self/fd"), key=int)[:3], len(os.listdir("/proc/self/fd")))
print(os.getcwd(), sorted((name, value) for name, value in os.environ.items() if name not in ("OLDPWD", "SHLVL", "_")))
print([signal.getsignal(number) for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGCHLD)])
print(os.getpid() != os.getpgrp() == os.getsid(0) == os.getppid() or os.getsid(0) == os.getpgrp())
print(threading.active_count(), threading.current_thread() is threading.main_thread(), sys.stdin.read() == "")
for stream in (sys.stdin, sys.stdout, sys.stderr):
    print(stream.encoding, stream.errors, stream.line_buffering, stream.name, stream.newlines)
"""


def archive(folder: pathlib.Path, name: str, more: str = "") -> pathlib.Path:
    """Make a payload's archive of the files that all modules import. more: code for one of them."""
    source = pathlib.Path(ansible.__file__).parent
    with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as payload:
        payload.writestr("ansible/__init__.py", INIT)
        for file in source.glob("module_utils/**/*.py"):
            text = file.read_text()
            if file == source / "module_utils" / "basic.py":
                text += LINE
            if file == source / "module_utils" / "common" / "warnings.py":
                text += more
            payload.writestr(f"ansible/{file.relative_to(source)}", text)
    return folder / f"{name}.zip"


def script(payload: pathlib.Path, body: str) -> bytes:
    before = (
        f"import sys\nsys.path.insert(0, {str(payload)!r})\nfrom ansible.module_utils import basic\nsys.path.pop(0)\n"
    )
    return (before + body).encode()


@pytest.fixture(name="run")
def run_(
    commands: ModuleType, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch  # noqa: F811  the fixture
) -> Iterator[Any]:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    payload = archive(tmp_path, "payload")

    def run(body: str, archive: pathlib.Path = payload, blank: str = " ") -> tuple[int, bytes, bytes]:
        command = f"/bin/sh -c '{PYTHON} &&{blank}sleep 0'"
        done = commands.run(
            ["docker", "exec", "--interactive", "host", "/bin/sh", "-c", command], script(archive, body)
        )
        return done.returncode, done.stdout, done.stderr

    yield run


IMPORTED = "import os\nprint(basic.IMPORTED_IN == os.getpid())"


BODIES = [
    MODULE,
    STATE,
    "print('no line', end='')",
    "sys.exit(3)",
    "sys.exit('ä text')",
    "sys.exit(None)",
    "raise SystemExit(-1)",
    "sys.stdout.write('x' * 1_000_000); sys.exit(1)",
    "def broken(): raise ValueError('ä')\nbroken()",
    "syntax error",
    "import os\nos.kill(os.getpid(), 9)",
    "import os\nos.kill(os.getpid(), 15)",
    "import os\nos._exit(4)",
    "import os\nos.write(1, b'first'); os.close(1); print('lost'); os.close(2)",
    "import atexit, threading, time\natexit.register(print, 'at exit')\n"
    "threading.Thread(target=lambda: (time.sleep(0.2), print('of a thread'))).start()",
    "import subprocess\nprint(subprocess.run(['sh', '-c', 'echo $PWD; cat'], capture_output=True))",
    "import ansible, pkgutil\nprint(pkgutil.get_data('ansible.module_utils', 'basic.py')[:9], basic.__file__, "
    "basic.__spec__.origin, basic.__loader__.is_package('basic'), len(ansible.module_utils.__path__))",
    "import ansible.module_utils.common.dict_transformations as it\nprint(it.__file__, it.__spec__.loader)",
    "import typing\nfrom ansible.module_utils.common.arg_spec import ArgumentSpecValidator as found\n"
    "print(typing.get_type_hints(found.validate))",
]


def test_a_payload_ends_as_with_a_python_of_its_own(run: Any) -> None:
    assert run(IMPORTED) == (0, b"True\n", b"")  # it is the first one, which is kept
    assert run(IMPORTED) == (0, b"False\n", b"")
    # Two blanks are not what Ansible has there.
    assert run(IMPORTED, blank="  ") == (0, b"True\n", b"")
    for body in BODIES:
        by_server, plain = run(body), run(body, blank="  ")
        assert by_server == plain, f"{body}: {by_server} and {plain}"


def test_another_payload_is_imported_anew(run: Any, tmp_path: pathlib.Path) -> None:
    assert [run(IMPORTED)[1] for _time in range(3)] == [b"True\n", b"False\n", b"False\n"]
    other = archive(tmp_path, "other", "CHANGED = True\n")
    changed = IMPORTED + "\nfrom ansible.module_utils.common import warnings\nprint(warnings.CHANGED)"
    assert run(changed, other)[:2] == (0, b"True\nTrue\n")
    same = archive(tmp_path, "same")
    assert (
        run(IMPORTED + "\nprint(basic.__file__)", same)[1] == f"False\n{same}/ansible/module_utils/basic.py\n".encode()
    )


def test_what_a_payload_changes_is_gone_with_it(run: Any) -> None:
    run(IMPORTED)
    assert (
        run("basic.CHANGED = 1\nimport os, json\nos.environ['CHANGED'] = '1'\njson.CHANGED = 1\nos.chdir('/tmp')")[0]
        == 0
    )
    kept = "import os, json\nprint(hasattr(basic, 'CHANGED'), 'CHANGED' in os.environ, hasattr(json, 'CHANGED'))"
    assert run(kept)[1] == b"False False False\n"


def test_a_payload_that_cannot_be_imported_from(run: Any, tmp_path: pathlib.Path) -> None:
    assert run(IMPORTED, archive(tmp_path, "broken", "raise ImportError('broken')\n"))[0] == 1
    assert [run(IMPORTED)[1] for _time in range(2)] == [b"True\n", b"True\n"]


@pytest.mark.parametrize(
    ("command", "read"),
    [
        (f"/bin/sh -c '{PYTHON} && sleep 0'", True),
        (f"/bin/sh -c 'LANG=C {PYTHON} && sleep 0'", False),
        (f"/bin/sh -c '{PYTHON} /root/a.py && sleep 0'", False),
        ("/bin/sh -c '/usr/bin/perl && sleep 0'", False),
        ("/bin/sh -c '/nowhere/python3.2 && sleep 0'", False),
    ],
)
def test_which_commands(monkeypatch: pytest.MonkeyPatch, command: str, read: bool) -> None:
    monkeypatch.syspath_prepend(str(pathlib.Path(__file__).resolve().parent.parent / "hosts"))
    module = importlib.import_module("prepared_python")
    assert (module.reads_script(["/bin/sh", "-c", command]) is not None) == read
    assert module.reads_script(["sh", "-c", command]) is None and module.reads_script(["/bin/sh", "-c"]) is None

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How tests start commands in test hosts: tests/hosts/commands.py and the server in the host.

The server is the real one, in a process of this machine. `docker` and `systemctl` are scripts: docker starts on this
machine what it is to start in the host, and writes down that it was asked.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from types import ModuleType

import pytest

HOSTS = pathlib.Path(__file__).resolve().parent.parent / "hosts"
DOCKER = """#!/bin/sh
echo "$*" >> {folder}/asked
shift
while [ "$1" = --interactive ]; do shift; done
container=$1
shift
[ $container != gone ] || {{ echo "No such container: gone" >&2; exit 1; }}
[ $1 != /usr/bin/python3 ] || exec {python} {server} {folder}/shared/$container
exec "$@"
"""


@pytest.fixture
def commands(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(HOSTS))
    module = importlib.import_module("commands")

    monkeypatch.setattr(module, "SHARED", tmp_path / "shared")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("MARK", "of the server")
    for name in ("DOCKYARD_PLAIN", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    script = DOCKER.format(folder=tmp_path, python=sys.executable, server=HOSTS / "command_server.py")
    for name, content in (("docker", script), ("systemctl", "#!/bin/sh\necho running\n")):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o755)
    module.options("host")
    yield module
    stop(tmp_path)


def stop(folder: pathlib.Path) -> None:
    """Kill the servers, as the end of a host does, and wait until they are gone."""
    command = ["pgrep", "-f", f"command_server.py {folder}"]
    while pids := subprocess.run(command, capture_output=True, text=True, check=False).stdout.split():
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def asked(folder: pathlib.Path) -> list[str]:
    return (folder / "asked").read_text().splitlines() if (folder / "asked").exists() else []


def words(script: str, container: str = "host") -> list[str]:
    return ["docker", "exec", "--interactive", container, "sh", "-c", script]


@pytest.mark.parametrize(
    "script",
    [
        "echo out; echo err >&2; exit 3",
        "kill -9 $$",
        "echo $MARK ${LC_CTYPE-none}; umask; pwd",
        "cat",
        "head -c 10",
        "exec <&-; sleep 0.2; echo x",
        "yes | head -1",
        "sleep 0.5 & echo x",
        "ls /proc/self/fd | wc -l; grep -E '^Sig(Pnd|Blk|Cgt)' /proc/self/status; kill -PIPE $$; echo ignored",
        "nosuchcommand",
    ],
)
def test_a_command_ends_as_with_docker_exec(commands: ModuleType, tmp_path: pathlib.Path, script: str) -> None:
    assert commands.run(words("true")).returncode == 0
    given = b"some input\n" * 100_000
    by_server = commands.run(words(script), given)
    calls = asked(tmp_path)
    by_docker = subprocess.run(words(script), input=given, capture_output=True, check=False)
    status = by_docker.returncode if by_docker.returncode >= 0 else 128 - by_docker.returncode
    assert (by_server.returncode, by_server.stdout, by_server.stderr) == (status, by_docker.stdout, by_docker.stderr)
    assert len(calls) == 1 and calls[0].startswith("exec host /usr/bin/python3 ")


def test_text_and_files(commands: ModuleType, tmp_path: pathlib.Path) -> None:
    assert commands.run(words("cat"), "ä", text=True).stdout == "ä"
    (tmp_path / "file").write_text("in a file")
    with open(tmp_path / "file") as file:
        process = commands.popen(words("cat; exit 2"), file, subprocess.PIPE, subprocess.PIPE, text=True)
    assert process.communicate() == ("in a file", "") and process.returncode == 2
    assert process.args[:2] == ["docker", "exec"]
    with open(tmp_path / "output", "wb") as output:
        process = commands.popen(words("echo x; echo y >&2"), subprocess.DEVNULL, output, subprocess.PIPE)
        assert process.communicate() == (None, b"y\n")
    assert (tmp_path / "output").read_text() == "x\n"
    assert len(asked(tmp_path)) == 1
    commands.popen(words("true")).wait()
    assert len(asked(tmp_path)) == 2  # what goes to the terminal is not for the server


def test_a_command_that_takes_too_long(commands: ModuleType) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        commands.run(words("sleep 600"), timeout=0.2)
    process = commands.popen(words("read line; echo $line"), subprocess.PIPE, subprocess.PIPE, subprocess.PIPE)
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.1)
    assert process.communicate(b"ends\n") == (b"ends\n", b"") and process.wait() == 0 and process.poll() == 0


def test_many_at_once(commands: ModuleType, tmp_path: pathlib.Path) -> None:
    pipe = subprocess.PIPE
    begun = [commands.popen(words(f"sleep 0.3; exit {number}"), None, pipe, pipe) for number in range(20)]
    assert [process.communicate() and process.returncode for process in begun] == list(range(20))
    assert len(asked(tmp_path)) == 1


def test_a_host_that_dies_and_comes_back(commands: ModuleType, tmp_path: pathlib.Path) -> None:
    process = commands.popen(words("read line"), subprocess.PIPE, subprocess.PIPE, subprocess.PIPE)
    stop(tmp_path)
    assert process.wait(120) == 137
    assert commands.run(words("echo back")).stdout == b"back\n"
    assert len(asked(tmp_path)) == 2


def test_a_host_that_boots_is_asked_by_docker_exec(commands: ModuleType, tmp_path: pathlib.Path) -> None:
    (tmp_path / "systemctl").write_text("#!/bin/sh\necho starting\nexit 1\n")
    assert commands.run(words("echo x")).stdout == b"x\n"
    assert len(asked(tmp_path)) == 2
    assert asked(tmp_path)[1] == "exec --interactive host sh -c echo x"


@pytest.mark.parametrize(
    "command",
    [
        words("echo x", "of-another"),
        ["docker", "exec", "host", "sh", "-c", "echo x"],
        ["docker", "exec", "-u", "nobody", "--interactive", "host", "sh", "-c", "echo x"],
    ],
)
def test_all_else_goes_by_docker(commands: ModuleType, tmp_path: pathlib.Path, command: list[str]) -> None:
    commands.run(command)
    assert asked(tmp_path) == [" ".join(command[1:])]


def test_a_host_that_is_gone_says_so(commands: ModuleType) -> None:
    commands.options("gone")
    done = commands.run(words("true", "gone"), text=True)
    assert (done.returncode, done.stderr) == (1, "No such container: gone\n")


def test_plain_hosts_have_none(commands: ModuleType, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKYARD_PLAIN", "1")
    assert commands.run(words("echo x")).stdout == b"x\n"
    assert asked(tmp_path) == ["exec --interactive host sh -c echo x"]
    assert commands.options("host") == [] and not (tmp_path / "shared" / "host").exists()


def test_a_host_gets_a_folder_of_its_own(commands: ModuleType, tmp_path: pathlib.Path) -> None:
    (tmp_path / "shared" / "host" / "of-an-earlier-one").touch()
    options = commands.options("host")
    assert options == [
        *("--volume", f"{HOSTS}/command_server.py:{commands.PROGRAM}:ro"),
        *("--volume", f"{HOSTS}/prepared_python.py:/usr/local/lib/prepared_python.py:ro"),
        *("--volume", f"{tmp_path}/shared/host:{commands.FOLDER}"),
    ]
    assert list((tmp_path / "shared" / "host").iterdir()) == []
    assert (tmp_path / "shared" / "host").stat().st_mode & 0o777 == 0o700
    commands.remove("host")
    commands.remove("host")
    assert not (tmp_path / "shared" / "host").exists()


def test_two_that_start_it_at_once(commands: ModuleType, tmp_path: pathlib.Path) -> None:
    begin = time.monotonic()
    code = f"import sys; sys.path.insert(0, {str(HOSTS)!r}); import commands, pathlib; " + (
        f"commands.SHARED = pathlib.Path({str(tmp_path / 'shared')!r}); print(commands.run({words('echo x')!r}).stdout)"
    )
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _each in range(4)]
    assert [process.communicate()[0] for process in both] == [b"b'x\\n'\n"] * 4
    assert time.monotonic() - begin < 120


def test_the_connection_of_ansible_takes_them(
    commands: ModuleType, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = HOSTS.parent
    monkeypatch.setenv("ANSIBLE_CONFIG", str(tests / "environment" / "ansible.cfg"))
    (tmp_path / "play.yml").write_text(
        "[{hosts: all, gather_facts: false, vars: {ansible_python_interpreter: " + sys.executable + "},"
        " tasks: [{ansible.builtin.command: {argv: [echo, of the host]}},"
        f" {{ansible.builtin.copy: {{content: x, dest: {tmp_path}/copied}}}},"
        f" {{ansible.builtin.fetch: {{src: {tmp_path}/copied, dest: {tmp_path}/there/it, flat: true}}}}]}}]"
    )
    # The callback's commands.py is found by its path; what the fixture gave it to share is a link's target.
    shared = tests.parent / ".cache" / "command_servers" / "host-of-a-unit-test"
    shared.parent.mkdir(parents=True, exist_ok=True)
    shared.symlink_to(tmp_path / "shared" / "host")
    try:
        command = ["ansible-playbook", "-v", "-i", "host-of-a-unit-test,", "-c", "community.docker.docker", "play.yml"]
        (tmp_path / "shared" / "host-of-a-unit-test").symlink_to("host")
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    finally:
        shared.unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "of the host" in done.stdout and (tmp_path / "there" / "it").read_text() == "x"
    started, by_cp = asked(tmp_path)
    assert started.startswith("exec host-of-a-unit-test /usr/bin/python3 ")
    assert by_cp.startswith(f"cp host-of-a-unit-test:{tmp_path}/copied ")  # it fails, and the connection tries dd

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts commands in test hosts, as `docker exec` does, at a tenth of its processor time.

popen() stands in for subprocess.Popen: what is a `docker exec --interactive` in a host that shares a folder with this
machine goes to the server in it (command_server.py); everything else, and everything if the server can't be
started, goes its usual way. DOCKYARD_PLAIN=1 in the environment leaves it out.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import selectors
import shutil
import signal
import socket
import subprocess
import time
from typing import IO, Any, Union, cast

HERE = pathlib.Path(__file__).resolve().parent
SHARED = HERE.parent.parent / ".cache" / "command_servers"
PROGRAM = "/usr/local/lib/dockyard_command_server.py"
FOLDER = "/var/cache/dockyard_command_server"
LONGEST = 1 << 18  # bytes that are read at a time
SECONDS = 30  # that a server may take to listen
GONE = 137  # what docker exec ends with if the host dies


def options(container: str) -> list[str]:
    """Return the options of docker run that a host's container needs; none if it is to be a plain one."""
    remove(container)
    if os.environ.get("DOCKYARD_PLAIN"):
        return []
    (SHARED / container).mkdir(parents=True, mode=0o700)
    library = pathlib.Path(PROGRAM).parent
    mounts = (
        f"{HERE / 'command_server.py'}:{PROGRAM}:ro",
        f"{HERE / 'prepared_python.py'}:{library / 'prepared_python.py'}:ro",
        f"{SHARED / container}:{FOLDER}",
    )
    return [word for mount in mounts for word in ("--volume", mount)]


def remove(container: str) -> None:
    shutil.rmtree(SHARED / container, ignore_errors=True)


def popen(command: list[Any], stdin: Any = None, stdout: Any = None, stderr: Any = None, text: bool = False) -> Running:
    """Start a command, with the arguments of subprocess.Popen that the tests use."""
    words = [os.fsdecode(word) for word in command]
    by_exec = words[1:2] == ["exec"] and words[2] in ("-i", "--interactive") and not words[3].startswith("-")
    if by_exec and all(output == subprocess.PIPE or hasattr(output, "fileno") for output in (stdout, stderr)):
        connection = None if os.environ.get("DOCKYARD_PLAIN") else _connect(words[0], words[3])
        if connection is not None:
            return Command(connection, words, (stdin, stdout, stderr), text)
    return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, text=text)


def run(
    command: list[str], input: str | bytes | None = None, timeout: float | None = None, text: bool = False  # noqa: A002
) -> subprocess.CompletedProcess[Any]:
    """Run a command to its end, as subprocess.run does with capture_output."""
    pipe = subprocess.PIPE
    process = popen(command, stdin=subprocess.DEVNULL if input is None else pipe, stdout=pipe, stderr=pipe, text=text)
    stdout, stderr = process.communicate(input, timeout=timeout)
    return subprocess.CompletedProcess(command, process.wait(), stdout, stderr)


def _connect(docker: str, container: str) -> socket.socket | None:
    """Return a connection to a host's server, which is started if need be; none if there is no such thing."""
    folder = SHARED / container
    try:
        shared = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        deadline = time.monotonic() + SECONDS
        started = False
        while time.monotonic() < deadline:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                # The path of a socket may have some hundred characters only.
                connection.connect(f"/proc/self/fd/{shared}/socket")
                return connection
            except OSError:
                connection.close()
            if not started:
                start = [docker, "exec", container, "/usr/bin/python3", PROGRAM, FOLDER]
                if subprocess.run(start, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode != 0:
                    return None
                started = True
            time.sleep(0.02)
        return None
    finally:
        os.close(shared)


class Command:
    """A command in a host, with what the tests use of subprocess.Popen."""

    def __init__(self, connection: socket.socket, words: list[str], streams: tuple[Any, Any, Any], text: bool) -> None:
        self.args = words
        self.returncode: int | None = None
        self._connection = connection
        self._text = text
        self.stdin: IO[bytes] | None = None
        stdin, *outputs = streams
        with contextlib.ExitStack() as given:
            if stdin == subprocess.PIPE:
                read, write = os.pipe()
                self.stdin = os.fdopen(write, "wb", 0)
                source = given.enter_context(os.fdopen(read, "rb", 0))
            elif stdin in (None, subprocess.DEVNULL):
                source = given.enter_context(open(os.devnull, "rb", 0))
            else:
                source = stdin
            files = [source.fileno()]
            pipes: list[IO[bytes] | None] = []
            for output in outputs:
                if output != subprocess.PIPE:
                    pipes.append(None)
                    files.append(output.fileno())
                    continue
                read, write = os.pipe()
                pipes.append(os.fdopen(read, "rb", 0))
                files.append(given.enter_context(os.fdopen(write, "wb", 0)).fileno())
            self.stdout, self.stderr = pipes
            # The host may have just died, which wait() says.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                socket.send_fds(connection, [json.dumps(words[4:]).encode()], files)

    def poll(self) -> int | None:
        """Return the exit status, or nothing if the command still runs."""
        return self.returncode if self._ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        if not self._ended(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        """Give the command up. It goes on, as it does if a `docker exec` is killed."""
        self._connection.close()
        self.returncode = -signal.SIGKILL

    def _ended(self, timeout: float | None) -> bool:
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                status = self._connection.recv(16)
            except (BlockingIOError, TimeoutError, socket.timeout):
                return False
            except ConnectionResetError:
                status = b""
            self.returncode = int(status) if status else GONE
            self._connection.close()
        return True

    def communicate(self, input: str | bytes | None = None, timeout: float | None = None) -> Any:  # noqa: A002
        """Write the input, read the outputs that are no files, and wait for the end."""
        data = memoryview(input.encode() if isinstance(input, str) else input or b"")
        found: dict[Any, bytearray] = {output: bytearray() for output in (self.stdout, self.stderr) if output}
        deadline = None if timeout is None else time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            for output in found:
                selector.register(output, selectors.EVENT_READ)
            if self.returncode is None:
                selector.register(self._connection, selectors.EVENT_READ)
            if self.stdin is not None:
                os.set_blocking(self.stdin.fileno(), False)
                selector.register(self.stdin, selectors.EVENT_WRITE)
            # As with docker exec, what is left in the background with the outputs is waited for.
            while selector.get_map():
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
                for key, _events in selector.select(left):
                    if key.fileobj is self._connection:
                        selector.unregister(self._connection)
                        self._ended(None)
                    elif key.fileobj is self.stdin:
                        data = self._write(selector, data)
                    elif part := os.read(key.fd, LONGEST):
                        found[key.fileobj] += part
                    else:
                        selector.unregister(key.fileobj)
                        cast("IO[bytes]", key.fileobj).close()
        read = [None if output is None else bytes(found[output]) for output in (self.stdout, self.stderr)]
        return tuple(part.decode(errors="replace") if part is not None and self._text else part for part in read)

    def _write(self, selector: selectors.BaseSelector, data: memoryview) -> memoryview:
        """Write a part of the input, and close it behind the last one. Return what is left."""
        assert self.stdin is not None
        with contextlib.suppress(BlockingIOError):
            try:
                data = data[os.write(self.stdin.fileno(), data[:65536]) :] if data else data
            except BrokenPipeError:
                data = data[:0]  # it does not read to the end
        if not data:
            selector.unregister(self.stdin)
            self.stdin.close()
        return data


Running = Union[subprocess.Popen[Any], Command]

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs commands in a test host for tests/hosts/commands.py, as `docker exec` does, which starts it.

    command_server.py FOLDER

A `docker exec` costs more processor time than many a command. This server is started by one, so that what it starts
has the same user, environment, cgroup and capabilities. It listens on a Unix socket in FOLDER, which the host and the
machine of the tests share. A request is one message: a JSON list of arguments, with the three files that the command
is to have as its standard input, output and error. The answer is the exit status.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import sys

import prepared_python

# Python adds this one, if it is started without a locale.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "LC_CTYPE"}
NOT_YET = 75  # the status with which it ends while the host boots
LONGEST = 1 << 20  # bytes of a request; the kernel limits a single argument to an eighth of it


def start(connection: socket.socket, prepared: prepared_python.Prepared) -> int:
    """Start what is asked for, and return its process id."""
    data, files, _flags, _address = socket.recv_fds(connection, LONGEST, 3)
    try:
        for file in files:
            os.set_inheritable(file, False)  # the copies that it is started with are
        arguments = json.loads(data)
        python = prepared_python.reads_script(arguments)
        if python is not None:
            return prepared_python.start(prepared, python, files)
        # A session of its own, and signals as Python has found them.
        return os.posix_spawnp(
            arguments[0],
            arguments,
            ENVIRONMENT,
            file_actions=[(os.POSIX_SPAWN_DUP2, file, number) for number, file in enumerate(files)],
            setsid=True,
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        )
    finally:
        for file in files:
            os.close(file)


def answer(connection: socket.socket, status: int) -> None:
    """Send an exit status to a client who may be gone."""
    with contextlib.suppress(OSError):
        connection.send(str(status).encode())
    connection.close()


def serve(listener: socket.socket, prepared: prepared_python.Prepared) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        running: dict[int, tuple[int, socket.socket]] = {}
        while True:
            for key, _events in selector.select():
                if key.fileobj is listener:
                    connection, _address = listener.accept()
                    try:
                        pid = start(connection, prepared)
                    except (OSError, ValueError):
                        answer(connection, 127)
                        continue
                    ended = os.pidfd_open(pid)
                    running[ended] = pid, connection
                    selector.register(ended, selectors.EVENT_READ)
                else:
                    pid, connection = running.pop(key.fd)
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    answer(connection, status if status >= 0 else 128 - status)


def go_to_background() -> None:
    """End the process that docker exec waits for."""
    if os.fork():
        os._exit(0)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)


def main() -> None:
    folder = sys.argv[1]
    booted = subprocess.run(["systemctl", "is-system-running"], capture_output=True, text=True, check=False)
    if booted.stdout.strip() not in ("running", "degraded"):
        sys.exit(NOT_YET)  # a process in its cgroup could keep systemd from dividing it
    with open(f"{folder}/lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another one was started at the same time
        path = f"{folder}/socket"
        if os.path.exists(path):
            os.unlink(path)  # that of a host before it was restarted
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(path)
            listener.listen(100)
            go_to_background()
            serve(listener, prepared_python.Prepared(folder))


if __name__ == "__main__":
    main()

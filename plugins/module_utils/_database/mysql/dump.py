# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A dump of all databases of a running MySQL or MariaDB: consistent, and known to be complete."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import subprocess
from typing import Any, Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line

from ..checksum import checksum
from ..docker import Docker
from . import configuration
from .image import DUMPS
from .server import ADMIN_FILE

_END = b"-- Dump completed"
# The program begins its transaction before it writes that (main() in client/mysqldump.cc, of MariaDB and of MySQL).
_READING = b"-- Current Database"
_SANDBOX = b"/*M!999999"  # a line that only newer clients of MariaDB can read
_CHUNK = 1 << 20
_LONG = 24 * 3600.0  # seconds
_OPTIONS = ("--all-databases", "--single-transaction", "--routines", "--events", "--triggers")
# Otherwise a dump of MySQL could only be loaded into a server that has never written.
_MORE = {"mysql": ("--set-gtid-purged=OFF",)}


def read_all(docker: Docker, container: str, flavour: str) -> None:
    """Dump all databases to nowhere, as a proof that it can be done. Raise DockyardError if it can't.

    Nobody reads it: it stays inside of the container, without a conversion of its letters.
    """
    words = ["--result-file=/dev/null", "--default-character-set=binary", *_OPTIONS, *_MORE.get(flavour, ())]
    done = docker.try_command(*_command(container, flavour), *words, seconds=_LONG)
    if done.returncode != 0:
        raise _failed(container, last_line(done))


def write(container: str, flavour: str, path: str, started: Callable[[], None] = lambda: None) -> int:
    """Write a dump, compressed, with its checksum beside. Return the bytes that it has uncompressed.

    started: called when the moment has come of which everything is that the program reads.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            # The name and the time of the file would change its checksum.
            with gzip.GzipFile("", "wb", 1, file, 0) as target:
                size = _stream(container, flavour, target, started)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise atomic_file.explain("write", path, error) from error
    name = os.path.basename(path)
    atomic_file.write(f"{path}.sha256", f"{checksum(path)}  {name}\n".encode(), mode=0o600)
    return size


def _stream(container: str, flavour: str, target: Any, started: Callable[[], None]) -> int:
    command = ["docker", *_command(container, flavour), *_OPTIONS, "--hex-blob", *_MORE.get(flavour, ())]
    size, end = 0, b""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        if process.stdout is None or process.stderr is None:
            raise ValueError(command)
        try:
            head = []
            for line in iter(process.stdout.readline, b""):
                head.append(line)
                if line.startswith(_READING):
                    break
            started()
            chunk = b"".join(line for line in head if not line.startswith(_SANDBOX))
            while True:
                if chunk:
                    target.write(chunk)
                size += len(chunk)
                end = (end + chunk)[-200:]
                chunk = process.stdout.read(_CHUNK)
                if not chunk:
                    break
        except BaseException:
            process.kill()
            raise
        said = process.stderr.read().decode(errors="replace").strip()
        code = process.wait()
    if code != 0 or not end.rstrip().rpartition(b"\n")[2].startswith(_END):
        reason = said.splitlines()[-1] if said else f"it ended with {code} and without its last line"
        raise _failed(container, reason)
    return size


def _command(container: str, flavour: str) -> list[str]:
    return ["exec", container, DUMPS[flavour], f"--defaults-file={configuration.CONFIG}/{ADMIN_FILE}"]


def _failed(container: str, reason: str) -> DockyardError:
    return DockyardError("mysql_dump_failed", f"The databases of {container} can't be dumped ({reason}).")


def load(command: list[str], path: str) -> None:
    """Give a dump to a client, whose command is given. Raise DockyardError if it does not take all of it."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        if process.stdin is None or process.stderr is None:
            raise ValueError(command)
        broken = ""
        try:
            with gzip.open(path, "rb") as file:
                shutil.copyfileobj(file, process.stdin, _CHUNK)
        except BrokenPipeError:
            pass  # what the client says is the reason
        except (OSError, EOFError) as error:
            process.kill()
            broken = str(error)
        with contextlib.suppress(OSError):
            process.stdin.close()
        said = process.stderr.read().decode(errors="replace").strip()
        code = process.wait()
    if code != 0 or broken:
        reason = broken or (said.splitlines()[-1] if said else f"it ended with {code}")
        raise DockyardError("mysql_load_failed", f"The dump {path} can't be loaded ({reason}).")

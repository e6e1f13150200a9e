# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Give an engine an archive of images: over its socket, to which the kernel copies the files, or by C(docker load)."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterable
from typing import BinaryIO, Union

from ansible_collections.dockyard.ops.plugins.module_utils._host import commands

from .api import EngineApi, Unreachable

# A part of an archive: as it is, or a file of which all is sent.
Piece = Union[bytes, BinaryIO]
# Gives an archive to the engine; returns why it does not take it, nothing if it does.
Give = Callable[[Iterable[Piece]], str]
_UNIX = "unix://"
_PART = 1 << 20
# An engine says nothing while it unpacks, which takes as long as its disk does.
_UNPACKED_WITHIN = 3600
_ENDPOINT = "{{.Endpoints.docker.Host}}"


def chosen(within: float) -> Give:
    """Return the way to the engine that the command docker asks. within: seconds that docker may take to say which."""
    found = commands.run(["docker", "context", "inspect", "--format", _ENDPOINT], timeout=within).stdout.strip()
    if found.startswith(_UNIX):
        return over(found[len(_UNIX) :])
    return by(["docker", "load", "--quiet"])


def over(socket: str) -> Give:
    """Return the way over a socket."""

    def give(pieces: Iterable[Piece]) -> str:
        try:
            status, answer = EngineApi(socket, _UNPACKED_WITHIN).send(
                "/images/load", "application/x-tar", pieces, quiet=1
            )
        except Unreachable as error:
            return str(error)
        return _reason(status, answer.decode(errors="replace"))

    return give


def _reason(status: int, answer: str) -> str:
    for line in answer.splitlines():
        # Once it has begun, an engine says its errors in lines of an answer that began well.
        with contextlib.suppress(ValueError, AttributeError):
            found = json.loads(line)
            why = found.get("error") or (status != 200 and found.get("message"))
            if why:
                return str(why).strip()
    return "" if status == 200 else f"HTTP {status}"


def by(program: list[str]) -> Give:
    """Return the way through a program that reads the archive from its standard input."""

    def give(pieces: Iterable[Piece]) -> str:
        process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            if process.stdin is not None:
                # If the engine ends it, what it says is the reason.
                with contextlib.suppress(BrokenPipeError), process.stdin as stream:
                    for piece in pieces:
                        if isinstance(piece, bytes):
                            stream.write(piece)
                        else:
                            shutil.copyfileobj(piece, stream, _PART)
            said = process.stdout.read().decode(errors="replace") if process.stdout else ""
            status = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        return "" if status == 0 else (lines[-1] if lines else f"exit status {status}")

    return give

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an archive gets to the engine: what is sent is what arrives, and what the engine says is passed on.

The engine is a server on a socket that keeps what it gets; real ones are in the integration target image_load.
"""

from __future__ import annotations

import http.server
import io
import pathlib
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import image_stream

CONTENT = bytes(range(256)) * 5000


@dataclass
class Kept:
    """What has arrived, and what is answered. early: it is answered before all has been read."""

    path: pathlib.Path
    status: int = 200
    answer: bytes = b'{"stream":"Loaded image: app:1"}\n'
    early: bool = False
    arrived: bytes = b""
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def kept(tmp_path: pathlib.Path) -> Iterator[Kept]:
    state = Kept(tmp_path / "engine.sock")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.asked.append(self.path)
            while not state.early and (size := int(self.rfile.readline(), 16)):
                state.arrived += self.rfile.read(size)
                self.rfile.readline()
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(state.answer)))
            self.end_headers()
            self.wfile.write(state.answer)

        def address_string(self) -> str:
            return "-"

        def log_message(self, *arguments: object) -> None:
            return

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    server = Server(str(state.path), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


def parts(path: pathlib.Path) -> Iterator[image_stream.Piece]:
    (path / "file").write_bytes(CONTENT)
    (path / "empty").write_bytes(b"")
    yield b"begin"
    yield b""
    for name in ("file", "empty"):
        with open(path / name, "rb") as file:
            yield file
    yield io.BytesIO(b"in memory")
    yield b"end"


def test_all_arrives_over_the_socket(kept: Kept, tmp_path: pathlib.Path) -> None:
    assert image_stream.over(str(kept.path))(parts(tmp_path)) == ""
    assert kept.arrived == b"begin" + CONTENT + b"in memoryend"
    assert kept.asked == ["/images/load?quiet=1"]


@pytest.mark.parametrize(
    ("status", "answer", "why"),
    [
        (500, b'{"message":"no space left on device"}\n', "no space left on device"),
        (200, b'{"stream":"..."}\n{"errorDetail":{"message":"x"},"error":"invalid diffID"}\n', "invalid diffID"),
        (503, b"<html>", "HTTP 503"),
        (200, b"[]\n", ""),
    ],
)
@pytest.mark.parametrize("early", [False, True])
def test_what_the_engine_says_is_the_reason(
    kept: Kept, tmp_path: pathlib.Path, status: int, answer: bytes, why: str, early: bool
) -> None:
    kept.status, kept.answer, kept.early = status, answer, early
    assert image_stream.over(str(kept.path))(parts(tmp_path)) == why


def test_a_socket_without_an_engine(tmp_path: pathlib.Path) -> None:
    assert "No such file" in image_stream.over(str(tmp_path / "none"))(parts(tmp_path))


def test_all_arrives_at_a_program(tmp_path: pathlib.Path) -> None:
    assert image_stream.by(["sh", "-c", f"cat >{tmp_path}/out"])(parts(tmp_path)) == ""
    assert (tmp_path / "out").read_bytes() == b"begin" + CONTENT + b"in memoryend"


@pytest.mark.parametrize(("script", "why"), [("echo one; echo two; exit 1", "two"), ("exit 3", "exit status 3")])
def test_a_program_that_refuses_is_quoted(tmp_path: pathlib.Path, script: str, why: str) -> None:
    assert image_stream.by(["sh", "-c", script])(parts(tmp_path)) == why


@pytest.mark.parametrize(("host", "unix"), [("unix:///run/x.sock", True), ("ssh://other", False)])
def test_the_way_is_that_of_the_command_docker(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, host: str, unix: bool
) -> None:
    program = tmp_path / "docker"
    program.write_text(f"#!/bin/sh\n[ $1 = load ] && cat >{tmp_path}/loaded || echo {host}\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    why = image_stream.chosen(10)(parts(tmp_path))
    assert (why == "") is not unix
    assert (tmp_path / "loaded").exists() is not unix

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the wrapper gitlab-tofu run with: the real tofu, shells, and a server for states."""

from __future__ import annotations

import pathlib
import shutil
import sys
import threading
from collections.abc import Iterator

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "parts")]

import gitlab_state  # noqa: E402  found through the path set above
import provide  # noqa: E402
from gitlab_job import TOKEN, Job  # noqa: E402


@pytest.fixture(scope="session")
def tofu() -> pathlib.Path:
    """Return the folder of the real tofu."""
    return provide.ensure("opentofu")


def shells() -> list[str]:
    """Return what can be /bin/sh of an image: Debian's, and others that images have."""
    return [shell for shell in ("dash", "bash --posix", "busybox sh") if shutil.which(shell.split()[0])]


@pytest.fixture(params=shells())
def job(request: pytest.FixtureRequest, tmp_path: pathlib.Path, tofu: pathlib.Path) -> Iterator[Job]:
    """Yield a job whose token is that of a maintainer; afterwards nothing that it left holds the token."""
    gitlab = gitlab_state.GitLab({f"gitlab-ci-token:{TOKEN}": gitlab_state.User("alice")})
    server = gitlab_state.Server(("127.0.0.1", 0), gitlab)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = tmp_path / "project"
    folder.mkdir()
    job = Job(folder, request.param, tofu, gitlab, server.server_port)
    yield job
    server.shutdown()
    server.server_close()
    assert TOKEN not in job.output
    left = [file for file in folder.rglob("*") if file.is_file() and TOKEN.encode() in file.read_bytes()]
    assert left == []

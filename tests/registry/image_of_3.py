# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes an image of Docker Distribution 3 on a test host, of its image of 2.8 and the program of tests/parts.

    image_of_3.py HOST     where the role registry has set a registry up

The image has the name and tag of the official one.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "hosts"), str(TESTS / "parts")]
import hosts  # noqa: E402
import provide  # noqa: E402

IMAGE = f"docker.io/library/registry:{provide.PARTS['distribution'].version}"
# The program is what differs: entry point, paths and packages are the same.
_COMMIT = f"""
set -eu
made=$(docker create "$(docker inspect --format '{{{{.Config.Image}}}}' registry)")
docker cp /root/registry-3 "$made:/usr/bin/docker-registry"
docker commit "$made" {IMAGE} >/dev/null
docker rm "$made" >/dev/null
rm /root/registry-3
"""


def make(host: str) -> None:
    """Make the image on a host."""
    program = provide.ensure("distribution") / "registry"
    container = hosts.container(host)
    subprocess.run(["docker", "cp", str(program), f"{container}:/root/registry-3"], check=True, capture_output=True)
    subprocess.run(["docker", "exec", container, "sh", "-c", _COMMIT], check=True)


if __name__ == "__main__":
    make(sys.argv[1])

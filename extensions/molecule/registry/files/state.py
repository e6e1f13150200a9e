# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints what is served, and from which files: the container, the certificate, and the files' checksums.

state.py NAME PORT
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import ssl
import subprocess
import sys

ROOT = pathlib.Path("/srv/registry")


def main() -> None:
    name, port = sys.argv[1:]
    asked = subprocess.run(["docker", "container", "inspect", "registry"], check=True, capture_output=True, text=True)
    (container,) = json.loads(asked.stdout)
    paths = [path for part in ("auth", "ca", "config", "tls") for path in (ROOT / part).rglob("*") if path.is_file()]
    files = {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)}
    state = {
        "id": container["Id"],
        "started": container["State"]["StartedAt"],
        "running": container["State"]["Running"],
        "certificate": ssl.get_server_certificate((name, int(port))),
        "files": files,
    }
    print(json.dumps(state))


main()

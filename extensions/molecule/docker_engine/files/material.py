# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints what the registry's host has made: certificates of the folder that is named, and the stand-in's key."""

from __future__ import annotations

import hashlib
import json
import pathlib
import sys

FOLDER = pathlib.Path(sys.argv[1])
KEY = pathlib.Path("/srv/repository/docker/gpg")

material = {
    "ca": (FOLDER / "ca.crt").read_text(),
    "certificate": (FOLDER / "client.crt").read_text(),
    "private_key": (FOLDER / "client.key").read_text(),
    "key_sha256": hashlib.sha256(KEY.read_bytes()).hexdigest(),
}
print(json.dumps(material))

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Encrypt the file of a backup, by the host's openssl, with a secret that a file of the host holds.

It is openssl because every host has it, so that a backup can be decrypted by hand where nothing else is left. What it
does not do is to notice what was altered: for that, the manifest has a code that only who knows the secret can make.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line, run

CIPHER = "aes-256-ctr, pbkdf2 with sha256 and 600000 iterations"
_OPTIONS = ("-aes-256-ctr", "-pbkdf2", "-md", "sha256", "-iter", "600000", "-pass", "stdin")
_SHORTEST = 20
_SECONDS = 24 * 3600.0


def secret_of(path: str) -> str:
    """Return the secret that a file holds in its first line. Raise DockyardError if there is none."""
    content = atomic_file.read(path)
    if content is None:
        raise DockyardError(
            "database_backup_key_invalid",
            f"The file {path} with the key of the backups does not exist on this host; write it first.",
        )
    first = content.split(b"\n")[0].decode(errors="surrogateescape").strip()
    if len(first) < _SHORTEST:
        raise DockyardError(
            "database_backup_key_invalid",
            f"The first line of {path}, the key of the backups, has {len(first)} letters, and needs {_SHORTEST}; make"
            ' one with "openssl rand -hex 32".',
        )
    return first


def encrypt(source: str, target: str, secret: str) -> None:
    """Write a file encrypted beside."""
    _openssl(source, target, secret, "-salt")


def decrypt(source: str, target: str, secret: str) -> None:
    """Write an encrypted file decrypted beside."""
    _openssl(source, target, secret, "-d")


def code_of(record: dict[str, Any], secret: str) -> str:
    """Return the code of a manifest, by which is noticed that it was altered, or is of another key."""
    key = hashlib.sha256(b"dockyard backup manifest\0" + secret.encode(errors="surrogateescape")).digest()
    return hmac.new(key, json.dumps(record, sort_keys=True).encode(), hashlib.sha256).hexdigest()


def _openssl(source: str, target: str, secret: str, how: str) -> None:
    done = run(["openssl", "enc", how, *_OPTIONS, "-in", source, "-out", target], _SECONDS, f"{secret}\n")
    if done.returncode != 0:
        raise DockyardError(
            "database_encryption_failed", f"openssl can't write {target} ({last_line(done)}); look at its disk."
        )

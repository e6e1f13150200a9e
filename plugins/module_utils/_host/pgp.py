# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Detached OpenPGP signatures, checked by the host's gpgv or gpg with given keys and no others."""

from __future__ import annotations

import base64
import binascii
import os
import re
import shutil
import subprocess
import tempfile

_VERIFY_SECONDS = 600
_ARMOR = b"-----BEGIN PGP "


class BadSignature(Exception):
    """The signature is not a good one of one of the keys."""


class BadKeys(Exception):
    """The keys are damaged."""


class Unchecked(Exception):
    """The signature can't be checked here. missing: because no program for it is installed."""

    def __init__(self, reason: str, missing: bool = False) -> None:
        super().__init__(reason)
        self.missing = missing


def verify(path: str, signature: str, keys: bytes) -> None:
    """Raise BadSignature, BadKeys or Unchecked unless the signature of a file is a good one of one of the keys.

    keys: public keys, armored or binary.
    """
    with tempfile.TemporaryDirectory(prefix="dockyard-") as folder:
        keyring = os.path.join(folder, "keyring.gpg")
        with open(keyring, "wb") as file:
            file.write(_dearmored(keys))
        done = _gpg(["--homedir", folder, "--keyring", keyring], signature, path)
    if done.returncode != 0:
        raise BadSignature(" / ".join(line.strip() for line in done.stderr.splitlines() if line.strip()))


def _gpg(options: list[str], signature: str, path: str) -> subprocess.CompletedProcess[str]:
    gpgv, gpg = shutil.which("gpgv"), shutil.which("gpg")
    if gpgv:
        command = [gpgv, *options]
    elif gpg:
        command = [gpg, "--batch", "--no-default-keyring", "--trust-model", "always", *options, "--verify"]
    else:
        raise Unchecked("there is neither gpgv nor gpg", missing=True)
    try:
        return subprocess.run(
            [*command, os.path.abspath(signature), os.path.abspath(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERIFY_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unchecked(f"{command[0]} does not run ({error})") from error


def _dearmored(keys: bytes) -> bytes:
    """Return keys as gpgv wants them, which takes none in armor."""
    if not keys.lstrip().startswith(_ARMOR):
        return keys
    found = b""
    for block in keys.replace(b"\r\n", b"\n").split(_ARMOR)[1:]:
        # Below the headers and an empty line, up to the checksum or the end.
        body = block.partition(b"\n\n")[2]
        lines = re.split(rb"^(?:=[A-Za-z0-9+/]{4}\s*$|-----END)", body, maxsplit=1, flags=re.MULTILINE)[0]
        try:
            found += base64.b64decode(b"".join(lines.split()), validate=True)
        except binascii.Error as error:
            raise BadKeys(str(error)) from error
    return found

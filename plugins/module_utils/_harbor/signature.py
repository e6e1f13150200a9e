# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The detached signature of an archive with Harbor's installer."""

from __future__ import annotations

import base64
import binascii
import os
import re
import shutil
import subprocess
import tempfile

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

_VERIFY_SECONDS = 600
_ARMOR = b"-----BEGIN PGP "


def check_signature(path: str, signature_path: str, keyring_path: str | None) -> None:
    """Raise DockyardError unless the signature is a good one of a key in the keyring, armored or binary."""
    if not keyring_path:
        raise DockyardError(
            "harbor_keyring_unusable",
            f"There is a signature for {path} but no keyring to check it with; give the keyring with the public key"
            " that Harbor's releases are signed with.",
        )
    for needed in (path, signature_path):
        _require_readable(needed)
    keys = atomic_file.read(keyring_path)
    if keys is None:
        raise DockyardError(
            "harbor_keyring_unusable",
            f"There is no keyring {keyring_path}; put the public key there that Harbor's releases are signed with.",
        )
    with tempfile.TemporaryDirectory(prefix="dockyard-") as folder:
        keyring = os.path.join(folder, "keyring.gpg")
        with open(keyring, "wb") as file:
            file.write(_dearmored(keys, keyring_path))
        done = _gpg(["--homedir", folder, "--keyring", keyring], signature_path, path)
    if done.returncode != 0:
        complaints = " / ".join(line.strip() for line in done.stderr.splitlines() if line.strip())
        raise DockyardError(
            "harbor_signature_bad",
            f"The signature {signature_path} of {path} is not a good one of a key in {keyring_path} ({complaints});"
            " fetch archive and signature again, or give the right keyring.",
        )


def _require_readable(path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise atomic_file.explain("read", path, error) from error


def _gpg(options: list[str], signature: str, path: str) -> subprocess.CompletedProcess[str]:
    gpgv, gpg = shutil.which("gpgv"), shutil.which("gpg")
    if gpgv:
        command = [gpgv, *options]
    elif gpg:
        command = [gpg, "--batch", "--no-default-keyring", "--trust-model", "always", *options, "--verify"]
    else:
        raise DockyardError(
            "harbor_signature_unchecked",
            f"The signature of {path} can't be checked, since there is neither gpgv nor gpg; install one of them, or"
            " leave the signature out and rely on the checksum.",
        )
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
        raise DockyardError(
            "harbor_signature_unchecked",
            f"The signature of {path} can't be checked, since {command[0]} does not run ({error}); fix that and run"
            " again.",
        ) from error


def _dearmored(keys: bytes, path: str) -> bytes:
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
            raise DockyardError(
                "harbor_keyring_unusable", f"The keyring {path} is damaged ({error}); export the public key again."
            ) from error
    return found

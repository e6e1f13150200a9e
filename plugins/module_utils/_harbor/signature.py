# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The detached signature of an archive with Harbor's installer."""

from __future__ import annotations

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, pgp


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
    try:
        pgp.verify(path, signature_path, keys)
    except pgp.BadKeys as error:
        raise DockyardError(
            "harbor_keyring_unusable", f"The keyring {keyring_path} is damaged ({error}); export the public key again."
        ) from error
    except pgp.Unchecked as error:
        remedy = "install one of them, or leave the signature out and rely on the checksum"
        raise DockyardError(
            "harbor_signature_unchecked",
            f"The signature of {path} can't be checked, since {error};"
            f" {remedy if error.missing else 'fix that and run again'}.",
        ) from error
    except pgp.BadSignature as error:
        raise DockyardError(
            "harbor_signature_bad",
            f"The signature {signature_path} of {path} is not a good one of a key in {keyring_path} ({error});"
            " fetch archive and signature again, or give the right keyring.",
        ) from error


def _require_readable(path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise atomic_file.explain("read", path, error) from error

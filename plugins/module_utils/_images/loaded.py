# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Which image of the engine has a digest that the engine itself has forgotten.

C(docker load) into the store overlay2 keeps no name by digest. What was loaded from a bundle, whose content is verified
by that digest, is noted here, so that an image that is pinned is found and can be deployed.
"""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import image_names
from ansible_collections.dockyard.ops.plugins.module_utils._host.state_dir import InvalidRecord, StateDir

_RECORD = "digests.json"


def key(image: str, digest: str) -> str:
    """Return how an image is noted: by its registry, its repository and its digest."""
    return f"{image_names.registry(image)}/{image_names.repository(image)}@{digest}"


def noted() -> dict[str, Any]:
    """Return the identities and names of images by what they are noted as."""
    if os.geteuid() != 0:
        return {}  # it is root's
    try:
        found = StateDir("images").read_record(_RECORD)
    except InvalidRecord as error:
        raise DockyardError(
            "image_digests_unreadable",
            f"The record of the digests of images that were loaded can't be read ({error}); remove it, and load the"
            " bundle again.",
        ) from error
    return found or {}


def note(entries: dict[str, dict[str, str]]) -> None:
    """Note identities and names of images."""
    state = StateDir("images")
    with state.locked(60):
        before = noted()
        if {**before, **entries} != before:
            state.write_record(_RECORD, {**before, **entries})

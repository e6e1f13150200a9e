# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What depends on Portainer's version."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._host import image_names

from . import routes

# From this version on Portainer wants whole origins, and until then host names; it does not start with the other form.
_WHOLE_ORIGINS = (2, 41)


def trusted_origins(image: str, names: Sequence[str]) -> list[str]:
    """Return the argument for further names by which browsers have Portainer. Raise DockyardError for what can't be."""
    if not names:
        return []
    place = "traefik_stack_portainer_trusted_origins"
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", str(name)):
            raise routes.refuse(place, f"has {name}, which is no host name with or without a port")
    found = re.match(r"(\d+)\.(\d+)", image_names.tag(image))
    if not found:
        raise routes.refuse(place, f"depends on Portainer's version, which the tag of {image} does not say")
    whole = (int(found[1]), int(found[2])) >= _WHOLE_ORIGINS
    return ["--trusted-origins", ",".join(f"https://{name}" if whole else str(name) for name in names)]

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The rules for the device that a network asks for by name (com.docker.network.bridge.name).

Engine 20.10 takes docker0 or another network's bridge for a new network, answers that it is created, and does not
start again: "networks have same bridge name". Newer ones refuse some of it. A device that is no bridge gets the
network's address, and with it the host may lose its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .. import naming
from .desired import DesiredNetwork
from .rules import DOCKER0, Surroundings
from .survey import ExistingNetwork

# The kernel's dev_valid_name(): 15 bytes, no slash, no colon, no blank.
_DEVICE = re.compile(r"[^\s/:]{1,15}")


def problems(
    network: DesiredNetwork,
    declared: Sequence[DesiredNetwork],
    existing: Sequence[ExistingNetwork],
    around: Surroundings,
) -> Iterator[str]:
    """Yield why a network can't have the bridge that it asks for.

    declared, existing: the others that are made, and those of the engine that stay, without this one.
    """
    device = network.options.get(naming.BRIDGE)
    if not device or network.driver != "bridge":
        return
    asks = f"{network.name} asks for the bridge {device}"
    if not _DEVICE.fullmatch(device) or len(device.encode()) > 15 or device in (".", ".."):
        yield f"{asks}, which no device can be called; choose a name of up to 15 characters, without blanks, / and :"
        return
    owners = [other.name for other in existing if other.device == device]
    owners += [other.name for other in declared if other.options.get(naming.BRIDGE) == device]
    if device == DOCKER0 and not owners:
        owners = ["bridge"]
    if owners:
        yield (
            f"{asks}, which is that of the network {owners[0]}: an engine that has two networks on one bridge does not"
            " start again; choose another name"
        )
    elif around.links and device in around.links and device not in around.bridges:
        yield (
            f"{asks}, and {device} is a device of the host that is no bridge, which would get the network's address;"
            " choose another name"
        )

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What is to be done to daemon.json and the engine, as plan.py finds it and apply.py does it."""

from __future__ import annotations

import dataclasses
from typing import Literal

from ..inventory import Inventory
from .data_location import Move
from .document import Config
from .host_state import HostState

Action = Literal["none", "reload", "restart", "start"]


@dataclasses.dataclass
class Plan:
    """What is to be done.

    new: the file's new content; the old one if it does not change.
    needed, action: what the engine needs, and what of that is allowed.
    pending: keys that the running engine does not have yet; after_reload: those of them that a reload does not bring.
    bridge_default: the address to move docker0 to, because bip is to go away; None if nothing is to be moved.
    unapplied: keys that stay pending after a restart, because containers keep running through it.
    lost_rules: what the engine has written into the firewall and is not there any more, each in a sentence.
    moves: what has the engine look for its data somewhere else, and out_of_sight: what it then does not see.
    """

    host: HostState
    target: Config
    new: bytes | None
    changed_keys: list[str]
    pending: list[str] = dataclasses.field(default_factory=list)
    after_reload: list[str] = dataclasses.field(default_factory=list)
    needed: Action = "none"
    action: Action = "none"
    bridge_default: str | None = None
    unapplied: list[str] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)
    lost_rules: list[str] = dataclasses.field(default_factory=list)
    moves: list[Move] = dataclasses.field(default_factory=list)
    out_of_sight: Inventory | None = None

    @property
    def writes(self) -> bool:
        """Whether the file changes."""
        return self.new != self.host.content

    @property
    def containers_survive(self) -> bool:
        """Whether containers run on while the engine restarts."""
        return bool(self.host.live.get("live-restore") and self.target.get("live-restore"))

    def pending_after(self, taken: Action) -> list[str]:
        """Return the keys that the engine does not have after that action."""
        if taken in ("restart", "start"):
            return self.unapplied
        return self.after_reload if taken == "reload" else self.pending

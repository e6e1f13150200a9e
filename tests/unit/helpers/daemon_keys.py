# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that keys of daemon.json take, by the kind of the key."""

from __future__ import annotations

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import keys

EXAMPLES: dict[str, list[Any]] = {
    keys.STRING: ["", "x"],
    keys.FLAG: [True, False],
    keys.NUMBER: [0, -5, 1400],
    keys.STRINGS: [[], ["a", "b"]],
    keys.DICTIONARY: [{}, {"a": {"b": [1]}}],
    keys.OPTIONS: [{}, {"max-file": "3"}],
    keys.POOLS: [[], [{"base": "10.100.0.0/16", "size": 24}]],
    keys.SIZE: ["64M", 67108864],
}

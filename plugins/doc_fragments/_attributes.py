# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This doc fragment is PRIVATE to the collection dockyard.ops: it may change without notice.

from __future__ import annotations


class ModuleDocFragment:
    """Attributes that the modules share."""

    # For modules that change something.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: full
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled by the module has not changed in a relevant way.
    support: full
"""

    # For modules that only read.
    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - This module does not modify state.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: N/A
    details:
      - This module does not modify state.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled by the module has not changed in a relevant way.
    support: full
    details:
      - This module does not modify state.
"""

    # For modules that write files through the collection's atomic writer.
    FILES = r"""
options: {}
attributes:
  safe_file_operations:
    description:
      - Uses Ansible's strict file operation functions to ensure proper permissions and avoid data corruption.
    support: full
"""

    ACTION_GROUP_REGISTRY = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/dockyard.ops.registry) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - dockyard.ops.registry
"""

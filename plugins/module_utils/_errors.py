# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The one exception that backends raise for whatever a user can understand and mend."""

from __future__ import annotations


class Problem(Exception):
    """What is wrong, where, and what to do about it, in one sentence.

    A module turns it into C(fail_json(msg=...)) in its main(); anything else that escapes from a
    backend is a defect and may end in a traceback.
    """

    @property
    def message(self) -> str:
        return str(self)

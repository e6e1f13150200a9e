# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Errors as data: the one exception that backends raise for whatever a user can understand and fix."""

from __future__ import annotations

from typing import Any


class DockyardError(Exception):
    """Say what is wrong, where, and what to do about it, in one sentence.

    A module turns it into C(fail_json()), see _module.run_module(). Anything else that escapes from a backend is a
    defect and may end in a traceback.

    code: names the kind of error, for instance C(certs_not_pem). Each has a paragraph in docs/docsite/rst/errors*.rst.
    changed: whether something on the host is no longer as it was. Who catches the error after a change sets it.
    """

    def __init__(self, code: str, message: str, changed: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.changed = changed

    @property
    def message(self) -> str:
        """Return the sentence alone, without what _module.run_module() adds about the host's state."""
        return str(self)

    def returned(self) -> dict[str, Any]:
        """Return what a failed module returns besides C(msg), C(error_code) and C(changed)."""
        return {}

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The links by which a repository of a registry's storage has its manifests.

A link gets another name first, under which the collector does not see it; that needs no space and is undone in one
step, should the collector turn out to delete more than is meant.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

_LINK = "link"
_HIDDEN = ".link.hidden"


class Links:
    """Some links of manifests; storage: None if they are not on this host, and nothing is to be done."""

    def __init__(self, storage: str | None) -> None:
        self._storage = storage
        self._hidden: list[str] = []

    def hide(self, manifests: Iterable[tuple[str, str]]) -> None:
        """Let repositories not have these manifests any more."""
        if self._storage is None:
            return
        for repository, digest in manifests:
            revision = os.path.join(
                self._storage, "repositories", repository, "_manifests/revisions", *digest.split(":")
            )
            self._hidden.append(revision)
            try:
                os.rename(os.path.join(revision, _LINK), os.path.join(revision, _HIDDEN))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise DockyardError(
                    "registry_gc_failed",
                    f"The link of the untagged manifest {repository}@{digest} can't be removed ({error.strerror});"
                    " nothing was deleted, and the registry is back in read-write service. Look at the disk, and run"
                    " again.",
                    changed=True,
                ) from error

    def show(self) -> None:
        """Bring back what was hidden."""
        for revision in self._hidden:
            with contextlib.suppress(FileNotFoundError):
                os.rename(os.path.join(revision, _HIDDEN), os.path.join(revision, _LINK))

    def remove(self) -> None:
        """Delete what was hidden."""
        for revision in self._hidden:
            shutil.rmtree(revision, ignore_errors=True)

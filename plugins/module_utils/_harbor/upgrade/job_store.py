# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The record of an upgrade of a Harbor on its host, its journal, and its progress: a folder for each install folder."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.job import JobFolder
from ansible_collections.dockyard.ops.plugins.module_utils._host.state_dir import escape_path

from .job import Census, Child, Hop, Job

FOLDER = "/var/lib/dockyard/harbor"


def record_folder(install: str) -> str:
    """Return the folder of the jobs of an install folder, in whose path there are no links."""
    return os.path.join(FOLDER, escape_path(install))


class JobStore(JobFolder):
    """The folder of one install folder's jobs."""

    def __init__(self, install: str) -> None:
        super().__init__(record_folder(os.path.realpath(install)))

    def read(self) -> Job | None:
        return self.read_job(_decoded, _broken)

    def write(self, job: Job) -> None:
        self.write_job(job)


def _broken(path: str, error: Exception) -> DockyardError:
    return DockyardError(
        "harbor_record_invalid",
        f"{path}, the record of an upgrade of Harbor, can't be understood ({error}); it was changed by hand, or written"
        " by a newer version of this collection. Move it away if no upgrade is under way.",
    )


def _decoded(found: dict[str, Any]) -> Job:
    nested = {
        "hops": [Hop(**hop) for hop in found["hops"]],
        "census": Census(**found["census"]) if found["census"] else None,
        "census_after": Census(**found["census_after"]) if found["census_after"] else None,
        "child": Child(**found["child"]) if found["child"] else None,
    }
    return Job(**{**found, **nested})

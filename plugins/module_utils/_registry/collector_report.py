# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read what C(registry garbage-collect) says, of Docker Distribution 2.x or of 3.x."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

_MANIFEST = re.compile(r"manifest eligible for deletion: (?:\{(?P<repository>\S+) )?(?P<digest>sha256:[0-9a-f]{64})")
_BLOB = re.compile(r"blob eligible for deletion: (sha256:[0-9a-f]{64})")
_MARKED = re.compile(r"(\d+) blobs marked, (\d+) blobs and (\d+) manifests eligible for deletion")
_MANIFEST_MARKED = re.compile(r"(?P<repository>\S+): marking manifest (?P<digest>sha256:[0-9a-f]{64})")
_REPOSITORY = re.compile(r"[a-z0-9][a-z0-9._/-]*")


@dataclass
class Report:
    """What the collector says: what it keeps, and what it deletes or would delete."""

    marked: int = 0
    repositories: list[str] = field(default_factory=list)
    # What it has found in the repositories and keeps; without those that have no tag if they are to be deleted.
    kept: set[tuple[str, str]] = field(default_factory=set)
    manifests: list[tuple[str, str]] = field(default_factory=list)
    blobs: set[str] = field(default_factory=set)


def parse(output: str) -> Report:
    """Return what the output of C(registry garbage-collect) says, of 2.x or of 3.x."""
    report = Report()
    repository = ""
    said = (0, 0)
    for line in output.splitlines():
        if manifest := _MANIFEST.match(line):
            report.manifests.append((manifest["repository"] or repository, manifest["digest"]))
        elif blob := _BLOB.match(line):
            report.blobs.add(blob[1])
        elif marked := _MARKED.match(line):
            report.marked = int(marked[1])
            said = (int(marked[2]), int(marked[3]))
        elif kept := _MANIFEST_MARKED.match(line):
            report.kept.add((kept["repository"], kept["digest"]))
        elif _REPOSITORY.fullmatch(line):
            repository = line
            report.repositories.append(line)
    if said != (len(report.blobs), len(report.manifests)):
        raise DockyardError(
            "registry_gc_failed",
            f"The garbage collector counts {said[0]} blobs and {said[1]} manifests that it would delete, and names"
            f" {len(report.blobs)} and {len(report.manifests)}; this version of Docker Distribution is not known, so"
            " collect no garbage with it, and report that.",
        )
    return report

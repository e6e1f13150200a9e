# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Remove images that are old and that nothing needs.

The engine itself keeps only images that a container has. A service whose tasks run on other nodes, or that is rolled
back to what it was before its last update, needs one that no container has here: its Spec and its PreviousSpec name it.
"""

from __future__ import annotations

import datetime
import fnmatch
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import image_names
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted, moment

from .engine import Docker


@dataclass(frozen=True)
class Policy:
    """What is removed. days: the least age; keep: patterns of names; services: images that services elsewhere need."""

    days: float
    keep: tuple[str, ...] = ()
    services: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Candidate:
    """An image of the engine.

    names: tags and names by digest. since: when it was made or last named here; None if that is not known.
    """

    id: str
    names: tuple[str, ...]
    tags: tuple[str, ...]
    size: int
    since: datetime.datetime | None

    def returned(self, now: datetime.datetime) -> dict[str, Any]:
        """Return it as the module does."""
        days = (now - self.since).total_seconds() / 86400 if self.since else 0
        return {"id": self.id, "names": list(self.names), "size": self.size, "days": round(days, 1)}


@dataclass
class Pruned:
    """What was removed, or would be, and why the others stay, by name."""

    removed: list[dict[str, Any]] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    services: list[str] = field(default_factory=list)


def candidate(document: dict[str, Any]) -> Candidate:
    """Return an image from what the engine says of it."""
    tags = tuple(name for name in document.get("RepoTags") or () if "<none>" not in name)
    by_digest = tuple(name for name in document.get("RepoDigests") or () if "<none>" not in name)
    times = [
        moment(str(document.get("Created") or "")),
        moment(str((document.get("Metadata") or {}).get("LastTagTime") or "")),
    ]
    known = [time for time in times if time]
    return Candidate(
        document["Id"], tags + by_digest, tags, int(document.get("Size") or 0), max(known) if known else None
    )


def needed_names(services: list[str]) -> set[str]:
    """Return the names under which the engine has the images of services.

    An image that was loaded, and not pulled, has no name by digest: the tag that is written beside keeps it.
    """
    found = set()
    for image in services:
        found.add(image_names.familiar(image))
        if image_names.tag(image):
            found.add(image_names.familiar(image.partition("@")[0]))
    return found


def reason_to_keep(
    image: Candidate, policy: Policy, now: datetime.datetime, used: dict[str, list[str]], needed: set[str]
) -> str:
    """Return why an image stays; empty if it does not."""
    if image.id in used:
        return f"the container {', '.join(sorted(used[image.id]))} uses it"
    if needed & set(image.names):
        return "a service uses it, or would after a rollback"
    if any(fnmatch.fnmatchcase(name, pattern) for name in image.names for pattern in policy.keep):
        return "keep names it"
    if image.since is None:
        return "its age is not known"
    if (now - image.since).total_seconds() < policy.days * 86400:
        return f"it is younger than {counted(policy.days, 'day')}"
    return ""


def prune(policy: Policy, docker: Docker, check_mode: bool) -> Pruned:
    """Remove images that are old and that nothing needs."""
    done = Pruned(services=_services(policy, docker))
    now = datetime.datetime.now(datetime.timezone.utc)
    images = [candidate(document) for document in docker.documents()]
    used = docker.users(image.id for image in images)
    needed = needed_names(done.services)
    for image in sorted(images, key=lambda one: (one.names, one.id)):
        shown = image.names[0] if image.names else image.id
        why = reason_to_keep(image, policy, now, used, needed)
        if not why and not check_mode:
            try:
                why = _remove(image, docker)
            except DockyardError as error:
                error.changed = bool(done.removed)
                raise
        if why:
            done.kept[shown] = why
        else:
            done.removed.append(image.returned(now))
    return done


def _remove(image: Candidate, docker: Docker) -> str:
    """Remove an image with all its names; return why the engine keeps it, with its names put back."""
    gone: list[str] = []
    for name in (*image.names, image.id):
        refused = docker.refuses_removal(name)
        if refused:
            for tag in gone:
                if tag in image.tags:
                    docker.tag(image.id, tag)
            return f"the engine keeps it ({refused})"
        gone.append(name)
    return ""


def _services(policy: Policy, docker: Docker) -> list[str]:
    """Return the images that services of this host's Swarm name, now and before their last update."""
    given = list(policy.services or ())
    state = docker.swarm()
    if state.get("LocalNodeState") in (None, "", "inactive"):
        return given
    if not state.get("ControlAvailable"):
        if policy.services is None:
            raise DockyardError(
                "image_services_unknown",
                "This host is a worker of a Swarm, which does not know what its services are rolled back to; give the"
                " service_images that this module returns on a manager, or [] if no service has to be kept.",
            )
        return given
    for service in docker.services():
        for specification in (service.get("Spec"), service.get("PreviousSpec")):
            image = _image(specification)
            if image and image not in given:
                given.append(image)
    return given


def _image(specification: Any) -> str:
    template = (specification or {}).get("TaskTemplate") or {}
    return str((template.get("ContainerSpec") or {}).get("Image") or "")

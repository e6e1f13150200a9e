# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Garbage collection of Docker Distribution that loses nothing that a tag or an index needs.

Distribution 2.x takes for untagged what only an index refers to: its own C(--delete-untagged) deletes the images of all
platforms of every image for several, and of every image with an attestation. Neither it nor 3.x knows that a signature
belongs to what it signs. So its dry run is asked first what it would delete, and the registry what its tags need. If
the storage is on this host, the option is not used: what nothing needs loses its link in the frozen registry, as the
collector itself would remove it, and the collector then runs without that option, with which it keeps all that has a
link. The option would besides leave links without their manifests in a repository that never had a tag, and with these
a later collection fails.

Whatever the collector is about to delete is compared with what is needed once more, right before it does: it is not
taken for granted that it keeps what has a link.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import collector_report, configuration, shared_storage
from . import needed as registry_needed
from .api import Registry
from .collector_report import Report
from .container import Container
from .links import Links
from .needed import Missing, Needed, Survey
from .place import Place
from .read_only_window import ReadOnlyWindow

# Docker Distribution calls a registry that nobody has pushed to yet an error.
_EMPTY = "Path not found: /docker/registry/v2/repositories"
_SHOWN = 5
_DRY_RUN_SECONDS = 3600


@dataclass(frozen=True)
class Request:
    """What is asked for. registry: None if it can't be asked over its API."""

    container: Container
    registry: Registry | None
    delete_untagged: bool = False
    timeout: float = 21600
    start_timeout: float = 60


@dataclass
class Plan:
    """What is deleted, and what is not although the collector would.

    needed: None if it was not asked for.
    """

    marked: int
    manifests: list[tuple[str, str]]
    blobs: set[str]
    protected: list[Missing]
    needed: Needed | None
    # What the blobs occupy, as long as they are there.
    bytes: int | None

    @property
    def empty(self) -> bool:
        return not self.manifests and not self.blobs


@dataclass(frozen=True)
class Stored:
    """What the blobs occupy."""

    blobs: int
    bytes: int


class Collection:
    """One garbage collection."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._container = request.container
        self._place: Place = request.container.place()
        self._config = configuration.in_force(configuration.read(self._place.config_file), self._place.environment)
        self._upstream = (self._config.get("proxy") or {}).get("remoteurl") or ""
        self._storage = configuration.storage_on_host(self._place, self._config)
        # A mirror would fetch from the other registry what it is asked for.
        self._survey = Survey(request.registry) if request.registry and not self._upstream else None
        # If what is untagged is unlinked here, the collector is not to look for it.
        self._sweeps_untagged = request.delete_untagged and self._storage is None

    def run(self, check_mode: bool) -> dict[str, Any]:
        """Collect garbage, or say what would be collected. Return the module's results."""
        request = self._request
        self._require_collectable()
        if request.delete_untagged and not self._survey:
            raise DockyardError(
                "registry_gc_blind",
                f"What the tags of the registry in the container {self._container.name} need can't be asked for without"
                " access to its API, and delete_untagged may delete that; give registry with its login and"
                " certificates, or leave delete_untagged off.",
            )
        version = self._container.version()
        plan = self._plan()
        before = self.stored()
        seconds = 0.0
        warnings: list[str] = []
        if not check_mode and not plan.empty:
            plan, seconds, warnings = self._collect()
        after = before if check_mode else self.stored()
        needed = plan.needed
        manifests, blobs = needed.count() if needed else (None, None)
        return {
            "changed": not plan.empty,
            "version": ".".join(map(str, version)),
            "dry_run": check_mode,
            "blobs_marked": plan.marked,
            "blobs_eligible": len(plan.blobs),
            "manifests_eligible": len(plan.manifests),
            "bytes_eligible": plan.bytes,
            "protected": [_entry(missing) for missing in plan.protected],
            "incomplete": [_entry(missing) for missing in needed.missing] if needed else [],
            "tags": needed.tags if needed else None,
            "indexes": needed.indexes if needed else None,
            "manifests_needed": manifests,
            "blobs_needed": blobs,
            "blobs_before": before.blobs if before else None,
            "bytes_before": before.bytes if before else None,
            "blobs_after": after.blobs if after else None,
            "bytes_after": after.bytes if after else None,
            "window_seconds": round(seconds, 1),
            "warnings": warnings + _warnings(plan) + self._mirror_warnings(),
        }

    def _mirror_warnings(self) -> list[str]:
        if not configuration.keeps_mirrored(self._config):
            return []
        return [
            f"The registry in the container {self._container.name} is a pull-through mirror that keeps for ever what it"
            " fetches, whatever its proxy.ttl is: set storage.delete.enabled to true, with which it still deletes"
            " nothing for users."
        ]

    def stored(self) -> Stored | None:
        """Return what the blobs occupy; None if they are not on this host."""
        if self._storage is None:
            return None
        blobs = size = 0
        for folder, _folders, files in os.walk(os.path.join(self._storage, "blobs")):
            if "data" in files:
                with contextlib.suppress(FileNotFoundError):
                    size += os.stat(os.path.join(folder, "data")).st_size
                    blobs += 1
        return Stored(blobs, size)

    def _require_collectable(self) -> None:
        """Raise DockyardError if images would be lost whatever is deleted."""
        if self._request.delete_untagged and self._upstream:
            raise DockyardError(
                "registry_gc_mirror",
                f"The registry in the container {self._container.name} is a pull-through mirror of {self._upstream}:"
                " what its tags need can't be asked for without fetching it from there; leave delete_untagged off, a"
                " mirror deletes by itself what is older than its proxy.ttl, if storage.delete.enabled is true.",
            )
        cache = configuration.lasting_cache(self._config)
        if cache:
            raise DockyardError(
                "registry_gc_cache",
                f"The registry in the container {self._container.name} keeps in Redis which blobs it has ({cache}), and"
                " would go on believing in those that are deleted: images that are pushed again would lack them. Set"
                f" {cache} to inmemory, restart the registry, and empty that Redis database before it is used again.",
            )
        shared_storage.require_none(self._container, self._place, self._config)

    def _plan(self, frozen: bool = False) -> Plan:
        """Return what is to be deleted as things are at this moment.

        frozen: whether nobody can push in the meantime.
        """
        untagged = self._request.delete_untagged
        report = self._ask_collector(["--dry-run"], untagged, _DRY_RUN_SECONDS)
        if self._survey is None or not (report.manifests or report.blobs):
            return Plan(report.marked, report.manifests, report.blobs, [], None, self._bytes(report.blobs))
        needed = self._survey.read(report.repositories)
        if untagged:
            self._compare(report, needed, frozen)
            self._survey.keep_artifacts(needed, report.manifests)
        protected, removable = [], []
        for repository, digest in report.manifests:
            need = needed.why(repository, digest)
            if need is None:
                removable.append((repository, digest))
            else:
                protected.append(Missing(repository, digest, need))
        kept = report.blobs & needed.digests()
        blobs = report.blobs - kept
        plan = Plan(report.marked + len(kept), removable, blobs, protected, needed, self._bytes(blobs))
        if untagged == self._sweeps_untagged:
            # Unless frozen, what was pushed between the two questions is needed and was not known to the collector.
            if needed.among(report.manifests, report.blobs):
                self._require_harmless(needed, report if frozen else None)
        elif not frozen and not plan.empty:
            self._require_harmless(needed)
        return plan

    def _require_harmless(self, needed: Needed | None, report: Report | None = None) -> None:
        """Raise DockyardError if the collector, as it is run at last, is about to delete what is needed."""
        if needed is None:
            return
        report = report or self._ask_collector(["--dry-run"], self._sweeps_untagged, _DRY_RUN_SECONDS)
        found = needed.among(report.manifests, report.blobs)
        if found:
            raise self._would_lose(found)

    def _would_lose(self, found: list[Missing]) -> DockyardError:
        remedy = (
            "collect garbage without delete_untagged, or with Docker Distribution 3 or newer, which keeps what an index"
            " lists"
            if self._sweeps_untagged
            else "don't collect garbage by hand either, and look for what is wrong with its storage"
        )
        return DockyardError(
            "registry_gc_would_lose",
            f"The registry in the container {self._container.name} would lose {len(found)} manifests and blobs that its"
            f" tags need, among them {_few(found)}; nothing was deleted: {remedy}.",
        )

    def _collect(self) -> tuple[Plan, float, list[str]]:
        """Collect in a window, and prove afterwards that all that is needed is still there."""
        window = ReadOnlyWindow(self._container, self._place, self._request.start_timeout, self._request.registry)
        with window:
            # Again, because only from now on nobody pushes.
            plan = self._plan(frozen=True)
            known_missing = self._missing_before(plan.needed)
            links = Links(self._storage)
            try:
                links.hide(plan.manifests)
                # Only now the collector can say what follows from what was hidden.
                if self._request.delete_untagged != self._sweeps_untagged:
                    self._require_harmless(plan.needed)
            except BaseException:
                links.show()
                raise
            try:
                self._sweep()
            finally:
                links.remove()
        try:
            warnings = self._prove(plan, known_missing)
        except DockyardError as error:
            error.changed = True
            raise
        return plan, window.seconds, [*window.warnings, *warnings]

    def _sweep(self) -> None:
        try:
            self._ask_collector([], self._sweeps_untagged, self._request.timeout)
        except DockyardError as error:
            raise DockyardError(
                "registry_gc_failed",
                f"The garbage collection of the registry {self._container.name} failed; the registry is back in"
                f" read-write service and has kept what was not yet deleted. It said: {error.message}",
                changed=True,
            ) from error

    def _ask_collector(self, options: list[str], untagged: bool, seconds: float) -> Report:
        options = [*options, *(["--delete-untagged"] if untagged else [])]
        done = self._container.run(["registry", "garbage-collect", *options, self._place.config], seconds)
        if done.returncode == 0:
            return collector_report.parse(done.stdout)
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()] or ["nothing"]
        if lines[-1].endswith(_EMPTY):
            return Report()
        raise DockyardError(
            "registry_gc_failed",
            f"The garbage collector of the registry {self._container.name} fails. It said: {' / '.join(lines[-3:])}",
        )

    def _missing_before(self, needed: Needed | None) -> set[str]:
        """Return the digests of needed blobs that are gone before anything is deleted."""
        if needed is None or self._request.registry is None:
            return set()
        if self._storage is None:
            return {missing.digest for missing in registry_needed.lost(self._request.registry, needed)}
        return {digest for digest in needed.digests() if not os.path.exists(self._data(digest))}

    def _prove(self, plan: Plan, known_missing: set[str]) -> list[str]:
        """Raise DockyardError if something that is needed is gone. Return warnings about what was gone before."""
        registry = self._request.registry
        if plan.needed is None or registry is None:
            return []
        registry.wait(self._request.start_timeout)
        gone = list(registry_needed.lost(registry, plan.needed))
        before = [missing for missing in gone if missing.digest in known_missing]
        lost = [missing for missing in gone if missing not in before and self._is_lost(missing)]
        if lost:
            # Users can delete again by now, and what they do not need any more is no loss.
            now = Survey(registry).read([])
            lost = [missing for missing in lost if now.needs(missing)]
        if lost:
            raise DockyardError(
                "registry_gc_lost",
                f"After the garbage collection of the registry {self._container.name} {len(lost)} manifests and blobs"
                f" that its tags need are not there: {_few(lost)}; restore the latest backup, and report this.",
            )
        if not before:
            return []
        return [f"{len(before)} manifests and blobs that tags need were gone before: {_few(before)}."]

    def _is_lost(self, missing: Missing) -> bool:
        """Return whether a collection can have taken it: a user who deletes leaves the content in the storage."""
        return self._storage is None or not os.path.exists(self._data(missing.digest))

    def _compare(self, report: Report, needed: Needed, frozen: bool) -> None:
        """Raise DockyardError if the registry does not show what has a tag in the container's storage.

        Without this, another registry, or a proxy that hides something, would make needed manifests look like garbage.
        """
        shown = {(repository, digest) for repository, tags in needed.tagged.items() for digest in tags.values()}
        for repository, digest in sorted(report.kept - shown):
            # It may have been untagged since; the window asks again.
            if not frozen and self._request.registry and self._request.registry.manifest(repository, digest):
                continue
            raise DockyardError(
                "registry_gc_other_registry",
                f"The storage of the registry in the container {self._container.name} has a tag in {repository} for"
                f" {digest}, and the registry at the given address does not show it; check that registry is the address"
                " of this container, and what the user and a proxy in front of it may see.",
            )

    def _bytes(self, blobs: set[str]) -> int | None:
        if self._storage is None:
            return None
        size = 0
        for digest in blobs:
            with contextlib.suppress(FileNotFoundError):
                size += os.stat(self._data(digest)).st_size
        return size

    def _data(self, digest: str) -> str:
        algorithm, _colon, hexadecimal = digest.partition(":")
        return os.path.join(str(self._storage), "blobs", algorithm, hexadecimal[:2], hexadecimal, "data")


def _few(missing: list[Missing]) -> str:
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    return f"{', '.join(map(str, missing[:_SHOWN]))}{more}"


def _entry(missing: Missing) -> dict[str, str]:
    need = missing.need
    return {"repository": missing.repository, "digest": missing.digest, "needed_by": need.by, "kind": need.kind}


def _warnings(plan: Plan) -> list[str]:
    missing = plan.needed.missing if plan.needed else []
    if not missing:
        return []
    return [
        f"The registry lacks {len(missing)} manifests that its tags need: {_few(missing)}; push those images again."
    ]

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Delete old tags of a registry over its API, repository by repository.

A repository is read, decided about, changed and proven before the next one is looked at: so little is held in memory
as one of them needs, and little time is between what was read and what is deleted. The proof is its list of tags: if
one is gone that was to stay, or a new one needs what was deleted, users have moved tags in the meantime, and all that
was deleted there is put back.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted, moment

from .api import Manifest, Registry
from .contents import choose
from .needed import PAGE, references
from .retention import Decision, Policy, Tagged, decide, old

_INDEXES = ("application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json")
_IMAGES = ("application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json")
_CREATED = "org.opencontainers.image.created"
# Nothing has this digest.
_NOTHING = f"sha256:{'0' * 64}"
_SHOWN = 5


@dataclass
class Outcome:
    """What was deleted, or would be, and what was not although it is old. Each entry is one tag."""

    deleted: list[dict[str, Any]] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)
    undated: list[dict[str, Any]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    # Numbers, from 1 on, of rules with patterns that had no tag to decide about.
    idle: list[int] = field(default_factory=list)
    repositories: int = 0
    tags: int = 0
    # The names of the tags by repository, before and after; of those that change.
    before: dict[str, list[str]] = field(default_factory=dict)
    after: dict[str, list[str]] = field(default_factory=dict)


def sentence(outcome: Outcome, check_mode: bool) -> str:
    """Return in one sentence what was done, or would be."""
    if not outcome.deleted:
        done = f"None of {counted(outcome.tags, 'tag')} is deleted"
    else:
        verb = "Would delete" if check_mode else "Deleted"
        count = len(outcome.after)
        places = counted(count, "repository", "repositories")
        done = f"{verb} {len(outcome.deleted)} of {counted(outcome.tags, 'tag')} in {places}"
    stays = [
        f"{counted(len(entries), 'old one stays', 'old ones stay')} because {reason}"
        for entries, reason in (
            (outcome.kept, "something else needs their manifests"),
            (outcome.undated, "it is not known how old they are"),
        )
        if entries
    ]
    return f"{'; '.join([done, *stays])}."


def doubts(outcome: Outcome, registry: str) -> list[str]:
    """Return what may be a mistake in the rules, a sentence each: a clean-up that never cleans must not be silent."""
    missing = [f"{registry} has no repository {', '.join(outcome.missing)}; check the names in rules."]
    return [
        *(missing if outcome.missing else []),
        *(
            f"Rule {number} of rules decides about no tag; check its patterns, and the rules before it, if it should."
            for number in outcome.idle
        ),
    ]


class Pruning:
    """One run of a policy over a registry."""

    def __init__(self, registry: Registry, policy: Policy, now: datetime.datetime, check_mode: bool) -> None:
        self._registry = registry
        self._policy = policy
        self._now = now
        self._check_mode = check_mode
        self._outcome = Outcome()
        self._busy: set[int] = set()

    def run(self) -> Outcome:
        """Delete what is old, or say what would be deleted."""
        self._policy.check()
        # All names first: what is deleted could move the pages of the catalog.
        names = sorted(choose(self._registry, self._policy.patterns, PAGE))
        if names:
            self._require_deletion(names[0])
        for name in names:
            try:
                self._prune(name)
            except DockyardError as error:
                if self._outcome.deleted and not self._check_mode:
                    error.changed = True
                    error.args = (f"{error.message} Before that, {self._done()}.",)
                raise
        self._outcome.idle = sorted(set(self._policy.narrow()) - self._busy)
        return self._outcome

    def _done(self) -> str:
        tags, repositories = len(self._outcome.deleted), len({entry["repository"] for entry in self._outcome.deleted})
        return (
            f"{counted(tags, 'tag was', 'tags were')} deleted in {counted(repositories, 'repository', 'repositories')}"
        )

    def _require_deletion(self, repository: str) -> None:
        """Refuse a registry that deletes nothing, before anything is read or deleted.

        What does not exist is deleted, also in check mode: there is no other way to ask. A pull-through mirror would
        besides fetch from the other registry all that it is asked for.
        """
        if self._registry.delete_manifest(repository, _NOTHING) is not None:
            raise DockyardError(
                "registry_retention_refused",
                f"{self._registry.name} deletes nothing (HTTP 405): it is a pull-through mirror, it is read-only"
                " (storage.maintenance.readonly), or deletion is not enabled (storage.delete.enabled: true). A mirror"
                " with storage.delete.enabled deletes by itself what is older than its proxy.ttl.",
            )

    def _prune(self, repository: str) -> None:
        names = self._registry.tags(repository, PAGE)
        if names is None:
            if repository in self._policy.patterns:
                self._outcome.missing.append(repository)
            return
        self._outcome.repositories += 1
        self._outcome.tags += len(names)
        decided = self._policy.decided_by(repository, names)
        self._busy |= decided.keys()
        rules = ((self._policy.rules[number - 1], group) for number, group in decided.items())
        # A rule keeps all of a group that is no larger than its number; nothing is read for it.
        groups = [(rule, group) for rule, group in rules if len(group) > (rule.keep or 0)]
        if not groups:
            return
        content = _Repository(self._registry, repository)
        # A tag whose manifest is gone needs nothing, and can't be deleted by a digest either.
        tags = {tag: found for tag in names if (found := content.read(tag)) is not None}
        candidates: list[str] = []
        for rule, group in groups:
            needs_dates = rule.days is not None or bool(rule.keep)
            dates = {tag: content.date(tag) if needs_dates else None for tag in group if tag in tags}
            gone, undated = old(rule, dates, self._now)
            candidates += gone
            self._outcome.undated += [_entry(repository, tag, tags[tag]) for tag in undated]
        decision = decide(tags, candidates)
        self._report(repository, tags, decision, content)
        if decision.deleted and not self._check_mode:
            self._delete(content, tags, decision.deleted)
        if decision.deleted:
            self._outcome.before[repository] = sorted(names)
            self._outcome.after[repository] = sorted(set(names) - set(decision.deleted))

    def _report(self, repository: str, tags: dict[str, Tagged], decision: Decision, content: _Repository) -> None:
        self._outcome.kept += [
            {**_entry(repository, tag, tags[tag]), "needed_by": decision.kept[tag]} for tag in sorted(decision.kept)
        ]
        self._outcome.deleted += [
            {**_entry(repository, tag, tags[tag]), "created": content.created(tag)} for tag in decision.deleted
        ]

    def _delete(self, content: _Repository, tags: dict[str, Tagged], deleted: Sequence[str]) -> None:
        """Delete manifests by their digests, and prove that nothing else has gone with them."""
        gone: list[str] = []
        try:
            for digest in dict.fromkeys(tags[tag].digest for tag in deleted):
                if self._registry.delete_manifest(content.name, digest) is not None:
                    self._require_deletion(content.name)
                gone.append(digest)
        except DockyardError as error:
            error.changed = error.changed or bool(gone)
            self._forget(content.name, [tag for tag in deleted if tags[tag].digest not in gone])
            raise
        left = set(self._registry.tags(content.name, PAGE) or [])
        lost = sorted(tags.keys() - set(deleted) - left)
        new = left - tags.keys()
        if not lost and new:
            lost = sorted(tag for tag in new if content.needs(tag, gone))
        if lost:
            self._put_back(content, tags, deleted, lost)

    def _forget(self, repository: str, tags: Iterable[str]) -> None:
        """Take out of what is reported as deleted what was not."""
        names = set(tags)
        self._outcome.deleted = [
            entry for entry in self._outcome.deleted if entry["repository"] != repository or entry["tag"] not in names
        ]

    def _put_back(
        self, content: _Repository, tags: dict[str, Tagged], deleted: Sequence[str], lost: list[str]
    ) -> NoReturn:
        self._forget(content.name, deleted)
        why = (
            f"Users of {self._registry.name} moved or deleted tags of {content.name} while old ones were deleted there:"
            f" {', '.join(lost[:_SHOWN])}{f' and {len(lost) - _SHOWN} more' if len(lost) > _SHOWN else ''}"
        )
        try:
            # Artifacts are at the beginning, and belong to what comes later.
            for tag in reversed(deleted):
                self._registry.put_manifest(content.name, tag, content.manifests[tag])
            missing = [tag for tag in deleted if self._registry.digest(content.name, tag) != tags[tag].digest]
        except DockyardError as error:
            raise DockyardError(
                "registry_retention_not_undone",
                f"{why}. What was deleted there could not be put back ({error.message}); push"
                f" {', '.join(deleted)} again, or restore the latest backup before garbage is collected.",
                changed=True,
            ) from error
        if missing:
            raise DockyardError(
                "registry_retention_not_undone",
                f"{why}. What was deleted there was put back, and {', '.join(missing)} is not as it was; look at who"
                " pushes to this repository.",
                changed=True,
            )
        raise DockyardError(
            "registry_retention_disturbed",
            f"{why}. All that was deleted there was put back; look at these tags, and run again while nobody moves"
            " tags to old images.",
            changed=bool(self._outcome.deleted),
        )


class _Repository:
    """What was read of one repository."""

    def __init__(self, registry: Registry, name: str) -> None:
        self.name = name
        self.manifests: dict[str, Manifest] = {}
        self._registry = registry
        self._by_digest: dict[str, Manifest | None] = {}
        self._dates: dict[str, datetime.datetime | None] = {}

    def read(self, tag: str) -> Tagged | None:
        """Return what a tag has; None if its manifest is gone."""
        manifest = self._registry.manifest(self.name, tag)
        if manifest is None:
            return None
        self.manifests[tag] = self._by_digest[manifest.digest] = manifest
        named = references(manifest.content)
        children: set[str] = set()
        self._add_children(manifest, children)
        return Tagged(manifest.digest, named.subject, frozenset(children))

    def needs(self, tag: str, digests: Sequence[str]) -> bool:
        """Return whether a tag that is new by now needs any of these manifests."""
        found = self.read(tag)
        return found is not None and not {found.digest, *found.children}.isdisjoint(digests)

    def _add_children(self, manifest: Manifest, children: set[str]) -> None:
        """Add the digests of what an index lists, at any depth; only further indexes are read for it."""
        inner = {
            descriptor["digest"]
            for descriptor in _descriptors(manifest)
            if descriptor.get("mediaType") in _INDEXES and isinstance(descriptor.get("digest"), str)
        } - children
        children.update(references(manifest.content).children)
        for digest in sorted(inner):
            found = self._ask(digest)
            if found is not None:
                self._add_children(found, children)

    def _ask(self, digest: str) -> Manifest | None:
        if digest not in self._by_digest:
            self._by_digest[digest] = self._registry.manifest(self.name, digest)
        return self._by_digest[digest]

    def date(self, tag: str) -> datetime.datetime | None:
        """Return when a tag's image was made; of an index, its youngest image."""
        return self._date(self.manifests[tag])

    def created(self, tag: str) -> str | None:
        """Return the date as it is shown, if it was read."""
        date = self._dates.get(self.manifests[tag].digest)
        return date.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if date else None

    def _date(self, manifest: Manifest) -> datetime.datetime | None:
        if manifest.digest not in self._dates:
            # An index can't list itself, but what claims to is read only once.
            self._dates[manifest.digest] = None
            self._dates[manifest.digest] = self._read_date(manifest)
        return self._dates[manifest.digest]

    def _read_date(self, manifest: Manifest) -> datetime.datetime | None:
        config = manifest.content.get("config")
        if isinstance(config, dict) and config.get("mediaType") in _IMAGES and isinstance(config.get("digest"), str):
            found = moment((self._registry.document(self.name, config["digest"]) or {}).get("created"))
            if found is not None:
                return found
        annotations = manifest.content.get("annotations")
        found = moment(annotations.get(_CREATED)) if isinstance(annotations, dict) else None
        if found is not None:
            return found
        dates = [
            self._date(part)
            for descriptor in _descriptors(manifest)
            if not _is_attestation(descriptor)
            if isinstance(descriptor.get("digest"), str) and (part := self._ask(descriptor["digest"])) is not None
        ]
        # If one of its images has no date, the index has none: it could be the youngest.
        return None if None in dates else max(filter(None, dates), default=None)


def _descriptors(manifest: Manifest) -> list[dict[str, Any]]:
    listed = manifest.content.get("manifests")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _is_attestation(descriptor: dict[str, Any]) -> bool:
    platform = descriptor.get("platform")
    return isinstance(platform, dict) and platform.get("os") == "unknown"


def _entry(repository: str, tag: str, found: Tagged) -> dict[str, Any]:
    return {"repository": repository, "tag": tag, "digest": found.digest}

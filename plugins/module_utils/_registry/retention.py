# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Decide which tags of a repository are old, and which of these can be deleted without a loss for those that are kept.

A registry of version 2 deletes a manifest with all tags that it has, and not a tag by itself. So what is old stays as
long as a tag that is kept has the same manifest, an index that is kept lists it, or it belongs to a manifest that is
kept (its C(subject), as a signature's). Tools name the tags of such artifacts after the digest that they are for
(C(sha256-<digest>.sig)): no rule counts these tags, they stay and go with that manifest.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .contents import check_names, matches

Reason = Literal["tag", "index", "subject"]
_OF_DIGEST = re.compile(r"(sha256|sha512)-([0-9a-f]{64,128})(?:[._-].*)?", re.ASCII)


@dataclass(frozen=True)
class Rule:
    """What is kept of the tags of some repositories: the newest ones, and those that are younger than so many days."""

    repositories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    keep: int | None = None
    days: int | None = None

    def covers(self, repository: str) -> bool:
        """Return whether the rule is for a repository."""
        return not self.repositories or matches(repository, self.repositories)


@dataclass(frozen=True)
class Policy:
    """All rules; the first one that is for a tag decides. protected: patterns of tags that are never deleted."""

    rules: tuple[Rule, ...]
    protected: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse rules that mean nothing."""
        if not self.rules:
            raise DockyardError("registry_retention_invalid", "rules is empty; give at least one rule.")
        _check_patterns("protected_tags", self.protected)
        for number, rule in enumerate(self.rules, 1):
            check_names(rule.repositories)
            _check_patterns(f"repositories of rule {number}", rule.repositories)
            _check_patterns(f"tags of rule {number}", rule.tags)
            if rule.keep is None and rule.days is None:
                raise DockyardError(
                    "registry_retention_invalid",
                    f"Rule {number} of rules has neither keep nor days, and would delete every tag; give one of them,"
                    " keep: 0 if that is meant.",
                )
            for name, value in (("keep", rule.keep), ("days", rule.days)):
                if value is not None and value < 0:
                    raise DockyardError(
                        "registry_retention_invalid", f"{name} of rule {number} is {value}; give 0 or more."
                    )

    @property
    def patterns(self) -> tuple[str, ...]:
        """Return what names the repositories that any rule is for; nothing for all."""
        if any(not rule.repositories for rule in self.rules):
            return ()
        return tuple(dict.fromkeys(name for rule in self.rules for name in rule.repositories))

    def decided_by(self, repository: str, tags: Iterable[str]) -> dict[int, list[str]]:
        """Return the tags about which each rule decides, by its number from 1 on; a rule without any is left out."""
        found: dict[int, list[str]] = {}
        for tag in tags:
            if matches(tag, self.protected) or digest_of(tag):
                continue
            for number, rule in enumerate(self.rules, 1):
                if rule.covers(repository) and (not rule.tags or matches(tag, rule.tags)):
                    found.setdefault(number, []).append(tag)
                    break
        return found

    def narrow(self) -> list[int]:
        """Return the numbers, from 1 on, of rules that are for some names only: a mistake in them shows as silence."""
        return [number for number, rule in enumerate(self.rules, 1) if rule.repositories or rule.tags]


def _check_patterns(where: str, patterns: Iterable[str]) -> None:
    """Refuse patterns that no name has: a rule or a protection that is for nothing is taken for one that is."""
    for pattern in patterns:
        if not pattern or any(letter.isspace() for letter in pattern):
            raise DockyardError(
                "registry_retention_invalid",
                f"{where} has {pattern!r}, which no name matches; give one pattern per entry, without blanks, or leave"
                " the option out.",
            )


def policy_of(rules: Iterable[Mapping[str, Any]], protected: Iterable[str]) -> Policy:
    """Return the policy that options say."""
    return Policy(
        tuple(
            Rule(
                tuple(rule.get("repositories") or ()), tuple(rule.get("tags") or ()), rule.get("keep"), rule.get("days")
            )
            for rule in rules
        ),
        tuple(protected),
    )


def digest_of(tag: str) -> str:
    """Return the digest of the manifest that a tag's artifact is for, by the tag's name; empty if it is none."""
    match = _OF_DIGEST.fullmatch(tag)
    return f"{match[1]}:{match[2]}" if match else ""


def old(
    rule: Rule, dates: Mapping[str, datetime.datetime | None], now: datetime.datetime
) -> tuple[list[str], list[str]]:
    """Return the tags that a rule does not keep, and those of which it can't tell, as their age is not known.

    dates: when the image of each tag was made.
    """
    dated = sorted(((date, tag) for tag, date in dates.items() if date is not None), reverse=True)
    youngest = None if rule.days is None else now - datetime.timedelta(days=rule.days)
    found = [tag for date, tag in dated[rule.keep or 0 :] if youngest is None or date < youngest]
    # A rule that keeps none needs no age.
    undated = sorted(tag for tag, date in dates.items() if date is None)
    if rule.days is None and not rule.keep:
        return sorted([*found, *undated]), []
    return sorted(found), undated


@dataclass(frozen=True)
class Tagged:
    """A tag's manifest: its digest, what it lists at any depth, and the manifest that it belongs to."""

    digest: str
    subject: str = ""
    children: frozenset[str] = frozenset()


@dataclass
class Decision:
    """What becomes of the old tags. kept: why a tag can't go, by its name."""

    deleted: list[str] = field(default_factory=list)
    kept: dict[str, Reason] = field(default_factory=dict)


def decide(tags: Mapping[str, Tagged], candidates: Sequence[str]) -> Decision:
    """Return what can be deleted.

    tags: all tags of the repository. candidates: those that are old.
    """
    artifacts = {tag: digest_of(tag) for tag in tags if digest_of(tag) and tag not in candidates}
    old_ones = _closure(tags[tag] for tag in candidates)
    # An artifact of what is not known here stays.
    going = [*candidates, *(tag for tag, digest in artifacts.items() if digest in old_ones)]
    decision = Decision()
    needed = {tag: found for tag, found in tags.items() if tag not in going}
    while True:
        digests = {found.digest for found in needed.values()}
        listed = _closure(needed.values())
        stays: dict[str, Reason] = {}
        for tag in going:
            found = tags[tag]
            if found.digest in digests:
                stays[tag] = "tag"
            elif found.digest in listed:
                stays[tag] = "index"
            elif found.subject in listed or artifacts.get(tag) in listed:
                stays[tag] = "subject"
        if not stays:
            break
        going = [tag for tag in going if tag not in stays]
        needed.update({tag: tags[tag] for tag in stays})
        # That an artifact stays with what it is for is no news.
        decision.kept.update({tag: reason for tag, reason in stays.items() if tag not in artifacts})
    # Artifacts first: of an interrupted run none is left without what it is for.
    decision.deleted = [*sorted(set(going) & set(artifacts)), *sorted(set(going) - set(artifacts))]
    return decision


def _closure(tags: Iterable[Tagged]) -> set[str]:
    found: set[str] = set()
    for tag in tags:
        found |= {tag.digest, *tag.children}
    return found

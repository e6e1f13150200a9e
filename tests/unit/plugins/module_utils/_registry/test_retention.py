# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tags are old, and which of them can go."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import moment
from ansible_collections.dockyard.ops.plugins.module_utils._registry.retention import (
    Policy,
    Rule,
    Tagged,
    decide,
    digest_of,
    old,
)
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

NOW = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)


def ago(*days: int) -> dict[str, datetime.datetime | None]:
    """Return dates by tags that are named after them."""
    return {f"d{day}": NOW - datetime.timedelta(days=day) for day in days}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(keep=2), ["d20", "d30", "d40"]),
        (Rule(keep=5), []),
        (Rule(keep=9), []),
        (Rule(keep=0), ["d1", "d10", "d20", "d30", "d40"]),
        (Rule(days=20), ["d30", "d40"]),
        (Rule(days=0), ["d1", "d10", "d20", "d30", "d40"]),
        # Only what neither of the two keeps.
        (Rule(keep=4, days=5), ["d40"]),
        (Rule(keep=1, days=35), ["d40"]),
    ],
)
def test_what_is_old(rule: Rule, expected: list[str]) -> None:
    assert old(rule, ago(1, 10, 20, 30, 40), NOW) == (expected, [])


def test_what_has_no_date_stays_unless_nothing_is_kept() -> None:
    dates = {**ago(1, 10), "undated": None}
    assert old(Rule(keep=1), dates, NOW) == (["d10"], ["undated"])
    assert old(Rule(days=5), dates, NOW) == (["d10"], ["undated"])
    assert old(Rule(keep=0, days=5), dates, NOW) == (["d10"], ["undated"])
    assert old(Rule(keep=0), dates, NOW) == (["d1", "d10", "undated"], [])


def test_the_first_rule_that_is_for_a_tag_decides_about_it() -> None:
    policy = Policy(
        (Rule(tags=("v*",), days=1), Rule(("team/*",), keep=1), Rule(("team/app",), keep=0)), ("latest", "stable-*")
    )
    tags = ["latest", "stable-1", "v1", "a", "b", f"sha256-{'0' * 64}.sig"]
    assert policy.decided_by("team/app", tags) == {1: ["v1"], 2: ["a", "b"]}
    assert policy.decided_by("other", tags) == {1: ["v1"]}
    assert policy.narrow() == [1, 2, 3]
    assert Policy((Rule(keep=1), Rule(tags=("a",), keep=1))).narrow() == [2]
    assert policy.patterns == ()
    assert Policy((Rule(("b/*", "a"), keep=1), Rule(("a",), keep=2))).patterns == ("b/*", "a")


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ((), "rules is empty; give at least one rule."),
        (
            (Rule(keep=1), Rule(tags=("x",))),
            "Rule 2 of rules has neither keep nor days, and would delete every tag; give one of them, keep: 0 if that"
            " is meant.",
        ),
        ((Rule(keep=-1),), "keep of rule 1 is -1; give 0 or more."),
        ((Rule(days=-2),), "days of rule 1 is -2; give 0 or more."),
    ],
)
def test_rules_that_mean_nothing(rules: tuple[Rule, ...], message: str) -> None:
    with pytest.raises(DockyardError) as caught:
        Policy(rules).check()
    assert caught.value.code == "registry_retention_invalid"
    assert caught.value.message == message
    assert_explained(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-10-02T08:15:00Z", "2026-10-02T08:15:00+00:00"),
        ("2026-10-02T08:15:00.123456789Z", "2026-10-02T08:15:00+00:00"),
        ("2026-10-02t08:15:00+02:00", "2026-10-02T08:15:00+02:00"),
        # Reproducible builds, and what is no time.
        ("1970-01-01T00:00:00Z", None),
        ("1980-01-01T00:00:01Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("2026-13-02T08:15:00Z", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_when_an_image_was_made(value: object, expected: str | None) -> None:
    found = moment(value)
    assert (found.isoformat() if found else None) == expected


def test_tags_that_are_named_after_a_digest() -> None:
    digest = "0123456789abcdef" * 4
    for name in (f"sha256-{digest}", f"sha256-{digest}.sig", f"sha256-{digest}.att", f"sha256-{digest}-x"):
        assert digest_of(name) == f"sha256:{digest}"
    for name in ("latest", f"sha256-{digest[:-1]}", f"sha256-{digest}z", f"x-sha256-{digest}", f"md5-{digest}"):
        assert digest_of(name) == ""


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def of(number: int) -> str:
    """Return the name of the tag of a signature."""
    return f"sha256-{number:064x}.sig"


def test_a_manifest_that_a_kept_tag_shares_stays() -> None:
    tags = {"old": Tagged(digest(1)), "latest": Tagged(digest(1)), "older": Tagged(digest(2))}
    decision = decide(tags, ["old", "older"])
    assert decision.deleted == ["older"] and decision.kept == {"old": "tag"}


def test_what_a_kept_index_lists_stays() -> None:
    tags = {
        "index": Tagged(digest(1), children=frozenset({digest(2), digest(3)})),
        "part": Tagged(digest(2)),
        "inner": Tagged(digest(3), children=frozenset({digest(4)})),
        "old-index": Tagged(digest(5), children=frozenset({digest(2)})),
    }
    decision = decide(tags, ["part", "inner", "old-index"])
    assert decision.deleted == ["old-index"] and decision.kept == {"part": "index", "inner": "index"}


def test_artifacts_of_what_is_kept_stay_however_many_are_chained() -> None:
    tags = {
        "image": Tagged(digest(1), children=frozenset({digest(2)})),
        "sbom": Tagged(digest(3), subject=digest(2)),
        "signature-of-sbom": Tagged(digest(4), subject=digest(3)),
        "sbom-of-old": Tagged(digest(6), subject=digest(5)),
        "old": Tagged(digest(5)),
        of(4): Tagged(digest(7)),
        of(5): Tagged(digest(8)),
        # Of something that has no tag here.
        of(9): Tagged(digest(10)),
    }
    decision = decide(tags, ["sbom", "signature-of-sbom", "sbom-of-old", "old"])
    # What belongs to another manifest goes before it.
    assert decision.deleted == [of(5), "old", "sbom-of-old"]
    assert decision.kept == {"sbom": "subject", "signature-of-sbom": "subject"}


def test_an_artifact_that_shares_its_manifest_with_a_kept_tag_stays() -> None:
    tags = {"old": Tagged(digest(1)), of(1): Tagged(digest(2)), "kept": Tagged(digest(2))}
    assert decide(tags, ["old"]).deleted == ["old"]


def test_nothing_old_nothing_deleted() -> None:
    assert decide({"a": Tagged(digest(1)), of(1): Tagged(digest(2))}, []).deleted == []

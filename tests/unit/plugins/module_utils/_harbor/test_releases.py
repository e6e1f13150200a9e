# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hop is allowed, which is not and why, and which way leads there: every row of the tables, and all pairs."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._harbor import releases
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.releases import (
    allowed_path,
    databases,
    migration,
    minimum_source,
    refusal,
    removed_keys,
)
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.version import Version

V = Version.parse

# What goharbor/harbor-db takes over and leaves behind, first and last version of each row.
POSTGRESQL = [
    ("1.6.0", "1.10.17", "9.6", "9.6"),
    ("2.0.0", "2.2.4", "9.6", "9.6"),
    ("1.10.18", "1.10.19", "9.6 13", "13"),
    ("2.3.0", "2.6.4", "9.6 13", "13"),
    ("2.7.0", "2.8.6", "13", "13"),
    ("2.9.0", "2.10.3", "13 14", "14"),
    ("2.11.0", "2.15.1", "14 15", "15"),
    ("2.15.2", "2.15.9", "15 18", "18"),
    ("2.16.0", "3.1.0", "15 18", "18"),
]
MAJORS = ("9.6", "13", "14", "15", "18")
# The documented minimum source of each series, and the policy of two minors where there is none.
MINIMUM = {
    **{"1.6": "1.5", "1.7": "1.6", "1.8": "1.6", "1.9": "1.7", "1.10": "1.8", "2.0": "1.9", "2.1": "1.10"},
    **{"2.2": "1.10", "2.3": "2.1", "2.4": "2.2", "2.5": "2.3", "2.6": "2.4", "2.7": "2.5", "2.8": "2.6"},
    **{"2.9": "2.7", "2.10": "2.8", "2.11": "2.9", "2.12": "2.10", "2.13": "2.11", "2.14": "2.11"},
    **{"2.15": "2.12", "2.16": "2.14", "2.17": "2.15"},
}
SERIES = [tuple(map(int, text.split("."))) for text in MINIMUM]


@pytest.mark.parametrize(("first", "last", "takes", "leaves"), POSTGRESQL)
def test_each_row_of_the_database_table(first: str, last: str, takes: str, leaves: str) -> None:
    for version in (V(first), V(last)):
        found = databases(version)
        assert found is not None
        assert (found.takes, found.leaves) == (tuple(takes.split()), leaves)
        for major in set(MAJORS) - set(found.takes):
            # From the same series, so that nothing but the database is in the way.
            source = Version(*version.series, 0) if version.patch else version
            if source == version:
                continue
            reason = refusal(source, version, major)
            assert reason is not None
            assert reason.startswith(
                f"The database is of PostgreSQL {major}, and Harbor {version} takes over only"
                f" {' and '.join(found.takes)}: it would "
            )


def test_before_1_6_there_is_no_postgresql() -> None:
    assert databases(V("1.5.4")) is None
    assert refusal(V("1.5.0"), V("1.5.4"), None) is None


@pytest.mark.parametrize(("target", "source"), MINIMUM.items())
def test_each_row_of_the_hop_table(target: str, source: str) -> None:
    major, minor = map(int, source.split("."))
    version = V(f"{target}.0")
    assert minimum_source(version) == (major, minor)
    assert refusal(V(f"{source}.0"), version, None) is None
    if (major, minor) in SERIES[1:]:
        before = SERIES[SERIES.index((major, minor)) - 1]
        reason = refusal(Version(before[0], before[1], 0), version, None)
        assert reason is not None
        assert reason.startswith(
            f"Harbor {target}.0 can't be upgraded from {before[0]}.{before[1]}.0: it takes {source} at the least; go "
        )


@pytest.mark.parametrize("version", ["1.5.0", "1.4.0", "3.0.0", "0.5.0"])
def test_where_no_minimum_is_known(version: str) -> None:
    assert minimum_source(V(version)) is None


ALL = [V("1.5.4"), V("1.10.5"), V("1.10.19"), V("2.15.1"), V("2.15.2")] + [
    Version(major, minor, 0) for major, minor in SERIES
]


def follow(source: Version, path: list[str], major: str | None) -> None:
    """Each hop of a path is allowed by itself, with the database that the one before leaves."""
    version = source
    for step in path:
        # Any patch release of a series will do, so the last one before the next row of the table.
        target = V(step) if step.count(".") == 2 else V(f"{step}.99")
        assert refusal(version, target, major) is None, (version, target, major)
        found = databases(target)
        major = found.leaves if found and (major or source.series < (1, 6)) else None
        version = target


@pytest.mark.parametrize("major", [*MAJORS, None])
def test_every_pair_is_allowed_or_refused_with_a_way_that_is_allowed(major: str | None) -> None:
    ways = 0
    for source, target in itertools.product(sorted(set(ALL)), repeat=2):
        reason, path = refusal(source, target, major), allowed_path(source, target, major)
        minimum, taken = minimum_source(target), databases(target)
        bridged = (source.series, major, target.series) == ((1, 10), "13", (2, 3))
        allowed = source == target or (
            source < target
            and (source.series == target.series or bridged or (minimum is not None and source.series >= minimum))
            and (major is None or taken is None or major in taken.takes)
        )
        assert (reason is None) == allowed, (source, target, major)
        if allowed:
            assert path == [str(target)]
            continue
        assert reason is not None and reason.endswith(".") and "\n" not in reason
        if target < source:
            assert path is None
            assert f"Harbor has no downgrade from {source} to {target}" in reason
        elif path is None:
            assert "no allowed way leads there" in reason
        else:
            ways += 1
            assert path[-1] == str(target) and len(path) > 1
            follow(source, path, major)
            shown = " -> ".join([str(source), *(one if one.count(".") == 2 else f"{one}.x" for one in path)])
            assert reason.endswith(f"; go {shown}.")
    # Only the newest of all leaves 18.
    assert ways > 5 or major == "18"


@pytest.mark.parametrize(
    ("source", "target", "major", "path"),
    [
        ("2.8.6", "2.12.4", "13", "2.10 2.12.4"),
        ("2.6.4", "2.9.0", "13", "2.8 2.9.0"),
        ("2.2.4", "2.7.0", "9.6", "2.4 2.6 2.7.0"),
        ("1.9.4", "2.4.3", "9.6", "2.0 2.2 2.4.3"),
        ("1.5.0", "2.0.0", None, "1.6 1.8 1.10.17 2.0.0"),
        ("1.10.19", "2.5.0", "13", "2.3 2.5.0"),
        ("2.10.0", "2.15.2", "14", "2.12 2.15.2"),
        # Nothing but the database is in the way, and another patch release turns it into what is taken.
        ("2.6.4", "2.7.0", "9.6", "2.6 2.7.0"),
        ("2.14.0", "2.15.2", "14", "2.14 2.15.2"),
    ],
)
def test_the_fewest_hops(source: str, target: str, major: str | None, path: str) -> None:
    assert allowed_path(V(source), V(target), major) == path.split()


@pytest.mark.parametrize("source", ["1.10.18", "1.10.19"])
@pytest.mark.parametrize("target", ["2.0.0", "2.1.6", "2.2.4"])
def test_from_1_10_with_postgresql_13_only_2_3_is_a_way_on(source: str, target: str) -> None:
    assert allowed_path(V(source), V(target), "13") is None
    assert refusal(V(source), V(target), "13") == (
        f"The database is of PostgreSQL 13, and Harbor {target} takes over only 9.6: it would not start; no allowed way"
        f" leads there, but one leads past it: go {source} -> 2.3.x."
    )
    assert refusal(V(source), V("2.3.5"), "13") is None


@pytest.mark.parametrize(
    ("source", "target", "major", "text"),
    [
        (
            *("2.8.6", "2.12.4", "13"),
            "Harbor 2.12.4 can't be upgraded from 2.8.6: it takes 2.10 at the least; go 2.8.6 -> 2.10.x -> 2.12.4.",
        ),
        (
            *("2.5.0", "2.7.0", "9.6"),
            "The database is of PostgreSQL 9.6, and Harbor 2.7.0 takes over only 13: it would not start;"
            " go 2.5.0 -> 2.6.x -> 2.7.0.",
        ),
        (
            *("2.10.0", "2.12.4", "13"),
            "The database is of PostgreSQL 13, and Harbor 2.12.4 takes over only 14 and 15: it would start with an"
            " empty one and report healthy; go 2.10.0 -> 2.10.x -> 2.12.4.",
        ),
        (
            *("2.12.4", "2.12.3", "15"),
            "Harbor has no downgrade from 2.12.4 to 2.12.3; restore the backup of 2.12.3 instead (state: rolled_back).",
        ),
        (
            *("1.4.0", "1.6.0", None),
            "Harbor 1.4.0 is older than 1.5.0, from which on upgrades are supported here.",
        ),
        (
            *("2.15.2", "3.0.0", "18"),
            "Nothing is known here of Harbor 3.0.0 and what it can be upgraded from; no allowed way leads there from"
            " 2.15.2.",
        ),
    ],
)
def test_the_reason_in_one_sentence(source: str, target: str, major: str | None, text: str) -> None:
    assert refusal(V(source), V(target), major) == text


def test_an_external_database_stays_as_it_is() -> None:
    assert refusal(V("2.10.0"), V("2.12.0"), None) is None
    assert allowed_path(V("2.6.0"), V("2.12.0"), None) == ["2.8", "2.10", "2.12.0"]


@pytest.mark.parametrize(
    ("version", "flags"),
    [
        ("1.5.4", "clair notary"),
        ("1.6.0", "chartmuseum clair notary"),
        ("2.0.0", "chartmuseum clair notary trivy"),
        ("2.1.6", "chartmuseum clair notary trivy"),
        ("2.2.0", "chartmuseum notary trivy"),
        ("2.7.4", "chartmuseum notary trivy"),
        ("2.8.0", "notary trivy"),
        ("2.9.0", "trivy"),
        ("2.15.2", "trivy"),
    ],
)
def test_what_the_installer_takes(version: str, flags: str) -> None:
    assert releases.component_flags(V(version)) == {f"--with-{flag}" for flag in flags.split()}


@pytest.mark.parametrize(
    ("version", "standalone", "anonymous", "prefix", "name", "engine", "compose"),
    [
        ("1.7.6", True, True, "/api", "harbor.cfg", (1, 10, 0), (1, 7, 1)),
        ("1.8.0", True, True, "/api", "harbor.yml", (17, 6, 0), (1, 18, 0)),
        ("1.10.19", True, True, "/api", "harbor.yml", (17, 6, 0), (1, 18, 0)),
        ("2.5.3", True, True, "/api/v2.0", "harbor.yml", (17, 6, 0), (1, 18, 0)),
        ("2.5.4", False, True, "/api/v2.0", "harbor.yml", (17, 6, 0), (1, 18, 0)),
        ("2.6.0", False, True, "/api/v2.0", "harbor.yml", (17, 6, 0), (1, 18, 0)),
        ("2.12.4", False, True, "/api/v2.0", "harbor.yml", (20, 10, 10), (1, 18, 0)),
        ("2.13.0", False, False, "/api/v2.0", "harbor.yml", (20, 10, 10), (1, 18, 0)),
    ],
)
def test_what_else_differs(
    version: str, standalone: bool, anonymous: bool, prefix: str, name: str, engine: tuple[int, ...], compose: object
) -> None:
    assert releases.needs_standalone_compose(V(version)) is standalone
    assert releases.version_is_anonymous(V(version)) is anonymous
    assert releases.api_prefix(V(version)) == prefix
    assert releases.configuration_name(V(version)) == name
    assert releases.minimum_engine(V(version)) == engine
    assert releases.minimum_compose(V(version)) == compose


@pytest.mark.parametrize(
    ("source", "target", "some", "others"),
    [
        ("1.7.0", "1.8.0", ["auth_mode", "ldap_url"], ["hostname", "clair", "db_password"]),
        ("2.1.0", "2.2.0", ["clair", "external_database.clair"], ["chart"]),
        ("2.6.0", "2.8.0", ["chart", "external_redis.chartmuseum_db_index"], ["clair"]),
        ("2.8.6", "2.9.0", ["external_database.notary_server", "external_database.notary_signer"], ["chart"]),
    ],
)
def test_keys_that_are_gone(source: str, target: str, some: list[str], others: list[str]) -> None:
    gone = removed_keys(V(source), V(target))
    assert gone.issuperset(some) and gone.isdisjoint(others)
    assert removed_keys(V(target), V(target)) == frozenset()


def test_keys_that_are_gone_add_up_over_several_hops() -> None:
    assert removed_keys(V("2.1.0"), V("2.9.0")) >= {"clair", "chart", "external_database.notary_signer"}


INNER = "/harbor-migration/harbor-cfg"


@pytest.mark.parametrize(
    ("source", "target", "arguments"),
    [
        ("1.5.0", "1.6.3", "-v {new_configuration}:" + INNER + "/harbor.cfg {image} --cfg up"),
        ("1.6.3", "1.7.6", "-v {new_configuration}:" + INNER + "/harbor.cfg {image} --cfg up"),
        (
            *("1.7.6", "1.8.0"),
            "-v {old_configuration}:"
            + INNER
            + "/harbor.cfg -v {new_configuration}:/harbor-migration/harbor-cfg-out/harbor.yml {image} --cfg up",
        ),
        ("1.8.0", "1.10.19", "-v {new_configuration}:" + INNER + "/harbor.yml {image} --cfg up"),
    ],
)
def test_the_migrator_s_arguments_by_era(source: str, target: str, arguments: str) -> None:
    found = migration(V(source), V(target))
    assert (found.kind, found.image, found.answers) == ("migrator", "goharbor/harbor-migrator:{tag}", "y\n")
    assert " ".join(found.configuration) == "run --rm -i " + arguments
    assert (found.databases == ()) == (V(source).series >= (1, 6))


def test_1_6_turns_three_databases() -> None:
    found = migration(V("1.5.4"), V("1.6.0"))
    assert [" ".join(arguments) for arguments in found.databases] == [
        "run --rm -i -e DB_USR=root -e DB_PWD={db_password} -v {data}/database:/var/lib/mysql {image} --db up",
        "run --rm -i -e DB_USR=root -v {data}/notary-db:/var/lib/mysql -v {data}/database:/var/lib/postgresql/data"
        " {image} --db up",
        "run --rm -i -v {data}/clair-db:/clair-db -v {data}/database:/var/lib/postgresql/data {image} --db up",
    ]
    assert found.folders == ("database", "notary-db", "clair-db")


@pytest.mark.parametrize(("source", "target"), [("1.9.0", "2.0.0"), ("1.10.19", "2.3.0"), ("2.8.6", "2.10.3")])
def test_from_2_0_on_prepare_migrates(source: str, target: str) -> None:
    found = migration(V(source), V(target))
    assert (found.kind, found.image, found.databases, found.answers) == ("prepare", "goharbor/prepare:{tag}", (), "")
    assert " ".join(found.configuration) == "run --rm -v /:/hostfs {image} migrate -i {new_configuration}"


def test_values_with_braces_fit_into_the_arguments() -> None:
    filled = [
        word.format(data="/d {x}", db_password="{p}w", image="i")
        for word in migration(V("1.5.0"), V("1.6.0")).databases[0]
    ]
    assert filled[6] == "DB_PWD={p}w" and "/d {x}/database:/var/lib/mysql" in filled

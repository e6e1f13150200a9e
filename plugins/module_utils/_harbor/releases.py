# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What is different from one Harbor to the next: databases, allowed hops, flags, and how its configuration migrates.

All of it is data at the top of this file. Harbor itself enforces next to nothing of it: its database container makes an
empty database and reports healthy if it finds none that it knows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

from .version import Series, Version


@dataclass(frozen=True)
class Databases:
    """takes: the majors of PostgreSQL whose data it takes over; leaves: the one that it turns them into."""

    takes: tuple[str, ...]
    leaves: str


@dataclass(frozen=True)
class _Since:
    version: Version
    databases: Databases


# The PostgreSQL in goharbor/harbor-db, from its Dockerfile and upgrade script at each release; [23735] for 2.15.2.
# Each row holds up to the next.
_DATABASES = (
    _Since(Version(1, 6, 0), Databases(("9.6",), "9.6")),
    _Since(Version(1, 10, 18), Databases(("9.6", "13"), "13")),
    _Since(Version(2, 0, 0), Databases(("9.6",), "9.6")),
    _Since(Version(2, 3, 0), Databases(("9.6", "13"), "13")),
    _Since(Version(2, 7, 0), Databases(("13",), "13")),
    _Since(Version(2, 9, 0), Databases(("13", "14"), "14")),
    _Since(Version(2, 11, 0), Databases(("14", "15"), "15")),
    _Since(Version(2, 15, 2), Databases(("15", "18"), "18")),
)

# The oldest series that each can be upgraded from: "This guide only covers migration from ..." of its upgrade guide,
# and two minors back, which is the policy, if there is none.
_MINIMUM_SOURCES: dict[Series, Series] = {
    (1, 6): (1, 5),
    (1, 7): (1, 6),
    (1, 8): (1, 6),
    (1, 9): (1, 7),
    (1, 10): (1, 8),
    (2, 0): (1, 9),
    (2, 1): (1, 10),
    (2, 2): (1, 10),
    (2, 3): (2, 1),
    (2, 4): (2, 2),
    (2, 5): (2, 3),
    (2, 6): (2, 4),
    (2, 7): (2, 5),
    (2, 8): (2, 6),
    (2, 9): (2, 7),
    (2, 10): (2, 8),
    (2, 11): (2, 9),
    (2, 12): (2, 10),
    (2, 13): (2, 11),
    (2, 14): (2, 11),
    (2, 15): (2, 12),
}
_OLDEST = Version(1, 5, 0)
_LAST_1 = (1, 10)
# 1.10.18 and 1.10.19 leave a PostgreSQL 13, which 2.0 to 2.2 do not take over [19368]. This is the only way on, and the
# exception to the table above.
_BRIDGE = ((1, 10), "13", (2, 3))
# On the way through 1.10, it must be one that leaves PostgreSQL 9.6.
_FIXED = {(1, 10): Version(1, 10, 17)}


@dataclass(frozen=True)
class _Flag:
    name: str
    since: Series
    until: Series | None  # the first series whose install.sh refuses it


# Usage text of install.sh at each release.
_FLAGS = (
    _Flag("--with-notary", (1, 5), (2, 9)),
    _Flag("--with-clair", (1, 5), (2, 2)),
    _Flag("--with-chartmuseum", (1, 6), (2, 8)),
    _Flag("--with-trivy", (2, 0), None),
)


@dataclass(frozen=True)
class _Gone:
    since: Series
    keys: tuple[str, ...]


# Keys that a release no longer knows: its harbor.yml.tmpl against the one before. What 1.8 took out of the file has
# only ever been read at the very first start (INITIAL PROPERTIES in harbor.cfg) and lives in the database.
_GONE_KEYS = (
    _Gone(
        (1, 8),
        (
            *("admiral_url", "auth_mode", "customize_crt", "project_creation_restriction", "reload_config"),
            *("secretkey_path", "self_registration", "skip_reload_env_pattern", "token_expiration"),
            *("email_from", "email_identity", "email_insecure", "email_password", "email_server"),
            *("email_server_port", "email_ssl", "email_username"),
            *("ldap_basedn", "ldap_filter", "ldap_group_admin_dn", "ldap_group_basedn", "ldap_group_filter"),
            *("ldap_group_gid", "ldap_group_scope", "ldap_scope", "ldap_search_pwd", "ldap_searchdn"),
            *("ldap_timeout", "ldap_uid", "ldap_url", "ldap_verify_cert"),
            *("uaa_clientid", "uaa_clientsecret", "uaa_endpoint", "uaa_verify_cert"),
        ),
    ),
    _Gone((2, 2), ("clair", "external_database.clair", "external_redis.clair_db_index")),
    _Gone((2, 8), ("chart", "external_redis.chartmuseum_db_index")),
    _Gone((2, 9), ("external_database.notary_server", "external_database.notary_signer")),
)


@dataclass(frozen=True)
class Migration:
    """How the configuration, and before 1.7 the databases, come from one version to the next.

    image: what to run, with {tag} for the target's tag.
    configuration: arguments of docker. {new_configuration} is the absolute path of a copy of the old file, which is
        changed in place, except if {old_configuration} occurs too: then that is only read, and {new_configuration}
        is the release's own template, to be filled in.
    databases: arguments of docker, in the order in which they must run; {data} is the data volume, {db_password} the
        password of the old database. Empty if the server migrates its database when it starts.
    folders: for each of them, the folder of the data volume without which it is to be left out.
    answers: what to feed to standard input.
    """

    kind: Literal["prepare", "migrator"]
    image: str
    configuration: tuple[str, ...]
    databases: tuple[tuple[str, ...], ...]
    folders: tuple[str, ...]
    answers: str


_RUN = ("run", "--rm", "-i")
_IN_MIGRATOR = "/harbor-migration/harbor-cfg"
# docs/migration_guide.md at 1.5 to 1.9, and docs/1.10/administration/upgrade.
_CFG: tuple[str, ...] = (*_RUN, "-v", "{new_configuration}:" + _IN_MIGRATOR + "/harbor.cfg", "{image}", "--cfg", "up")
_CFG_TO_YML: tuple[str, ...] = (
    *_RUN,
    "-v",
    "{old_configuration}:" + _IN_MIGRATOR + "/harbor.cfg",
    "-v",
    "{new_configuration}:/harbor-migration/harbor-cfg-out/harbor.yml",
    "{image}",
    "--cfg",
    "up",
)
_YML: tuple[str, ...] = (*_RUN, "-v", "{new_configuration}:" + _IN_MIGRATOR + "/harbor.yml", "{image}", "--cfg", "up")
_MARIADB = "{data}/database:/var/lib/mysql"
_POSTGRESQL = "{data}/database:/var/lib/postgresql/data"
# 1.6 turns MariaDB into PostgreSQL. Notary's and Clair's data go into the database that the first run has made.
_TO_POSTGRESQL = (
    (*_RUN, "-e", "DB_USR=root", "-e", "DB_PWD={db_password}", "-v", _MARIADB, "{image}", "--db", "up"),
    (*_RUN, "-e", "DB_USR=root", "-v", "{data}/notary-db:/var/lib/mysql", "-v", _POSTGRESQL, "{image}", "--db", "up"),
    (*_RUN, "-v", "{data}/clair-db:/clair-db", "-v", _POSTGRESQL, "{image}", "--db", "up"),
)
_PREPARE = ("run", "--rm", "-v", "/:/hostfs", "{image}", "migrate", "-i", "{new_configuration}")


def databases(version: Version) -> Databases | None:
    """Return what the version's database container does with data; a version newer than all known is like the newest.

    None before 1.6, which has MariaDB.
    """
    rows = [row for row in _DATABASES if row.version <= version]
    return rows[-1].databases if rows else None


def minimum_source(version: Version) -> Series | None:
    """Return the oldest series that can be upgraded to it; None if that is not known."""
    series = version.series
    if series not in _MINIMUM_SOURCES and series > max(_MINIMUM_SOURCES) and series[0] == max(_MINIMUM_SOURCES)[0]:
        return series[0], series[1] - 2
    return _MINIMUM_SOURCES.get(series)


def _obstacle(source: Version, target: Version, database_major: str | None) -> str | None:
    """Return why a single hop is not allowed, as the first part of a sentence."""
    if source == target:
        return None
    if target < source:
        return (
            f"Harbor has no downgrade from {source} to {target}; restore the backup of {target} instead"
            " (state: rolled_back)"
        )
    if source < _OLDEST:
        return f"Harbor {source} is older than {_OLDEST}, from which on upgrades are supported here"
    minimum = minimum_source(target)
    if minimum is None and target.series != source.series:
        return f"Nothing is known here of Harbor {target} and what it can be upgraded from"
    bridged = (source.series, database_major, target.series) == _BRIDGE
    if minimum and source.series < minimum and not bridged:
        return f"Harbor {target} can't be upgraded from {source}: it takes {_named(minimum)} at the least"
    taken = databases(target)
    if database_major and taken and database_major not in taken.takes:
        silent = target.series >= (2, 7) and (database_major != "9.6" or target.series >= (2, 9))
        return (
            f"The database is of PostgreSQL {database_major}, and Harbor {target} takes over only"
            f" {' and '.join(taken.takes)}:"
            f" it would {'start with an empty one and report healthy' if silent else 'not start'}"
        )
    return None


def refusal(source: Version, target: Version, database_major: str | None) -> str | None:
    """Return why this hop must not be made in one go, and which way is allowed, in one sentence.

    None if it is allowed.

    database_major: the major of PostgreSQL in the data on disk; None for MariaDB and for an external database.
    """
    reason = _obstacle(source, target, database_major)
    if reason is None or target < source or source < _OLDEST:
        return reason and f"{reason}."
    path = allowed_path(source, target, database_major)
    if path:
        return f"{reason}; go {_shown(source, path)}."
    beyond = _way_past(source, target, database_major)
    if beyond:
        return f"{reason}; no allowed way leads there, but one leads past it: go {_shown(source, beyond)}."
    return f"{reason}; no allowed way leads there from {source}."


def _shown(source: Version, path: list[str]) -> str:
    return " -> ".join([str(source), *(step if step.count(".") == 2 else f"{step}.x" for step in path)])


def _named(series: Series) -> str:
    return f"{series[0]}.{series[1]}"


def _stations(target: Version) -> list[Version]:
    """Return one version for each known series that may be gone through on the way, newest first."""
    # Any patch release will do, so that it stands for the last one there will ever be.
    last = 999_999
    series = sorted((one for one in _MINIMUM_SOURCES if one <= target.series), reverse=True)
    return [_FIXED.get(one, Version(*one, last)) for one in series]


def allowed_path(source: Version, target: Version, database_major: str | None) -> list[str] | None:
    """Return the fewest hops that lead to the target, which is the last; None if there is no way.

    The others are series such as "2.10", of which any patch release will do, or one that must be just that.
    """
    waiting: deque[tuple[Version, str | None, list[str]]] = deque([(source, database_major, [])])
    seen = {(source, database_major)}
    stations = _stations(target)
    while waiting:
        version, major, path = waiting.popleft()
        if version == target or _obstacle(version, target, major) is None:
            return [*path, str(target)]
        for station in stations:
            if station <= version or station >= target or _obstacle(version, station, major):
                continue
            found = databases(station)
            # MariaDB has become PostgreSQL there; an external database stays what it is.
            left = found.leaves if found and (major or source.series < (1, 6)) else major
            if (station, left) not in seen:
                seen.add((station, left))
                label = str(station) if station in _FIXED.values() else _named(station.series)
                waiting.append((station, left, [*path, label]))
    return None


def _way_past(source: Version, target: Version, database_major: str | None) -> list[str] | None:
    """Return a way to the next series after the target, for if none leads to the target itself."""
    for series in sorted(one for one in _MINIMUM_SOURCES if one > target.series):
        path = allowed_path(source, Version(*series, 0), database_major)
        if path:
            return [*path[:-1], _named(series)]
    return None


def component_flags(version: Version) -> frozenset[str]:
    """Return the --with-... that its install.sh takes; it ends with an error if it gets any other."""
    return frozenset(
        flag.name
        for flag in _FLAGS
        if flag.since <= version.series and (flag.until is None or version.series < flag.until)
    )


def needs_standalone_compose(version: Version) -> bool:
    """Return whether its install.sh knows only docker-compose and not compose as a plugin of docker [12226, 17013]."""
    return version < Version(2, 5, 4)


def version_is_anonymous(version: Version) -> bool:
    """Return whether systeminfo tells the version to those who have not logged in."""
    return version.series < (2, 13)


def api_prefix(version: Version) -> str:
    return "/api/v2.0" if version.major >= 2 else "/api"


def configuration_name(version: Version) -> str:
    return "harbor.yml" if version.series >= (1, 8) else "harbor.cfg"


def minimum_engine(version: Version) -> tuple[int, ...]:
    """Return the oldest Docker Engine for it, from the prerequisites in its documentation."""
    if version.series >= (2, 9):
        return 20, 10, 10
    return (17, 6, 0) if version.series >= (1, 8) else (1, 10, 0)


def minimum_compose(version: Version) -> tuple[int, ...]:
    """Return the oldest compose for it, from its install.sh."""
    return (1, 18, 0) if version.series >= (1, 8) else (1, 7, 1)


def removed_keys(source: Version, target: Version) -> frozenset[str]:
    """Return dotted keys of the configuration that are documented as gone on this way: losing them is no damage."""
    return frozenset(key for gone in _GONE_KEYS if source.series < gone.since <= target.series for key in gone.keys)


def migration(source: Version, target: Version) -> Migration:
    """Return what migrates the configuration, and before 1.7 the databases, from source to target."""
    if target.major >= 2:
        return Migration("prepare", "goharbor/prepare:{tag}", _PREPARE, (), (), "")
    if source.series >= (1, 8):
        configuration = _YML
    elif target.series >= (1, 8):
        configuration = _CFG_TO_YML
    else:
        configuration = _CFG
    turned = source.series < (1, 6) <= target.series
    return Migration(
        "migrator",
        "goharbor/harbor-migrator:{tag}",
        configuration,
        _TO_POSTGRESQL if turned else (),
        ("database", "notary-db", "clair-db") if turned else (),
        # It asks from 1.5 on, not only from 1.9 [7081], and takes an empty answer for no.
        "y\n",
    )

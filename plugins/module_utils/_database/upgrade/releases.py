# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What may follow what: the steps that each server supports, and releases that their makers have withdrawn. As data."""

from __future__ import annotations

import dataclasses

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import version
from ..version import Version

# The series over which an upgrade goes, in order. MySQL and MariaDB: their long-term support releases, of which MySQL
# refuses to skip one (MY-014060). Redis and Valkey read all older files, and nobody tests a jump over a major version.
SERIES: dict[str, tuple[Version, ...]] = {
    "mysql": ((5, 7), (8, 0), (8, 4), (9, 7)),
    "mariadb": ((10, 6), (10, 11), (11, 4), (11, 8), (12, 3)),
    "redis": ((5, 0), (6, 2), (7, 4), (8, 0)),
    "valkey": ((7, 2), (8, 1), (9, 1)),
}
# Servers of which a step may lead from any release to any of the next major version.
_BY_MAJOR = ("redis", "valkey")
# MariaDB's own documentation supports upgrades over several series at once.
_MAY_SKIP = ("mariadb",)


@dataclasses.dataclass(frozen=True)
class Withdrawn:
    """A release that must not be put on data. instead: what its makers replaced it with."""

    flavour: str
    release: Version
    instead: Version
    reason: str


WITHDRAWN = (
    Withdrawn("mysql", (8, 0, 29), (8, 0, 30), "tables with columns that were added INSTANT could be corrupted"),
    Withdrawn("mysql", (8, 0, 38), (8, 0, 39), "it does not start again with more than 10000 tables"),
    Withdrawn("mysql", (8, 4, 1), (8, 4, 2), "it does not start again with more than 10000 tables"),
    Withdrawn("mysql", (9, 0, 0), (9, 0, 1), "it does not start again with more than 10000 tables"),
)


def check_step(flavour: str, title: str, source: Version, target: Version) -> None:
    """Raise DockyardError with the allowed path if data of one version must not be given to another."""
    was, will = f"{title} {version.shown(source)}", f"{title} {version.shown(target)}"
    withdrawn = next((each for each in WITHDRAWN if (each.flavour, each.release) == (flavour, target)), None)
    if withdrawn is not None:
        raise _refuse(
            f"{will} was withdrawn by its makers, because {withdrawn.reason}; take"
            f" {version.shown(withdrawn.instead)} or a later one."
        )
    if target < source:
        raise _refuse(
            f"The data are of {was}, and {will} is older: a server does not read the files of a later one, or ruins"
            f" them. Take {version.shown(source)} or a later one, or restore a backup from before the upgrade."
        )
    over = skipped(flavour, source, target)
    if over:
        path = " and then ".join(version.shown(series) for series in over)
        raise _refuse(
            f"{was} can't be upgraded to {version.shown(target)} in one step; go to {path} first, the latest release of"
            f" {'it' if len(over) == 1 else 'each'}, and then to {version.shown(target)}."
        )


def skipped(flavour: str, source: Version, target: Version) -> list[Version]:
    """Return the series between two versions that must not be left out."""
    if flavour in _MAY_SKIP:
        return []
    if flavour in _BY_MAJOR:
        return [series for series in SERIES[flavour] if source[0] < series[0] < target[0]]
    return [series for series in SERIES.get(flavour, ()) if source[:2] < series < target[:2]]


def _refuse(sentence: str) -> DockyardError:
    return DockyardError("database_upgrade_refused", sentence)

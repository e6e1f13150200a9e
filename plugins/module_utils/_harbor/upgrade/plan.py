# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What an upgrade of a Harbor takes, and everything that is in its way. Reads only."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import disk, tree_copy

from .. import releases
from ..compose import has_standalone_compose
from ..config import document
from ..data_volume import parts_to_keep
from ..installation import Installation
from ..version import Version
from .room import RESERVE

# Rough figures of one host with SSDs, to tell a minute from an hour. Seconds and bytes per second.
_STOP_AND_START = 15
_HOP = 45
_DATABASE_RATE = 100e6
# Unpacked, the images of an offline archive take about three times its size.
_IMAGES_FACTOR = 3


@dataclasses.dataclass
class DesiredUpgrade:
    """What a user has decided about their upgrade; see the module's options.

    archive_sizes: bytes of each release's archive, 0 if not known.
    """

    archive_sizes: Sequence[int] = ()
    backup_path: str | None = None
    edited_compose: Literal["refuse", "discard"] = "refuse"
    drop_components: Sequence[str] = ()
    database_backup_command: Sequence[str] = ()
    database_restore_command: Sequence[str] = ()


@dataclasses.dataclass
class Plan:
    """blockers: what is in the way; warnings: what one should know; both are whole sentences. Sizes in bytes."""

    source: Version
    hops: list[Version]
    blockers: list[str]
    warnings: list[str]
    needs: list[dict[str, Any]]
    space: dict[str, int]
    downtime: int
    parts: list[str]
    backup_path: str
    values: list[str]

    def as_result(self) -> dict[str, Any]:
        return {
            "version": str(self.source),
            "hops": self.needs,
            "possible": not self.blockers,
            "blockers": self.blockers,
            "warnings": self.warnings,
            "space": self.space,
            "estimated_downtime": self.downtime,
            "backed_up": self.parts,
            "backup_path": self.backup_path,
            "fragile_values": self.values,
        }


def build_plan(installation: Installation, targets: Sequence[Version], desired: DesiredUpgrade | None = None) -> Plan:
    """Build the plan. targets.

    The versions to go to, one after the other; those that are reached already are left out.
    """
    desired = desired or DesiredUpgrade()
    hops = [target for target in targets if target > installation.version]
    if not hops and installation.version not in targets:
        hops = list(targets[-1:])  # a downgrade, which the hop's own check refuses
    parts = parts_to_keep(installation.data_volume, installation.version)
    backup_path = desired.backup_path or os.path.join(installation.data_volume, "dockyard-backups")
    if not os.path.isabs(backup_path):
        raise DockyardError(
            "harbor_backup_path_invalid", f"backup_path is {backup_path!r}, which is no absolute path; give one."
        )
    blockers: list[str] = []
    warnings: list[str] = []
    needs = _hops(installation, hops, blockers)
    upgrades = sum(1 for need in needs if need["database_before"] != need["database_after"])
    space = _space(installation, parts, upgrades, backup_path, desired.archive_sizes)
    if hops:
        _check_host(installation, hops, blockers)
        _check_components(installation, hops, desired, blockers, warnings)
        _check_external(installation, desired, blockers, warnings)
        _check_state(installation, desired, blockers, warnings)
        _check_space(space, blockers)
    values = [path for path, _value, _becomes in document.fragile_values(installation.config)]
    if hops and values:
        warnings.append(
            f"Harbor's own migration would damage {', '.join(values)} of {os.path.basename(installation.config_path)};"
            " they are kept as they are."
        )
    downtime = round(
        _STOP_AND_START + _HOP * len(hops) + upgrades * installation.database.bytes / _DATABASE_RATE if hops else 0
    )
    return Plan(installation.version, hops, blockers, warnings, needs, space, downtime, parts, backup_path, values)


def _hops(installation: Installation, hops: Sequence[Version], blockers: list[str]) -> list[dict[str, Any]]:
    needs: list[dict[str, Any]] = []
    source, major = installation.version, installation.database.major
    for target in hops:
        refusal = releases.refusal(source, target, major)
        if refusal:
            blockers.append(refusal)
        databases = releases.databases(target)
        after = major if installation.database.external or databases is None else databases.leaves
        needs.append(
            {
                "from": str(source),
                "to": str(target),
                "database_before": major,
                "database_after": after,
                "configuration": releases.migration(source, target).kind,
            }
        )
        source, major = target, after
    return needs


def _space(
    installation: Installation, parts: Sequence[str], upgrades: int, backup_path: str, archive_sizes: Sequence[int]
) -> dict[str, int]:
    """Return what is needed and free by file system: that of the data, and that of the backup if it is another."""
    sizes = {part: installation.sizes.get(part, 0) for part in parts}
    copies = sum(sizes.values())
    existing = disk.existing_folder(backup_path)
    shares = disk.on_one_file_system(existing, installation.data_volume)
    if shares and tree_copy.can_reflink(existing):
        copies = 0
    upgrade = installation.database.bytes if upgrades and not installation.database.external else 0
    unpacked = 2 * sum(archive_sizes)  # the archive itself, and what is in it
    return {
        "backup_needed": copies + RESERVE,
        "backup_free": disk.free_bytes(existing),
        "data_needed": upgrade + RESERVE + (copies if shares else 0),
        "data_free": disk.free_bytes(installation.data_volume),
        "install_needed": unpacked + RESERVE,
        "install_free": disk.free_bytes(os.path.dirname(installation.path) or "/"),
        "images_needed": _IMAGES_FACTOR * sum(archive_sizes) + RESERVE,
        "images_free": disk.free_bytes("/var/lib/docker"),
    }


def _check_space(space: dict[str, int], blockers: list[str]) -> None:
    for what, place in (
        ("data", "the data volume, for a copy and the database's own upgrade"),
        ("backup", "the file system of the backup"),
        ("install", "the file system of the install folder"),
        ("images", "the engine's data folder"),
    ):
        needed, free = space[f"{what}_needed"], space[f"{what}_free"]
        if needed > free:
            blockers.append(
                f"There is too little room on {place}: {needed >> 20} MiB are needed and {free >> 20} MiB are free;"
                f" free {(needed - free) >> 20} MiB there{', or give another backup_path' if what == 'backup' else ''}."
            )


def _check_host(installation: Installation, hops: Sequence[Version], blockers: list[str]) -> None:
    for target in hops:
        for name, minimum, found in (
            ("Docker", releases.minimum_engine(target), installation.engine),
            ("Docker Compose", releases.minimum_compose(target), installation.compose),
        ):
            if found < minimum:
                has = f"is {_dotted(found)}" if found else "is not there"
                blockers.append(
                    f"Harbor {target} wants {name} {_dotted(minimum)} or newer, and this host's {has}; upgrade that."
                )
        if releases.needs_standalone_compose(target) and not has_standalone_compose():
            blockers.append(
                f"The installer of Harbor {target} only knows docker-compose as a command of its own, which is not on"
                " root's PATH; put it there (a link to the plugin's program will do)."
            )


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def _check_components(
    installation: Installation,
    hops: Sequence[Version],
    desired: DesiredUpgrade,
    blockers: list[str],
    warnings: list[str],
) -> None:
    for flag in installation.flags:
        name = flag[len("--with-") :]
        ends = next((target for target in hops if flag not in releases.component_flags(target)), None)
        if ends is None:
            continue
        if name in desired.drop_components:
            warnings.append(f"{name} is in use and ends with Harbor {ends}; its data stay on the data volume.")
        else:
            blockers.append(
                f"{name} is in use, and Harbor {ends} does not have it any more; move its contents elsewhere, then name"
                " it in drop_components."
            )


def _check_external(
    installation: Installation, desired: DesiredUpgrade, blockers: list[str], warnings: list[str]
) -> None:
    if installation.database.external and not (desired.database_backup_command and desired.database_restore_command):
        blockers.append(
            "The database is external and can't be put back from this host; give database_backup_command and"
            " database_restore_command (see the decision table in the guide)."
        )
    if document.external_redis(installation.config):
        warnings.append("Redis is external: it is not copied. Its queue of jobs is not put back if the upgrade fails.")


def _check_state(installation: Installation, desired: DesiredUpgrade, blockers: list[str], warnings: list[str]) -> None:
    if not installation.running:
        blockers.append(
            f"Harbor {installation.version} does not run, so what is in it can't be counted; start it, and see that it"
            " is healthy."
        )
    if installation.edited_compose and desired.edited_compose == "refuse":
        blockers.append(
            f"{installation.edited_compose.rstrip('.')}; the upgrade makes a new one. Move the changes to"
            " docker-compose.override.yml, which is carried over, or set edited_compose: discard."
        )
    elif installation.edited_compose:
        warnings.append(f"{installation.edited_compose.rstrip('.')}; its changes end with the upgrade.")
    # The new release goes into a fresh folder, where they do no harm.
    warnings.extend(f"{leftover.rstrip('.')}." for leftover in installation.leftovers)
    if installation.database.others:
        blockers.append(
            f"There are further databases beside {installation.database.folder}:"
            f" {', '.join(installation.database.others)}. An upgrade of PostgreSQL was interrupted, or undone by hand,"
            " and the next one would take the wrong one. Move those away that Harbor does not use."
        )
    if installation.database.major is None and not installation.database.external:
        blockers.append(
            f"There is no database that can be recognised in {installation.data_volume}/database; Harbor would make an"
            " empty one and call itself healthy. Put the database back first."
        )

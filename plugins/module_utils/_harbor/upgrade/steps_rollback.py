# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The steps of the rollback: the old install folder and the old data in their places, serving, and proven.

Each can be repeated after a kill. Nothing that a rollback may still need is removed before the proof.
"""

from __future__ import annotations

import os
import shutil

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, tree_copy

from .. import compose
from ..config import document
from ..containers import stop_and_remove
from . import images, proof, room, steps_offline, steps_online
from .context import UpgradeContext, last_lines

_STOP = 300.0  # seconds
_START = 600.0
_COMMAND = 24 * 3600.0


def stop(context: UpgradeContext) -> None:
    job = context.job
    context.mark_down()
    # What a new version that has failed has made of the data is thrown away: it need not end in order.
    stop_and_remove(job.path, _STOP, discard=_has_failed(context) and "copy_again" in job.done)
    if _has_failed(context):
        steps_offline.remove_working_files(context)  # gigabytes, on a disk that may be full


def _has_failed(context: UpgradeContext) -> bool:
    """Return whether the upgrade is taken back since it has failed, and not on request."""
    return context.job.reason is not None


def restore_folder(context: UpgradeContext) -> None:
    """Put the old install folder back, if the swap had taken it away."""
    job = context.job
    old = steps_offline.folder_before(context)
    if not os.path.isdir(old):
        return  # it was never moved, or a run that was killed has put it back
    if os.path.isdir(job.path):
        failed = _failed_folder(context)
        shutil.rmtree(failed, ignore_errors=True)
        os.rename(job.path, failed)
    os.rename(old, job.path)
    atomic_file.sync_folder(os.path.dirname(job.path))


def _failed_folder(context: UpgradeContext) -> str:
    return os.path.join(context.job.work, f"failed-{context.job.id}")


def restore_data(context: UpgradeContext) -> None:
    """Put the old data back, if there is a consistent copy. Before that, nothing has written into them."""
    job = context.job
    if "copy_again" not in job.done:
        return
    for part in job.parts:
        live, copy = steps_online.live_part(context, part), steps_online.copied_part(context, part)
        if not os.path.lexists(copy):
            continue  # renamed into its place by a run that was killed
        if os.path.ismount(live) or os.stat(copy).st_dev != os.stat(job.data_volume).st_dev:
            tree_copy.bring_up_to_date(copy, live, trust_times=False)
            continue
        if os.path.lexists(live):
            failed = _failed_data(context, part)
            _remove(failed)
            os.rename(live, failed)
        os.rename(copy, live)
        atomic_file.sync_folder(job.data_volume)
    if _has_failed(context):
        # The old database must not find a disk that the failed one has filled.
        _remove_failed_data(context)
    restore = job.options.get("database_restore_command")
    if restore and document.external_database(context.config(job.source)):
        done = context.run_command(restore, timeout=_COMMAND)
        if done.returncode != 0:
            raise DockyardError(
                "harbor_database_command_failed",
                f"The command that restores the database failed with {done.returncode}: {last_lines(done.stdout)}",
            )


def _failed_data(context: UpgradeContext, part: str) -> str:
    return os.path.join(context.job.data_volume, f".dockyard-failed-{part}")


def _remove_failed_data(context: UpgradeContext) -> None:
    for part in context.job.parts:
        _remove(_failed_data(context, part))


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)


def start(context: UpgradeContext) -> None:
    compose.up(context.job.path, _START)


def verify(context: UpgradeContext) -> None:
    job = context.job
    proof.wait_until_healthy(context, job.source, job.options["timeout"])
    job.census_after = proof.verify_contents(context, job.source)
    context.mark_up()


def clean_up(context: UpgradeContext) -> None:
    """Remove what was left of the upgrade, and of its rollback."""
    _remove_failed_data(context)
    shutil.rmtree(_failed_folder(context), ignore_errors=True)
    remove_traces(context)


def remove_traces(context: UpgradeContext) -> None:
    """Remove everything that was made beside a Harbor that is as it was before."""
    room.free_reserve(context)
    steps_offline.remove_working_files(context)
    shutil.rmtree(context.job.backup, ignore_errors=True)
    images.unload(context, context.job.hops)
    steps_offline.remove_empty_folders(context)

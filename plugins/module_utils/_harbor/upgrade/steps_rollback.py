# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The steps of the way back: the old install folder and the old data in their places, serving, and proven.

Each can be repeated after a kill. Nothing that a way back may still need is removed before the proof.
"""

from __future__ import annotations

import os
import shutil

from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, tree_copy

from .. import compose
from ..config import document
from ..containers import stop_and_remove
from . import images, proof, steps_offline, steps_online
from .context import Run, tail

_STOP = 300.0  # seconds
_START = 600.0
_COMMAND = 24 * 3600.0


def stop(run: Run) -> None:
    run.goes_down()
    stop_and_remove(run.job.path, _STOP)


def folder(run: Run) -> None:
    """The old install folder, where the swap had taken it away."""
    job = run.job
    old = steps_offline.previous(run)
    if not os.path.isdir(old):
        return  # it was never moved, or a run that was killed has put it back
    if os.path.isdir(job.path):
        failed = _failed_folder(run)
        shutil.rmtree(failed, ignore_errors=True)
        os.rename(job.path, failed)
    os.rename(old, job.path)
    atomic_file.sync_folder(os.path.dirname(job.path))


def _failed_folder(run: Run) -> str:
    return os.path.join(run.job.work, f"failed-{run.job.id}")


def data(run: Run) -> None:
    """The old data, where there is a consistent copy. Before that, nothing has written into them."""
    job = run.job
    if "copy_again" not in job.done:
        return
    for part in job.parts:
        live, copy = steps_online.data(run, part), steps_online.copy_of(run, part)
        if not os.path.lexists(copy):
            continue  # renamed into its place by a run that was killed
        if os.path.ismount(live) or os.stat(copy).st_dev != os.stat(job.data_volume).st_dev:
            tree_copy.bring_up_to_date(copy, live, trust_times=False)
            continue
        if os.path.lexists(live):
            failed = _failed_data(run, part)
            _remove(failed)
            os.rename(live, failed)
        os.rename(copy, live)
        atomic_file.sync_folder(job.data_volume)
    restore = job.options.get("database_restore_command")
    if restore and document.external_database(run.config(job.source)):
        done = run.command(restore, timeout=_COMMAND)
        if done.returncode != 0:
            raise Problem(f"The command that restores the database failed with {done.returncode}: {tail(done.stdout)}")


def _failed_data(run: Run, part: str) -> str:
    return os.path.join(run.job.data_volume, f".dockyard-failed-{part}")


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)


def start(run: Run) -> None:
    compose.up(run.job.path, _START)


def verify(run: Run) -> None:
    job = run.job
    proof.wait(run, job.source, job.options["timeout"])
    job.census_after = proof.verify(run, job.source)
    run.serves()


def tidy(run: Run) -> None:
    """What was left of the upgrade, and of its way back."""
    job = run.job
    for part in job.parts:
        _remove(_failed_data(run, part))
    shutil.rmtree(_failed_folder(run), ignore_errors=True)
    forget(run)


def forget(run: Run) -> None:
    """Everything that was made beside a Harbor that is as it was before."""
    steps_offline.remove_working_files(run)
    shutil.rmtree(run.job.backup, ignore_errors=True)
    images.unload(run, run.job.hops)
    steps_offline.remove_empty_folders(run)

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The steps of a Harbor upgrade that are done while Harbor is up: all that takes long, and that can go wrong early.

Each can be repeated after a kill. What they leave behind is in the job's work folder and in its backup folder.
"""

from __future__ import annotations

import contextlib
import os

from ansible.module_utils.urls import open_url
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import disk, tree_copy

from .. import installer_archive
from ..signature import check_signature
from ..version import Version
from .context import UpgradeContext
from .job import Hop


def live_part(context: UpgradeContext, part: str) -> str:
    return os.path.join(context.job.data_volume, part)


def copied_part(context: UpgradeContext, part: str) -> str:
    return os.path.join(context.job.backup, "data", part)


# --- the release


def fetch(context: UpgradeContext, hop: Hop) -> None:
    """Check that the archive is on the host, whole and the right one; download it if it is not there."""
    if hop.url is not None and not os.path.exists(hop.archive):
        _download(context, hop.url, hop.archive)
    if hop.checksum is not None:
        installer_archive.check_checksum(hop.archive, hop.checksum, context.report_progress)
    if hop.signature is not None:
        check_signature(hop.archive, hop.signature, hop.keyring)
    release = installer_archive.inspect_archive(hop.archive, context.report_progress)
    if release.version != Version.parse(hop.version):
        raise DockyardError(
            "harbor_archive_wrong",
            f"{hop.archive} holds Harbor {release.version}, though it is named as {hop.version}; give the right"
            " archive",
        )


def _download(context: UpgradeContext, url: str, path: str) -> None:
    partial = path + ".partial"
    shown = url.partition("?")[0]  # what follows may be as good as a password
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    try:
        with open_url(url, timeout=60) as answer, open(partial, "wb") as file:
            total = int(answer.headers.get("Content-Length") or 0)
            done = 0
            while True:
                chunk = answer.read(1 << 20)
                if not chunk:
                    break
                file.write(chunk)
                done += len(chunk)
                context.report_progress(done, total)
        if total and done != total:
            raise DockyardError(
                "harbor_download_failed", f"{shown} was interrupted after {done} of {total} bytes; run again"
            )
        os.replace(partial, path)
    except OSError as error:  # URLError is one
        raise DockyardError(
            "harbor_download_failed", f"{shown} can't be fetched ({error}); fix that, or give the archive as a file"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(partial)


def unpack(context: UpgradeContext, hop: Hop) -> None:
    """Unpack beside the install folder, never over it.

    With two tarballs of images in a folder, the installer loads none.
    """
    release = installer_archive.inspect_archive(hop.archive)
    installer_archive.unpack(hop.archive, hop.release, context.report_progress)
    hop.images = release.images


# --- the data


def count(context: UpgradeContext) -> None:
    """Count what is in Harbor before: last before the stop, and again by every run."""
    census = context.census(context.job.source)
    context.job.census = census
    context.log(f"In it: {census}; to be looked at afterwards: {census.sampled}")


def copy(context: UpgradeContext) -> None:
    """Make a first copy while Harbor is up. It is not consistent yet."""
    copied = copy_parts(context, in_use=True)
    context.log(f"Copied {copied >> 20} MiB while Harbor is up")


def copy_parts(context: UpgradeContext, *, in_use: bool) -> int:
    """Bring the copies of all parts up to date. Return the bytes that were copied."""
    total = sum(disk.content_bytes(live_part(context, part)) for part in context.job.parts)
    seen = 0

    def report(amount: int) -> None:
        nonlocal seen
        seen += amount
        context.report_progress(min(seen, total), total)

    os.makedirs(os.path.join(context.job.backup, "data"), mode=0o700, exist_ok=True)
    copied = 0
    for part in context.job.parts:
        copied += tree_copy.bring_up_to_date(
            live_part(context, part), copied_part(context, part), in_use=in_use, progress=report
        ).bytes
    context.job.copied_bytes += copied
    return copied

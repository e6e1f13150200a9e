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
import shutil
from typing import Any

from ansible.module_utils.urls import open_url
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, disk, tree_copy
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders

from .. import installer_archive, releases
from ..config import document
from ..signature import check_signature
from ..version import Version
from .context import UpgradeContext, last_lines
from .job import Hop

_MIGRATE = 600.0  # seconds
_CONTAINER = "dockyard-harbor-migrate"
# Of a harbor.cfg, what a Harbor can't do without; the other settings have other names in harbor.yml.
_CFG_VALUES = ("hostname", "harbor_admin_password", "db_password")


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


# --- harbor.yml


def migrate_configuration(context: UpgradeContext) -> None:
    """Make a harbor.yml for each release, migrated by that release's own program, with every value as it was before."""
    job = context.job
    job.kept_values = []
    version = Version.parse(job.source)
    path = os.path.join(job.path, releases.configuration_name(version))
    config = original = document.read(path)
    for hop in job.hops:
        target = Version.parse(hop.version)
        name = releases.configuration_name(target)
        new_path = os.path.join(hop.release, name)
        if version.series == target.series:
            _write_like(new_path, atomic_file.read(path) or b"", path)
        else:
            config = _migrated(context, version, target, config, path, hop.release)
            if name.endswith(".cfg"):
                content = atomic_file.read(os.path.join(context.job.work, "configuration", name)) or b""
            else:
                content = document.render(config, str(target)).encode()
            if document.parse(content.decode(), new_path) != config:
                raise DockyardError(
                    "harbor_migration_failed", f"The migrated {name} of Harbor {target} can't be written without damage"
                )
            _write_like(new_path, content, path)
        version, path = target, new_path
    placeholders = Placeholders()
    job.configuration = [
        document.render(document.with_placeholders(each, placeholders), of)
        for each, of in ((original, job.source), (document.read(path), job.target))
    ]
    if job.kept_values:
        context.log(f"Kept as they were, against the migration's will: {', '.join(job.kept_values)}")


def _write_like(path: str, content: bytes, original: str) -> None:
    """Write a file with the owner and mode of the original, which holds passwords."""
    status = os.stat(original)

    def set_attributes(temporary: str) -> None:
        os.chown(temporary, status.st_uid, status.st_gid)
        os.chmod(temporary, status.st_mode & 0o7777)

    atomic_file.write(path, content, mode=0o600, set_attributes=set_attributes)


def _migrated(
    context: UpgradeContext, source: Version, target: Version, config: document.Config, path: str, release: str
) -> document.Config:
    migration = releases.migration(source, target)
    folder = os.path.join(context.job.work, "configuration")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    old = os.path.join(folder, os.path.basename(path))
    new = os.path.join(folder, releases.configuration_name(target))
    is_cfg = old.endswith(".cfg")
    values: dict[str, Any] = {}
    if is_cfg:
        content = atomic_file.read(path) or b""
    else:
        safe, values = document.protect_values(config)
        content = document.render(safe, str(source)).encode()
    atomic_file.write(old, content, mode=0o600)
    words = {
        "image": migration.image.format(tag=target.tag),
        "old_configuration": old,
        "new_configuration": new,
    }
    if new != old:  # harbor.yml is filled in from the release's own
        atomic_file.write(new, atomic_file.read(os.path.join(release, os.path.basename(new))) or b"", mode=0o600)
    arguments = [word.format(**words) for word in migration.configuration]
    # A container that a killed run has left behind would hold the name.
    context.run_command(["docker", "rm", "--force", _CONTAINER], timeout=60)
    done = context.run_command(
        ["docker", arguments[0], "--name", _CONTAINER, *arguments[1:]], timeout=_MIGRATE, answers=migration.answers
    )
    if done.returncode != 0:
        raise DockyardError(
            "harbor_migration_failed",
            f"The migration of {os.path.basename(path)} from {source} to {target} failed with status {done.returncode}:"
            f" {last_lines(done.stdout)}",
        )
    migrated = document.read(new)
    if is_cfg:
        lost = [key for key in _CFG_VALUES if key in config and config[key] not in _leaves(migrated)]
        if lost:
            raise DockyardError(
                "harbor_migration_failed",
                f"The migration from {source} to {target} would change {', '.join(lost)} of harbor.cfg; give it a value"
                " without quotes, blanks and signs that mean something in YAML",
            )
        return migrated
    migrated = document.restore_values(migrated, values)
    different = document.differences(config, migrated, releases.removed_keys(source, target))
    for path_in_file in [path_in_file for path_in_file, _value, _becomes in document.fragile_values(config)] + [
        difference.path for difference in different
    ]:
        if path_in_file not in context.job.kept_values:
            context.job.kept_values.append(path_in_file)
    return document.put_back(config, migrated, different)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]


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

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The step of a Harbor upgrade that makes a harbor.yml for each release, while Harbor is up.

Each is migrated by that release's own program, from a copy in the form that the program takes. Afterwards every value
is as it was before, and what the program has added is of the type that the release takes.
"""

from __future__ import annotations

import os
import shutil
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders

from .. import releases
from ..config import document, normal, template
from ..version import Version
from .context import UpgradeContext, last_lines

_MIGRATE = 600.0  # seconds
_CONTAINER = "dockyard-harbor-migrate"
# A key at a time is found to be missing; the most that a template can want at once are those of Notary's two databases.
_TRIES = 60
# Of a harbor.cfg, what a Harbor can't do without; the other settings have other names in harbor.yml.
_CFG_VALUES = ("hostname", "harbor_admin_password", "db_password")


def migrate_configuration(context: UpgradeContext) -> None:
    """Make a harbor.yml for each release, migrated by that release's own program, with every value as it was before."""
    job = context.job
    job.kept_values, job.repaired_values, job.added_values = [], [], []
    version = Version.parse(job.source)
    path = os.path.join(job.path, releases.configuration_name(version))
    config = original = document.read(path)
    known = template.of_release(job.path)
    for hop in job.hops:
        target = Version.parse(hop.version)
        name = releases.configuration_name(target)
        new_path = os.path.join(hop.release, name)
        new_known = template.of_release(hop.release)
        if version.series == target.series:
            content = atomic_file.read(path) or b""
            unfit = template.unfit_values(config, new_known)
            if unfit:
                template.repair(config, unfit)
                content = document.render(config, str(target)).encode()
                _note(job.repaired_values, *map(str, unfit))
            _write_like(new_path, content, path)
        else:
            migration = _Migration(context, version, target, path, hop.release, known, new_known)
            config = migration.migrated(config)
            content = migration.content(config, name)
            if document.parse(content.decode(), new_path) != config:
                raise DockyardError(
                    "harbor_migration_failed", f"The migrated {name} of Harbor {target} can't be written without damage"
                )
            _write_like(new_path, content, path)
        version, path, known = target, new_path, new_known
    placeholders = Placeholders()
    job.configuration = [
        document.render(document.with_placeholders(each, placeholders), of)
        for each, of in ((original, job.source), (document.read(path), job.target))
    ]
    for what, values in (
        ("Kept as they were, against the migration's will", job.kept_values),
        ("Repaired in harbor.yml", job.repaired_values),
        ("New in harbor.yml", job.added_values),
    ):
        if values:
            context.log(f"{what}: {', '.join(values)}")


def _write_like(path: str, content: bytes, original: str) -> None:
    """Write a file with the owner and mode of the original, which holds passwords."""
    status = os.stat(original)

    def set_attributes(temporary: str) -> None:
        os.chown(temporary, status.st_uid, status.st_gid)
        os.chmod(temporary, status.st_mode & 0o7777)

    atomic_file.write(path, content, mode=0o600, set_attributes=set_attributes)


def _note(values: list[str], *more: str) -> None:
    values += [value for value in dict.fromkeys(more) if value not in values]


class _Migration:
    """From one version to the next, in a folder of its own."""

    def __init__(
        self,
        context: UpgradeContext,
        source: Version,
        target: Version,
        path: str,
        release: str,
        known: document.Config,
        new_known: document.Config,
    ) -> None:
        self.context, self.source, self.target, self.path, self.release = context, source, target, path, release
        self.known, self.new_known = known, new_known
        self.folder = os.path.join(context.job.work, "configuration")
        self.old = os.path.join(self.folder, os.path.basename(path))
        self.new = os.path.join(self.folder, releases.configuration_name(target))

    def migrated(self, config: document.Config) -> document.Config:
        """Return the configuration of the target, and note in the job what was kept, repaired and added."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder, mode=0o700)
        if self.old.endswith(".cfg"):
            return self._migrated_cfg(config)
        job = self.context.job
        config, repaired = normal.normalize(config, self.source)
        unfit = []
        for known in (self.known, self.new_known):  # a key may be new, and already be in the file
            found = template.unfit_values(config, known)
            template.repair(config, found)
            unfit += found
        migrated = self._tried(config)
        added = template.unfit_values(migrated, self.new_known)
        template.repair(migrated, added)
        different = [
            each
            for each in document.differences(config, migrated, releases.removed_keys(self.source, self.target))
            if not template.is_new_default(each.keys, each.before, each.after, self.known, self.new_known)
        ]
        fragile = [path for path, _value, _becomes in document.fragile_values(config)]
        _note(job.kept_values, *fragile, *(difference.path for difference in different))
        result = document.put_back(config, migrated, different)
        new = [document.dotted(keys) for keys, _value in template.added_values(config, result)]
        _note(job.repaired_values, *repaired, *map(str, [*unfit, *(each for each in added if each.path in new)]))
        _note(job.added_values, *new)
        return result

    def _tried(self, config: document.Config) -> document.Config:
        """Return what the migration makes of it, with the keys that it wants and that are not there."""
        wanted: list[tuple[Any, ...]] = []
        while True:
            safe, values = document.protect_values(config, wanted)
            status, output = self._run(document.render(safe, str(self.source)).encode())
            if status == 0:
                return document.restore_values(document.read(self.new), values)
            key = normal.wanted_key(output.decode(errors="replace"), safe)
            if key is None or key in wanted or len(wanted) >= _TRIES:
                raise self._failed(status, normal.last_words(output.decode(errors="replace")) or last_lines(output))
            wanted.append(key)

    def _migrated_cfg(self, config: document.Config) -> document.Config:
        status, output = self._run(atomic_file.read(self.path) or b"")
        if status != 0:
            raise self._failed(status, last_lines(output))
        migrated = document.read(self.new)
        lost = [key for key in _CFG_VALUES if key in config and config[key] not in _leaves(migrated)]
        if lost:
            raise DockyardError(
                "harbor_migration_failed",
                f"The migration from {self.source} to {self.target} would change {', '.join(lost)} of harbor.cfg; give"
                " it a value without quotes, blanks and signs that mean something in YAML",
            )
        return migrated

    def _failed(self, status: int, words: str) -> DockyardError:
        return DockyardError(
            "harbor_migration_failed",
            f"The migration of {os.path.basename(self.path)} from {self.source} to {self.target} failed with status"
            f" {status}: {words}",
        )

    def _run(self, content: bytes) -> tuple[int, bytes]:
        migration = releases.migration(self.source, self.target)
        atomic_file.write(self.old, content, mode=0o600)
        words = {
            "image": migration.image.format(tag=self.target.tag),
            "old_configuration": self.old,
            "new_configuration": self.new,
        }
        if self.new != self.old:  # harbor.yml is filled in from the release's own
            own = atomic_file.read(os.path.join(self.release, os.path.basename(self.new))) or b""
            atomic_file.write(self.new, own, mode=0o600)
        arguments = [word.format(**words) for word in migration.configuration]
        # A container that a killed run has left behind would hold the name.
        self.context.run_command(["docker", "rm", "--force", _CONTAINER], timeout=60)
        done = self.context.run_command(
            ["docker", arguments[0], "--name", _CONTAINER, *arguments[1:]], timeout=_MIGRATE, answers=migration.answers
        )
        return done.returncode, done.stdout

    def content(self, config: document.Config, name: str) -> bytes:
        """Return the text of the file: that of the release itself with its comments, if it can say the same."""
        written = atomic_file.read(os.path.join(self.folder, name)) or b""
        if name.endswith(".cfg"):
            return written
        return (
            document.edited(written.decode("utf-8-sig"), config) or document.render(config, str(self.target))
        ).encode()


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]

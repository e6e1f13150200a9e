# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Bring a registry's user file to what is desired, while other processes may read and write it.

The long part, bcrypt, is done before the lock is taken. Under the lock the file is read again, and
hashes already computed are used again. Programs that take no lock (C(htpasswd -B)) are noticed just
before the rename, and their change is merged by starting over.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from typing import Callable, NamedTuple

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders

from . import htpasswd, password_hash

_ROUNDS = 10
_TORN_READ_SECONDS = 0.1
_PROMPT_COST = 10  # the highest that needs no warning
_MILLISECONDS_AT_10 = 62


class DesiredUsers(NamedTuple):
    """What the task declares."""

    path: str
    users: Sequence[htpasswd.User]
    purge: bool = False
    cost: int = 8
    always: bool = True
    backup: bool = False
    lock_timeout: float = 30.0


class Outcome(NamedTuple):
    """What was done, or what would be done in check mode."""

    plan: htpasswd.Plan
    before: str
    after: str
    existed: bool
    backup_file: str | None
    warnings: list[str]


class _ChangedByOthers(Exception):
    """Another process has written to the file since it was read."""


class Update:
    """One run over one file."""

    def __init__(
        self, desired: DesiredUsers, check_mode: bool = False, set_attributes: Callable[[str], object] | None = None
    ) -> None:
        self.path = os.path.realpath(desired.path)
        self.users = htpasswd.check_users(desired.users)
        if desired.purge:
            htpasswd.check_purge(self.users, desired.path)
        self.desired = desired
        self.check_mode = check_mode
        self.set_attributes = set_attributes
        self._library: password_hash.Library | None = None
        self._hashes: dict[str, str] = {}
        self._verified: dict[tuple[str, str], bool] = {}

    def run(self) -> Outcome:
        """Do it, or in check mode foresee it."""
        folder = os.path.dirname(self.path)
        if not os.path.isdir(folder):
            return self._without_folder(folder)
        content, plan = self._inspect()
        backup_file = None
        if plan.changes_something and not self.check_mode:
            with atomic_file.locked(folder, self.desired.lock_timeout):
                content, plan, backup_file = self._write()
        return self._outcome(content, plan, backup_file)

    def _without_folder(self, folder: str) -> Outcome:
        sentence = f"The folder {folder} does not exist"
        if not self.check_mode:
            raise DockyardError(
                "htpasswd_folder_missing",
                f"{sentence}; create it (ansible.builtin.file with state: directory) and run again.",
            )
        outcome = self._outcome(None, self._plan([]), None)
        outcome.warnings.append(f"{sentence} yet; a run fails unless an earlier task creates it.")
        return outcome

    def _inspect(self) -> tuple[bytes | None, htpasswd.Plan]:
        content = atomic_file.read(self.path)
        for _round in range(_ROUNDS):
            try:
                return content, self._plan(htpasswd.parse(content or b"", self.desired.path))
            except DockyardError:
                # Another program may be in the middle of writing: a line is malformed only if it stays so.
                time.sleep(_TORN_READ_SECONDS)
                again = atomic_file.read(self.path)
                if again == content:
                    raise
                content = again
        raise self._keeps_changing()

    def _write(self) -> tuple[bytes | None, htpasswd.Plan, str | None]:
        for _round in range(_ROUNDS):
            content, plan = self._inspect()
            if not plan.changes_something:
                return content, plan, None
            try:
                return content, plan, self._replace(content, plan)
            except _ChangedByOthers:
                continue
        raise self._keeps_changing()

    def _keeps_changing(self) -> DockyardError:
        return DockyardError(
            "htpasswd_changed_by_others",
            f"Another program changed {self.desired.path} {_ROUNDS} times while it was about to be replaced;"
            " stop that program and run again.",
        )

    def _replace(self, content: bytes | None, plan: htpasswd.Plan) -> str | None:
        copies: list[str] = []

        def check() -> None:
            if self.desired.backup and content is not None:
                copies.append(atomic_file.backup(self.path))
            if atomic_file.read(self.path) != content:
                raise _ChangedByOthers

        def set_attributes(temporary: str) -> None:
            if self.set_attributes is not None:
                self.set_attributes(temporary)
            _differ_in_time(temporary, self.path)

        try:
            atomic_file.write(self.path, plan.content(), mode=0o600, set_attributes=set_attributes, check=check)
        except BaseException as error:
            # The copy is all that is left of a file that was replaced.
            if not (isinstance(error, DockyardError) and error.changed):
                for copy in copies:
                    with contextlib.suppress(OSError):
                        os.unlink(copy)
            raise
        return copies[0] if copies else None

    def _plan(self, lines: Sequence[htpasswd.Line]) -> htpasswd.Plan:
        reasons = self._reasons(htpasswd.current(lines))
        if self.check_mode:
            hashes = dict.fromkeys(reasons, htpasswd.pending(self.desired.cost))
        else:
            self._compute([user for user in self.users if user.name in reasons and user.name not in self._hashes])
            hashes = self._hashes
        renewed = {name: (reason, hashes[name]) for name, reason in reasons.items()}
        return htpasswd.build_plan(lines, self.users, renewed, self.desired.purge)

    def _reasons(self, existing: dict[str, str]) -> dict[str, htpasswd.Reason]:
        """Return for each user whose line must be written why that is so."""
        reasons: dict[str, htpasswd.Reason] = {}
        in_question = []
        for user in self.users:
            if not user.present:
                continue
            if user.name not in existing:
                reasons[user.name] = "new"
            elif self.desired.always:
                drift = htpasswd.drift(existing[user.name], self.desired.cost)
                if drift is not None:
                    reasons[user.name] = drift
                else:
                    in_question.append((user, existing[user.name]))
        self._verify([pair for pair in in_question if (pair[0].name, pair[1]) not in self._verified])
        for user, secret in in_question:
            if not self._verified[user.name, secret]:
                reasons[user.name] = "password"
        return reasons

    def _verify(self, pairs: Sequence[tuple[htpasswd.User, str]]) -> None:
        # A hash that this very run has made needs no proof.
        known = [(user, secret) for user, secret in pairs if self._hashes.get(user.name) == secret]
        unknown = [(user, secret) for user, secret in pairs if self._hashes.get(user.name) != secret]
        self._verified.update({(user.name, secret): True for user, secret in known})
        if unknown:
            answers = password_hash.verify_all(self._hasher(), [(user.password, secret) for user, secret in unknown])
            self._verified.update({(user.name, secret): yes for (user, secret), yes in zip(unknown, answers)})

    def _compute(self, users: Sequence[htpasswd.User]) -> None:
        if users:
            hashes = password_hash.hash_all(self._hasher(), [user.password for user in users], self.desired.cost)
            self._hashes.update({user.name: secret for user, secret in zip(users, hashes)})

    def _hasher(self) -> password_hash.Library:
        # Only when there is something to compute: check mode on an empty host needs no library.
        if self._library is None:
            self._library = password_hash.library()
        return self._library

    def _outcome(self, content: bytes | None, plan: htpasswd.Plan, backup_file: str | None) -> Outcome:
        placeholders = Placeholders()
        before = htpasswd.summarize(htpasswd.parse(content or b"", self.desired.path), placeholders)
        return Outcome(
            plan,
            before,
            htpasswd.summarize(plan.lines, placeholders),
            content is not None,
            backup_file,
            self._warnings(plan),
        )

    def _warnings(self, plan: htpasswd.Plan) -> list[str]:
        warnings = []
        if self.desired.cost > _PROMPT_COST:
            warnings.append(cost_warning(self.desired.cost))
        if plan.unmarked:
            warnings.append(
                f"A byte order mark at the beginning of {self.desired.path} is a part of its first line for a registry:"
                " the user of that line can't log in, and if it has none, nobody can; it is taken away."
            )
        locked_out = [
            htpasswd.readable(name)
            for name, secret in htpasswd.current(plan.lines).items()
            if password_hash.kind_of(secret) is None and not secret.startswith("\n")
        ]
        if locked_out:
            more = f" and {len(locked_out) - 10} more" if len(locked_out) > 10 else ""
            warnings.append(
                f"A registry refuses these users of {self.desired.path}, because their hash is not bcrypt:"
                f" {', '.join(locked_out[:10])}{more}. List them with a password and update_password: always"
                " to give them one that works."
            )
        return warnings


def cost_warning(cost: int) -> str:
    """Return what a high cost does to a registry: measured at 10 and 12, and doubled with each step from there."""
    milliseconds = _MILLISECONDS_AT_10 * 2 ** (cost - 10)
    if milliseconds < 1000:
        time_needed = f"{milliseconds} milliseconds"
    elif milliseconds < 120_000:
        time_needed = f"{milliseconds / 1000:.1f} seconds"
    else:
        time_needed = f"{milliseconds / 60_000:,.0f} minutes"
    return (
        f"The registry computes bcrypt on every request, and at cost {cost} that takes about {time_needed}"
        " each time (16 milliseconds at cost 8, 2 at cost 5); one push makes about 50 requests."
        " Choose 8 for passwords that people make up, 5 for long generated ones."
    )


def _differ_in_time(temporary: str, path: str) -> None:
    """Make sure that the new file's time differs from the old one's, or a registry does not read it.

    It may not if the clock was set back, or if the clock of the file system is coarse.
    """
    try:
        old = os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return
    for nanoseconds in (1, 10**6, 10**9, 2 * 10**9):
        if os.stat(temporary).st_mtime_ns != old:
            return
        os.utime(temporary, ns=(old + nanoseconds, old + nanoseconds))

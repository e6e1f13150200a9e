# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Bring a Redis to what is declared: try it, change it, prove it, and put back what was there if the proof fails.

How the data are written (snapshots or the append-only file) is changed last, on the running server: a server that is
started with C(appendonly yes) on a snapshot alone begins empty, and the next snapshot overwrites the data.
"""

from __future__ import annotations

import contextlib
import os
import shutil

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import version
from ..docker import Docker
from . import acl, configuration, containers, scratch
from .instance import CONF, USERS
from .plan import PROVEN, Plan
from .resp import Refused
from .server import Server


class Deployment:
    """One change of one instance. The lock of its folder is held by the caller.

    actions: what was done.
    """

    def __init__(self, plan: Plan, docker: Docker) -> None:
        self.plan = plan
        self._docker = docker
        self._name = plan.wish.container
        self._instance = plan.instance
        self._server = Server(docker, plan.wish.container, acl.ADMIN, plan.passwords[acl.ADMIN])
        self._timeout = plan.definition.start_timeout
        self._running = containers.is_running(plan.container)
        self._record_before = plan.instance.record()
        self._names_before = set(plan.instance.names())
        self._folder_is_new = not os.path.isdir(plan.instance.folder)
        self.actions: list[str] = []

    def run(self) -> None:
        """Make the change. Raise DockyardError with what was put back, if it can't be proven."""
        plan = self.plan
        if plan.image is None:
            raise DockyardError(
                "redis_image_missing",
                f"This host has no image {plan.wish.image}; bring it first, for instance with the role images.",
            )
        if self._running:
            # What does not answer is not changed: it may be loading its data, or be at the end of its memory.
            self._server.wait(self._timeout)
        try:
            self._instance.make_folders(plan.owner)
            scratch.try_configuration(
                self._docker, plan.definition, plan.image.id, self._name, self._instance, plan.files
            )
            self._instance.set_aside()
        except DockyardError:
            self._remove_what_was_made()
            raise
        self._write_record(changing=True)
        try:
            self._change()
            self._prove()
        except (DockyardError, Refused) as error:
            raise self._put_back(error) from error
        self._docker.remove(containers.previous_name(self._name))
        self._write_record()
        self._instance.drop_aside()

    # --- the change

    def _change(self) -> None:
        plan = self.plan
        self._instance.write_admin(plan.passwords[acl.ADMIN])
        if plan.give_data and not plan.recreate:
            self._instance.give_data_to(plan.owner)
            self.actions.append("owner")
        if self._running:
            self._rotate()
        if plan.create or plan.recreate:
            self._replace()
        elif not self._running:
            self._start()
        elif plan.files_differ:
            self._update_running()
        self._prove_server(self._values_at_start())
        self._switch_append_only()
        self._write_files(plan.values)

    def _rotate(self) -> None:
        """Give users their new passwords: the old ones stay valid until the new ones are proven."""
        plan = self.plan
        if not plan.users_differ:
            return
        if plan.rotated:
            self._load_users(acl.render(plan.wish.users, plan.passwords, plan.rotated))
            self._prove_logins()
        self._load_users(plan.files[USERS])
        self.actions.append("users")

    def _load_users(self, content: str) -> None:
        self._instance.write_file(USERS, content, self.plan.owner[1])
        self._server.ask("ACL", "LOAD")

    def _replace(self) -> None:
        """Put a new container in the place of the one that is there, which stays aside as it is."""
        plan = self.plan
        if plan.container is not None:
            containers.stop(self._docker, self._name, self._instance, plan.definition.stop_timeout)
            containers.set_aside(self._docker, self._name)
        self._prepare_start()
        containers.create(self._docker, self._name, plan.definition, plan.wish.image)
        self._docker.command("start", self._name)
        self.actions.append("created" if plan.create else "recreated")

    def _start(self) -> None:
        # It may be starting again and again.
        containers.stop(self._docker, self._name, self._instance, self.plan.definition.stop_timeout)
        self._prepare_start()
        self._docker.command("update", "--restart", self.plan.definition.restart_policy, self._name)
        self._docker.command("start", self._name)
        self.actions.append("started")

    def _prepare_start(self) -> None:
        self._write_files(self._values_at_start())
        if self._instance.owner_differs(self.plan.owner):
            self._instance.give_data_to(self.plan.owner)

    def _update_running(self) -> None:
        """Set what can be set on the running server; restart it for the rest."""
        plan = self.plan
        live = {name: value for name, value in plan.live.items() if name != "appendonly"}
        restart = bool(plan.removed)
        if live and not restart:
            try:
                self._server.set(live)
                self.actions.append("config")
            except Refused:
                restart = True  # the configuration as a whole was tried in a container of its own before
        self._write_files(self._values_at_start())
        if restart:
            self._server.stop(plan.definition.stop_timeout)
            self._docker.command("start", self._name)
            self.actions.append("restarted")

    def _values_at_start(self) -> configuration.Values:
        """Return the configuration with which the server reads its data as they were written."""
        before = self.plan.append_only_before
        if before is None:
            return self.plan.values
        return {**self.plan.values, "appendonly": "yes" if before else "no"}

    def _switch_append_only(self) -> None:
        server = self._server
        wanted, now = configuration.is_on(self.plan.values, "appendonly"), server.get("appendonly") == "yes"
        if wanted == now:
            return
        if wanted:
            server.switch_append_only_on(self._timeout)
        else:
            # Writes since the last snapshot are in the append-only file alone.
            server.save(self._timeout)
            server.ask("CONFIG", "SET", "appendonly", "no")
        self.actions.append("appendonly")

    def _write_files(self, values: configuration.Values) -> None:
        files = {**self.plan.files, CONF: configuration.render(values)}
        present = self._instance.files()
        for name, content in files.items():
            if present.get(name) != content.encode():
                self._instance.write_file(name, content, self.plan.owner[1])
        for name in set(present) - set(files):
            os.unlink(os.path.join(self._instance.config, name))

    # --- the proof

    def _prove(self) -> None:
        self._prove_server(self.plan.values)
        containers.prove_health(self._docker, self._name)
        containers.prove_port(self._name, self.plan.definition)

    def _prove_server(self, values: configuration.Values) -> None:
        """Ask the running server for what was declared."""
        image = self.plan.image
        server = self._server
        server.wait(self._timeout)
        now = server.version()
        if image and now != image.version:
            raise DockyardError(
                "redis_not_proven", f"{self._name} answers as {version.shown(now)} and not as {image.title}."
            )
        differs = server.has(values, PROVEN)
        if differs:
            raise DockyardError("redis_not_proven", f"In {self._name}, {differs}.")
        self._prove_logins()

    def _prove_logins(self) -> None:
        for user in self.plan.wish.users:
            reason = self._server.can_log_in(user.name, user.password) if user.password is not None else ""
            if reason:
                raise DockyardError("redis_not_proven", f"The user {user.name} can't log in ({reason}).")

    # --- what failed

    def _put_back(self, error: Exception) -> DockyardError:
        """Put back what was there, prove it, and return the error to raise."""
        code = error.code if isinstance(error, DockyardError) else "redis_refused_order"
        reason = str(error).strip().rstrip(".")
        try:
            ending, changed = self._taken_back()
        except DockyardError as failure:
            return DockyardError(
                "redis_rollback_failed",
                f"{reason}. Putting back what was there before failed too: {failure.message} Run again, which begins"
                " with that.",
                changed=True,
            )
        return DockyardError(code, f"{reason}. {ending}", changed=changed)

    def _taken_back(self) -> tuple[str, bool]:
        """Return the sentence about what was put back, and whether the host is not as it was."""
        plan = self.plan
        if plan.container is None:
            self._docker.remove(self._name)
            if self._record_before is None:
                self._remove_what_was_made()
                return "It was the first start, so the container was removed again.", False
            self._instance.put_back()
            self._instance.drop_aside()
            self._instance.write_record({**self._record_before, "state": "steady"})
            return "There was no container before, so it was removed again; the data are kept.", True
        if self._record_before is None:
            raise DockyardError("redis_rollback_failed", f"{self._instance.folder} has no record.")
        containers.restore(self._docker, self._name, self._instance, self._record_before, self._running)
        self._instance.drop_aside()
        self._instance.write_record({**self._record_before, "state": "steady"})
        how = "is up" if self._running else "is stopped, as it was"
        return f"What was there before was put back and {how}.", True

    def _remove_what_was_made(self) -> None:
        """Remove what this run has made in the folder, and nothing that was there."""
        if self._folder_is_new:
            shutil.rmtree(self._instance.folder, ignore_errors=True)
            return
        for name in set(self._instance.names()) - self._names_before:
            path = os.path.join(self._instance.folder, name)
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)

    def _write_record(self, changing: bool = False) -> None:
        """Write the record: what it says of the container is always the state that was proven last."""
        if changing and self._record_before is not None:
            self._instance.write_record({**self._record_before, "state": "changing"})
            return
        plan = self.plan
        self._instance.write_record(
            {
                "flavour": plan.wish.flavour,
                "container": self._name,
                "image": plan.wish.image,
                "definition": plan.definition.encoded(),
                "state": "changing" if changing else "steady",
                "first": changing,
            }
        )

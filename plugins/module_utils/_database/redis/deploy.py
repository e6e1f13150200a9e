# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Bring a Redis to what is declared: try it, change it, prove it, and put back what was there if the proof fails.

How the data are written (snapshots or the append-only file) is changed last, on the running server: a server that is
started with C(appendonly yes) on a snapshot alone begins empty, and the next snapshot overwrites the data.
"""

from __future__ import annotations

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import server_container, version
from ..deployment import ChangeOfInstance
from ..docker import Docker
from ..server_image import ServerImage
from . import acl, configuration, scratch
from .containers import RedisKeeper
from .instance import CONF, USERS
from .plan import PROVEN, Plan
from .resp import Refused
from .server import Server


class Deployment(ChangeOfInstance):
    """One change of one instance."""

    FAILURES = (DockyardError, Refused)
    REFUSED = "redis_refused_order"

    def __init__(self, plan: Plan, docker: Docker) -> None:
        keeper = RedisKeeper(docker, plan.wish.container, plan.instance)
        super().__init__(plan, keeper, plan.wish.flavour)
        self.plan = plan
        self._instance = plan.instance
        # Not that of the keeper: the passwords of a first start are in no file yet.
        self._server = Server(docker, plan.wish.container, acl.ADMIN, plan.passwords[acl.ADMIN])

    def try_out(self, image: ServerImage) -> None:
        scratch.try_configuration(
            self._docker, self.plan.definition, image.id, self._name, self._instance, self.plan.files
        )

    # --- the change

    def change(self) -> None:
        plan = self.plan
        self._instance.write_admin(plan.passwords[acl.ADMIN])
        if plan.give_data and not plan.recreate:
            self._instance.give_data_to(plan.owner)
            self.actions.append("owner")
        if self._running:
            self._rotate()
        if plan.create or plan.recreate:
            self.replace()
        elif not self._running:
            self.start()
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

    def prepare_start(self) -> None:
        self._write_files(self._values_at_start())

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
        self.write_files({**self.plan.files, CONF: configuration.render(values)})

    # --- the proof

    def prove(self) -> None:
        self._prove_server(self.plan.values)
        server_container.prove_health(self._docker, self._name)
        server_container.prove_port(self._name, self.plan.definition)

    def _prove_server(self, values: configuration.Values) -> None:
        """Ask the running server for what was declared."""
        image = self.plan.image
        server = self._server
        server.wait(self._timeout)
        now = server.version()
        if image and now != image.version:
            raise DockyardError(
                "database_not_proven", f"{self._name} answers as {version.shown(now)} and not as {image.title}."
            )
        differs = server.has(values, PROVEN)
        if differs:
            raise DockyardError("database_not_proven", f"In {self._name}, {differs}.")
        self._prove_logins()

    def _prove_logins(self) -> None:
        for user in self.plan.wish.users:
            reason = self._server.can_log_in(user.name, user.password) if user.password is not None else ""
            if reason:
                raise DockyardError("database_not_proven", f"The user {user.name} can't log in ({reason}).")

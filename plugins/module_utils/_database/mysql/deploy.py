# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Bring a MySQL or MariaDB to what is declared: configuration and container first, then databases and users."""

from __future__ import annotations

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import server_container, version
from ..deployment import ChangeOfInstance
from ..docker import Docker
from ..server_image import ServerImage
from . import accounts
from .keeper import MySqlKeeper
from .plan import Plan, plan_contents
from .session import Refused


class Deployment(ChangeOfInstance):
    """One change of one instance."""

    FAILURES = (DockyardError, Refused)
    REFUSED = "mysql_refused_order"

    def __init__(self, plan: Plan, docker: Docker) -> None:
        self._mysql = MySqlKeeper(docker, plan.wish.container, plan.instance, plan.wish.flavour)
        super().__init__(plan, self._mysql, plan.wish.flavour)
        self.plan = plan
        self._server = self._mysql.running_server()

    def try_out(self, image: ServerImage) -> None:
        self._mysql.try_configuration(self.plan.definition, image.id, self.plan.files)

    def change(self) -> None:
        plan = self.plan
        if plan.give_data and not plan.recreate:
            plan.instance.give_data_to(plan.owner)
            self.actions.append("owner")
        if plan.create or plan.recreate:
            self.replace()
        elif not self._running:
            self.start()
        elif plan.files_differ:
            self._update_running()
        self._server.wait(self._timeout)
        self._change_contents()

    def prepare_start(self) -> None:
        plan = self.plan
        self.write_files(plan.files)
        if plan.new_data and plan.image:
            self._mysql.make_data(plan.definition, plan.image.id, plan.owner)

    def _update_running(self) -> None:
        """Set what can be set on the running server; restart it for the rest."""
        plan = self.plan
        # The accounts of this collection and the health check are files that are read at a start.
        restart = bool(plan.removed) or not plan.live
        if plan.live and not restart:
            try:
                self._server.set_live(plan.live)
                self.actions.append("config")
            except Refused:
                restart = True  # the configuration as a whole was tried before
        self.write_files(plan.files)
        if restart:
            self._server.stop(plan.definition.stop_timeout)
            self._docker.command("start", self._name)
            self.actions.append("restarted")

    def _change_contents(self) -> None:
        """Make databases and users as declared. A changed password is valid beside the old one until it is proven."""
        found = plan_contents(self.plan.wish, self._server)
        passwords = self._server.passwords
        for user, valid in found.rotated:
            if valid:
                beside = passwords.besides(user, valid)
                if beside:
                    self._server.ask(beside + ";")
                self._require_login(user)
        done = [passwords.alone(user, valid) for user, valid in found.rotated]
        made = [passwords.created(user) for user in found.users]
        statements = [*found.databases, *made, *found.grants, *done]
        if statements:
            self._server.ask(";\n".join(statements) + ";")
        self.actions += ["databases"] if found.databases else []
        self.actions += ["users"] if found.users or found.grants or found.rotated else []

    def prove(self) -> None:
        image = self.plan.image
        server = self._server
        server.wait(self._timeout)
        now = server.version()
        if image and now != image.version:
            raise DockyardError(
                "database_not_proven", f"{self._name} answers as {version.shown(now)} and not as {image.title}."
            )
        differs = server.differing(self.plan.values)
        if differs:
            raise DockyardError("database_not_proven", f"In {self._name}, {differs}.")
        if plan_contents(self.plan.wish, server).changed:
            raise DockyardError("database_not_proven", f"The users and databases in {self._name} are not as declared.")
        for user in self.plan.wish.users:
            self._require_login(user)
        server_container.prove_health(self._docker, self._name)
        server_container.prove_port(self._name, self.plan.definition)

    def _require_login(self, user: accounts.User) -> None:
        # From inside of the container only these can come.
        if user.host not in ("%", "localhost", "127.0.0.1"):
            return
        reason = self._server.can_log_in(user)
        if reason:
            raise DockyardError("database_not_proven", f"The user {user.name} can't log in ({reason}).")

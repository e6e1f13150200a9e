# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Keep the server of an instance: stop it, put back what a change has replaced, and take back an interrupted run."""

from __future__ import annotations

import abc
import contextlib
import os
import shutil
from typing import Any, Protocol

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from . import server_container
from .container_definition import ContainerDefinition
from .docker import Docker, Json
from .instance_folder import InstanceFolder
from .version import Version


class RunningServer(Protocol):
    """What every server can be asked."""

    def why_not_up(self) -> str:
        """Return why the server does not answer with its data, "" if it does."""

    def is_starting(self) -> bool:
        """Return whether the server is at a point of its start at which it must not be asked to end."""

    def version(self) -> Version:
        """Return the version of the server."""

    def wait(self, seconds: float) -> None:
        """Wait until the server answers. Raise DockyardError if it does not."""

    def stop(self, seconds: float) -> Json:
        """Stop the server with all its data on the disk. Raise DockyardError if it does not end well."""


class Keeper(abc.ABC):
    """The container of one instance. name: of the container."""

    def __init__(self, docker: Docker, name: str, folder: InstanceFolder) -> None:
        self.docker = docker
        self.name = name
        self.folder = folder

    @abc.abstractmethod
    def definition_of(self, record: dict[str, Any]) -> ContainerDefinition:
        """Return how the container of a record is created."""

    @abc.abstractmethod
    def running_server(self) -> RunningServer:
        """Return the server of the container, to be spoken to as this collection's own account."""

    @abc.abstractmethod
    def sweep(self) -> None:
        """Remove what a run that was killed has left of a trial."""

    @abc.abstractmethod
    def align(self, seconds: float) -> None:
        """Have the running server write its data where the configuration that comes back looks for them."""

    @abc.abstractmethod
    def set_back(self) -> bool:
        """Give the running server its former configuration. Return whether it needs no restart for it."""

    def is_running(self) -> bool:
        """Return whether the container runs, and not only starts again and again."""
        return server_container.is_running(self.docker.container(self.name))

    def stop(self, seconds: float) -> None:
        """Stop the container, with all its data on the disk if its server answers."""
        details = self.docker.container(self.name)
        if details is None or not details["State"]["Running"]:
            return
        server = self.running_server()
        if not server_container.is_running(details) or server.why_not_up():
            self.wait_while_starting(seconds)
            if server.why_not_up():
                self.docker.terminate(self.name, seconds)
                return
        server.stop(seconds)

    def end(self, seconds: float) -> None:
        """End the server, whether its data are on the disk or not."""
        self.wait_while_starting(seconds)
        self.docker.terminate(self.name, seconds)

    def wait_while_starting(self, seconds: float) -> None:
        """Wait while the server must not be asked to end. The engine does not start it again by itself."""
        self.docker.command("update", "--restart", "no", self.name)
        server_container.wait_while_starting(self.docker, self.name, seconds, self.running_server().is_starting)

    def restore(self, record: dict[str, Any], run: bool) -> None:
        """Put back the container and the configuration that were set aside, and prove that they are up.

        record: of the state that is put back. run: whether the container ran in it. Each part can be repeated after a
        kill.
        """
        docker, name = self.docker, self.name
        definition = self.definition_of(record)
        previous = server_container.previous_name(name)
        if docker.container(previous) is not None:
            docker.remove(name)
            docker.command("rename", previous, name)
        details = docker.container(name)
        if details is None:
            raise DockyardError("database_rollback_failed", f"The container {name} is gone.")
        server = self.running_server()
        up = server_container.is_running(details) and not server.why_not_up()
        if up:
            self.align(definition.start_timeout)
        self.folder.put_back()
        owner = definition.owner(docker.user_base())
        if self.folder.owner_differs(owner):
            self.folder.give_data_to(owner)
        if run and not (up and self.set_back()):
            self.stop(definition.stop_timeout)
            docker.command("start", name)
        docker.command("update", "--restart", definition.restart_policy, name)
        if run:
            self.running_server().wait(definition.start_timeout)
            server_container.prove_health(docker, name)

    def recover(self) -> str | None:
        """Take back what an interrupted run has left unproven. Return a sentence about it; None if there is nothing."""
        self.sweep()
        record = self.folder.record()
        if record is not None and record["state"] == server_container.UPGRADING:
            raise DockyardError(
                "database_upgrade_unfinished",
                f"An upgrade of {self.name} was interrupted; run the module database_upgrade again, which goes on with"
                " it or takes it back.",
            )
        if record is not None and record["state"] == server_container.RESTORING:
            return self.end_restore(record)
        if record is None or record["state"] != "changing":
            return None
        previous = server_container.previous_name(self.name)
        if record.get("first"):
            # Its first start, which nobody has proven. Its data are kept.
            self.docker.remove(self.name)
            sentence = "An earlier run was interrupted at the first start; its container was removed."
        elif self.docker.container(previous) is None and self.docker.container(self.name) is None:
            self.folder.put_back()
            sentence = (
                "An earlier run was interrupted before its container was there; its configuration was taken back."
            )
        else:
            self.restore(record, True)
            sentence = "An earlier run was interrupted; what was there before was put back and is up."
        self.folder.drop_aside()
        self.folder.write_record({**record, "state": "steady", "first": False})
        return sentence

    # --- a restore

    @property
    def data_before(self) -> str:
        """Return where the data of before are during a restore."""
        return f"{self.folder.data}.before"

    def require_restored(self, record: dict[str, Any]) -> None:
        """Raise DockyardError if a restore was interrupted, after which nobody knows whose data these are."""
        if record["state"] == server_container.RESTORING:
            raise DockyardError(
                "database_restore_unfinished",
                f"A restore of {self.name} was interrupted; run its role or module again first, or database_restore"
                " with state: restored, which begin by ending it.",
            )

    def end_restore(self, record: dict[str, Any]) -> str:
        """End a restore that was interrupted. Return a sentence about it.

        Data that were proven and are in their place stay there: clients may have written into them since. Otherwise
        those of before come back.
        """
        sentence = "An earlier restore was interrupted; the data of before are in place and up."
        if os.path.isdir(self.data_before) and os.path.isdir(self.folder.data):
            try:
                self._start_restored(record)
                sentence = "An earlier restore was interrupted; what it had proven and put in place is up."
            except DockyardError:
                self.put_back_data(record)
        else:
            self.put_back_data(record)
        self.folder.write_record({**record, "state": "steady"})
        self.drop_data_before()
        return sentence

    def put_back_data(self, record: dict[str, Any]) -> None:
        """Put back the data that a restore has taken away, and start the server with them."""
        failed = f"{self.folder.data}.failed"
        if os.path.isdir(self.data_before):
            self.stop(self.definition_of(record).stop_timeout)
            shutil.rmtree(failed, ignore_errors=True)
            if os.path.isdir(self.folder.data):
                # As a whole: half of it would look like data that were put in place.
                os.rename(self.folder.data, failed)
            os.rename(self.data_before, self.folder.data)
            atomic_file.sync_folder(self.folder.folder)
        shutil.rmtree(failed, ignore_errors=True)
        self._start_restored(record)

    def exchange_data(self, record: dict[str, Any], built: str) -> None:
        """Put data that were built beside in the place of those that are there, and start the server with them."""
        self.stop(self.definition_of(record).stop_timeout)
        os.rename(self.folder.data, self.data_before)
        os.rename(built, self.folder.data)
        atomic_file.sync_folder(self.folder.folder)
        self._start_restored(record)

    def drop_data_before(self) -> None:
        shutil.rmtree(self.data_before, ignore_errors=True)

    def _start_restored(self, record: dict[str, Any]) -> None:
        definition = self.definition_of(record)
        if not self.is_running():
            with contextlib.suppress(DockyardError):
                self.docker.command("update", "--restart", definition.restart_policy, self.name)
            self.docker.command("start", self.name)
        self.running_server().wait(definition.start_timeout)
        server_container.prove_health(self.docker, self.name)

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Bring an instance to what is declared: try, change and prove it, and put back what was there if the proof fails."""

from __future__ import annotations

import abc
import contextlib
import os
import shutil
from typing import Any, ClassVar, Protocol

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import server_container
from .container_definition import ContainerDefinition
from .docker import Json
from .instance_folder import InstanceFolder
from .keeper import Keeper
from .server_image import ServerImage


class PlanOfContainer(Protocol):
    """What a plan of any server has for its container."""

    @property
    def image(self) -> ServerImage | None: ...

    @property
    def image_name(self) -> str: ...

    @property
    def instance(self) -> InstanceFolder: ...

    @property
    def definition(self) -> ContainerDefinition: ...

    @property
    def owner(self) -> tuple[int, int]: ...

    @property
    def container(self) -> Json | None: ...

    @property
    def create(self) -> bool: ...


class ChangeOfInstance(abc.ABC):
    """One change of one instance. The lock of its folder is held by the caller.

    FAILURES: what is put back after beside DockyardError, and REFUSED the code that it becomes.
    actions: what was done.
    """

    FAILURES: ClassVar[tuple[type[Exception], ...]] = (DockyardError,)
    REFUSED: ClassVar[str] = ""

    def __init__(self, plan: PlanOfContainer, keeper: Keeper, flavour: str) -> None:
        self._outline = plan
        self._keeper = keeper
        self._docker = keeper.docker
        self._name = keeper.name
        self._flavour = flavour
        self._timeout = plan.definition.start_timeout
        self._running = server_container.is_running(plan.container)
        self._record_before = plan.instance.record()
        self._names_before = set(plan.instance.names())
        self._folder_is_new = not os.path.isdir(plan.instance.folder)
        self.actions: list[str] = []

    @abc.abstractmethod
    def try_out(self, image: ServerImage) -> None:
        """Let the server of the image judge what is declared, before anything is touched."""

    @abc.abstractmethod
    def change(self) -> None:
        """Make the change."""

    @abc.abstractmethod
    def prove(self) -> None:
        """Raise DockyardError unless all is as declared."""

    @abc.abstractmethod
    def prepare_start(self) -> None:
        """Write what the server reads when it starts."""

    def run(self) -> None:
        """Make the change. Raise DockyardError with what was put back, if it can't be proven."""
        plan = self._outline
        if plan.image is None:
            raise DockyardError(
                "database_image_missing",
                f"This host has no image {plan.image_name}; bring it first, for instance with the role images.",
            )
        if self._running:
            # What does not answer is not changed: it may be loading its data, or be at the end of its memory.
            self._keeper.running_server().wait(self._timeout)
        try:
            plan.instance.make_folders(plan.owner)
            self.try_out(plan.image)
            plan.instance.set_aside()
        except DockyardError:
            self._remove_what_was_made()
            raise
        self._write_record(changing=True)
        try:
            self.change()
            self.prove()
        except self.FAILURES as error:
            raise self._put_back(error) from error
        self._docker.remove(server_container.previous_name(self._name))
        self._write_record()
        plan.instance.drop_aside()

    # --- the container

    def replace(self) -> None:
        """Put a new container in the place of the one that is there, which stays aside as it is."""
        plan = self._outline
        if plan.container is not None:
            self._keeper.stop(plan.definition.stop_timeout)
            server_container.set_aside(self._docker, self._name)
        self._prepare()
        server_container.create(self._docker, self._name, plan.definition, plan.image_name)
        self._docker.command("start", self._name)
        self.actions.append("created" if plan.create else "recreated")

    def start(self) -> None:
        """Start the container that is there."""
        # It may be starting again and again.
        self._keeper.stop(self._outline.definition.stop_timeout)
        self._prepare()
        self._docker.command("update", "--restart", self._outline.definition.restart_policy, self._name)
        self._docker.command("start", self._name)
        self.actions.append("started")

    def _prepare(self) -> None:
        self.prepare_start()
        if self._outline.instance.owner_differs(self._outline.owner):
            self._outline.instance.give_data_to(self._outline.owner)

    def write_files(self, files: dict[str, str]) -> None:
        """Make the folder of the configuration hold these files and no others."""
        instance = self._outline.instance
        present = instance.files()
        for name, content in files.items():
            if present.get(name) != content.encode():
                instance.write_file(name, content, self._outline.owner[1])
        for name in set(present) - set(files):
            os.unlink(os.path.join(instance.config, name))

    # --- what failed

    def _put_back(self, error: Exception) -> DockyardError:
        """Put back what was there, prove it, and return the error to raise."""
        code = error.code if isinstance(error, DockyardError) else self.REFUSED
        reason = str(error).strip().rstrip(".")
        try:
            ending, changed = self._taken_back()
        except DockyardError as failure:
            return DockyardError(
                "database_rollback_failed",
                f"{reason}. Putting back what was there before failed too: {failure.message} Run again, which begins"
                " with that.",
                changed=True,
            )
        return DockyardError(code, f"{reason}. {ending}", changed=changed)

    def _taken_back(self) -> tuple[str, bool]:
        """Return the sentence about what was put back, and whether the host is not as it was."""
        plan = self._outline
        if plan.container is None:
            self._docker.remove(self._name)
            if self._record_before is None:
                self._remove_what_was_made()
                return "It was the first start, so the container was removed again.", False
            plan.instance.put_back()
            plan.instance.drop_aside()
            plan.instance.write_record({**self._record_before, "state": "steady"})
            return "There was no container before, so it was removed again; the data are kept.", True
        if self._record_before is None:
            raise DockyardError("database_rollback_failed", f"{plan.instance.folder} has no record.")
        self._keeper.restore(self._record_before, self._running)
        plan.instance.drop_aside()
        plan.instance.write_record({**self._record_before, "state": "steady"})
        how = "is up" if self._running else "is stopped, as it was"
        return f"What was there before was put back and {how}.", True

    def _remove_what_was_made(self) -> None:
        """Remove what this run has made in the folder, and nothing that was there."""
        instance = self._outline.instance
        if self._folder_is_new:
            shutil.rmtree(instance.folder, ignore_errors=True)
            return
        for name in set(instance.names()) - self._names_before:
            path = os.path.join(instance.folder, name)
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)

    def _write_record(self, changing: bool = False) -> None:
        """Write the record: what it says of the container is always the state that was proven last."""
        plan = self._outline
        if changing and self._record_before is not None:
            plan.instance.write_record({**self._record_before, "state": "changing"})
            return
        record: dict[str, Any] = {
            "flavour": self._flavour,
            "container": self._name,
            "image": plan.image_name,
            "definition": plan.definition.encoded(),
            "state": "changing" if changing else "steady",
            "first": changing,
        }
        plan.instance.write_record(record)

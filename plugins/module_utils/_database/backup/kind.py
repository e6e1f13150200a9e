# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What a kind of server has to be able to do to be backed up, and restored."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from ..container_definition import ContainerDefinition
from ..docker import Docker
from ..keeper import Keeper

WORK = "restore"  # folder of what is being restored, in that of the instance


@dataclasses.dataclass(frozen=True)
class Saved:
    """What a backup was made of. file: its name in the folder. census: what was counted at that moment."""

    file: str
    census: dict[str, Any]


class BackupKind(abc.ABC):
    """One instance. Its keeper has its container and its folder."""

    def __init__(self, docker: Docker, keeper: Keeper, flavour: str) -> None:
        self.docker = docker
        self.keeper = keeper
        self.flavour = flavour
        self.folder = keeper.folder

    @abc.abstractmethod
    def save(self, folder: str, seconds: float) -> Saved:
        """Write the running server's data, as of one moment, into a folder."""

    @abc.abstractmethod
    def build(self, data: str, definition: ContainerDefinition, image: str, owner: tuple[int, int]) -> None:
        """Make the data of an instance from the file of a backup, by a server in a container of its own.

        data: the file of the backup. definition, image: of that server.
        """

    @abc.abstractmethod
    def differing(self, census: dict[str, Any]) -> list[str]:
        """Return what the server that was built does not have of what was counted, one phrase each."""

    @abc.abstractmethod
    def close(self, seconds: float) -> None:
        """Stop the server that was built, with data that the instance itself can start on."""

    @property
    def scratch(self) -> str:
        """Return the name of the container in which a backup is tried."""
        return f"{self.keeper.name}.dockyard-restore"

    @property
    def work(self) -> str:
        return os.path.join(self.folder.folder, WORK)

    @property
    def built(self) -> str:
        """Return the folder of the data that are built."""
        return os.path.join(self.work, "data")

    def sweep(self) -> None:
        """Remove what a trial has made."""
        self.docker.remove(self.scratch)
        shutil.rmtree(self.work, ignore_errors=True)

    @contextlib.contextmanager
    def tried(self, opened: Callable[[str], str], definition: ContainerDefinition, image: str) -> Iterator[None]:
        """Build the data of a backup in a container without a network, and remove all of it in the end.

        opened: returns its file, which may be in the folder that it is given.
        """
        self.sweep()
        owner = definition.owner(self.docker.user_base())
        try:
            os.mkdir(self.work, 0o755)
            for path in (self.built, os.path.join(self.work, "tmp")):
                os.mkdir(path, 0o700)
                os.chown(path, *owner)
            config = os.path.join(self.work, "config")
            alone = dataclasses.replace(
                definition, instance=self.work, data=self.built, config=config, port=0, networks=()
            )
            os.mkdir(alone.config)
            os.chown(alone.config, 0, owner[1])
            # The umask may take from the group what its server needs.
            os.chmod(alone.config, 0o750)
            self.build(opened(self.work), alone, image, owner)
            yield
        except OSError as error:
            raise DockyardError(
                "database_restore_failed", f"The backup can't be tried in {self.work} ({error.strerror or error})."
            ) from error
        finally:
            with contextlib.suppress(DockyardError):
                self.sweep()

    def create_alone(self, definition: ContainerDefinition, image: str) -> None:
        """Create and start the container of the trial, which no client reaches."""
        words = definition.arguments(self.scratch, image, restart=False)
        self.docker.command(words[0], "--network", "none", *words[1:])
        self.docker.command("start", self.scratch)

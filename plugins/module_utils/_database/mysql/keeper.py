# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Keep the server of a MySQL or MariaDB, and let a server judge a configuration or make new data."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line

from ..docker import Docker
from ..keeper import Keeper
from . import configuration
from .definition import Definition
from .instance import CONF, Instance
from .server import ADMIN_FILE, Server, last_words
from .session import Refused

_PREFIX = ".check-"
_SECONDS = 600.0
_LONG = 24 * 3600.0
_UPGRADERS = {"mariadb": "mariadb-upgrade"}  # MySQL upgrades its data by itself when it starts


class MySqlKeeper(Keeper):
    """The container of one instance."""

    def __init__(self, docker: Docker, name: str, instance: Instance, flavour: str) -> None:
        super().__init__(docker, name, instance)
        self.instance = instance
        self.flavour = flavour
        self._live = False

    def definition_of(self, record: dict[str, Any]) -> Definition:
        return Definition.decoded(record["definition"])

    def running_server(self) -> Server:
        return Server(self.docker, self.name, self.flavour)

    def align(self, seconds: float) -> None:
        """Find out whether all that differs can be set on the running server."""
        here = self.instance.files()
        before = configuration.parse(self.instance.former(CONF))
        now = configuration.parse(here.get(CONF, b"").decode(errors="replace"))
        names = {name for name in {*before, *now} if before.get(name) != now.get(name)}
        others = [name for name in here if name != CONF and here[name].decode() != self.instance.former(name)]
        self._live = not others and names <= set(self._variables()) & set(before)

    def _variables(self) -> dict[str, str]:
        return {row[0].lower(): row[1] for row in self.running_server().ask("SHOW GLOBAL VARIABLES;") if len(row) == 2}

    def set_back(self) -> bool:
        values = configuration.parse(self.instance.former(CONF))
        with contextlib.suppress(Refused, DockyardError):
            now = self._variables()
            changed = {
                name: value for name, value in values.items() if name in now and configuration.differs(value, now[name])
            }
            changed.pop("bind_address", None)
            if changed and self._live:
                self.running_server().set_live(changed)
            return self._live
        return False

    def sweep(self) -> None:
        for name in (self._trial, self._install):
            self.docker.remove(name)
        for entry in self.instance.names():
            if entry.startswith(_PREFIX):
                shutil.rmtree(os.path.join(self.instance.folder, entry), ignore_errors=True)
        shutil.rmtree(self.instance.new_data, ignore_errors=True)

    @property
    def _trial(self) -> str:
        return f"{self.name}.dockyard-check"

    @property
    def _install(self) -> str:
        return f"{self.name}.dockyard-install"

    def try_configuration(self, definition: Definition, image: str, files: dict[str, str]) -> None:
        """Raise DockyardError with the server's own words if it refuses a configuration."""
        self.docker.remove(self._trial)
        group = os.stat(self.instance.config).st_gid
        folder = tempfile.mkdtemp(prefix=_PREFIX, dir=self.instance.folder)
        try:
            os.chmod(folder, 0o750)
            os.chown(folder, 0, group)
            for file, content in files.items():
                self.instance.write_file(file, content, group, folder)
            done = self.docker.try_command(*definition.check_arguments(self._trial, image, folder))
        finally:
            self.docker.remove(self._trial)
            shutil.rmtree(folder, ignore_errors=True)
        # It goes on after some values that it can't use, with others.
        if done.returncode != 0 or "[ERROR]" in done.stderr:
            raise DockyardError(
                "mysql_config_refused",
                f"The server itself refuses this configuration: {last_words(done.stderr)}. Correct config.",
            )

    def make_data(self, definition: Definition, image: str, owner: tuple[int, int]) -> None:
        """Make new data beside, and put them in place when they are complete: a kill leaves none that look so."""
        new = self.instance.new_data
        shutil.rmtree(new, ignore_errors=True)
        os.mkdir(new, 0o700)
        os.chown(new, *owner)
        self.install(definition, image, new)
        os.sync()
        os.rename(new, self.instance.data)
        atomic_file.sync_folder(self.instance.folder)

    def install(self, definition: Definition, image: str, data: str) -> None:
        """Have the image make a new database in an empty folder of the host."""
        self.docker.remove(self._install)
        done = self.docker.try_command(*definition.install_arguments(self._install, image, data), seconds=_SECONDS)
        if done.returncode != 0:
            said = last_words(f"{done.stdout}\n{done.stderr}")
            raise DockyardError("mysql_data_not_made", f"The image can't make a new database: {said}.")

    def upgrade_data(self, container: str) -> None:
        """Run the server's own upgrade of its data, in a container in which it is up."""
        program = _UPGRADERS.get(self.flavour)
        if program is None:
            return
        done = self.docker.try_command(
            *("exec", container, program, f"--defaults-file={configuration.CONFIG}/{ADMIN_FILE}"), seconds=_LONG
        )
        if done.returncode != 0:
            raise DockyardError("database_not_upgraded", f"{program} in {container} failed ({last_line(done)}).")

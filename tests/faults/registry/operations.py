# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What administrators do with a registry, each of which is interrupted: how it is begun, and what it leads to."""

from __future__ import annotations

from typing import Any

from registry.host import BACKUPS, MARKER, Host, Run


class Operation:
    """One thing that is done.

    moments: those of moment.py at which it is interrupted; in a small run only the first one.
    """

    name = ""
    moments: tuple[str, ...] = ("gone", "new")

    def arrange(self, host: Host) -> None:
        """Bring about what it needs."""

    def start(self, host: Host) -> Run:
        return host.start_role("main", **self.change(host))

    def change(self, host: Host) -> dict[str, Any]:
        """Return the variables that differ from those of before."""
        return {}

    def before_and_after(self, host: Host) -> list[str]:
        """Return the addresses of which one must be in service after the fault, without a further run."""
        return [host.reachable()]

    def done(self, host: Host) -> None:
        """Note that it has succeeded."""
        host.declared.update(self.change(host))

    def proof(self, host: Host) -> list[str]:
        """Return what is not as it must be when it has succeeded."""
        return [*host.lost(host.reachable()), *host.leftovers(), *host.locked_out()]

    def tidy(self, host: Host) -> None:
        """Bring back what the next fault begins with."""


class SetUp(Operation):
    name = "first set-up"
    moments = ("new", "/srv/registry/config/config.yml")
    _CA, _NOTED = "/srv/registry/tls/ca.crt", "/root/noted-new.json"

    def arrange(self, host: Host) -> None:
        host.empty()

    def before_and_after(self, host: Host) -> list[str]:
        return []

    def proof(self, host: Host) -> list[str]:
        host.fill(self._CA, self._NOTED)
        return [*host.lost(host.reachable(), self._CA, self._NOTED), *host.leftovers()]

    def tidy(self, host: Host) -> None:
        host.filled_again()


class Renewal(Operation):
    name = "renewal of the certificate"

    def arrange(self, host: Host) -> None:
        self._names = [f"renewal-{next(host.counter)}.faults.test"]

    def change(self, host: Host) -> dict[str, Any]:
        return {"registry_subject_alt_names": self._names}


class Collection(Operation):
    name = "garbage collection"
    moments = (MARKER,)

    def arrange(self, host: Host) -> None:
        host.fill()

    def start(self, host: Host) -> Run:
        return host.start_role("garbage_collect", registry_gc_delete_untagged=True)


class Backup(Operation):
    name = "backup"
    moments = (MARKER,)

    def start(self, host: Host) -> Run:
        return host.start_role("backup", registry_backup_keep=2)


class Restore(Operation):
    name = "restore"
    moments = ("/srv/registry/.restoring", "new")

    def arrange(self, host: Host) -> None:
        host.require(host.role("backup", registry_backup_keep=1))
        self._archive = host.must(f"ls {BACKUPS}/*.tar | tail -n 1")

    def start(self, host: Host) -> Run:
        return host.start_role("restore", registry_restore_archive=self._archive)


class Port(Operation):
    name = "move to another port"

    def arrange(self, host: Host) -> None:
        self._port = 5001 if host.declared["registry_port"] == 5000 else 5000

    def change(self, host: Host) -> dict[str, Any]:
        return {"registry_port": self._port}

    def before_and_after(self, host: Host) -> list[str]:
        return [f"{host.declared['registry_name']}:{port}" for port in (5000, 5001)]


class Name(Operation):
    name = "move to another name"

    def arrange(self, host: Host) -> None:
        self._name = next(name for name in host.names if name != host.declared["registry_name"])

    def change(self, host: Host) -> dict[str, Any]:
        return {"registry_name": self._name}

    def before_and_after(self, host: Host) -> list[str]:
        return [f"{name}:{host.declared['registry_port']}" for name in host.names]


class Upgrade(Operation):
    """From the generation that every fault begins with to the other one."""

    def __init__(self, generation: str) -> None:
        self._to = "3" if generation == "2.8" else "2.8"
        self.name = f"{'upgrade' if self._to == '3' else 'rollback'} to {self._to}"

    def change(self, host: Host) -> dict[str, Any]:
        return {"registry_image": host.images[self._to]}

    def tidy(self, host: Host) -> None:
        host.declared["registry_image"] = host.images[host.generation]
        host.require(host.role("main"))


def of(generation: str) -> list[Operation]:
    return [SetUp(), Renewal(), Collection(), Backup(), Restore(), Port(), Name(), Upgrade(generation)]

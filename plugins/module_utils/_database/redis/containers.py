# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The container of an instance: created, proven, set aside during a change, and put back with its configuration."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from ..docker import Docker, Json
from . import acl, configuration, scratch
from .definition import HEALTH, Definition
from .instance import CONF, Instance
from .resp import Refused
from .server import Server

UPGRADING = "upgrading"  # the state of the record while database_upgrade has the instance


def previous_name(container: str) -> str:
    """Return the name of a container that is set aside during a change."""
    return f"{container}.dockyard-previous"


def is_running(details: Json | None) -> bool:
    """Return whether a container runs, and not only starts again and again."""
    return bool(details and details["State"]["Running"] and not details["State"]["Restarting"])


def admin(docker: Docker, name: str, instance: Instance) -> Server:
    """Return the server of a container, to be spoken to as this collection's own account."""
    return Server(docker, name, acl.ADMIN, instance.own_passwords()[acl.ADMIN])


def create(docker: Docker, name: str, definition: Definition, image: str, restart: bool = True) -> None:
    """Create a container by its definition, and connect it with its further networks."""
    docker.command(*definition.arguments(name, image, restart))
    for network in definition.networks[1:]:
        docker.command("network", "connect", network, name)


def set_aside(docker: Docker, name: str) -> None:
    """Give a stopped container another name. The engine does not start it by itself either."""
    # Two servers with one folder would ruin it.
    docker.command("update", "--restart", "no", name)
    docker.command("rename", name, previous_name(name))


def prove_health(docker: Docker, name: str) -> None:
    """Raise DockyardError unless the container's own health check succeeds."""
    done = docker.try_command("exec", name, *HEALTH, seconds=60)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise DockyardError(
            "redis_not_proven", f"The health check in {name} fails ({said[-1] if said else done.returncode})."
        )


def prove_port(name: str, definition: Definition) -> None:
    """Raise DockyardError unless the published port is open on the host."""
    if not definition.port:
        return
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(definition.address, definition.address)
    try:
        socket.create_connection((address, definition.port), timeout=10).close()
    except OSError as error:
        raise DockyardError(
            "redis_not_proven",
            f"The port {definition.port} of {address}, on which {name} is published, does not answer"
            f" ({error.strerror or error}).",
        ) from error


def stop(docker: Docker, name: str, instance: Instance, seconds: float) -> None:
    """Stop a container, with all its data on the disk if its server answers."""
    details = docker.container(name)
    if details is None or not details["State"]["Running"]:
        return
    server = admin(docker, name, instance)
    if is_running(details) and not server.why_not_up():
        server.stop(seconds)
        return
    docker.command("update", "--restart", "no", name)
    docker.terminate(name, seconds)


def restore(docker: Docker, name: str, instance: Instance, record: dict[str, Any], run: bool) -> None:
    """Put back the container and the configuration that were set aside, and prove that they are up.

    record: of the state that is put back. run: whether the container ran in it. Each part can be repeated after a kill.
    """
    definition = Definition.decoded(record["definition"])
    previous = docker.container(previous_name(name))
    if previous is not None:
        docker.remove(name)
        docker.command("rename", previous_name(name), name)
    details = docker.container(name)
    if details is None:
        raise DockyardError("redis_rollback_failed", f"The container {name} is gone.")
    server = admin(docker, name, instance)
    up = is_running(details) and not server.why_not_up()
    if up:
        _align_append_only(server, instance, definition.start_timeout)
    instance.put_back()
    uid, _colon, gid = definition.user.partition(":")
    base = docker.user_base()
    owner = (base[0] + int(uid), base[1] + int(gid))
    if instance.owner_differs(owner):
        instance.give_data_to(owner)
    if run and not (up and _set_back(server, instance)):
        stop(docker, name, instance, definition.stop_timeout)
        docker.command("start", name)
    docker.command("update", "--restart", definition.restart_policy, name)
    if run:
        server.wait(definition.start_timeout)
        prove_health(docker, name)


def _align_append_only(server: Server, instance: Instance, seconds: float) -> None:
    """Have the running server write its data where the configuration that comes back looks for them."""
    wanted = "yes" if configuration.is_on(configuration.parse(instance.former(CONF)), "appendonly") else "no"
    if server.get("appendonly") == wanted:
        return
    if wanted == "yes":
        server.switch_append_only_on(seconds)
    else:
        server.save(seconds)
        server.ask("CONFIG", "SET", "appendonly", "no")


def _set_back(server: Server, instance: Instance) -> bool:
    """Give the running server its former configuration and users. Return whether it needs no restart for it."""
    values = configuration.parse(instance.files().get(CONF, b"").decode())
    with contextlib.suppress(Refused, DockyardError):
        differing = {key: value for key, value in values.items() if server.differs(key, value)}
        if differing:
            server.set(differing)
        server.ask("ACL", "LOAD")
        return True
    return False


def recover(docker: Docker, name: str, instance: Instance) -> str | None:
    """Take back what an interrupted run has left unproven. Return a sentence about it; None if there is nothing."""
    scratch.sweep(docker, name, instance)
    record = instance.record()
    if record is not None and record["state"] == UPGRADING:
        raise DockyardError(
            "redis_upgrade_unfinished",
            f"An upgrade of {name} was interrupted; run the module database_upgrade again, which goes on with it or"
            " takes it back.",
        )
    if record is None or record["state"] != "changing":
        return None
    if record.get("first"):
        # Its first start, which nobody has proven. Its data are kept.
        docker.remove(name)
        sentence = "An earlier run was interrupted at the first start; its container was removed."
    elif docker.container(previous_name(name)) is None and docker.container(name) is None:
        instance.put_back()
        sentence = "An earlier run was interrupted before its container was there; its configuration was taken back."
    else:
        restore(docker, name, instance, record, True)
        sentence = "An earlier run was interrupted; what was there before was put back and is up."
    instance.drop_aside()
    instance.write_record({**record, "state": "steady", "first": False})
    return sentence

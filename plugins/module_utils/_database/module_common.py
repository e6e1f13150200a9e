# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What the modules of the database servers have in common: their folder and lock, options, and the removal."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
from collections.abc import Iterator
from typing import Any, Callable, Protocol

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from . import version
from .container_definition import INSTANCE_LABEL
from .deployment import ChangeOfInstance, PlanOfContainer
from .docker import Docker
from .instance_lock import folder_lock, lock_of
from .keeper import Keeper
from .refusals import Declared

_OPTIONS = ("memory", "cpus", "restart_policy", "stop_timeout", "start_timeout", "log_driver")


def folder_of(params: dict[str, Any]) -> str:
    """Return the folder of the instance. Raise DockyardError for one that no container can have mounted."""
    folder: str = os.path.normpath(params["directory"])
    if not os.path.isabs(folder) or folder.count("/") < 2 or any(letter in folder for letter in ',:"\n'):
        raise DockyardError(
            "database_directory_invalid",
            f"directory is '{params['directory']}'; give the absolute path of a folder of the instance's own, such as"
            " /srv/databases/shop, without commas, colons and quotes.",
        )
    return folder


def engine_answers(docker: Docker, check_mode: bool) -> bool:
    """Return whether there is an engine. Raise DockyardError if it is needed and there is none."""
    answers = docker.answers()
    if not answers and not check_mode:
        raise DockyardError(
            "database_no_engine",
            'No Docker Engine answers on this host; start it with "systemctl start docker", or install it with the role'
            " docker_engine.",
        )
    return answers


def instance_options() -> dict[str, Any]:
    """Return the options that all modules of the kind have, which the fragment _database_server describes."""
    policies = ["no", "always", "on-failure", "unless-stopped"]
    return {
        "container_name": {"type": "str", "required": True},
        "directory": {"type": "path", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "image": {"type": "str"},
        "address": {"type": "str", "default": "127.0.0.1"},
        "networks": {"type": "list", "elements": "str", "default": []},
        "cpus": {"type": "str"},
        "restart_policy": {"type": "str", "choices": policies, "default": "unless-stopped"},
        "stop_timeout": {"type": "int", "default": 300},
        "start_timeout": {"type": "int", "default": 300},
        "log_driver": {"type": "str"},
        "log_options": {"type": "dict", "default": {}},
        "labels": {"type": "dict", "default": {}},
        "adopt": {"type": "bool", "default": False},
        "remove_data": {"type": "bool", "default": False},
        "remove_data_of": {"type": "str"},
        "lock_timeout": {"type": "float", "default": 60},
    }


def run(
    call: Any,
    keeper_of: Callable[[Docker, str], Keeper],
    wish_of: Callable[[dict[str, Any], str], Any],
    make_plan: Callable[[Any, Docker, bool], Any],
    deployment_of: Callable[[Any, Docker], ChangeOfInstance],
    diff_of: Callable[[Any], list[dict[str, str]]],
) -> dict[str, Any]:
    """Run a call of one of the modules. call: a _module.ModuleCall; the others are of its kind of server."""
    call.require_root("look after a database's container and data")
    params = call.params
    folder = folder_of(params)
    docker = Docker()
    engine = engine_answers(docker, call.check_mode)
    keeper = keeper_of(docker, folder)

    def work() -> dict[str, Any]:
        if params["state"] == "absent":
            return remove(call, docker if engine else None, keeper)
        wish = wish_of(params, folder)
        call.hide([user.password for user in wish.users if user.password])
        plan = make_plan(wish, docker, engine)
        call.hide(plan.passwords.values())
        diff = diff_of(plan)
        actions: list[str] = []
        if plan.changed and not call.check_mode:
            deployment = deployment_of(plan, docker)
            deployment.run()
            actions = deployment.actions
        return result(call, plan, actions, diff)

    with locked(call, folder):
        return finish(None if call.check_mode else keeper.recover(), work)


@contextlib.contextmanager
def locked(call: Any, folder: str) -> Iterator[None]:
    """Keep other runs out of the folder, unless nothing is to be changed."""
    if call.check_mode:
        yield
        return
    with folder_lock(folder).locked(call.params["lock_timeout"]):
        yield


@contextlib.contextmanager
def locked_by_name(call: Any, docker: Docker, name: str) -> Iterator[None]:
    """Keep other runs out of the instance that a container belongs to, if it is one."""
    lock = None if call.check_mode else lock_of(docker, name)
    with lock.locked(call.params["lock_timeout"]) if lock else contextlib.nullcontext():
        yield


def finish(recovered: str | None, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do the work, and say beside what has come of it what was taken back before."""
    try:
        result = work()
    except DockyardError as error:
        error.changed = error.changed or bool(recovered)
        raise
    if recovered:
        result["changed"] = True
        result["msg"] = f"{recovered} {result['msg']}"
    return result


def container_options(params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that say how the container is created, as its definition takes them."""
    options = {
        name: params[name] or "" if name in ("memory", "cpus", "log_driver") else params[name] for name in _OPTIONS
    }
    return {
        **options,
        "address": _address(params["address"]),
        "port": params["port"],
        "networks": tuple(params["networks"]),
        "log_options": _pairs(params["log_options"]),
        "labels": _pairs(params["labels"]),
    }


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise DockyardError(
            "database_address_invalid",
            f"'{text}' is no address; give one of this host's, such as 127.0.0.1 or 10.0.0.5.",
        ) from error


def _pairs(values: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(key), str(value)) for key, value in values.items()))


def password_from_file(path: str, whose: str, refuse: Callable[[str], DockyardError]) -> str:
    """Return the password that a file of the host holds. whose: words for a message; refuse: makes the error of one."""
    content = atomic_file.read(path)
    if content is None:
        raise refuse(f"The file {path} with the password of {whose} does not exist on this host; write it first.")
    try:
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise refuse(
            f"The file {path} with the password of {whose} is no text; write the password alone into it."
        ) from error


def diff_entry(header: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": header, "after_header": header, "before": before, "after": after}


def definition_lines(data: dict[str, Any]) -> str:
    """Return how a container is created as lines for a diff."""
    return "".join(f"{key}: {value}\n" for key, value in sorted(data.items()) if value not in ("", (), []))


class PlanOfModule(PlanOfContainer, Protocol):
    """What a plan of any server has for the module's result."""

    @property
    def wish(self) -> Declared: ...

    @property
    def changed(self) -> bool: ...

    @property
    def recreate(self) -> list[str]: ...


def result(call: Any, plan: PlanOfModule, actions: list[str], diff: list[dict[str, str]]) -> dict[str, Any]:
    """Return what a module returns for an instance that is, or would be, as declared."""
    definition = plan.definition
    found = {
        "changed": plan.changed,
        "msg": _message(plan, actions, call.check_mode),
        "actions": actions,
        "container": plan.wish.container,
        "folder": plan.wish.folder,
        "image": plan.image_name,
        "version": version.shown(plan.image.version) if plan.image else None,
        "address": f"{definition.address}:{definition.port}" if definition.port else None,
    }
    return {**found, "diff": diff} if call.diff_mode else found


def _message(plan: PlanOfModule, actions: list[str], check_mode: bool) -> str:
    name = plan.wish.container
    if not plan.changed:
        return f"{name} is as declared."
    if check_mode:
        how = "be created" if plan.create else "be recreated" if plan.recreate else "be changed"
        return f"{name} would {how}."
    title = plan.image.title if plan.image else plan.wish.title
    return f"{name} was changed ({', '.join(actions) or 'files'}), and is up as {title}."


def remove(call: Any, docker: Docker | None, keeper: Keeper) -> dict[str, Any]:
    """Remove the container, and the data only if that was said twice. docker: None if no engine answers."""
    instance = keeper.folder
    params = call.params
    name = params["container_name"]
    record = instance.record()
    details = docker.container(name) if docker else None
    if details is not None and details["Config"]["Labels"].get(INSTANCE_LABEL) != instance.folder:
        raise DockyardError(
            "database_container_not_ours",
            f"The container {name} is not that of the instance in {instance.folder}; give the right container_name or"
            " directory.",
        )
    if params["remove_data"] and params["remove_data_of"] != name:
        raise DockyardError(
            "database_removal_unconfirmed",
            f"remove_data would delete {instance.folder} with all its data; to confirm, set remove_data_of to the name"
            f" of the container, {name}.",
        )
    if params["remove_data"] and record is None and instance.names():
        raise DockyardError(
            "database_folder_not_ours",
            f"{instance.folder} was not made by this module, so it is not deleted; remove it by hand.",
        )
    delete = params["remove_data"] and bool(instance.names())
    if not call.check_mode and docker is not None and details is not None:
        keeper.stop(record["definition"]["stop_timeout"] if record else params["stop_timeout"])
        docker.remove(name)
    if delete and not call.check_mode:
        shutil.rmtree(instance.folder)
    changed = details is not None or delete
    kept = "" if delete or not instance.names() else f" {instance.folder} is kept."
    gone = "would be removed" if call.check_mode else "was removed"
    what = " and ".join(filter(None, [name if details is not None else "", instance.folder if delete else ""]))
    return {
        "changed": changed,
        "msg": f"{what} {gone}.{kept}" if changed else f"There is no container {name}.{kept}",
        "actions": ["removed"] if changed and not call.check_mode else [],
        "container": name,
        "folder": instance.folder,
    }

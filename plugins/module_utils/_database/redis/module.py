# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What the module redis_server does: plan, change or remove one instance, and say what has come of it."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.state_dir import StateDir, escape_path

from .. import version
from ..docker import Docker
from . import acl, containers
from .definition import INSTANCE_LABEL, Definition
from .deploy import Deployment
from .instance import CONF, USERS, Instance
from .plan import Plan, Wish, make_plan

_OPTIONS = ("memory", "cpus", "restart_policy", "stop_timeout", "start_timeout", "log_driver")


def folder_lock(folder: str) -> StateDir:
    """Return what keeps two runs out of one instance."""
    return StateDir("databases", escape_path(os.path.realpath(folder)))


def run(call: Any) -> dict[str, Any]:
    """Run a call of the module. call: a _module.ModuleCall."""
    call.require_root("look after a database's container and data")
    params = call.params
    folder = os.path.normpath(params["directory"])
    if not os.path.isabs(folder) or folder.count("/") < 2 or any(letter in folder for letter in ',:"\n'):
        raise DockyardError(
            "redis_directory_invalid",
            f"directory is '{params['directory']}'; give the absolute path of a folder of the instance's own, such as"
            " /srv/redis/cache, without commas, colons and quotes.",
        )
    docker = Docker()
    engine = docker.answers()
    if not engine and not call.check_mode:
        raise DockyardError(
            "database_no_engine",
            'No Docker Engine answers on this host; start it with "systemctl start docker", or install it with the role'
            " docker_engine.",
        )
    instance = Instance(folder)
    with contextlib.nullcontext() if call.check_mode else folder_lock(folder).locked(params["lock_timeout"]):
        recovered = None if call.check_mode else containers.recover(docker, params["container_name"], instance)
        try:
            if params["state"] == "absent":
                result = _remove(call, docker if engine else None, instance)
            else:
                result = _present(call, docker, engine, folder)
        except DockyardError as error:
            error.changed = error.changed or bool(recovered)
            raise
    if recovered:
        result["changed"] = True
        result["msg"] = f"{recovered} {result['msg']}"
    return result


def wish(params: dict[str, Any], folder: str) -> Wish:
    """Return what the module's parameters declare."""
    options = {
        name: params[name] or "" if name in ("memory", "cpus", "log_driver") else params[name] for name in _OPTIONS
    }
    return Wish(
        container=params["container_name"],
        flavour=params["flavour"],
        image=params["image"],
        folder=folder,
        users=tuple(_user(user) for user in params["users"]),
        config=params["config"],
        adopt=params["adopt"],
        options={
            **options,
            "address": _address(params["address"]),
            "port": params["port"],
            "networks": tuple(params["networks"]),
            "log_options": _pairs(params["log_options"]),
            "labels": _pairs(params["labels"]),
        },
    )


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise DockyardError(
            "redis_address_invalid",
            f"'{text}' is no address; give one of this host's, such as 127.0.0.1 or 10.0.0.5.",
        ) from error


def _pairs(values: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(key), str(value)) for key, value in values.items()))


def _user(declared: dict[str, Any]) -> acl.User:
    password = declared["password"]
    if password is None and declared["password_file"] is not None:
        content = atomic_file.read(declared["password_file"])
        if content is None:
            raise DockyardError(
                "redis_user_invalid",
                f"The file {declared['password_file']} with the password of the user {declared['name']} does not exist"
                " on this host; write it first.",
            )
        try:
            password = content.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DockyardError(
                "redis_user_invalid",
                f"The file {declared['password_file']} with the password of the user {declared['name']} is no text;"
                " write the password alone into it.",
            ) from error
    return acl.User(declared["name"], password, declared["rules"])


def _present(call: Any, docker: Docker, engine: bool, folder: str) -> dict[str, Any]:
    desired = wish(call.params, folder)
    call.hide([user.password for user in desired.users if user.password])
    plan = make_plan(desired, docker, engine)
    call.hide(plan.passwords.values())
    diff = _diff(plan)
    actions: list[str] = []
    if plan.changed and not call.check_mode:
        deployment = Deployment(plan, docker)
        deployment.run()
        actions = deployment.actions
    result = {
        "changed": plan.changed,
        "msg": _message(plan, actions, call.check_mode),
        "actions": actions,
        "container": desired.container,
        "folder": folder,
        "image": desired.image,
        "version": version.shown(plan.image.version) if plan.image else None,
        "address": f"{plan.definition.address}:{plan.definition.port}" if plan.definition.port else None,
    }
    if call.diff_mode:
        result["diff"] = diff
    return result


def _message(plan: Plan, actions: list[str], check_mode: bool) -> str:
    name = plan.wish.container
    if not plan.changed:
        return f"{name} is as declared."
    if check_mode:
        how = "be created" if plan.create else "be recreated" if plan.recreate else "be changed"
        return f"{name} would {how}."
    title = plan.image.title if plan.image else plan.wish.title
    return f"{name} was changed ({', '.join(actions) or 'files'}), and is up as {title}."


def _diff(plan: Plan) -> list[dict[str, str]]:
    record = plan.instance.record()
    before = plan.instance.files()
    old = {"image": record["image"], **record["definition"]} if record and plan.container else {}
    new = {"image": plan.wish.image, **plan.definition.encoded()}
    return [
        _entry(plan.wish.container, _lines(old), _lines(new)),
        _entry(CONF, before.get(CONF, b"").decode(errors="replace"), plan.files[CONF]),
        _users_entry(before.get(USERS, b"").decode(errors="replace"), plan.files[USERS]),
    ]


def _users_entry(before: str, after: str) -> dict[str, str]:
    # Both at once, so that equal passwords have equal placeholders.
    mark = "\n\0\n"
    shown_before, _mark, shown_after = acl.shown(f"{before}{mark}{after}").partition(mark)
    return _entry(USERS, shown_before, shown_after)


def _entry(header: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": header, "after_header": header, "before": before, "after": after}


def _lines(data: dict[str, Any]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in sorted(data.items()) if value not in ("", (), []))


def _remove(call: Any, docker: Docker | None, instance: Instance) -> dict[str, Any]:
    """Remove the container, and the data only if that was said twice."""
    params = call.params
    name = params["container_name"]
    record = instance.record()
    details = docker.container(name) if docker else None
    if details is not None and details["Config"]["Labels"].get(INSTANCE_LABEL) != instance.folder:
        raise DockyardError(
            "redis_container_not_ours",
            f"The container {name} is not that of the instance in {instance.folder}; give the right container_name or"
            " directory.",
        )
    if params["remove_data"] and params["remove_data_of"] != name:
        raise DockyardError(
            "redis_removal_unconfirmed",
            f"remove_data would delete {instance.folder} with all its data; to confirm, set remove_data_of to the name"
            f" of the container, {name}.",
        )
    if params["remove_data"] and record is None and instance.names():
        raise DockyardError(
            "redis_folder_not_ours",
            f"{instance.folder} was not made by this module, so it is not deleted; remove it by hand.",
        )
    delete = params["remove_data"] and bool(instance.names())
    if not call.check_mode and docker is not None and details is not None:
        definition = Definition.decoded(record["definition"]) if record else None
        containers.stop(docker, name, instance, definition.stop_timeout if definition else params["stop_timeout"])
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

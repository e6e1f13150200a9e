# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Back up the data of a stack, and restore them: folders of the node to which its services are pinned."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import archive, state_dir

from ..api import EngineApi
from . import survey
from .at_rest import AtRest

OPTIONS: dict[str, dict[str, Any]] = {
    "operation": {"type": "str", "choices": ["backup", "restore"], "required": True},
    "stack": {"type": "str", "required": True},
    "directory": {"type": "path", "required": True},
    "folders": {"type": "list", "elements": "str", "required": True},
    "at_rest": {"type": "list", "elements": "str", "default": []},
    "backup_directory": {"type": "path"},
    "archive_name": {"type": "str", "default": ""},
    "keep": {"type": "int", "default": 7},
    "archive": {"type": "path"},
    "checksum": {"type": "str", "default": ""},
    "timeout": {"type": "int", "default": 3600},
    "service_timeout": {"type": "int", "default": 120},
    "lock_timeout": {"type": "int", "default": 120},
    "socket": {"type": "path", "default": ""},
}
_UNPACKED, _BEFORE = ".restoring", ".before-restore"
# What a registry has of images, then what these consist of: in this order no image lacks a part of it, although it
# goes on to take pushes. Parts go only in a garbage collection.
_LINKS, _BLOBS = "data/docker/registry/v2/repositories", "data/docker/registry/v2/blobs"
_ACME = "acme/acme.json"


def run(params: Mapping[str, Any], api: EngineApi | None, check_mode: bool) -> dict[str, Any]:
    """Run an operation."""
    base = params["directory"]
    if api is None:
        raise DockyardError("traefik_no_engine", "The Docker Engine of this host does not run; start it and run again.")
    left = os.path.join(base, _BEFORE)
    if os.path.exists(left):
        raise DockyardError(
            "traefik_restore_interrupted",
            f"A restore was interrupted, and {left} has what was there before; move what you want to keep to {base},"
            f" remove {left}, and run again.",
        )
    folder = state_dir.StateDir("traefik_backup")
    with contextlib.nullcontext() if check_mode else folder.locked(params["lock_timeout"]):
        operation = _backup if params["operation"] == "backup" else _restore
        return operation(params, api, check_mode)


def _backup(params: Mapping[str, Any], api: EngineApi, check_mode: bool) -> dict[str, Any]:
    base, where, stack = params["directory"], params["backup_directory"], params["stack"]
    present = [name for name in params["folders"] if os.path.isdir(os.path.join(base, name))]
    missing = [name for name in params["folders"] if name not in present]
    if missing:
        raise DockyardError(
            "traefik_backup_nothing",
            f"{base} has no {', '.join(missing)}, which the stack {stack} is to have; deploy it first, or correct"
            " directory.",
        )
    if check_mode:
        return {"changed": True, "msg": f"Would have archived {', '.join(present)} of {base} in {where}."}
    os.makedirs(where, mode=0o700, exist_ok=True)
    name = params["archive_name"] or stack
    archive.clear_parts(where, name)
    archive.require_space(where, archive.size_of(base, present), "the archive")
    path = archive.stamped(where, name)
    begin = time.monotonic()
    with archive.Writer(path, begin + params["timeout"]) as writer:
        with AtRest(api, stack, params["at_rest"], params["service_timeout"]):
            rested = time.monotonic()
            for folder in (folder for folder in present if folder != "registry"):
                writer.add(base, folder)
            rested = time.monotonic() - rested
        if "registry" in present:
            _add_registry(writer, base)
        contents = writer.complete()
    _require_whole(path, present)
    removed = archive.prune(where, name, params["keep"])
    return {
        "changed": True,
        "msg": f"Archived {', '.join(present)} of {base} in {path}.",
        "archive": path,
        "sha256": contents.sha256,
        "bytes": contents.bytes,
        "rest_seconds": round(rested, 1) if params["at_rest"] else 0.0,
        "removed": removed,
    }


def _add_registry(writer: archive.Writer, base: str) -> None:
    parts = [f"registry/{part}" for part in (_LINKS, _BLOBS) if os.path.isdir(os.path.join(base, "registry", part))]
    writer.add(base, "registry", leave_out=parts)
    for part in parts:
        writer.add(base, part)


def _require_whole(path: str, present: Sequence[str]) -> None:
    """Raise DockyardError if Traefik was just writing its storage."""
    if "acme" not in present:
        return
    names = archive.check(path, "", {name.split("/")[0] for name in present}, []).names
    content = archive.read(path, _ACME) if _ACME in names else b""
    try:
        json.loads(content or b"{}")
    except ValueError as error:
        os.unlink(f"{path}.sha256")
        os.unlink(path)
        raise DockyardError(
            "traefik_backup_torn", "Traefik was writing its certificates during the backup; run again.", changed=True
        ) from error


def _restore(params: Mapping[str, Any], api: EngineApi, check_mode: bool) -> dict[str, Any]:
    base, path, stack = params["directory"], params["archive"], params["stack"]
    contents = archive.check(path, params["checksum"], params["folders"], [])
    found = sorted({name.split("/")[0] for name in contents.parts})
    if not found:
        raise DockyardError("host_archive_foreign", f"{path} holds nothing of the stack {stack}; give another one.")
    _require_rest(params, api, found)
    if check_mode:
        return {"changed": True, "msg": f"Would have restored {', '.join(found)} to {base} from {path}."}
    archive.require_space(base, sum(part.bytes for part in contents.parts.values()), "what is restored")
    unpacked, before = os.path.join(base, _UNPACKED), os.path.join(base, _BEFORE)
    shutil.rmtree(unpacked, ignore_errors=True)
    archive.unpack(path, unpacked)
    exchanged: list[str] = []
    try:
        with AtRest(api, stack, params["at_rest"], params["service_timeout"]):
            os.mkdir(before, 0o700)
            for name in found:
                _exchange(base, name, unpacked, before)
                exchanged.append(name)
    except (DockyardError, OSError) as error:
        raise _put_back(params, api, exchanged, error) from error
    shutil.rmtree(before)
    shutil.rmtree(unpacked, ignore_errors=True)
    return {
        "changed": True,
        "msg": f"Restored {', '.join(found)} to {base} from {path}.",
        "archive": path,
        "sha256": contents.sha256,
        "bytes": contents.bytes,
    }


def _require_rest(params: Mapping[str, Any], api: EngineApi, folders: Sequence[str]) -> None:
    """Raise DockyardError for a service that would go on with the folder that was there before."""
    places = [os.path.join(params["directory"], name) for name in folders]
    for service in api.get("/services", filters=survey.of_label(params["stack"])):
        name = service["Spec"]["Name"]
        mounts = service["Spec"]["TaskTemplate"]["ContainerSpec"].get("Mounts") or []
        for source in (str(mount.get("Source")) for mount in mounts if mount.get("Type") == "bind"):
            if name not in params["at_rest"] and any(f"{source}/".startswith(f"{place}/") for place in places):
                raise DockyardError(
                    "traefik_restore_in_use",
                    f"The service {name} has {source}, and would go on with what was there before the restore; name"
                    " it in at_rest.",
                )


def _exchange(base: str, name: str, new: str, old: str) -> None:
    target = os.path.join(base, name)
    if os.path.isdir(target):
        # The mode of the folder itself is the deployment's.
        os.chmod(os.path.join(new, name), os.stat(target).st_mode & 0o7777)
        os.rename(target, os.path.join(old, name))
    os.rename(os.path.join(new, name), target)


def _put_back(
    params: Mapping[str, Any], api: EngineApi, exchanged: Sequence[str], cause: DockyardError | OSError
) -> DockyardError:
    """Return the error after what was there before is there again."""
    base = params["directory"]
    unpacked, before = os.path.join(base, _UNPACKED), os.path.join(base, _BEFORE)
    reason = str(cause).rstrip(".")
    end = "what was there before is there again, and its services run"
    left = list(exchanged)
    try:
        with AtRest(api, params["stack"], params["at_rest"], params["service_timeout"]):
            for name in exchanged:
                shutil.rmtree(os.path.join(base, name))
                if os.path.isdir(os.path.join(before, name)):
                    os.rename(os.path.join(before, name), os.path.join(base, name))
                left.remove(name)
    except (DockyardError, OSError) as error:
        why = str(error).rstrip(".")
        if left:
            return DockyardError(
                "traefik_restore_failed",
                f"The restore failed ({reason}), and what was there before could not be put back ({why}); it is in"
                f" {before}.",
                changed=True,
            )
        end = f"what was there before is there again, and its services do not run ({why})"
    shutil.rmtree(before, ignore_errors=True)
    shutil.rmtree(unpacked, ignore_errors=True)
    return DockyardError("traefik_restore_failed", f"The restore failed ({reason}); {end}.", changed=True)

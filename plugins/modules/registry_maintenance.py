#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_maintenance
short_description: Collect garbage of a registry, back it up, and restore it
version_added: 0.3.0
description:
  - Looks after a registry of Docker Distribution, 2.8 or newer, that runs in a container on the managed host.
  - Garbage collection and backup work in a read-only window, in which pulls go on and pushes are refused. The window is
    closed again whatever happens - the work fails or takes too long, the disk is full, the engine restarts, the connection is
    lost, all processes of the module are killed (without systemd, its main one). Should the whole host go down, the next run
    of O(operation=collect_garbage), O(operation=backup) or O(operation=close_window) closes it.
  - That the window is read-only is proven by beginning an upload, over O(registry) and at the container's own address. If one
    begins, the window is closed and nothing is done. If neither says so, because a login is missing, there is a warning.
  - Before garbage is collected, the registry is asked over its API what its tags need - the images of all platforms of an
    index, nested indexes, attestations, and, with O(delete_untagged), the signatures and other artifacts that refer to what
    is needed. None of that is deleted, whatever the version of Docker Distribution would do. Right before it deletes, the
    collector is asked once more what it is about to delete, and it is not run if a tag needs any of that.
  - After a garbage collection, everything that a tag or an index needs is asked for. If something is not there any more,
    the module fails and names it.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._attributes.action_group_registry
  - dockyard.ops._registry
attributes:
  idempotent:
    support: partial
    details:
      - A second O(operation=collect_garbage) finds nothing to collect and opens no window. Each O(operation=backup) writes
        an archive of its own, and each O(operation=restore) restores.
options:
  operation:
    description:
      - What to do.
      - V(collect_garbage) frees what nothing refers to any more. V(backup) writes the instance's folders into an archive.
      - V(check_archive) tells what an archive holds, and fails if it can't be restored.
      - V(restore) checks and unpacks an archive, stops the registry, and exchanges the instance's folders for those of the
        archive. Start the registry and prove that it is up, then complete it by V(finish_restore), or by V(undo_restore),
        which puts back what was there and starts it.
      - V(begin_exchange) gives the container the name O(previous_container_name), under which it runs on, so that its successor
        can be made with its name, and not started. V(exchange) then stops the one and starts the other one. Prove that it is
        up, and complete it by V(finish_exchange), which keeps the files of O(proven_folders) and removes the old container, or
        by V(undo_exchange), which puts back the files that were kept and the old container. A kill at any point leaves a
        registry that runs, or that the engine starts with the host; V(undo_exchange) of a later run then ends the exchange.
      - V(close_window) closes a read-only window that a run left open.
      - V(check_configuration) fails if O(configuration) has a setting that the version of Docker Distribution in O(image) does
        not know, because version 3 has renamed or dropped it, or brought it.
      - V(wait) waits until the registry is healthy. What says so is the container's own health check; if it has none, the
        debug server at C(127.0.0.1:5001) inside the container; and else C(/v2/) at the container's own address or its
        published port.
    type: str
    required: true
    choices:
      - collect_garbage
      - backup
      - check_archive
      - restore
      - finish_restore
      - undo_restore
      - begin_exchange
      - exchange
      - finish_exchange
      - undo_exchange
      - close_window
      - check_configuration
      - wait
  container_name:
    description:
      - Name of the registry's container. The folder with its configuration must be mounted into it.
    type: str
    default: registry
  registry:
    description:
      - The registry's address as in front of an image's name, C(host[:port]); an IPv6 address is in brackets.
      - Required for O(operation=collect_garbage) with O(delete_untagged). Without it the registry is not asked what it needs.
      - For O(operation=backup), the proof that the registry takes no uploads in the meantime uses it.
    type: str
    required: false
  delete_untagged:
    description:
      - Whether O(operation=collect_garbage) deletes manifests that no tag refers to, and that nothing needs which a tag refers
        to. That breaks pulls of these by their digests.
      - It is refused for a pull-through mirror, which deletes by itself what is older than its C(proxy.ttl). What its tags need
        can't be asked for without fetching it from the other registry.
    type: bool
    default: false
  time_limit:
    description:
      - Seconds after which O(operation=collect_garbage) or O(operation=backup) is given up and the registry put back in
        service.
    type: int
    default: 21600
  start_timeout:
    description:
      - Seconds that a start of the registry may take.
    type: int
    default: 60
  instance_directory:
    description:
      - The folder of the registry's instance on the managed host, for O(operation=backup) and the operations of a
        restore and an exchange.
    type: path
    default: /srv/registry
  folders:
    description:
      - Folders below O(instance_directory) that O(operation=backup) archives if they are there, and that an archive may hold.
      - Required for O(operation=backup), O(operation=check_archive) and O(operation=restore).
    type: list
    elements: str
  window_folders:
    description:
      - Those of O(folders) that O(operation=backup) archives in a read-only window.
    type: list
    elements: str
    default: []
  set_aside:
    description:
      - Further names below O(instance_directory) that O(operation=restore) sets aside, because they belong to what was there.
    type: list
    elements: str
    default: []
  required_files:
    description:
      - Files without which an archive is not one of a registry.
    type: list
    elements: str
    default:
      - config/config.yml
  backup_directory:
    description:
      - Folder on the managed host for the archives and their checksums. It is made readable to root only.
    type: path
    default: /var/backups/registry
  keep:
    description:
      - How many archives of this container O(operation=backup) keeps; V(0) keeps all.
    type: int
    default: 0
  archive:
    description:
      - The archive to check or to restore, a path on the managed host.
    type: path
  checksum:
    description:
      - Its SHA-256. If empty, the file beside it says it, with C(.sha256) at the end of its name.
    type: str
    default: ''
  keep_previous:
    description:
      - Whether O(operation=finish_restore) keeps the folder with what was there before.
    type: bool
    default: true
  previous_container_name:
    description:
      - Name under which the container that was there before is set aside, for O(operation=undo_restore) and the operations of
        an exchange. No other container may have it.
    type: str
    default: ''
  proven_folders:
    description:
      - Folders below O(instance_directory) whose files belong to the container. O(operation=finish_exchange) and
        O(operation=finish_restore) keep copies of them, in C(.proven) there, and O(operation=undo_exchange) makes the files as
        they were.
    type: list
    elements: str
    default:
      - config
      - tls
  image:
    description:
      - The image that O(configuration) is for. Its program is asked for its version; if the image is not on the host yet, the
        version is that of its tag, and nothing is refused if the tag is no version.
      - For O(operation=check_archive) and O(operation=restore), the image that is to run with C(config/config.yml) of the archive.
        An archive with a setting that it does not know is refused.
      - Required for O(operation=check_configuration).
    type: str
  configuration:
    description:
      - A registry's configuration, as in its C(config.yml), for O(operation=check_configuration). If it holds secrets, give the
        task C(no_log).
    type: dict
  environment:
    description:
      - Environment variables of the container, which win over the configuration (C(REGISTRY_REDIS_ADDR)), for
        O(operation=check_configuration), O(operation=check_archive) and O(operation=restore).
    type: dict
    default: {}
notes:
  - In check mode, O(operation=collect_garbage) says what would be collected, without a read-only window.
  - Needs root, the C(docker) command, and the Python library PyYAML on the managed host.
  - Only the registry of this container is made read-only. Another running container of this host that uses the same
    folder or the same bucket is refused by name. Registries elsewhere that share the storage, over NFS or in S3, can't be
    seen from here. Stop them, or make all of them read-only, for as long as this takes.
  - Garbage is not collected if the registry keeps what it knows of its blobs in Redis (C(storage.cache.blobdescriptor)). It
    would still believe in the blobs that are deleted, and not take them when they are pushed again.
  - A window can be opened on a full file system. Its configuration is then in memory, mounted over the file.
seealso:
  - module: dockyard.ops.registry_info
  - module: dockyard.ops.registry_htpasswd
  - ref: ansible_collections.dockyard.ops.docsite.guide_registry
    description: From nothing to a trusted registry.
  - name: Garbage collection of Distribution
    description: What it does and why the registry must not take uploads in the meantime.
    link: https://distribution.github.io/distribution/about/garbage-collection/
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Free what nothing refers to any more
  dockyard.ops.registry_maintenance:
    operation: collect_garbage
    registry: registry.example.com:5000
    username: alice
    password: "{{ vault_alice }}"
  register: garbage

- name: Say how much it was
  ansible.builtin.debug:
    msg: "{{ garbage.bytes_before - garbage.bytes_after }} bytes were freed"

- name: Back up images and configuration, and keep the last seven archives
  dockyard.ops.registry_maintenance:
    operation: backup
    folders: [config, auth, tls, data]
    window_folders: [data]
    keep: 7

- name: See what an archive holds
  dockyard.ops.registry_maintenance:
    operation: check_archive
    archive: /var/backups/registry/registry-20260801T020000Z.tar
    folders: [config, auth, tls, data]
  register: archive

- name: See whether Docker Distribution 3 knows all settings, before the upgrade
  dockyard.ops.registry_maintenance:
    operation: check_configuration
    image: docker.io/library/registry:3.1.1
    configuration:
      storage:
        filesystem:
          rootdirectory: /var/lib/registry
      redis:
        addrs: [redis.example.com:6379]
"""

RETURN = r"""
operation:
  description: What was done.
  returned: success
  type: str
  sample: collect_garbage
version:
  description: The version of Docker Distribution; empty if it does not say.
  returned: O(operation=collect_garbage) or O(operation=check_configuration)
  type: str
  sample: 2.8.2
dry_run:
  description: Whether nothing was deleted because of check mode.
  returned: O(operation=collect_garbage)
  type: bool
  sample: false
blobs_marked:
  description: How many blobs, manifests among them, are kept by the collector.
  returned: O(operation=collect_garbage)
  type: int
  sample: 13
blobs_eligible:
  description: How many blobs, manifests among them, were or would be deleted.
  returned: O(operation=collect_garbage)
  type: int
  sample: 3
manifests_eligible:
  description: How many untagged manifests were or would be deleted.
  returned: O(operation=collect_garbage)
  type: int
  sample: 1
bytes_eligible:
  description: What those blobs occupy as the registry stores them; V(none) if they are not on this host.
  returned: O(operation=collect_garbage)
  type: int
  sample: 31457280
protected:
  description: Manifests that the collector would have deleted, and that were kept because a tag needs them.
  returned: O(operation=collect_garbage)
  type: list
  elements: dict
  contains:
    repository:
      description: The repository.
      type: str
      sample: team/app
    digest:
      description: The manifest's digest.
      type: str
      sample: sha256:0c6d3f0b1a2e4c58d1ff5ae3f5a92f64c8d8be1b13f4d2c3a7a9f5e3d1b2c4a6
    needed_by:
      description: What needs it, the name of a tag or the digest of a manifest.
      type: str
      sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
    kind:
      description: V(tag); V(index), for what an index lists; V(subject), for a signature or another artifact of a manifest.
      type: str
      sample: index
incomplete:
  description: What tags need and the registry did not have before; entries are like those of RV(protected).
  returned: O(operation=collect_garbage)
  type: list
  elements: dict
  sample: []
tags:
  description: How many tags were asked what they need; V(none) if none were.
  returned: O(operation=collect_garbage)
  type: int
  sample: 12
indexes:
  description: How many indexes are needed, each one counted in each repository; V(none) if that was not asked.
  returned: O(operation=collect_garbage)
  type: int
  sample: 4
manifests_needed:
  description: How many manifests are needed; V(none) if that was not asked.
  returned: O(operation=collect_garbage)
  type: int
  sample: 20
blobs_needed:
  description: How many configurations and layers are needed; V(none) if that was not asked.
  returned: O(operation=collect_garbage)
  type: int
  sample: 60
blobs_before:
  description: How many blobs, manifests among them, there were before; V(none) if they are not on this host.
  returned: O(operation=collect_garbage)
  type: int
  sample: 83
bytes_before:
  description: What they occupied; V(none) if they are not on this host.
  returned: O(operation=collect_garbage)
  type: int
  sample: 5368709120
blobs_after:
  description: The same as RV(blobs_before) afterwards.
  returned: O(operation=collect_garbage)
  type: int
  sample: 80
bytes_after:
  description: The same as RV(bytes_before) afterwards.
  returned: O(operation=collect_garbage)
  type: int
  sample: 5337251840
window_seconds:
  description: How long the registry took no uploads, both restarts included; V(0) if it was not necessary.
  returned: O(operation=collect_garbage) or O(operation=backup), outside of check mode
  type: float
  sample: 4.2
archive:
  description: Path of the archive, with its checksum beside it in a file with C(.sha256) at the end of its name.
  returned: O(operation=backup)
  type: str
  sample: /var/backups/registry/registry-20260801T020000Z.tar
estimated_bytes:
  description: About how large the archive would be.
  returned: O(operation=backup) in check mode
  type: int
  sample: 5368709120
sha256:
  description: The archive's SHA-256.
  returned: O(operation=backup) outside of check mode, O(operation=check_archive) or O(operation=restore)
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
bytes:
  description: The archive's size.
  returned: O(operation=backup) outside of check mode, O(operation=check_archive) or O(operation=restore)
  type: int
  sample: 5368709120
contents:
  description: What the archive holds, by folder, each with C(files) and C(bytes).
  returned: O(operation=backup) outside of check mode, O(operation=check_archive) or O(operation=restore)
  type: dict
  sample:
    config: {files: 1, bytes: 812}
    data: {files: 412, bytes: 5368700000}
had_container:
  description: Whether there was a container before.
  returned: O(operation=restore), outside of check mode
  type: bool
  sample: true
removed:
  description: Older archives that were removed.
  returned: O(operation=backup) outside of check mode
  type: list
  elements: str
  sample: []
previous:
  description: Folder with what was there before a restore; empty if there was nothing, or if it was removed.
  returned: O(operation=restore) or O(operation=finish_restore), outside of check mode
  type: str
  sample: /srv/registry/.before-restore-20260801T020000Z
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any, Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._module import MissingLibrary, ModuleCall, diff, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._registry import (
    api,
    backup,
    configuration,
    container,
    exchange,
    garbage,
    generations,
    options,
    read_only_window,
    restore,
)
from ansible_collections.dockyard.ops.plugins.module_utils._registry.turns import LOCK_SECONDS, in_turn

_WITH_FOLDERS = ("backup", "check_archive", "restore")


def run(call: ModuleCall) -> dict[str, Any]:
    call.require_root("look after a registry")
    if configuration.YAML_IMPORT_ERROR:
        raise MissingLibrary("PyYAML", configuration.YAML_IMPORT_ERROR)
    if call.params["operation"] in _WITH_FOLDERS and not call.params["folders"]:
        raise DockyardError(
            "registry_folders_missing",
            f"operation {call.params['operation']} needs folders; name those of the registry's instance.",
        )
    result = _OPERATIONS[call.params["operation"]](call)
    for warning in result.pop("warnings", []):
        call.warn(warning)
    return {"operation": call.params["operation"], **result}


def _container(call: ModuleCall) -> container.Container:
    return container.Container(call.params["container_name"])


def _registry(call: ModuleCall) -> api.Registry | None:
    return options.connect(call.params) if call.params["registry"] else None


def _with_closed_window(call: ModuleCall, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    return in_turn(_container(call), call.params["start_timeout"], work, check_mode=call.check_mode)


def _collect_garbage(call: ModuleCall) -> dict[str, Any]:
    params = call.params

    def collect() -> dict[str, Any]:
        request = garbage.Request(
            _container(call),
            _registry(call),
            params["delete_untagged"],
            params["time_limit"],
            params["start_timeout"],
        )
        return garbage.Collection(request).run(call.check_mode)

    result = _with_closed_window(call, collect)
    after = result["blobs_before"] and result["blobs_before"] - result["blobs_eligible"] if call.check_mode else None
    result["diff"] = diff(
        f"blobs of {params['container_name']}",
        f"{_count(result['blobs_before'])}\n",
        f"{_count(after if call.check_mode else result['blobs_after'])}\n",
    )
    return result


def _count(blobs: int | None) -> str:
    return "not on this host" if blobs is None else str(blobs)


def _backup(call: ModuleCall) -> dict[str, Any]:
    params = call.params
    request = backup.Request(
        _container(call),
        params["instance_directory"],
        params["folders"],
        params["window_folders"],
        params["backup_directory"],
        params["keep"],
        params["time_limit"],
        params["start_timeout"],
        _registry(call),
    )
    result = _with_closed_window(call, lambda: backup.back_up(request, call.check_mode))
    removed = [f"{path}\n" for path in result.get("removed", [])]
    result["diff"] = diff(params["backup_directory"], "".join(removed), f"{result['archive']}\n")
    return result


def _restore_request(call: ModuleCall) -> restore.Request:
    params = call.params
    if not params["archive"] or not os.path.isabs(params["archive"]):
        raise DockyardError(
            "registry_restore_no_archive",
            "There is no archive to restore named; give the path of one on the managed host.",
        )
    return restore.Request(
        _container(call),
        params["instance_directory"],
        params["archive"],
        params["checksum"].rpartition(":")[2],
        params["folders"],
        params["set_aside"],
        params["required_files"],
        params["image"] or "",
        _environment(params),
    )


def _environment(params: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in params["environment"].items())


@contextlib.contextmanager
def _locked_instance(call: ModuleCall) -> Iterator[None]:
    """Keep away other restores, and runs that are in a read-only window of this registry."""
    folders = {call.params["instance_directory"]}
    with contextlib.suppress(DockyardError):
        folders.add(os.path.dirname(_container(call).place().config_file))
    with contextlib.ExitStack() as stack:
        for folder in sorted(filter(os.path.isdir, folders)):
            stack.enter_context(atomic_file.locked(folder, LOCK_SECONDS))
        yield


def _check_archive(call: ModuleCall) -> dict[str, Any]:
    call.reads_only = True
    return {"changed": False, **backup.described(restore.check(_restore_request(call)))}


def _restore(call: ModuleCall) -> dict[str, Any]:
    request = _restore_request(call)
    with _locked_instance(call):
        result = restore.restore(request, call.check_mode)
    result["diff"] = diff(
        request.base, "what is there\n", "".join(f"{name} from {request.archive}\n" for name in result["contents"])
    )
    return result


def _finish_restore(call: ModuleCall) -> dict[str, Any]:
    pending = restore.pending(call.params["instance_directory"])
    if call.check_mode:
        return {"changed": pending}
    with _locked_instance(call):
        previous = restore.finish(
            call.params["instance_directory"], call.params["keep_previous"], call.params["proven_folders"]
        )
    return {"changed": pending, "previous": previous}


def _undo_restore(call: ModuleCall) -> dict[str, Any]:
    base = call.params["instance_directory"]
    if call.check_mode:
        return {"changed": restore.pending(base)}
    with _locked_instance(call):
        undone = restore.undo(_container(call), base, call.params["previous_container_name"])
        if undone:
            exchange.forget(base)
        return {"changed": undone}


def _exchange(call: ModuleCall) -> exchange.Exchange:
    if not call.params["previous_container_name"]:
        raise DockyardError(
            "registry_exchange_no_name",
            f"operation {call.params['operation']} needs previous_container_name, the name of the container that is set"
            " aside; give one that no other container has.",
        )
    return exchange.Exchange(
        _container(call),
        container.Container(call.params["previous_container_name"]),
        call.params["instance_directory"],
        call.params["proven_folders"],
        call.params["start_timeout"],
    )


def _begin_exchange(call: ModuleCall) -> dict[str, Any]:
    asked = _exchange(call)
    if not call.check_mode:
        with _locked_instance(call):
            exchange.begin(asked)
    return {"changed": True}


def _switch(call: ModuleCall) -> dict[str, Any]:
    asked = _exchange(call)
    if not call.check_mode:
        with _locked_instance(call):
            exchange.switch(asked)
    return {"changed": True}


def _finish_exchange(call: ModuleCall) -> dict[str, Any]:
    asked = _exchange(call)
    unfinished = exchange.pending(asked)
    if not call.check_mode:
        with _locked_instance(call):
            exchange.finish(asked)
    return {"changed": unfinished}


def _undo_exchange(call: ModuleCall) -> dict[str, Any]:
    asked = _exchange(call)
    if call.check_mode:
        return {"changed": exchange.pending(asked)}
    with _locked_instance(call):
        return {"changed": exchange.undo(asked)}


def _close_window(call: ModuleCall) -> dict[str, Any]:
    registry = _container(call)
    config_file = registry.place().config_file
    if call.check_mode:
        return {"changed": os.path.exists(read_only_window.marker(config_file))}
    with atomic_file.locked(os.path.dirname(config_file), LOCK_SECONDS):
        return {"changed": read_only_window.close(registry, config_file, call.params["start_timeout"])}


def _check_configuration(call: ModuleCall) -> dict[str, Any]:
    image, document = call.params["image"], call.params["configuration"]
    if not image or document is None:
        raise DockyardError(
            "registry_configuration_missing",
            "operation check_configuration needs image and configuration; give both.",
        )
    version = generations.version_of(image)
    generations.require_known(document, _environment(call.params), image, version, "the configuration")
    return {"changed": False, "version": ".".join(map(str, version))}


def _wait(call: ModuleCall) -> dict[str, Any]:
    call.reads_only = True
    _container(call).wait(call.params["start_timeout"])
    return {"changed": False}


_OPERATIONS = {
    "collect_garbage": _collect_garbage,
    "backup": _backup,
    "check_archive": _check_archive,
    "restore": _restore,
    "finish_restore": _finish_restore,
    "undo_restore": _undo_restore,
    "begin_exchange": _begin_exchange,
    "exchange": _switch,
    "finish_exchange": _finish_exchange,
    "undo_exchange": _undo_exchange,
    "close_window": _close_window,
    "check_configuration": _check_configuration,
    "wait": _wait,
}


def main() -> None:
    run_module(
        run,
        argument_spec={
            **options.ARGUMENT_SPEC,
            "operation": {"type": "str", "required": True, "choices": list(_OPERATIONS)},
            "container_name": {"type": "str", "default": "registry"},
            "registry": {"type": "str"},
            "delete_untagged": {"type": "bool", "default": False},
            "time_limit": {"type": "int", "default": 21600},
            "start_timeout": {"type": "int", "default": 60},
            "instance_directory": {"type": "path", "default": "/srv/registry"},
            "folders": {"type": "list", "elements": "str"},
            "window_folders": {"type": "list", "elements": "str", "default": []},
            "set_aside": {"type": "list", "elements": "str", "default": []},
            "required_files": {"type": "list", "elements": "str", "default": ["config/config.yml"]},
            "backup_directory": {"type": "path", "default": "/var/backups/registry"},
            "keep": {"type": "int", "default": 0},
            "archive": {"type": "path"},
            "checksum": {"type": "str", "default": ""},
            "keep_previous": {"type": "bool", "default": True},
            "image": {"type": "str"},
            # Not no_log: every value of them, such as "info", would be blanked out in messages.
            "configuration": {"type": "dict"},
            "environment": {"type": "dict", "default": {}},
            "previous_container_name": {"type": "str", "default": ""},
            "proven_folders": {"type": "list", "elements": "str", "default": ["config", "tls"]},
        },
        required_together=options.REQUIRED_TOGETHER,
        mutually_exclusive=options.MUTUALLY_EXCLUSIVE,
    )


if __name__ == "__main__":
    main()

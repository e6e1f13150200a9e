# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The compose files of a Harbor, and the compose that brings it up."""

from __future__ import annotations

import contextlib
import os
import re
import traceback
from collections.abc import Sequence
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line, parse_version, run

YAML_IMPORT_ERROR: str | None
try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

BASE_FILE = "docker-compose.yml"
# Compose's own order of preference; only the first that exists counts.
OVERRIDE_FILES = ("docker-compose.override.yml", "docker-compose.override.yaml")
# Up to 1.7, optional components have files of their own, which every release brings along, used or not. prepare
# writes the configuration of those in use only: component, its folder below common/config.
EXTRAS = (("notary", "notary"), ("clair", "clair"), ("chartmuseum", "chartserver"))


# ---- the engine and compose ----


def _compose() -> tuple[list[str], tuple[int, ...]]:
    for command in (["docker", "compose"], ["docker-compose"]):
        with contextlib.suppress(DockyardError):
            done = run([*command, "version"], timeout=60)
            if done.returncode == 0 and parse_version(done.stdout):
                return command, parse_version(done.stdout)
    return [], ()


def compose_command() -> list[str]:
    """Return the plugin, or the program of old. Raise DockyardError if there is neither."""
    command, _version = _compose()
    if not command:
        raise DockyardError(
            "harbor_compose_missing",
            "Neither 'docker compose' nor docker-compose answers on this host; install the compose plugin"
            " (docker-compose-plugin, or docker-compose of the distribution) and run again.",
        )
    return command


def compose_version() -> tuple[int, ...]:
    """Return the version of what compose_command() returns; () if there is none."""
    return _compose()[1]


def has_standalone_compose() -> bool:
    """Return whether a docker-compose of its own is on the PATH, which the installers of old want."""
    try:
        return run(["docker-compose", "version"], timeout=60).returncode == 0
    except DockyardError:
        return False


# ---- the folder ----


def compose_files(folder: str) -> list[str]:
    """Return those that are in use, in the order in which compose takes them; [] if prepare has not run yet."""
    base = os.path.join(folder, BASE_FILE)
    if not os.path.isfile(base):
        return []
    extras = [
        os.path.join(folder, f"docker-compose.{component}.yml")
        for component, configuration in EXTRAS
        if os.path.isdir(os.path.join(folder, "common", "config", configuration))
    ]
    return [base, *filter(os.path.isfile, extras), *override_files(folder)]


def override_files(folder: str) -> list[str]:
    """Return what a person has added to the compose file in the way that survives prepare."""
    found = [path for path in (os.path.join(folder, name) for name in OVERRIDE_FILES) if os.path.isfile(path)]
    return found[:1]


def read(folder: str) -> dict[str, Any]:
    """Return the compose project: the services of all its files, merged key by key; {} if there is no file."""
    merged: dict[str, Any] = {}
    for path in compose_files(folder):
        for service, settings in _services_of(path).items():
            merged.setdefault(service, {}).update(settings)
    return {"services": merged} if merged else {}


def _services_of(path: str) -> dict[str, dict[str, Any]]:
    remedy = "restore it, or write it again with ./prepare."
    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.load(file, Loader=_loader())
    except (OSError, UnicodeDecodeError) as error:
        raise DockyardError("harbor_compose_file", f"Can't read {path} ({error}); {remedy}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise DockyardError("harbor_compose_file", f"{path} is no valid YAML{where}; {remedy}") from error
    found = content.get("services") if isinstance(content, dict) else None
    if not isinstance(found, dict) or not all(isinstance(settings, dict) for settings in found.values()):
        raise DockyardError("harbor_compose_file", f"{path} is no compose file: it has no services; {remedy}")
    return found


def _loader() -> Any:
    """Return a loader of plain data; compose's own tags (!reset, !override) mean nothing here."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, node: {})
    return Loader


def services(folder: str) -> list[str]:
    return list(read(folder).get("services", {}))


def image_tags(folder: str) -> dict[str, str]:
    """Return service to image reference, as the compose files have it."""
    found = read(folder).get("services", {})
    return {name: str(settings["image"]) for name, settings in found.items() if "image" in settings}


def project_name(folder: str) -> str:
    """Return the project's name as compose has it: COMPOSE_PROJECT_NAME of the folder's .env, or the folder's name."""
    name = os.path.basename(os.path.realpath(folder))
    for line in read_lines(os.path.join(folder, ".env")):
        key, equals, value = line.strip().partition("=")
        if equals and key.strip() == "COMPOSE_PROJECT_NAME" and value.strip():
            name = value.strip().strip("\"'")
    return re.sub(r"[^a-z0-9_-]", "", name.lower()).lstrip("_-")


def read_lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readlines()
    except OSError:
        return []


def up(folder: str, timeout: float, services: Sequence[str] = ()) -> None:
    """Start what the compose files list, and leave running what runs already. timeout: seconds.

    services: only these, and what they depend on; all if there are none.

    Returns when the containers are started; that Harbor is up is for its API to tell.
    """
    files = compose_files(folder)
    if not files:
        raise DockyardError(
            "harbor_compose_file",
            f"There is no {BASE_FILE} in {folder}; write it with ./prepare, or restore the folder.",
        )
    argv = compose_command()
    # Without -f, compose takes the base file and the override by itself, and labels the containers as install.sh does.
    if len(files) > 1 + len(override_files(folder)):
        argv = [*argv, *(argument for file in files for argument in ("-f", file))]
    done = run([*argv, "up", "-d", *services], timeout=timeout, cwd=folder)
    if done.returncode != 0:
        raise DockyardError(
            "harbor_start_failed", f"Harbor in {folder} does not start: {last_line(done)}; fix that and start it again."
        )

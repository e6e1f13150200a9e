# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The images of the host's engine, over the command docker: found, loaded, tried, named and removed."""

from __future__ import annotations

import fnmatch
import json
import os
import pathlib
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import commands
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from .programs import Budget, last_lines, telling_line

NAME = "dockyard.image.name"
KEY = "dockyard.image.key"
CONTENT = "dockyard.image.content"
PACKAGES = "dockyard.image.packages"
DEFINITION = "dockyard.image.definition"
_CHECK = "dockyard.image.check"
_ANSWERS_WITHIN = 60  # seconds


@dataclass(frozen=True)
class Image:
    """An image that the engine has."""

    id: str
    tags: tuple[str, ...]
    labels: dict[str, str]
    created: str
    platform: str = ""

    @property
    def name(self) -> str:
        """Return the name under which it was built; empty if it was not built by this collection."""
        return self.labels.get(NAME, "")

    @property
    def own_tags(self) -> list[str]:
        """Return those of its names that its build gave it."""
        return [tag for tag in self.tags if tag.rpartition(":")[0] == self.name]

    def data(self, label: str) -> Any:
        """Return what a label says in JSON; nothing if it is missing or unreadable."""
        try:
            return json.loads(self.labels.get(label, ""))
        except ValueError:
            return None


class Unreachable(DockyardError):
    """The command docker is missing, or no engine answers it."""


class Docker:
    """The command docker, with the time that it may take."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def require(self) -> None:
        """Raise Unreachable if there is no engine, and DockyardError if there is one that does not answer."""
        try:
            done = self._budget.run("docker", "version", "--format", "{{.Server.Version}}", within=_ANSWERS_WITHIN)
        except DockyardError as error:
            if error.code == "host_command_timeout":
                raise DockyardError(
                    "image_engine_silent",
                    f"The Docker Engine of this host takes a connection and does not answer within {_ANSWERS_WITHIN:g}"
                    " seconds, so that nobody can say which images it has; see journalctl -u docker.service, and run"
                    " again when docker version answers.",
                ) from error
            if error.code != "host_command_missing":
                raise
            raise Unreachable(
                "image_engine_missing",
                "The command docker is missing on this host; install it (docker-cli on Debian 13 and newer).",
            ) from error
        if done.returncode != 0:
            raise Unreachable(
                "image_engine_missing",
                f"No Docker Engine answers on this host ({telling_line(done)}); install or start it first, for example"
                " with the role dockyard.ops.docker_engine.",
            )

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._budget.run("docker", *arguments)

    def inspect(self, *references: str) -> list[Image]:
        """Return those images that the engine has under these names or identities."""
        if not references:
            return []
        done = self._run("image", "inspect", *references)
        try:
            found = json.loads(done.stdout or "[]")
        except ValueError:
            found = []
        return [
            Image(
                id=one["Id"],
                tags=tuple(one.get("RepoTags") or ()),
                labels=(one.get("Config") or {}).get("Labels") or {},
                created=str(one.get("Created") or ""),
                platform="/".join(str(one[key]) for key in ("Os", "Architecture", "Variant") if one.get(key)),
            )
            for one in found
        ]

    def documents(self) -> list[dict[str, Any]]:
        """Return what the engine says of each image, without those that are only steps to another one."""
        identities = self._run("image", "ls", "--quiet", "--no-trunc").stdout.split()
        if not identities:
            return []
        # One that has gone by now makes it fail, and the others are there all the same.
        done = self._run("image", "inspect", *dict.fromkeys(identities))
        try:
            found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
        except ValueError:
            found = []
        return list({one["Id"]: one for one in found}.values())

    def platform(self) -> str:
        """Return the platform of the engine, as images name it."""
        done = self._run("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")
        return done.stdout.strip()

    def swarm(self) -> dict[str, Any]:
        """Return what the engine says of its Swarm; raise DockyardError if it says nothing."""
        done = self._run("info", "--format", "{{json .Swarm}}")
        try:
            found = json.loads(done.stdout)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._unknown_services(done)
        return found

    def services(self) -> list[dict[str, Any]]:
        """Return what a manager says of its services."""
        listed = self._run("service", "ls", "--quiet")
        if listed.returncode != 0:
            raise self._unknown_services(listed)
        if not listed.stdout.split():
            return []
        done = self._run("service", "inspect", *listed.stdout.split())
        if done.returncode != 0:
            raise self._unknown_services(done)
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    @staticmethod
    def _unknown_services(done: subprocess.CompletedProcess[str]) -> DockyardError:
        return DockyardError(
            "image_services_unknown",
            f"This host's Swarm does not say which services it has ({telling_line(done)}), so that nobody can say which"
            " images they need; run again when docker service ls answers.",
        )

    def built(self, name: str = "*") -> list[Image]:
        """Return the images that were built here under a name or a pattern of names, the newest first."""
        done = self._run("image", "ls", "--all", "--quiet", "--no-trunc", "--filter", f"label={NAME}")
        found = self.inspect(*dict.fromkeys(done.stdout.split()))
        images = {image.id: image for image in found if fnmatch.fnmatchcase(image.name, name)}
        return sorted(images.values(), key=lambda image: (image.created, image.id), reverse=True)

    def users(self, identities: Iterable[str]) -> dict[str, list[str]]:
        """Return the containers of each image by its identity."""
        wanted = set(identities)
        found: dict[str, list[str]] = {}
        listed = self._run("ps", "--all", "--quiet", "--no-trunc")
        containers = listed.stdout.split()
        if listed.returncode != 0:
            raise self._unknown_containers(listed)
        if not containers or not wanted:
            return found
        done = self._run("inspect", "--type", "container", "--format", "{{.Image}} {{.Name}}", *containers)
        # A container that has gone by now makes it fail, and the others are there all the same.
        if done.returncode != 0 and "no such container" not in done.stderr.lower():
            raise self._unknown_containers(done)
        for line in done.stdout.splitlines():
            identity, _space, name = line.partition(" ")
            if identity in wanted:
                found.setdefault(identity, []).append(name.lstrip("/"))
        return found

    @staticmethod
    def _unknown_containers(done: subprocess.CompletedProcess[str]) -> DockyardError:
        return DockyardError(
            "image_refused_by_engine",
            f"Docker did not say which containers there are ({telling_line(done)}), so that nobody can say which images"
            " they use; look at journalctl -u docker.service.",
        )

    def load(self, archive: pathlib.Path) -> str:
        """Load an archive with one image that has no name, and return the image's identity."""
        done = self._run("load", "--input", str(archive))
        found = re.search(r"sha256:[0-9a-f]{64}", done.stdout)
        if done.returncode == 0 and found:
            return found[0]
        if "no space left on device" in done.stderr + done.stdout:
            raise DockyardError(
                "image_no_space",
                "There is no space left for an image in Docker's data folder; free some there (docker system df shows"
                " what takes it).",
            )
        raise DockyardError(
            "image_refused_by_engine",
            f"Docker refused the image that was built ({telling_line(done)}); look at journalctl -u docker.service.",
        )

    def try_out(self, identity: str, command: list[str], platform: str | None, seconds: float) -> None:
        """Run a command in an image, without network; raise DockyardError unless it succeeds."""
        name = f"dockyard-image-check-{os.getpid()}"
        options = ["--name", name, "--label", f"{_CHECK}=true", "--network", "none", "--pull", "never"]
        if platform:
            options += ["--platform", platform]
        words = " ".join(command)
        seconds = min(seconds, self._budget.left())
        try:
            done = commands.run(["docker", "run", *options, identity, *command], timeout=seconds)
            outcome = f"ended with exit status {done.returncode}"
            log = f"{done.stdout}\n{done.stderr}"
        except DockyardError as error:
            if error.code != "host_command_timeout":
                raise
            done = None
            outcome = f"did not end within {counted(seconds, 'second')}"
            logs = commands.run(["docker", "logs", "--tail", "20", name], timeout=60)
            log = f"{logs.stdout}\n{logs.stderr}"
        finally:
            self.remove_container(name)
        if done is None or done.returncode != 0:
            said = last_lines(log)
            raise DockyardError(
                "image_does_not_run",
                f"The image that was built does not run: '{words}' {outcome}"
                f" and {f'these last lines: {said}' if said else 'without a word'}; what has this name now stays."
                " Correct the recipe, which the packages of this suite may no longer fit.",
            )

    def tag(self, identity: str, name: str) -> None:
        """Give an image a name."""
        done = self._run("tag", identity, name)
        if done.returncode != 0:
            raise DockyardError(
                "image_refused_by_engine",
                f"Docker did not name the image that was built {name} ({telling_line(done)}); look at"
                " journalctl -u docker.service.",
            )

    def drop(self, identity: str) -> None:
        """Remove an image, unless it has a name or a container uses it."""
        found = self.inspect(identity)
        if found and not found[0].tags and not self.users([identity]):
            commands.run(["docker", "image", "rm", identity], timeout=120)

    def untag(self, name: str) -> None:
        """Remove a name, and with the last one the image; raise DockyardError if the engine does not."""
        done = self._run("image", "rm", name)
        if done.returncode != 0 and self.inspect(name):
            raise DockyardError(
                "image_refused_by_engine",
                f"Docker did not remove {name} ({telling_line(done)}); remove what uses it and run again.",
            )

    def refuses_removal(self, name: str) -> str:
        """Remove a name or an identity; return the engine's words if it does not, empty if it is gone."""
        done = self._run("image", "rm", name)
        return telling_line(done) if done.returncode != 0 and self.inspect(name) else ""

    @staticmethod
    def remove_container(name: str) -> None:
        """Remove a container with its volumes, if it is there."""
        commands.run(["docker", "rm", "--force", "--volumes", name], timeout=120)

    def sweep(self) -> None:
        """Remove what a build that was killed left in the engine."""
        for container in self._run("ps", "--all", "--quiet", "--filter", f"label={_CHECK}").stdout.split():
            self.remove_container(container)
        for image in self.built():
            if not image.tags:
                self.drop(image.id)

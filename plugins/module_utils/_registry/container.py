# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The container that a registry of Docker Distribution runs in: where its files are, and whether it is up."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from subprocess import CompletedProcess
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line, parse_version, run
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from . import configuration, direct
from .place import Place

# The debug server, inside the container, where neither a certificate nor a password is needed. timeout and not wget -T,
# with which some busybox builds crash.
_HEALTH = ("timeout", "5", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5001/debug/health")
_PAUSE = 0.5  # seconds
_STOP_SECONDS = 120  # docker restart and stop, which give the registry ten seconds to end


class Container:
    """A container, over the host's docker command."""

    def __init__(self, name: str) -> None:
        self.name = name

    def details(self) -> dict[str, Any] | None:
        """Return what the engine knows of the container; None if there is none."""
        done = self._docker("container", "inspect", self.name)
        if done.returncode == 0:
            return dict(json.loads(done.stdout)[0])
        if "no such container" in done.stderr.lower():
            return None
        raise DockyardError(
            "registry_container_unknown",
            f"The container {self.name} can't be inspected ({last_line(done)}); start the engine with"
            ' "systemctl start docker".',
        )

    def running(self) -> list[dict[str, Any]]:
        """Return what the engine knows of all containers that run."""
        identities = self._must("ps", "--quiet", "--no-trunc").stdout.split()
        # One may end in between: what is found is printed all the same.
        found = self._docker("container", "inspect", *identities).stdout if identities else ""
        return list(json.loads(found or "[]"))

    def place(self, details: dict[str, Any] | None = None) -> Place:
        """Return where its files are. Raise DockyardError if there is no such registry.

        details: what the engine knows of the container, if it was asked already.
        """
        details = details or self.details()
        if details is None:
            raise DockyardError(
                "registry_container_missing",
                f"There is no registry in the container {self.name} on this host; check the container's name, or set"
                " the registry up first.",
            )
        arguments = [*(details["Config"].get("Entrypoint") or []), *(details["Config"].get("Cmd") or [])]
        config = next((word for word in reversed(arguments) if word.endswith((".yml", ".yaml"))), None)
        mounts = tuple((mount["Destination"], mount["Source"]) for mount in details["Mounts"])
        place = Place(config or "", "", mounts)
        folder = place.on_host(os.path.dirname(config)) if config else None
        if config is None or folder is None:
            raise DockyardError(
                "registry_config_not_mounted",
                f"The container {self.name} has its configuration in no mounted folder, so it can't be made read-only;"
                " start it with the configuration's folder mounted, and its path as the last argument of serve.",
            )
        environment = tuple(details["Config"].get("Env") or ())
        return Place(config, os.path.join(folder, os.path.basename(config)), mounts, environment)

    def version(self) -> tuple[int, ...]:
        """Return the version of Docker Distribution, () if it does not say."""
        done = self.run(["registry", "--version"], 60)
        return parse_version(done.stdout) if done.returncode == 0 else ()

    def run(self, argv: Sequence[str], seconds: float) -> CompletedProcess[str]:
        """Run a program in the container."""
        return run(["docker", "exec", self.name, *argv], seconds)

    def sees(self, path: str, content: bytes) -> bool:
        """Return whether a file has this content for the container."""
        done = self._docker("cp", "--follow-link", f"{self.name}:{path}", "-")
        return done.returncode == 0 and content.decode() in done.stdout

    def wait(self, seconds: float) -> None:
        """Wait until the registry says that it is healthy. Raise DockyardError if it does not."""
        end = time.monotonic() + seconds
        while True:
            details = self.details()
            if details is None:
                raise DockyardError("registry_container_missing", f"There is no container {self.name} on this host.")
            if not details["State"]["Running"] or details["RestartCount"] > 0:
                raise DockyardError(
                    "registry_not_starting", f"The registry in the container {self.name} does not start."
                )
            reason = self._why_not_healthy()
            if not reason:
                return
            if time.monotonic() >= end:
                raise self._not_healthy(seconds, reason)
            time.sleep(_PAUSE)

    def require_health(self, seconds: float) -> None:
        """Raise DockyardError if the registry does not say within that time that it is healthy."""
        end = time.monotonic() + seconds
        while reason := self._why_not_healthy():
            if time.monotonic() >= end:
                raise self._not_healthy(seconds, reason)
            time.sleep(_PAUSE)

    def restart(self, seconds: float) -> bool:
        """Restart the registry until it is healthy. Return False if it is not within that time.

        The engine itself may be restarting at this moment, so what fails is tried again.
        """
        end = time.monotonic() + seconds
        restarted = False
        while True:
            try:
                restarted = restarted or self._docker("restart", self.name).returncode == 0
                if restarted and not self._why_not_healthy():
                    return True
                details = self.details() if restarted else None
                # Another restart of the engine left it stopped.
                restarted = restarted and bool(details and details["State"]["Running"])
            except DockyardError:
                pass
            if time.monotonic() >= end:
                return False
            time.sleep(_PAUSE)

    def start(self) -> None:
        """Start the container if there is one."""
        self._must("start", self.name)

    def stop(self) -> bool:
        """Stop the container. Return False if there is none."""
        if self.details() is None:
            return False
        self._must("stop", self.name)
        return True

    def remove(self) -> None:
        """Remove the container, running or not."""
        if self.details() is not None:
            self._must("rm", "--force", self.name)

    def rename(self, name: str) -> None:
        """Give the container another name."""
        self._must("rename", self.name, name)

    def answers(self) -> bool:
        """Return whether the engine answers."""
        return self._docker("version").returncode == 0

    @staticmethod
    def restart_policy(details: dict[str, Any]) -> str:
        """Return a container's restart policy as set_restart_policy() takes it."""
        policy = details["HostConfig"].get("RestartPolicy") or {}
        name, most = policy.get("Name") or "no", policy.get("MaximumRetryCount") or 0
        return f"{name}:{most}" if most else str(name)

    def set_restart_policy(self, policy: str) -> None:
        """Give the container another restart policy, running or not."""
        self._must("update", f"--restart={policy}", self.name)

    def _not_healthy(self, seconds: float, reason: str) -> DockyardError:
        return DockyardError(
            "registry_not_healthy",
            f"The registry in the container {self.name} is not healthy after"
            f" {counted(seconds, 'second')}: {reason}; look at docker logs {self.name}.",
        )

    def _why_not_healthy(self) -> str:
        """Return why the registry is not healthy, "" if it is.

        The container's own health check is asked at once, and not by the engine, which does so now and then. Without
        one it is the debug server, and without that the registry itself.
        """
        details = self.details()
        if details is None or not details["State"]["Running"]:
            return "the container does not run"
        check = _health_check(details["Config"])
        done = self.run(check or _HEALTH, 30)
        if done.returncode == 0:
            return ""
        if check:
            return f"its health check fails ({last_line(done)})"
        try:
            place = self.place(details)
            document = configuration.in_force(configuration.read(place.config_file), place.environment)
        except DockyardError as error:
            return f"it has no health check, and {error.message}"
        return direct.why_not_up(direct.endpoints(details, document))

    def _must(self, *arguments: str) -> CompletedProcess[str]:
        done = self._docker(*arguments)
        if done.returncode != 0:
            raise DockyardError(
                "registry_container_unknown",
                f"docker {arguments[0]} of the container {self.name} failed ({last_line(done)});"
                " look at journalctl -u docker.service.",
            )
        return done

    @staticmethod
    def _docker(*arguments: str) -> CompletedProcess[str]:
        return run(["docker", *arguments], _STOP_SECONDS)


def _health_check(config: dict[str, Any]) -> list[str]:
    """Return the program of a container's own health check, [] if it has none."""
    test = (config.get("Healthcheck") or {}).get("Test") or [""]
    if test[0] == "CMD-SHELL":
        return [*(config.get("Shell") or ("/bin/sh", "-c")), test[1]]
    return list(test[1:]) if test[0] == "CMD" else []

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The containers and images of this host, over its docker command."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
import time
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line, run
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

_SECONDS = 120.0  # for one order to the engine
_PAUSE = 0.1
_GOING = re.compile(r"removal of container .* is already in progress|No such container", re.IGNORECASE)
_ASK_AGAIN = 5.0  # seconds; servers that are ending take no notice of another signal

Json = dict[str, Any]


class Docker:
    """The engine of this host."""

    def try_command(
        self, *arguments: str, seconds: float = _SECONDS, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of docker; how it ends is the caller's business."""
        return run(["docker", *arguments], seconds, stdin)

    def command(self, *arguments: str, seconds: float = _SECONDS) -> str:
        """Run a command of docker, and return what it prints. Raise DockyardError if it fails."""
        done = self.try_command(*arguments, seconds=seconds)
        if done.returncode != 0:
            raise _refused(arguments[0], done)
        return done.stdout

    def answers(self) -> bool:
        """Return whether there is an engine that answers."""
        try:
            return self.try_command("version", "--format", "{{.Server.Version}}").returncode == 0
        except DockyardError:
            return False

    # --- containers

    def container(self, name: str) -> Json | None:
        """Return what the engine knows of a container; None if there is none."""
        return self._inspect("container", name)

    def containers(self) -> list[Json]:
        """Return what the engine knows of all containers, running or not."""
        identities = self.command("ps", "--all", "--quiet", "--no-trunc").split()
        # One may be removed in between: what is found is printed all the same.
        found = self.try_command("container", "inspect", *identities).stdout if identities else ""
        return list(json.loads(found or "[]"))

    def remove(self, name: str) -> None:
        """Remove a container, running or not, with its anonymous volumes; nothing if there is none."""
        deadline = time.monotonic() + _SECONDS
        while self.container(name) is not None:
            done = self.try_command("rm", "--force", "--volumes", name)
            if done.returncode == 0:
                return
            # The engine may be at it already, for one that was started with --rm by a run that was killed.
            if not _GOING.search(done.stderr) or time.monotonic() >= deadline:
                raise _refused("rm", done)
            time.sleep(_PAUSE)

    def log(self, name: str, lines: int, since: str = "") -> str:
        """Return the last lines of a container's log, of both its streams. since: a time, as the engine writes it."""
        done = self.try_command("logs", "--tail", str(lines), *(["--since", since] if since else []), name)
        return f"{done.stdout}\n{done.stderr}"

    def terminate(self, name: str, seconds: float) -> Json:
        """Ask the first process of a container to end, and wait for it. Return what the engine knows then.

        It is never killed, so that a server that can't write its data goes on instead of losing them.
        """
        deadline = time.monotonic() + seconds
        again = 0.0
        asked = None
        while True:
            details = self.container(name)
            if details is None or not details["State"]["Running"]:
                return details or {}
            # The engine may have been about to start it again, and that start knows nothing of the signal. Nor does a
            # program that is the first of its container and has not come to its handlers: the kernel drops it then.
            process = (details["State"]["Pid"], details["State"]["StartedAt"])
            if details["State"]["Pid"] and (process != asked or time.monotonic() >= again):
                done = self.try_command("kill", "--signal", "TERM", name)
                asked = process if done.returncode == 0 else None
                again = time.monotonic() + _ASK_AGAIN
            if time.monotonic() >= deadline:
                raise DockyardError(
                    "database_does_not_stop",
                    f"The server in the container {name} has not ended"
                    f" {counted(seconds, 'second')} after it was asked to; it was not killed. Look at its log for the"
                    " reason, and give it more time (stop_timeout).",
                )
            time.sleep(_PAUSE)

    # --- images

    def image(self, name: str) -> Json | None:
        """Return what the engine knows of an image; None if it has none of that name."""
        return self._inspect("image", name)

    def file_of_image(self, image: str, path: str) -> bytes:
        """Return a file of an image, and nothing if it has none. Nothing of the image is run."""
        container = self.command("create", "--network", "none", image, "true").strip()
        try:
            done = subprocess.run(
                ["docker", "cp", f"{container}:{path}", "-"], capture_output=True, timeout=_SECONDS, check=False
            )
            if done.returncode != 0:
                return b""
            with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
                member = archive.extractfile(archive.getmembers()[0])
                return member.read() if member else b""
        finally:
            self.try_command("rm", "--force", "--volumes", container)

    def user_base(self) -> tuple[int, int]:
        """Return the numbers that user and group 0 of a container have on the host.

        With user namespaces (userns-remap) they are those in the name of the engine's data folder.
        """
        info = json.loads(self.command("info", "--format", "{{json .}}"))
        if not any("name=userns" in option for option in info.get("SecurityOptions") or []):
            return 0, 0
        user, _dot, group = str(info["DockerRootDir"]).rpartition("/")[2].partition(".")
        return int(user), int(group)

    def _inspect(self, kind: str, name: str) -> Json | None:
        done = self.try_command(kind, "inspect", name)
        if done.returncode == 0:
            return dict(json.loads(done.stdout)[0])
        if f"no such {kind}" in done.stderr.lower():
            return None
        raise DockyardError(
            "database_engine_refused",
            f"The {kind} {name} can't be inspected ({_reason(done)}); start the engine with"
            ' "systemctl start docker".',
        )


def _refused(order: str, done: subprocess.CompletedProcess[str]) -> DockyardError:
    return DockyardError(
        "database_engine_refused", f"docker {order} failed ({_reason(done)}); look at journalctl -u docker.service."
    )


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return the engine's own words, which the command follows with a line that says nothing more."""
    marker = "Error response from daemon: "
    said = [line.partition(marker)[2] for line in done.stderr.splitlines() if marker in line]
    return said[0].strip().rstrip(".") if said else last_line(done)

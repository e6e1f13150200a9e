# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test host with the Harbor-shaped release on it, upgraded by the module, and what must be true of it afterwards."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import harbor_host
from managed_host import ManagedHost

SOURCE, TARGET, BEYOND = "2.8.6", "2.10.3", "2.12.4"
PATH = "/opt/harbor"
PASSWORD = harbor_host.ADMIN_PASSWORD
_LOOK = 240  # seconds
_TRIES = 4
KILL = "kill"  # see at_step.py


class Host(ManagedHost):
    """harbor: the same host as the one that a person works on by hand."""

    def __init__(self, suite: str) -> None:
        super().__init__(f"faults-harbor-{suite}")
        self.suite = suite
        self.harbor = harbor_host.HarborHost(self.name, suite)
        self.before: dict[str, Any] = {}
        self.images: set[str] = set()

    def up(self) -> None:
        """Harbor with something in it, and a state that every fault starts from."""
        self.harbor.up()
        self.write((pathlib.Path(__file__).parent / "at_step.py").read_bytes(), "/root/at_step.py")
        self.harbor.install(SOURCE)
        self.harbor.seed(projects=2, repositories=3, users=2)
        self.before = self.harbor.census()
        self.remember_images()
        self.harbor.snapshot()

    def down(self) -> None:
        self.harbor.down()

    def reset(self) -> None:
        """Back to the state that every fault starts from, which many end with."""
        self.run("pkill -9 -f '[A]nsiballZ_harbor_upgrade'")
        self.run(f"rm -rf /var/lib/dockyard {PATH}.dockyard /data/dockyard-backups")
        if self.lost(SOURCE):
            self.harbor.restore()

    @contextlib.contextmanager
    def instead(self, version: str, flags: Sequence[str], **harbor_yml: Any) -> Iterator[None]:
        """Another one with something in it, in place of the one that every fault starts from.

        harbor_yml: top-level keys that differ from the template.
        """
        usual = self.before, self.images
        self.harbor.clear()
        self.harbor.install(version, flags, **harbor_yml)
        self.harbor.seed(projects=1, repositories=2, users=1)
        self.before = self.harbor.census()
        self.remember_images()
        try:
            yield
        finally:
            self.before, self.images = usual

    def archive(self, version: str, variant: str | None = None) -> dict[str, Any]:
        return {"src": self.harbor.archive(version, variant), "remote_src": True}

    def upgrade(self, *archives: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
        return self.module("harbor_upgrade", check, **self.options(*archives, **options))

    def options(self, *archives: dict[str, Any], **options: Any) -> dict[str, Any]:
        given = list(archives) or [self.archive(TARGET)]
        return {"archives": given, "admin_password": PASSWORD, "timeout": 240, "progress": 1, **options}

    def begin(
        self, step: str, command: str, *archives: dict[str, Any], delay: float = 0.0, **options: Any
    ) -> str | None:
        """Begins an upgrade that nobody watches, and runs a command on the host when it is at this step.

        delay: seconds to wait at this step before.
        Returns the step that it was at then; None if it was at none.
        """
        # Some steps are over before anybody could look who begins to look after them.
        looking = self._looking(step, command, delay)
        self.upgrade(*archives, wait=False, **options)
        return self._seen(looking)

    def killed_at(self, step: str, *archives: dict[str, Any], delay: float = 0.0) -> str | None:
        """Begins an upgrade and kills it at this step; returns as begin does.

        Some steps last some milliseconds only, and can be over before anybody sees them: then once more from the start.
        """
        for _try in range(_TRIES):
            at = self.begin(step, KILL, *archives, delay=delay)
            if at is not None:
                return at
            self.wait_for("! pgrep -f [A]nsiballZ_harbor_upgrade", seconds=_LOOK)
            self.reset()
        return None

    def at(self, step: str, command: str, delay: float = 0.0) -> str | None:
        """Run a command on the host when the upgrade that is under way comes to this step. Return as begin does."""
        return self._seen(self._looking(step, command, delay))

    def _looking(self, step: str, command: str, delay: float) -> subprocess.Popen[str]:
        words = ["python3", "/root/at_step.py", step, str(delay), str(_LOOK), command]
        return subprocess.Popen(["docker", "exec", self.container, *words], stdout=subprocess.PIPE, text=True)

    @staticmethod
    def _seen(looking: subprocess.Popen[str]) -> str | None:
        output, _none = looking.communicate()
        return output.strip() if looking.returncode == 0 else None

    def lost(self, version: str) -> list[str]:
        """Return what is not as it must be.

        Another version, something not healthy, anything that was in it and is gone.
        """
        wrong = []
        try:
            running, now = self.harbor.version(), self.harbor.census()
        except Exception as error:  # whatever it is that does not answer
            return [f"Harbor can't be asked: {error}"]
        if running != version:
            wrong.append(f"Harbor is {running} and must be {version}")
        for what, was in self.before.items():
            missing = sorted(set(map(str, was)) - set(map(str, now.get(what, []))))
            if missing:
                wrong.append(f"{what} lost: {', '.join(missing)}")
        return wrong + self.leftovers(version)

    def remember_images(self) -> None:
        """Those that are in the engine now were there before any upgrade."""
        self.images = self._tagged()

    def _tagged(self) -> set[str]:
        return set(self.must("docker image ls --format '{{.Repository}}:{{.Tag}}'").split())

    def leftovers(self, version: str) -> list[str]:
        """Return what an upgrade has made and nobody needs any more. version: the one that is up."""
        found = self.run(
            f"cd {PATH}.dockyard 2>/dev/null && ls -d releases configuration failed-* passed-* 2>/dev/null; ls -d"
            " /data/.dockyard-* 2>/dev/null; docker ps --all --format '{{.Names}}' | grep dockyard"
        ).stdout.split()
        found += sorted(image for image in self._tagged() - self.images if not image.endswith(f"v{version}"))
        return [f"left behind: {', '.join(found)}"] if found else []

    def untouched(self, since: dict[str, str]) -> list[str]:
        """Return whether no container was stopped or started."""
        now = self.containers()
        return [] if now == since else [f"containers were {since} and are {now}"]

    def containers(self) -> dict[str, str]:
        lines = self.must("docker inspect --format '{{.Name}} {{.State.StartedAt}}' $(docker ps --quiet)").splitlines()
        return dict(line.split(" ", 1) for line in lines)

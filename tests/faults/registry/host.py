# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test host with a registry of the role, filled with what people keep in one, and what must be true of it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import hosts
from managed_host import ManagedHost

from registry.clients import ALL, ON_HOST

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "registry"))
import image_of_3  # noqa: E402

USER, PASSWORD = "alice", "alice-Loh5eeng"
MARKER = "/srv/registry/config/config.yml.read-write"
BACKUPS = "/srv/backups"
_SECONDS = 300  # for a run of the role, and for a moment of it to come
_BACK = 180  # for the registry to be up by itself
_LEFT = f"""
ls -d {MARKER} /srv/registry/.restor* 2>/dev/null
docker container inspect --format '{{{{.Name}}}}' registry-previous 2>/dev/null
grep -A1 readonly: /srv/registry/config/config.yml | grep true
"""
_EMPTY = """
docker stop registry >/dev/null; docker rename registry kept; mv /srv/registry /srv/kept
"""
_FILLED_AGAIN = """
docker rm --force registry registry-previous >/dev/null 2>&1; rm -rf /srv/registry; mv /srv/kept /srv/registry
docker rename kept registry; docker start registry >/dev/null
"""


class Run:
    """A run of the role that is under way. answer() is what it ended with; lose() ends its controller."""

    def __init__(self, host: Host, process: subprocess.Popen[str]) -> None:
        self._host = host
        self._process = process

    def lose(self) -> None:
        """Kill what is on the controller's side: the host hears no more of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def kill(self) -> None:
        """Kill what is on the host too."""
        self.lose()
        self._host.run("pkill -9 -f '[A]nsiballZ|[a]sync_wrapper'")

    def answer(self) -> dict[str, Any]:
        stdout, stderr = self._process.communicate(timeout=2 * _SECONDS)
        try:
            lines = stdout.splitlines()
            tasks = json.loads("\n".join(lines[lines.index("{") :]))["plays"][0]["tasks"]
        except (ValueError, LookupError):
            return {"failed": True, "msg": f"no answer: {(stderr or stdout).strip()[-300:]}"}
        results = [result for task in tasks for result in task["hosts"].values()]
        failed = [result for result in results if result.get("failed") or result.get("unreachable")]
        if self._process.returncode == 0 or not failed:
            return {"failed": self._process.returncode != 0, "msg": "done"}
        return {"failed": True, "msg": str(failed[-1].get("msg", "")), "traceback": failed[-1].get("exception")}


class Host(ManagedHost):
    """generation: of Docker Distribution, with which every fault begins."""

    def __init__(self, generation: str) -> None:
        key = generation.replace(".", "")
        super().__init__(f"faults-registry-{key}")
        self.generation = generation
        self.names = (f"registry-{key}.faults.test", f"other-{key}.faults.test")
        self.ca_path = f"/root/ca-{key}.crt"
        self.images = {"2.8": "docker.io/library/registry:2.8.3", "3": image_of_3.IMAGE}
        self.declared: dict[str, Any] = {}
        self.counter = itertools.count(1)
        self.address = ""

    def up(self, small: bool) -> None:
        """Set the registry up and fill it: the state that every fault starts from."""
        hosts.up(self.name, "trixie", "engine", self.names[0], ["--tmpfs", "/srv:size=160m,mode=755"])
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        self.address = hosts.docker("inspect", "--format", form, self.container)
        self.must(f"echo {self.address} {self.names[1]} >> /etc/hosts")
        for file in (HERE.parents[1] / "registry" / "contents.py", ON_HOST / "moment.py"):
            self.write(file.read_text(), f"/root/{file.name}")
        self.declared = {
            "registry_name": self.names[0],
            "registry_port": 5000,
            "registry_users": [{"name": USER, "password": PASSWORD}],
            "registry_htpasswd_cost": 5,
            "registry_image": self.images["2.8"],
            "registry_backup_directory": BACKUPS,
            "registry_restore_keep_previous": False,
            "registry_secure_logging": False,
        }
        self.require(self.role("main"))
        image_of_3.make(self.name)
        if self.generation == "3":
            self.require(self.role("main", registry_image=self.images["3"]))
            self.declared["registry_image"] = self.images["3"]
        self.must(f"cp /srv/registry/tls/ca.crt {self.ca_path}")
        self.fill()
        self.require(self.role("backup"))
        self.must("tar -C /srv -cf /root/base.tar registry backups")
        ALL.up(small)
        ALL.trust(self.must(f"cat {self.ca_path}") + "\n", self.ca_path)

    def down(self) -> None:
        hosts.down([self.name])

    def reset(self) -> None:
        """Back to the state that every fault starts from, so that one that did not hold does not spoil the others."""
        self.run(
            "systemctl reset-failed docker docker.socket; systemctl start docker;"
            " pkill -9 -f '[A]nsiballZ'; docker rm --force registry registry-previous kept;"
            " rm -rf /srv/*; tar -C /srv -xf /root/base.tar; rm -rf /srv/registry/.proven"
        )
        self.declared.update(
            registry_name=self.names[0], registry_port=5000, registry_image=self.images[self.generation]
        )
        self.declared.pop("registry_subject_alt_names", None)
        self.require(self.role("main"))

    def require(self, answer: dict[str, Any]) -> None:
        if answer["failed"]:
            raise RuntimeError(f"{self.name}: {answer['msg']}")

    def fill(self, ca: str = "", noted: str = "/root/noted.json") -> None:
        self.must(self._contents("push", self.reachable(), ca or self.ca_path, noted))

    def reachable(self) -> str:
        """Return the registry as clients name it."""
        return f"{self.declared['registry_name']}:{self.declared['registry_port']}"

    @staticmethod
    def _contents(command: str, registry: str, ca: str, noted: str) -> str:
        return f"python3 /root/contents.py {command} {registry} {ca} {USER} {PASSWORD} {noted}"

    def role(self, entry: str, **variables: Any) -> dict[str, Any]:
        return self.start_role(entry, **variables).answer()

    def start_role(self, entry: str, **variables: Any) -> Run:
        given = {
            **self.declared,
            **variables,
            "faults_entry": entry,
            "ansible_connection": "community.docker.docker",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        command = ["ansible-playbook", "--inventory", f"{self.container},", "--extra-vars", json.dumps(given)]
        settings = {
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            # Without pipelining a module is a file with a name, by which it can be killed.
            "ANSIBLE_PIPELINING": "0",
        }
        process = subprocess.Popen(
            [*command, str(HERE / "role.yml")],
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return Run(self, process)

    @contextlib.contextmanager
    def looking(self, moment: str) -> Iterator[subprocess.Popen[str]]:
        """Look for a moment of what is started in this context."""
        command = ["docker", "exec", self.container, "python3", "/root/moment.py", moment, str(_SECONDS)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as looking:
            assert looking.stdout is not None
            looking.stdout.readline()
            yield looking

    @staticmethod
    def wait_for_moment(looking: subprocess.Popen[str]) -> None:
        output, error = looking.communicate()
        if looking.returncode != 0:
            raise RuntimeError(error.strip().splitlines()[-1] if error else output)

    def lost(self, registry: str, ca: str = "", noted: str = "/root/noted.json") -> list[str]:
        """Return what of the content is not there, or not as it was, or that uploads are not taken."""
        done = self.run(self._contents("lost", registry, ca or self.ca_path, noted))
        if done.returncode != 0:
            return [done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "contents.py failed"]
        return done.stdout.split("\n")[:-1]

    def back_by_itself(self, registries: Sequence[str]) -> list[str]:
        """Wait until all is there under one of these addresses. Return what is not, if that does not come."""
        end = time.monotonic() + _BACK
        while True:
            found = {registry: self.lost(registry) for registry in registries}
            if not all(found.values()):
                return []
            if time.monotonic() > end:
                return [f"{registry}: {line}" for registry, lines in found.items() for line in lines[:3]]
            time.sleep(1)

    def leftovers(self) -> list[str]:
        found = filter(None, map(str.strip, self.run(_LEFT).stdout.splitlines()))
        return [f"left behind: {line}" for line in found]

    def empty(self) -> None:
        """Put the registry aside, as if the host had never had one."""
        self.must(_EMPTY)

    def filled_again(self) -> None:
        self.must(_FILLED_AGAIN)

    def locked_out(self) -> list[str]:
        return ALL.locked_out(self.reachable(), self.address, self.ca_path)

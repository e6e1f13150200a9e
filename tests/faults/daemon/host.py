# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test host with a running engine and containers, the modules run on it by ansible, and what must be true of it."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import subprocess
import sys
import time
from typing import Any

import hosts

PATH = "/etc/docker/daemon.json"
BASE = {"labels": ["base=1"], "log-opts": {"max-size": "10m"}}
# An image of the host's own binaries: sleep, a shell, ping, ip.
_IMAGE = r"""
set -eu
binaries=$(for name in sleep bash ping ip; do command -v $name; done)
files=$( (echo "$binaries"; ldd $binaries | grep '=>\|^\s*/' | grep -o '/[^ :]*') | sort --unique)
tar --create --dereference --file /tmp/image.tar --directory / $files 2>/dev/null
docker import /tmp/image.tar small:1 >/dev/null
rm /tmp/image.tar
"""
_STATE = f"""
echo $(sha256sum < {PATH} 2>/dev/null)
echo $(stat --format '%i %Y %U %a' {PATH} 2>/dev/null)
echo $(timeout 30 docker info --format '{{{{.ServerVersion}}}}' 2>/dev/null)
echo $(systemctl show docker --property=MainPID --value)
echo $(docker ps --format '{{{{.Names}}}}' 2>/dev/null | sort)
echo $(ip -4 -oneline address show docker0 2>/dev/null | awk '{{print $4}}')
"""


@dataclasses.dataclass
class State:
    """What must not change when a fault is refused, or be as before when it was put back."""

    file: str
    inode: str
    engine: str
    containers: str
    docker0: str


class Host:
    """kill_every: seconds between two kills where a run is killed again and again, each time a little later."""

    def __init__(self, suite: str, kill_every: float) -> None:
        self.suite = suite
        self.kill_every = kill_every
        self.name = f"faults-daemon-{suite}"

    def up(self) -> None:
        hosts.up(self.name, self.suite, "engine", None, [])
        self.must("timeout 60 sh -c 'until docker info >/dev/null 2>&1; do sleep 0.2; done'")
        self.must(_IMAGE)
        self.must("docker network create --subnet 10.99.0.0/24 user-defined >/dev/null")
        self.containers_up()
        self.base()

    def down(self) -> None:
        hosts.down([self.name])

    def containers_up(self) -> None:
        """Two containers on docker0: one that somebody has to start again, and one that comes back by itself."""
        self.must(
            "docker rm --force $(docker ps --all --quiet) >/dev/null 2>&1;"
            " docker run --detach --init --name plain small:1 sleep 100000 >/dev/null"
            " && docker run --detach --init --name always --restart always small:1 sleep 100000 >/dev/null"
        )

    def base(self) -> None:
        """The configuration that every fault starts from."""
        answer = self.daemon(config=BASE, state="replaced", restart="always")
        if answer.get("failed") or answer.get("restart_pending"):
            sys.exit(f"{self.name}: the state that every fault starts from is not to be had: {answer.get('msg')}")

    def run(self, script: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = ["docker", "exec", "--interactive", self.name, "sh", "-c", script]
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)

    def must(self, script: str) -> str:
        done = self.run(script)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {script}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout.strip()

    def write(self, content: str | bytes, path: str = PATH) -> None:
        data = content.encode() if isinstance(content, str) else content
        command = ["docker", "exec", "--interactive", self.name, "sh", "-c", f"cat > {shlex.quote(path)}"]
        subprocess.run(command, input=data, check=True)

    def read(self) -> str:
        return self.run(f"cat {PATH}").stdout

    def state(self) -> State:
        # A file or engine that is not there leaves its line empty.
        found = self.run(_STATE).stdout.split("\n")
        file, inode, version, pid, containers, docker0 = (line.strip() for line in found[:6])
        return State(file, inode, f"{version} pid {pid}", containers, docker0)

    def healthy(self, before: State, same_engine: bool = False) -> list[str]:
        """What is not as it was: file, running engine, containers, docker0."""
        now = self.state()
        wrong = []
        for part in ("file", "containers", "docker0"):
            if getattr(now, part) != getattr(before, part):
                wrong.append(f"{part} was {getattr(before, part)!r} and is {getattr(now, part)!r}")
        if not now.engine.split(" pid ")[0]:
            wrong.append("the engine does not answer")
        if same_engine and now.engine != before.engine:
            wrong.append(f"the engine was touched: {before.engine} and {now.engine}")
        if same_engine and now.inode != before.inode:
            wrong.append(f"the file was touched: {before.inode} and {now.inode}")
        return wrong + self.leftovers()

    def leftovers(self) -> list[str]:
        found = self.run("find /etc/docker /var/lib/dockyard -name '.ansible*'").stdout.split()
        return [f"left behind: {', '.join(found)}"] if found else []

    def daemon(self, check: bool = False, **options: Any) -> dict[str, Any]:
        return self.module("docker_daemon", check, **options)

    def bridge(self, check: bool = False, **options: Any) -> dict[str, Any]:
        return self.module("docker_bridge", check, **options)

    def module(self, module: str, check: bool, **options: Any) -> dict[str, Any]:
        arguments, environment = self._command(module, check, options)
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
        return self._answer(done.stdout, done.stderr)

    def start(self, module: str, **options: Any) -> subprocess.Popen[str]:
        """The same in the background; end() waits for it."""
        arguments, environment = self._command(module, False, options)
        return subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, running: subprocess.Popen[str]) -> dict[str, Any]:
        stdout, stderr = running.communicate(timeout=300)
        return self._answer(stdout, stderr)

    def kill_module(self) -> bool:
        """kill -9; whether there was something to kill."""
        return self.run("pkill -9 -f '[A]nsiballZ_docker'").returncode == 0

    def wait_for(self, condition: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while self.run(condition).returncode != 0:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name}: waited {seconds:g} seconds in vain for: {condition}")
            time.sleep(0.1)

    def reboot(self) -> None:
        """Power off and on: nothing of the host's processes gets time to end."""
        subprocess.run(["docker", "kill", self.name], check=True, capture_output=True)
        subprocess.run(["docker", "start", self.name], check=True, capture_output=True)
        self.wait_for("systemctl is-system-running | grep -E 'running|degraded'")

    def _command(self, module: str, check: bool, options: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
        command = ["ansible", "all", "--inventory", f"{self.name},", "--module-name", f"dockyard.ops.{module}"]
        command += ["--args", json.dumps(options), *(["--check", "--diff"] if check else [])]
        for name, value in (
            ("ansible_connection", "community.docker.docker"),
            ("ansible_user", "root"),
            ("ansible_python_interpreter", "/usr/bin/python3"),
        ):
            command += ["--extra-vars", f"{name}={value}"]
        settings = {
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            # Without pipelining the module is a file with a name, by which it can be killed.
            "ANSIBLE_PIPELINING": "0",
        }
        return command, {**os.environ, **settings}

    def _answer(self, stdout: str, stderr: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(stdout)["plays"][0]["tasks"][0]["hosts"][self.name]
        except (ValueError, LookupError):
            return {
                "failed": True,
                "msg": f"ansible gave no answer: {(stderr or stdout).strip()[-300:]}",
                "no_answer": True,
            }
        if found.get("exception") and "traceback unavailable" not in str(found["exception"]):
            found["traceback"] = str(found["exception"])[-300:]
        return found

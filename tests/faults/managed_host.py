# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test host on which modules run, with their results as data.

What runs on the host is what Ansible sends there, under the same name. A controller of its own for each call is started
only where that is asked for, or where a module has a part that runs there.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
import time
from typing import Any, cast

import commands
import hosts
import payloads

_WITH_ACTION = ("harbor_upgrade",)
_RUN = """
umask 077; folder=$HOME/.ansible/tmp/faults-$$; mkdir -p $folder
cat > $folder/AnsiballZ_{module}.py; /usr/bin/python3 $folder/AnsiballZ_{module}.py; code=$?
rm -r $folder; exit $code
"""


class ManagedHost:
    """name: of the test host, which is up; its container's is what the inventory names."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.container = hosts.container(name)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        command = ["docker", "exec", "--interactive", self.container, "sh", "-c", script]
        return commands.run(command, text=True)

    def must(self, script: str) -> str:
        done = self.run(script)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {script}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout.strip()

    def write(self, content: str | bytes, path: str) -> None:
        data = content.encode() if isinstance(content, str) else content
        command = ["docker", "exec", "--interactive", self.container, "sh", "-c", f"cat > {shlex.quote(path)}"]
        commands.run(command, data).check_returncode()

    def module(self, module: str, check: bool, user: str = "root", **options: Any) -> dict[str, Any]:
        if user != "root":
            arguments, environment = self._command(module, check, options)
            arguments += ["--user", user, "--extra-vars", f"ansible_remote_tmp=/tmp/ansible-{user}"]
            done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
            return self._answer(done.stdout, done.stderr)
        return self.end(self.start(module, check, **options), None)

    def start(self, module: str, check: bool = False, by_ansible: bool = False, **options: Any) -> commands.Running:
        """Do the same in the background; end() waits for it. by_ansible: as people do, by the command ansible."""
        if by_ansible or module in _WITH_ACTION or os.environ.get("DOCKYARD_PLAIN"):
            arguments, environment = self._command(module, check, options)
            return subprocess.Popen(
                arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        script = _RUN.format(module=module)
        command = ["docker", "exec", "--interactive", self.container, "sh", "-c", script]
        with tempfile.TemporaryFile() as payload:
            payload.write(payloads.build(module, check, options))
            payload.seek(0)
            return commands.popen(command, payload, subprocess.PIPE, subprocess.PIPE, text=True)

    def end(self, running: commands.Running, seconds: float | None = 300) -> dict[str, Any]:
        stdout, stderr = running.communicate(timeout=seconds)
        by_ansible = cast("list[str]", running.args)[0] == "ansible"
        return self._answer(stdout, stderr) if by_ansible else payloads.answer(stdout, stderr)

    def wait_for(self, condition: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while self.run(condition).returncode != 0:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name}: waited {seconds:g} seconds in vain for: {condition}")
            time.sleep(0.1)

    def reboot(self) -> None:
        """Switch the host off and on: none of its processes gets time to end."""
        subprocess.run(["docker", "kill", self.container], check=True, capture_output=True)
        subprocess.run(["docker", "start", self.container], check=True, capture_output=True)
        self.wait_for("systemctl is-system-running | grep -E 'running|degraded'")

    def _command(self, module: str, check: bool, options: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
        command = ["ansible", "all", "--inventory", f"{self.container},", "--module-name", f"dockyard.ops.{module}"]
        command += ["--args", json.dumps(options)] if options else []
        command += ["--check", "--diff"] if check else []
        for name, value in (
            ("ansible_connection", "community.docker.docker"),
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
            # Lines of progress come before it.
            lines = stdout.splitlines()
            found: dict[str, Any] = json.loads("\n".join(lines[lines.index("{") :]))["plays"][0]["tasks"][0]["hosts"][
                self.container
            ]
        except (ValueError, LookupError):
            return {
                "failed": True,
                "msg": f"ansible gave no answer: {(stderr or stdout).strip()[-300:]}",
                "no_answer": True,
            }
        if found.get("exception") and "traceback unavailable" not in str(found["exception"]):
            found["traceback"] = str(found["exception"])[-300:]
        return found

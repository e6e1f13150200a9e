# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job of GitLab as the wrapper gitlab-tofu finds it: its variables and a project folder."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import tempfile
import time

import gitlab_state

WRAPPER = pathlib.Path(__file__).resolve().parents[2] / "roles" / "opentofu_image" / "files" / "gitlab-tofu"
TOKEN = 'glcbt-64_a"secret\\job.token'
SECONDS = 180.0  # for what takes less than one when nothing else runs


class Job:
    """One job: run() runs the wrapper in it to the end, start() leaves it running.

    shell: the program that runs the wrapper, as the image's /bin/sh would.
    """

    def __init__(
        self, folder: pathlib.Path, shell: str, tofu: pathlib.Path, gitlab: gitlab_state.GitLab, port: int
    ) -> None:
        self.folder = folder
        self.shell = shell
        self.gitlab = gitlab
        self.programs = folder.parent / "programs"
        self.programs.mkdir()
        for name in ("gitlab-tofu", "gitlab-terraform"):
            (self.programs / name).symlink_to(WRAPPER)
        (self.programs / "tofu").symlink_to(tofu / "tofu")
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CI", "TF_", "GITLAB_", "BASH", "SSL"))
        }
        self.environment = {
            **clean,
            "PATH": f"{self.programs}:{clean['PATH']}",
            "CI_API_V4_URL": f"http://127.0.0.1:{port}/api/v4",
            "CI_SERVER_HOST": "git-lab.bücher.example",
            "CI_PROJECT_ID": gitlab_state.PROJECT,
            "CI_JOB_ID": "4711",
            "CI_JOB_TOKEN": TOKEN,
            "LC_ALL": "C.UTF-8",  # as the image has it
        }
        self.output = ""  # of all that has ended
        self.outputs: dict[int, pathlib.Path] = {}  # of each wrapper by its process identifier

    def write(self, text: str, name: str = "main.tf") -> None:
        """Write the project's configuration."""
        backend = 'terraform {\n  backend "http" {}\n}\n' if name == "main.tf" else ""
        (self.folder / name).write_text(backend + text)

    def start(self, *arguments: str, name: str = "gitlab-tofu", **variables: str) -> subprocess.Popen[str]:
        """Start the wrapper in a process group of its own, with its output in a file."""
        handle, path = tempfile.mkstemp(prefix="output-", dir=self.folder.parent)
        with open(handle, "wb") as output:
            process = subprocess.Popen(
                [*self.shell.split(), str(self.programs / name), *arguments],
                cwd=self.folder,
                env={**self.environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.outputs[process.pid] = pathlib.Path(path)
        return process

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Wait for the wrapper; return its exit status and all that it printed."""
        try:
            process.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        output = self.printed(process)
        self.output += output
        return process.returncode, output

    def printed(self, process: subprocess.Popen[str]) -> str:
        """Return what the wrapper has printed so far."""
        return self.outputs[process.pid].read_text()

    def run(self, *arguments: str, name: str = "gitlab-tofu", **variables: str) -> tuple[int, str]:
        """Run the wrapper; return its exit status and all that it printed."""
        return self.end(self.start(*arguments, name=name, **variables))

    def ok(self, *arguments: str, name: str = "gitlab-tofu", **variables: str) -> str:
        """Run the wrapper, which has to succeed, and return what it printed."""
        status, output = self.run(*arguments, name=name, **variables)
        assert status == 0, output
        return output

    def script(self, text: str, **variables: str) -> str:
        """Run a script of the job in the shell; return what it printed."""
        done = subprocess.run(
            [*self.shell.split(), "-c", text],
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        self.output += done.stdout + done.stderr
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def state(self, name: str = "default") -> gitlab_state.State:
        """Return the state as GitLab has it."""
        return self.gitlab.states[name]

    def wait_for(self, path: pathlib.Path) -> None:
        """Wait until tofu has made a file."""
        end = time.monotonic() + SECONDS
        while not path.exists():
            assert time.monotonic() < end, f"{path} was not made"
            time.sleep(0.02)

    def wait_until_printed(self, process: subprocess.Popen[str], words: str) -> None:
        """Wait until the wrapper has printed some words."""
        end = time.monotonic() + SECONDS
        while words not in self.printed(process):
            assert time.monotonic() < end, f"{words!r} was not printed, but:\n{self.printed(process)}"
            time.sleep(0.02)

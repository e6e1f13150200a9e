# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker Engine of this machine, on which the test hosts run.

An engine that answers is used as it is. Where none does, one is installed from the distribution and
started with a socket, a data folder and a pid file of its own, so that /etc/docker and
/var/lib/docker of the machine stay untouched.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

RUN = pathlib.Path("/run/dockyard-engine")
DATA = pathlib.Path("/var/lib/dockyard-engine")
LOG = pathlib.Path("/var/log/dockyard-engine.log")
SOCKET = f"unix://{RUN}/docker.sock"
LOCK = pathlib.Path("/run/lock/dockyard-test-hosts.lock")
PID_FILE = RUN / "docker.pid"
PACKAGES = ["docker.io", "docker-cli", "iptables"]


def clone() -> str:
    """Return the key of this clone of the repository, which the names of everything that is its own carry."""
    try:
        return os.environ["DOCKYARD_CLONE"]
    except KeyError:
        sys.exit("DOCKYARD_CLONE is not set, which says whose test hosts these are; run this by tests/environment/run.")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keep other commands of this folder waiting: two tests must not build the same image at once."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)  # a machine that did not boot has no /run/lock
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def answers(host: str | None) -> bool:
    """Return whether an engine answers at this address (None: where the client connects by default)."""
    if shutil.which("docker") is None:
        return False
    address = ["-H", host] if host else []
    command = ["docker", *address, "version", "--format", "{{.Server.Version}}"]
    try:
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def apt_install(*packages: str) -> None:
    """Install those of the packages that this Debian has (docker-cli is new in Debian 13)."""
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    known = subprocess.run(
        ["apt-cache", "--generate", "pkgnames"], check=True, capture_output=True, text=True
    ).stdout.split()
    wanted = [package for package in packages if package in known]
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )


def alive(pid: int, name: str) -> bool:
    """Return whether a process of this name runs; one that ended and was never waited for does not."""
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    # For instance: 4999 (dockerd) S 1 ...
    return f"({name})" in status and status.rpartition(")")[2].split()[0] != "Z"


def process(pid_file: pathlib.Path, name: str) -> int | None:
    """Return the process id in a pid file, if that process runs and has this name."""
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return None
    return pid if alive(pid, name) else None


def running_pid() -> int | None:
    """Return the process id of the engine that start() started; None if it is gone."""
    return process(PID_FILE, "dockerd")


def end(pid: int, name: str, seconds: int = 60) -> None:
    """End a process and wait until it is gone."""
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while alive(pid, name) and time.monotonic() < deadline:
        time.sleep(0.2)


def clear_remains() -> None:
    """Take away what an engine that was killed leaves behind and a new one stumbles over."""
    containerd_file = RUN / "exec" / "containerd" / "containerd.pid"
    containerd = process(containerd_file, "containerd")
    if containerd is not None:
        end(containerd, "containerd")
    for file in (PID_FILE, RUN / "docker.sock", containerd_file):
        file.unlink(missing_ok=True)


def start() -> None:
    """Start our own engine and wait until it answers."""
    if running_pid() is None:
        clear_remains()
        for folder in (RUN, DATA):
            folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        (DATA / "daemon.json").write_text("{}\n")  # the machine's own daemon.json is not ours
        with LOG.open("ab") as log:
            subprocess.Popen(
                [
                    "dockerd",
                    f"--host={SOCKET}",
                    f"--data-root={DATA}",
                    f"--exec-root={RUN}/exec",
                    f"--pidfile={PID_FILE}",
                    f"--config-file={DATA}/daemon.json",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    wait_until_answers(SOCKET)


def wait_until_answers(host: str | None, seconds: int = 90) -> None:
    deadline = time.monotonic() + seconds
    while not answers(host):
        if time.monotonic() > deadline:
            sys.exit(f"The Docker Engine did not answer within {seconds} seconds; its log is {LOG}.")
        time.sleep(0.5)


def ensure() -> dict[str, str]:
    """Start an engine if none answers. Return the environment that reaches it."""
    with alone():
        if answers(None):
            return {}
        if running_pid() is None and not install():
            return {}
        start()
    return {"DOCKER_HOST": SOCKET}


def install() -> bool:
    """Install an engine if there is none. Return whether it is still to be started."""
    if shutil.which("dockerd") is None or shutil.which("docker") is None:
        print("Installing a Docker Engine from the distribution", file=sys.stderr)
        apt_install(*PACKAGES)
        if pathlib.Path("/run/systemd/system").is_dir():
            wait_until_answers(None)  # the package has started its service
            return False
    print("Starting a Docker Engine of our own", file=sys.stderr)
    return True


def reach_our_own() -> None:
    """Let the Docker client of this process speak with the engine that start() started."""
    os.environ["DOCKER_HOST"] = SOCKET


def stop(remove: bool) -> None:
    """End our own engine, if it runs; with remove, its data goes too."""
    pid = running_pid()
    if pid is not None:
        end(pid, "dockerd")
    if remove and running_pid() is None:
        # dockerd mounts its folder on itself; one that was killed did not take that back.
        subprocess.run(["umount", "--recursive", str(DATA)], capture_output=True, check=False)
        for folder in (RUN, DATA):
            shutil.rmtree(folder, ignore_errors=True)
        LOG.unlink(missing_ok=True)

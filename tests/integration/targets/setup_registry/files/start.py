# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what the registry of setup_registry needs, starts it, and waits until it answers.

It is described on standard input: the paths of setup_registry_result, with config (of the registry) and users.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

SECONDS = 60  # that it may take to answer
HOSTS = pathlib.Path("/etc/hosts")
ENGINE_REMEMBERS = 6  # seconds


def write_name(given: dict[str, Any]) -> None:
    """Give the registry's name the host's own address, for as long as the host is there.

    Docker takes loopback addresses for insecure registries and verifies nothing there. The file is a bind mount in
    the test hosts, so it can't be replaced by a rename. An engine that has read it goes on for 5 seconds with what it
    has seen (cacheMaxAge of Go's net/hosts.go), also with the half of a file that is just being written.
    """
    content = HOSTS.read_text()
    line = f"{given['ip']} {given['name']}"
    if line in content.splitlines():
        return
    with HOSTS.open("a") as file:
        file.write(f"{line}\n" if content.endswith("\n") else f"\n{line}\n")
    time.sleep(ENGINE_REMEMBERS)


def write_users(given: dict[str, Any]) -> None:
    if not given["users"]:
        return
    import bcrypt

    hashed = [(user["name"], bcrypt.hashpw(user["password"].encode(), bcrypt.gensalt(5))) for user in given["users"]]
    path = pathlib.Path(given["htpasswd_path"])
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}:{found.decode()}\n" for name, found in hashed))


def start(given: dict[str, Any]) -> None:
    """Start the registry, after one of an earlier start has ended."""
    # 5: the unit is not loaded, so nothing runs.
    stopped = subprocess.run(
        ["systemctl", "stop", f"{given['unit']}.service"], capture_output=True, text=True, check=False
    )
    if stopped.returncode not in (0, 5):
        sys.exit(f"The registry of an earlier start does not stop: {stopped.stderr}")
    unit = ["systemd-run", f"--unit={given['unit']}", "--collect", "--quiet"]
    subprocess.run([*unit, "/usr/bin/docker-registry", "serve", given["config_path"]], check=True)


def wait(given: dict[str, Any]) -> None:
    ask = ["curl", "--silent", "--show-error", "--fail", "--insecure", "--max-time", "2", "--output", "/dev/null"]
    if given["client_ca"]:
        ask += ["--cert", given["client_cert_path"], "--key", given["client_key_path"]]
    deadline = time.monotonic() + SECONDS
    while True:
        answer = subprocess.run([*ask, f"{given['url']}/"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            return
        if time.monotonic() > deadline:
            log = ["journalctl", "--no-pager", "--lines=20", f"--unit={given['unit']}"]
            said = subprocess.run(log, capture_output=True, text=True, check=False).stdout
            sys.exit(f"The registry does not answer within {SECONDS} seconds: {answer.stderr}\n{said}")
        time.sleep(0.1)


def main() -> None:
    os.umask(0o022)
    given: dict[str, Any] = json.load(sys.stdin)
    folder = pathlib.Path(given["directory"])
    for name in ("auth", "data"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_name(given)
    write_users(given)
    # JSON is YAML.
    pathlib.Path(given["config_path"]).write_text(json.dumps(given["config"], indent=2) + "\n")
    start(given)
    wait(given)


main()

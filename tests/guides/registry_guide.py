# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows the guide of the registry word for word, on three hosts by SSH with an ordinary user and sudo.

The files are those of the guide, and the commands are typed in its order. What is done besides: the passwords of the
vault, the name of the archive, and what the guide asks for in words (an image to push, an archive on another host).
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "hosts")]
import hosts  # noqa: E402
import typed  # noqa: E402

SERVER, BUILD1, BUILD2 = HOSTS = ("registry.example.com", "build1.example.com", "build2.example.com")
NAMES = dict(zip(HOSTS, ("guide-registry", "guide-build1", "guide-build2")))
# A bare server, and clients that have an engine of another generation.
KINDS = {SERVER: ("trixie", "bare"), BUILD1: ("bookworm", "engine"), BUILD2: ("sid", "engine")}
USER, VAULT = "anna", "the vault's own password"
PASSWORDS = {"vault_alice": "alice-Loh5eeng", "vault_ci": "ci-Oop4aephoo"}
ARCHIVE = re.compile(r"/var/backups/registry/registry-\w+\.tar")
# What a server has that is reached by SSH: no root, and a password for sudo is not asked for.
_REACHABLE = f"""
set -e
apt-get update -qq </dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openssh-server sudo </dev/null >/dev/null
useradd --create-home --shell /bin/bash {USER}
echo '{USER} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{USER}
install -d -m 700 -o {USER} -g {USER} /home/{USER}/.ssh
cat > /home/{USER}/.ssh/authorized_keys
chown {USER}: /home/{USER}/.ssh/authorized_keys
if getent group docker; then usermod --append --groups docker {USER}; fi
systemctl start ssh
"""


class Controller:
    """A folder on this machine in which the new user works."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "ANSIBLE_SSH_ARGS": f"-F {folder}/ssh_config", "EDITOR": f"{folder}/editor"}

    def type_in(self, command: str) -> str:
        return typed.type_in(command, self.folder, self.environment, [VAULT, VAULT])

    def ssh(self, host: str, command: str, passwords: list[str] | None = None) -> str:
        words = ["ssh", "-F", str(self.folder / "ssh_config"), "-t", host, command]
        quoted = " ".join(f"'{word}'" for word in words)
        return typed.type_in(quoted, self.folder, self.environment, passwords or [])

    def prepare(self) -> None:
        key = self.folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        for host in HOSTS:
            hosts.up(NAMES[host], *KINDS[host], host, [])
            command = ["docker", "exec", "--interactive", hosts.container(NAMES[host]), "sh", "-c", _REACHABLE]
            subprocess.run(command, input=key.with_suffix(".pub").read_bytes(), check=True)
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        lines = [
            f"Host {host}\n  HostName {hosts.docker('inspect', '--format', form, hosts.container(NAMES[host]))}\n"
            for host in HOSTS
        ]
        lines.append(f"Host *\n  User {USER}\n  IdentityFile {key}\n  LogLevel ERROR\n")
        lines.append("  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  ControlMaster auto\n")
        lines.append(f"  ControlPersist 60\n  ControlPath {self.folder}/%C\n")
        (self.folder / "ssh_config").write_text("".join(lines))


def follow(controller: Controller, guide: typed.Guide) -> None:
    vault = guide.files.pop("vault.yml")
    for name, password in PASSWORDS.items():
        vault, found = re.subn(rf"(?m)^{name}: .*$", f"{name}: {password}", vault)
        assert found == 1, name
    for name, content in guide.files.items():
        (controller.folder / name).write_text(content)
    (controller.folder / "vault.txt").write_text(vault)
    editor = controller.folder / "editor"
    editor.write_text(f'#!/bin/sh\ncat {controller.folder}/vault.txt > "$1"\n')
    editor.chmod(0o700)

    controller.type_in(guide.take("ansible-vault create"))
    controller.type_in(guide.take("ansible-playbook -i inventory.yml -e @vault.yml --ask-vault-pass --check --diff"))
    run = guide.take("ansible-playbook")
    controller.type_in(run)
    require_unchanged(controller.type_in(run))

    controller.ssh(BUILD1, "tar -c /etc/os-release 2>/dev/null | docker import - hello")
    controller.ssh(BUILD1, guide.take("docker login"), [PASSWORDS["vault_alice"]])
    controller.ssh(BUILD1, guide.take("docker tag"))
    controller.ssh(BUILD1, guide.take("docker push"))
    # The other client has its login by the playbook, as root.
    controller.ssh(BUILD2, f"sudo docker pull {SERVER}:5000/team/hello:1")

    for what in ("--tags registry:users", "registry_clients", "--check garbage_collect.yml", "garbage_collect.yml"):
        command = guide.take("ansible-playbook")
        assert what in command, command
        controller.type_in(command)
    back_up_and_restore(controller, guide)
    if guide.commands:
        sys.exit(f"The guide has commands that were not followed: {guide.commands}")


def back_up_and_restore(controller: Controller, guide: typed.Guide) -> None:
    controller.type_in(guide.take("ansible-playbook"))
    archive = controller.ssh(SERVER, 'sudo sh -c "ls /var/backups/registry/*.tar"').strip()
    controller.ssh(SERVER, "sudo rm -rf /srv/registry/data/docker")
    controller.type_in(ARCHIVE.sub(archive, guide.take("ansible-playbook")))
    controller.ssh(BUILD1, f"docker pull {SERVER}:5000/team/hello:1")

    # To another host, which has an engine.
    copy = f"ssh -F ssh_config {SERVER} sudo tar -C / -c {archive[1:]} {archive[1:]}.sha256"
    controller.type_in(f"{copy} | ssh -F ssh_config {BUILD2} sudo tar -C / -x")
    controller.type_in(ARCHIVE.sub(archive, guide.take("ansible-playbook")))
    login = f"alice:{PASSWORDS['vault_alice']}"
    asked = f"https://{SERVER}:5000/v2/team/hello/tags/list"
    ca = "--cacert /srv/registry/tls/ca.crt"
    answer = controller.ssh(BUILD2, f"sudo curl -sf --connect-to {SERVER}:5000:127.0.0.1:5000 {ca} -u {login} {asked}")
    assert '"tags":["1"]' in answer, answer


def require_unchanged(said: str) -> None:
    recap = said.rpartition("PLAY RECAP")[2]
    if re.search(r"changed=[1-9]", recap):
        sys.exit(f"The same command again changes something: {recap}")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="guide-") as folder:
        controller = Controller(pathlib.Path(folder))
        try:
            controller.prepare()
            follow(controller, typed.Guide("guide_registry.rst"))
        finally:
            hosts.down(list(NAMES.values()))
    print("The guide was followed to its end.")


if __name__ == "__main__":
    main()

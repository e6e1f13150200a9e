# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines of test hosts in states that no image has, because the engine has to run to come to them.

A state is used like a suite. It is reached once the host is up: engine29-upgraded as an engine 29 over the data of one
before, which stays with overlay2 as it finds it; engine29-nftables with the firewall backend nftables, by an option of
the daemon's command line, so that a test can do with daemon.json what it likes.
"""

from __future__ import annotations

import os

# The driver is kept for the data that is there, which an image is: whoever needs none removes it for one of their own.
KEPT = "before:29"
_OVERLAY2 = rf"""
systemctl stop docker.socket docker
rm -rf /var/lib/docker/* /var/lib/containerd/*
systemctl restart containerd
mkdir -p /etc/docker
echo '{{"storage-driver": "overlay2"}}' > /etc/docker/daemon.json
systemctl start docker.socket docker
tar --create --directory /etc hostname | docker import - {KEPT} >/dev/null
rm /etc/docker/daemon.json
systemctl restart docker
test overlay2 = "$(docker info --format '{{{{.Driver}}}}')"
"""
_NFTABLES = r"""
echo 'net.ipv4.ip_forward = 1' > /etc/sysctl.d/90-forward.conf
sysctl --quiet --load /etc/sysctl.d/90-forward.conf
start=$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/docker.service)
mkdir -p /etc/systemd/system/docker.service.d
printf '[Service]\nExecStart=\nExecStart=%s --firewall-backend=nftables\n' "$start" \
    > /etc/systemd/system/docker.service.d/nftables.conf
systemctl daemon-reload
systemctl stop docker.socket docker
iptables --flush && iptables --delete-chain && iptables --table nat --flush && iptables --table nat --delete-chain
systemctl start docker.socket docker
test nftables = "$(docker info --format '{{.FirewallBackend.Driver}}')"
"""
SCRIPTS = {"engine29-upgraded": f"set -eu{_OVERLAY2}", "engine29-nftables": f"set -eu{_NFTABLES}"}


def suite_of(name: str) -> str:
    """Return the suite whose image a host of this suite or state starts from."""
    return name.partition("-")[0] if name in SCRIPTS else name


def asked_for(name: str) -> str:
    """Return the suite or state that is to be taken for a suite in this run.

    DOCKYARD_INSTEAD says so (for instance "sid=engine29 bookworm=engine29-upgraded"): it runs a scenario on other
    engines than its own.
    """
    pairs = (word.partition("=") for word in os.environ.get("DOCKYARD_INSTEAD", "").split())
    return {before: after for before, _equals, after in pairs}.get(name, name)

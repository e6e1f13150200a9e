#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Gives the engine back the state in which it was installed, and no containers; images stay. Not by the means of the
# modules: those are what is tested. The rules of networks that are gone so suddenly stay in iptables, and are removed too.
set -eu
systemctl stop docker.socket docker.service
systemctl list-units --plain --no-legend 'docker-*.scope' | while read -r scope _rest; do systemctl stop "$scope"; done
rm -rf /etc/docker/daemon.json* /etc/docker/other /var/lib/dockyard/docker_daemon /etc/systemd/system/docker.service.d
rm -rf /var/lib/docker/containers/* /var/lib/docker/network/files/local-kv.db
ip -brief link show type bridge | while read -r bridge _rest; do ip link delete "$bridge"; done
iptables-save --table nat | grep -v MASQUERADE | iptables-restore --table nat
systemctl daemon-reload
systemctl reset-failed docker.service docker.socket 2>/dev/null || :
systemctl start docker.service
docker network ls --quiet --filter type=custom | while read -r network; do docker network rm "$network"; done
ip -brief address show docker0

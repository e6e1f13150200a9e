#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# look.sh WHAT: address (docker0's), starts (how often the engine was started), outside (an address that is not the host's),
# remember (address and starts), unchanged (whether the host is as remembered, with nothing that the role makes), gone
# (whether docker0 is as remembered, and only the engine's own networks are there).
set -eu
address() { ip -brief -4 address show docker0 | awk '{print $3}'; }
starts() { journalctl --unit=docker.service --output=cat | grep -c 'API listen on'; }
networks() { docker network ls --format '{{.Name}}' | sort | paste -sd,; }
gone() { [ "$(address)" = "$(cat /root/address)" ] && [ "$(networks)" = bridge,host,none ]; }
case $1 in
    address | starts) "$1" ;;
    outside) ip route show default | awk '{print $3}' ;;
    remember) address >/root/address && starts >/root/starts ;;
    unchanged) gone && [ "$(starts)" = "$(cat /root/starts)" ] && [ ! -e /etc/docker/daemon.json ] && docker exec ann /bin/sleep 0 ;;
    gone) gone ;;
esac

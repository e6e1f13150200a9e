#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_networks
short_description: Create, replace and remove user-defined networks of the Docker Engine
version_added: 0.3.0
description:
  - Brings a whole list of user-defined networks to what is declared, in one call. They need no restart of the engine, so they are the way to
    other subnets, and to containers that can't reach each other, on hosts whose engine can't be restarted.
  - All of them are checked before the first is touched, by the same rules as docker0 in M(dockyard.ops.docker_bridge). A subnet is refused if it
    overlaps a route of the host, docker0, another network of the engine or another one of the list, or if it takes in an address of the
    host, a gateway, a name server, or the other end of an open connection. The engine itself finds only overlaps with its own networks.
  - A network that differs in what is declared can only be replaced by a new one, which has what is declared and otherwise is as the old one.
    It keeps its subnets with their ranges and addresses, driver, driver options, labels, and whether it is internal, attachable, and has IPv6.
    If containers are connected to it, also stopped ones, that is refused with their names, unless O(replace_in_use=true).
  - A network that services of a Swarm use is neither replaced nor removed, also with O(replace_in_use=true), and neither is C(ingress) or
    C(docker_gwbridge).
  - Each network is read back from the engine and its bridge. If one fails, those that were done before it are taken back, with their containers.
extends_documentation_fragment:
  - dockyard.ops._daemon.engine
  - dockyard.ops._attributes
requirements:
  - Root on the managed host.
  - C(ip) from iproute2.
options:
  networks:
    description:
      - The networks. What an option does not give stays as it is on a network that exists. Networks that are not in the list are left alone.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the network.
        type: str
        required: true
      driver:
        description:
          - The driver, for instance V(bridge), V(macvlan), V(ipvlan), or V(overlay) on a Swarm manager. A network that does not exist is
            created with V(bridge) if it is not given.
          - If another driver replaces that of a network, the driver options of the old one are not kept, but for the MTU.
        type: str
      subnets:
        description:
          - The subnets. Without any, the engine takes one from its address pools. If the one that it takes breaks a rule, the network is removed
            again.
          - A network that has all of them is left alone, also if it has more. If one is missing, those that are given replace the ones that
            it has of the same version of IP.
        type: list
        elements: dict
        suboptions:
          subnet:
            description:
              - The subnet, for instance V(10.90.0.0/24).
            type: str
            required: true
          gateway:
            description:
              - The gateway of the containers. By default, the engine takes the first address.
            type: str
          ip_range:
            description:
              - The part of the subnet from which containers get their addresses.
            type: str
          aux_addresses:
            description:
              - Addresses that no container gets, by the names of those that have them.
            type: dict
      icc:
        description:
          - Whether containers on this network may reach each other. Only for the driver V(bridge).
          - True or false, also as a string. An empty string counts as not given.
        type: raw
      internal:
        description:
          - Whether the network has no way to the outside.
          - True or false, also as a string. An empty string counts as not given.
        type: raw
      attachable:
        description:
          - Whether containers that are not of a Swarm service may use an C(overlay).
          - True or false, also as a string. An empty string counts as not given.
        type: raw
      ipv6:
        description:
          - Whether the network has IPv6. An engine before 27 needs a subnet for it.
          - True or false, also as a string. An empty string counts as not given.
        type: raw
      mtu:
        description:
          - Largest packet in bytes.
          - A number in digits, also as a string. An empty string counts as not given.
        type: raw
      driver_options:
        description:
          - Further options of the driver. Others that the network has stay.
        type: dict
      labels:
        description:
          - Labels of the network. Others that it has stay, also those that were declared earlier.
        type: dict
      state:
        description:
          - V(absent) removes the network.
        type: str
        choices: [present, absent]
        default: present
  replace_in_use:
    description:
      - Whether a network that containers are connected to may be replaced or removed.
      - The containers are connected to the new network, also stopped ones, with their aliases, and with their fixed addresses if its subnets have
        them. Connections that are open over the old one end. A warning names the containers, in check mode as well.
      - In a container that runs, the network's device gets another name until the container's next start. What is set there for C(eth0), by
        C(--sysctl) or by rules of its own, is without effect until then.
      - If the module is killed in the meantime, the next call connects the containers first.
    type: bool
    default: false
notes:
  - With its first bridge that has IPv6, an engine switches IPv6 forwarding on for all of the host, and with the first one without ICC the firewall
    inside all bridges. If that would cut the host off, or guests of another bridge, it is refused, and the message says what to set first.
  - A network is neither replaced nor removed as long as a program of the host listens on its address alone.
  - A bridge without a name of its own gets another one with its network. A warning, in check mode too, names rules of the firewall, policy
    rules and routes of the host that are for the old one, or for a subnet that goes, and do nothing afterwards.
  - A network whose bridge has a name of its own (C(com.docker.network.bridge.name)) is neither made nor replaced as long as firewalld has that
    bridge in another zone than C(docker), as the engine could make it neither again nor as it was.
  - An engine that does not run is not started. In check mode, all networks are then reported as missing, with a warning.
seealso:
  - module: dockyard.ops.docker_bridge
  - module: community.docker.docker_network
    description: One network, with its containers, and without these checks.
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Give tenants a network on which they can't reach each other, and a backend no way to the outside
  dockyard.ops.docker_networks:
    networks:
      - name: tenants
        subnets:
          - subnet: 10.90.0.0/24
            gateway: 10.90.0.1
            ip_range: 10.90.0.128/25
        icc: false
      - name: backend
        internal: true

- name: Move a network to another subnet, with the containers that are connected to it
  dockyard.ops.docker_networks:
    networks:
      - name: tenants
        subnets:
          - subnet: 10.91.0.0/24
    replace_in_use: true

- name: Remove a network
  dockyard.ops.docker_networks:
    networks:
      - name: backend
        state: absent
"""

RETURN = r"""
msg:
  description: What happened, in one sentence.
  returned: always
  type: str
  sample: Created tenants, backend.
engine:
  description: The state of the engine that was found. One of V(absent), V(stopped) and V(running).
  returned: success
  type: str
  sample: running
created:
  description: Names of the networks that were created, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [tenants, backend]
replaced:
  description: Names of the networks that were replaced by new ones.
  returned: success
  type: list
  elements: str
  sample: []
removed:
  description: Names of the networks that were removed.
  returned: success
  type: list
  elements: str
  sample: []
differences:
  description: For each network that was replaced, the options in which it differed.
  returned: success
  type: dict
  sample: {tenants: [subnets]}
containers:
  description: For each network that was replaced or removed, the containers that were connected to it.
  returned: success
  type: dict
  sample: {tenants: [web]}
networks:
  description:
    - The declared networks as the engine and the bridges show them, by their names. In check mode, as they are before.
    - Empty if no engine runs.
  returned: success
  type: dict
  sample:
    tenants:
      id: 6bd1a2e3f8de7b8a1c0f6d2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e
      driver: bridge
      subnets:
        - {subnet: 10.90.0.0/24, gateway: 10.90.0.1, ip_range: 10.90.0.128/25, aux_addresses: {}}
      internal: false
      attachable: false
      ipv6: false
      options: {com.docker.network.bridge.enable_icc: "false"}
      labels: {}
      device: br-6bd1a2e3f8de
      addresses: [10.90.0.1/24]
      containers: []
diff:
  description: The declared networks before and after, with what is not declared and stays.
  returned: in diff mode
  type: dict
  sample:
    before_header: networks of the Docker Engine
    after_header: networks of the Docker Engine
    before: |
      {}
    after: |
      {
          "backend": {
              "Driver": "bridge",
              "Internal": true
          }
      }
"""

from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks import module
from ansible_collections.dockyard.ops.plugins.module_utils._module import run_module


def main() -> None:
    run_module(module.run, argument_spec=module.OPTIONS)


if __name__ == "__main__":
    main()

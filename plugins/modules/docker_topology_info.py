#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_topology_info
short_description: Read how a Docker host is wired, from each container's interface to the rules that carry its ports
version_added: 0.3.0
description:
  - Returns for every network its bridge, subnets, ICC and masquerading, as declared and as in force, and for every container the veth on the
    host at the other end of each of its interfaces, its network namespace, addresses, published ports with the rules that carry them,
    listening sockets with the process behind each, and its resources.
  - Adds findings, for example a subnet that is not masqueraded, ICC that is declared off and not in force, or a published port that the
    firewall drops.
  - Links are read over netlink and from C(/proc). No process is started inside containers, and nothing is changed. The two ends of a veth are
    paired by their indexes and by the numbers of their namespaces.
  - What can't be seen, for example without root or because no engine answers, is V(null), and named with the reason in C(unknown) of the
    host, network or container.
  - A container that ends while it is read is left out. One that starts again in the meantime is read again, so that no row is of two
    instances.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._attributes.info
options:
  gather_subset:
    description:
      - What is read beside networks, containers and their endpoints.
      - V(resources) is limits and use of the containers' cgroups, V(listeners) is the listening sockets, V(firewall) is the rules in force,
        and V(findings) what is found in the rest. V(all) is all of these, V(min) is none.
      - Findings about rules need V(firewall), and findings about ports that other processes of the host have need V(listeners).
    type: list
    elements: str
    choices: [all, min, resources, listeners, firewall, findings]
    default: [all]
  containers:
    description:
      - Names of the containers to read, or their identifiers or at least 12 digits of these. All containers if it is empty, those that do not
        run as well.
      - Networks are always read with all of their containers.
    type: list
    elements: str
    default: []
  socket:
    description: Unix socket of the engine.
    type: path
    default: /var/run/docker.sock
  timeout:
    description: Seconds that one answer of the engine may take.
    type: float
    default: 30
notes:
  - Run it as root to see everything. Other users see what the engine and C(/proc) tell them.
  - Whether a packet passes is worked out from the rules for its devices, addresses, ports and state. A rule with other conditions counts as
    one that does not match; for a published port that it would drop, the finding V(port_dropped) says so, as a notice.
  - An engine without root has its bridges, the other ends of the veths, and its rules in a network namespace of its own. As root, the module
    looks there, and C(uplinks) are the interfaces of that namespace. Other users see none of it, which C(unknown) says.
  - Containers of other engines, for example of Podman, have no rows. One that uses a container's network is in its C(shared_with), and
    C(other_engines) names the engines.
seealso:
  - module: dockyard.ops.docker_netns
  - module: dockyard.ops.docker_networks
  - plugin: dockyard.ops.topology_compare
    plugin_type: filter
  - ref: ansible_collections.dockyard.ops.docsite.guide_topology
    description: How to read the result, and how to prove what a change has changed.
  - module: community.docker.docker_container_info
    description: What the engine says about one container.
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Read how the host is wired
  dockyard.ops.docker_topology_info:
  register: wiring

- name: Show what is wrong with it
  ansible.builtin.debug:
    msg: "{{ wiring.topology.findings | dockyard.ops.table(['severity', 'kind', 'message']) }}"

- name: Show the veth of each container
  ansible.builtin.debug:
    msg: "{{ item.name }} {{ item.endpoints | map(attribute='peer.name') | join(', ') }}"
  loop: "{{ wiring.topology.containers }}"
  loop_control:
    label: "{{ item.name }}"

- name: Read the wiring alone, without rules, sockets and resources
  dockyard.ops.docker_topology_info:
    gather_subset: [min]
"""

RETURN = r"""
topology:
  description: The wiring of this host. Lists are sorted by name.
  returned: success
  type: dict
  contains:
    host:
      description: The host itself.
      type: dict
      sample:
        name: shop1
        engine: {version: 28.5.2, api_version: "1.51", rootless: false, firewall_backend: iptables}
        other_engines: [podman]
        bridge_netfilter: {ipv4: true, ipv6: true}
        forwarding: {ipv4: true, ipv6: false}
        uplinks:
          - {name: eth0, index: 2, mtu: 1500, addresses: [192.0.2.10/24], default_route: true}
        unknown: []
    networks:
      description:
        - The engine's networks. C(subnets) has the addresses in use, the gateway among them, and how many the pool has. C(ports_used) and
          C(ports_limit) are the ports of the bridge.
        - C(icc.in_force) is whether containers of the network reach each other by the rules, and C(icc.reason) the rule that decides it.
          C(masquerade.rule) is the rule of the network's first subnet of IPv4.
      type: list
      elements: dict
      sample:
        - id: 6bd1a2e3f8de7b8a1c0f6d2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e
          name: backend
          driver: bridge
          scope: local
          internal: false
          ipv6: false
          attachable: false
          bridge: br-6bd1a2e3f8de
          bridge_index: 7
          mtu: 1500
          subnets:
            - {subnet: 10.20.2.0/24, gateway: 10.20.2.1, used: 4, size: 254}
          icc: {declared: true, in_force: true, reason: -A FORWARD -i br-6bd1a2e3f8de -o br-6bd1a2e3f8de -j ACCEPT}
          masquerade: {declared: true, in_force: true, rule: -A POSTROUTING -s 10.20.2.0/24 ! -o br-6bd1a2e3f8de -j MASQUERADE}
          ports_used: 3
          ports_limit: 1023
          labels: {}
          options: {}
          unknown: []
    containers:
      description:
        - The containers. C(state) is the engine's word, for example V(running), V(paused) or V(exited). Of those that do not run, what only a
          process has is V(null).
        - C(network_mode) is V(host), V(none), C(container:NAME), or the name of a network. A container that has joined another one's network
          has no endpoints of its own; both name the other in C(namespace.shared_with).
        - Of an endpoint, C(peer) is the veth on the host, with C(namespace) if it is in another namespace than the host's own, as with
          overlay networks, and C(parent) the host's device below a macvlan or ipvlan. C(gateway) and C(ipv6_gateway) are those of the
          default route, if that leads over the interface. C(network) is V(null) for an interface that the engine does not know.
        - C(isolation) is V(true) for each kind of namespace that is the container's own. C(cgroup.cpu.limit) is in processors, C(cgroup.cpu.used)
          in seconds.
        - C(capture) is a command that shows the container's packets.
      type: list
      elements: dict
      sample:
        - id: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
          name: api
          image: registry.example.com/shop/api:4.2
          state: running
          pid: 2157
          network_mode: backend
          namespace: {inode: 4026532462, path: /run/docker/netns/031b2923869f, shared_with: []}
          isolation: {mnt: true, pid: true, net: true, ipc: true, uts: true, user: false, cgroup: true}
          cgroup:
            path: /system.slice/docker-9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.scope
            version: 2
            memory: {limit: 536870912, used: 18350080}
            cpu: {limit: 1.5, used: 12.48}
            pids: {limit: 4915, used: 7}
            io: {limits: [], used: [{device: "254:0", read_bytes: 1048576, write_bytes: 4096}]}
          endpoints:
            - network: backend
              network_id: 6bd1a2e3f8de7b8a1c0f6d2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e
              interface: eth0
              index: 2
              mac: 02:42:0a:14:02:03
              ipv4: 10.20.2.3/24
              ipv6: null
              gateway: 10.20.2.1
              ipv6_gateway: null
              mtu: 1500
              peer: {name: veth5d41402, index: 12, namespace: null}
              parent: null
              bridge: br-6bd1a2e3f8de
              dns_names: [9f86d081884c, api]
              counters: {rx_packets: 132, rx_errors: 0, rx_dropped: 0, tx_packets: 110, tx_errors: 0, tx_dropped: 0}
          ports:
            - protocol: tcp
              host_ip: 0.0.0.0
              host_port: 8080
              container_port: 80
              rules:
                - -A DOCKER ! -i br-6bd1a2e3f8de -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.20.2.3:80
                - -A DOCKER -d 10.20.2.3/32 ! -i br-6bd1a2e3f8de -o br-6bd1a2e3f8de -p tcp -m tcp --dport 80 -j ACCEPT
              proxy_pid: 1811
          listeners:
            - {protocol: tcp, address: 0.0.0.0, port: 80, pid: 2157, process: gunicorn}
          capture: nsenter -t 2157 -n tcpdump -ni eth0
          unknown: []
    stray_links:
      description: Veths on the networks' bridges that belong to no container.
      type: list
      elements: dict
      sample:
        - {name: veth0f6a3d1, index: 61, bridge: br-6bd1a2e3f8de}
    findings:
      description:
        - What is declared and not in force, or about to go wrong, the gravest first.
        - C(kind) is one of V(subnets_overlap), V(no_default_route), V(masquerade_missing), V(icc_not_in_force), V(stray_veth),
          V(bridge_nearly_full), V(stale_namespace_link), V(port_conflict), V(port_dropped), V(port_not_published)
          and V(mtu_above_uplink).
      type: list
      elements: dict
      sample:
        - kind: masquerade_missing
          severity: error
          network: backend
          container: null
          message: backend declares masquerading, and no rule masquerades 10.20.2.0/24; restart the engine, which writes its rules again.
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import survey
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module


def run(call: ModuleCall) -> dict[str, Any]:
    params = call.params
    wanted = set(params["gather_subset"])
    parts = survey.PARTS if "all" in wanted else frozenset(part for part in survey.PARTS if part in wanted)
    options = survey.Options(params["socket"], params["timeout"], parts, tuple(params["containers"]))
    return {"changed": False, "topology": survey.survey(options)}


def main() -> None:
    run_module(
        run,
        reads_only=True,
        argument_spec={
            "gather_subset": {
                "type": "list",
                "elements": "str",
                "choices": ["all", "min", "resources", "listeners", "firewall", "findings"],
                "default": ["all"],
            },
            "containers": {"type": "list", "elements": "str", "default": []},
            "socket": {"type": "path", "default": "/var/run/docker.sock"},
            "timeout": {"type": "float", "default": 30},
        },
    )


if __name__ == "__main__":
    main()

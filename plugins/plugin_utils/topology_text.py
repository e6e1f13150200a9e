# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What every form of a network report says about a topology, as plain strings that nobody has escaped yet.

A topology is what docker_topology_info returns. A field that could not be seen is null there.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted
from ansible_collections.dockyard.ops.plugins.module_utils._http.address import bracketed

Topology = Mapping[str, Any]

ALIVE = ("running", "paused")  # states of containers that have processes
SEVERITIES = ("error", "warning", "notice")
SHARED_BY_DEFAULT = ("cgroup", "user")
ANY_ADDRESS = ("", "0.0.0.0", "[::]")
NAME_SERVER = "127.0.0.11"
LARGE_POOL = 2**32  # of IPv6: that it is nearly empty goes without saying
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def line(value: Any) -> str:
    """Return a value as one line without control characters, which no form of the report can hold."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else str(value) if isinstance(value, (int, float)) else json.dumps(value)
    # "C": control characters, halves of surrogates, and marks that turn the direction of what follows.
    return " ".join("".join(" " if unicodedata.category(one)[0] == "C" else one for one in text).split())


def rows(value: Any) -> list[Mapping[str, Any]]:
    """Return the dictionaries of a list; none if it could not be seen."""
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        return []
    return [one for one in value if isinstance(one, Mapping)]


def strings(value: Any) -> list[str]:
    """Return the values of a list as lines; none if it could not be seen."""
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        return []
    return [line(one) for one in value]


def part(value: Any, *names: str) -> Any:
    """Return what is at a path of keys, and None if something on the way could not be seen."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def findings(topology: Topology) -> list[Mapping[str, Any]]:
    """Return the findings, the worst first."""
    return sorted(rows(topology.get("findings")), key=lambda one: (severity_rank(one.get("severity")), line(one)))


def severity_rank(severity: Any) -> int:
    """Return where a severity comes in a report."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def count(topologies: Iterable[Topology]) -> dict[str, int]:
    """Return how many findings of each severity there are."""
    found = [one.get("severity") for topology in topologies for one in rows(topology.get("findings"))]
    return {severity: found.count(severity) for severity in SEVERITIES}


def setting(value: Any) -> str:
    """Return what is declared and what is in force: "on", "off", or both if they differ."""
    declared, in_force = part(value, "declared"), part(value, "in_force")
    if declared is None and in_force is None:
        return ""
    if declared is None or in_force is None or declared == in_force:
        known = declared if in_force is None else in_force
        return ("on" if known else "off") + (", in force: unknown" if in_force is None else "")
    return f"{'on' if in_force else 'off'}, declared {'on' if declared else 'off'}"


def differs(value: Any) -> bool:
    """Return whether what is declared is known not to be in force."""
    declared, in_force = part(value, "declared"), part(value, "in_force")
    return declared is not None and in_force is not None and declared != in_force


def subnets(network: Mapping[str, Any]) -> list[str]:
    """Return each subnet with its gateway and the use of its pool."""
    found = []
    for one in rows(network.get("subnets")):
        text = line(one.get("subnet"))
        if one.get("gateway"):
            text += f" via {line(one['gateway'])}"
        if one.get("used") is not None:
            of = f" of {line(one['size'])}" if 0 < (one.get("size") or 0) < LARGE_POOL else ""
            text += f", {line(one['used'])}{of} in use"
        found.append(text)
    return found


def addresses(endpoint: Mapping[str, Any]) -> list[str]:
    """Return the addresses of an endpoint."""
    return [line(endpoint[family]) for family in ("ipv4", "ipv6") if endpoint.get(family)]


def peer(endpoint: Mapping[str, Any]) -> str:
    """Return the host's end of an endpoint, for instance "veth12ab (17)"."""
    name, index = part(endpoint, "peer", "name"), part(endpoint, "peer", "index")
    if not name:
        return ""
    return line(name) if index is None else f"{line(name)} ({line(index)})"


def outside(endpoint: Mapping[str, Any]) -> str:
    """Return the host's interface that carries an endpoint: the veth, or what is below macvlan and ipvlan."""
    return line(part(endpoint, "peer", "name") or part(endpoint, "parent", "name"))


def route(endpoint: Mapping[str, Any]) -> str:
    """Return the way out of the container, for instance "eth0 (2) - veth12ab (17) - br-12ab"."""
    index = endpoint.get("index")
    inside = " ".join(filter(None, [line(endpoint.get("interface")), f"({line(index)})" if index is not None else ""]))
    end = peer(endpoint)
    if part(endpoint, "peer", "namespace"):
        end += f" in {line(part(endpoint, 'peer', 'namespace'))}"
    parent = line(part(endpoint, "parent", "name"))
    return " - ".join(filter(None, [inside, end, line(endpoint.get("bridge")), f"on {parent}" if parent else ""]))


def details(endpoint: Mapping[str, Any]) -> str:
    """Return MAC address, gateways, and names of an endpoint."""
    gateways = " ".join(line(endpoint[key]) for key in ("gateway", "ipv6_gateway") if endpoint.get(key))
    names = ", ".join(strings(endpoint.get("dns_names")))
    found = [line(endpoint.get("mac")), f"via {gateways}" if gateways else "", f"DNS {names}" if names else ""]
    return "; ".join(filter(None, found))


def attached(container: Mapping[str, Any]) -> str:
    """Return how a container without endpoints of its own is attached."""
    value = mode(container)
    if value == "host":
        return "the host's network namespace"
    if value.startswith("container:"):
        names = strings(part(container, "namespace", "shared_with"))
        return f"network namespace shared with {', '.join(names) or value.removeprefix('container:')}"
    return "no network"


def isolation(container: Mapping[str, Any]) -> list[str]:
    """Return process, network namespace, what is shared, cgroup and limits, a line each."""
    inode, path = part(container, "namespace", "inode"), part(container, "namespace", "path")
    others = strings(part(container, "namespace", "shared_with"))
    found = [f"pid {line(container['pid'])}" if container.get("pid") else ""]
    found.append(f"net:[{line(inode)}] {line(path)}".strip() if inode else "")
    found.append(f"network namespace shared with {', '.join(others)}" if others else "")
    found.append(f"not its own: {', '.join(shared(container))}" if shared(container) else "")
    found.append("; ".join(limits(container)))
    return list(filter(None, found))


def what(change: Mapping[str, Any]) -> str:
    """Return what has changed, as topology_compare says it in a sentence, and without one in its words."""
    said = " ".join(line(change.get(key)) for key in ("subject", "kind") if change.get(key))
    return line(change.get("message")) or said


def name(container: Mapping[str, Any]) -> str:
    """Return the name of a container, and that it is paused if it is."""
    return line(container.get("name")) + ("" if container.get("state") == "running" else " (paused)")


def wired(topology: Topology) -> list[Mapping[str, Any]]:
    """Return the containers with wires of their own, which a picture has a box for."""
    return [one for one in rows(topology.get("containers")) if rows(one.get("endpoints")) and one.get("state") in ALIVE]


def undrawn(topology: Topology) -> str:
    """Return which containers a picture leaves out, and why."""
    left_out = [one for one in rows(topology.get("containers")) if mode(one) == "none" or one.get("state") not in ALIVE]
    if not left_out:
        return ""
    are = "is" if len(left_out) == 1 else "are"
    return f"Not in the picture: {counted(len(left_out), 'container')} that {are} stopped or without a network."


def port(one: Mapping[str, Any]) -> str:
    """Return a published port, for instance "0.0.0.0:8080 to 80/tcp"."""
    address = bracketed(line(one.get("host_ip")))
    outside = ":".join(filter(None, [address, line(one.get("host_port"))]))
    inside = f"{line(one.get('container_port'))}/{line(one.get('protocol')) or 'tcp'}"
    return f"{outside} to {inside}" if outside else inside


def outer_port(one: Mapping[str, Any]) -> str:
    """Return the host's side of a published port, for instance ":8080", or with its address if that is not any."""
    address = bracketed(line(one.get("host_ip")))
    return f"{'' if address in ANY_ADDRESS else address}:{line(one.get('host_port'))}"


def listeners(container: Mapping[str, Any]) -> list[str]:
    """Return the listening sockets, without those of the engine's own name server, which each container has."""
    return [listener(one) for one in rows(container.get("listeners")) if one.get("address") != NAME_SERVER]


def listener(one: Mapping[str, Any]) -> str:
    """Return a listening socket and the process behind it."""
    address = bracketed(line(one.get("address")))
    text = f"{address}:{line(one.get('port'))}/{line(one.get('protocol')) or 'tcp'}"
    process = " ".join(filter(None, [line(one.get("process")), f"({line(one['pid'])})" if one.get("pid") else ""]))
    return f"{text} {process}" if process else text


def errors(endpoint: Mapping[str, Any]) -> str:
    """Return the counters of errors and drops that are not zero."""
    counters = endpoint.get("counters") or {}
    names = [f"{way}_{what}" for way in ("rx", "tx") for what in ("errors", "dropped")]
    return ", ".join(f"{name.replace('_', ' ')} {line(counters[name])}" for name in names if counters.get(name))


def limits(container: Mapping[str, Any]) -> list[str]:
    """Return the limits that the container has."""
    cgroup = container.get("cgroup")
    found = []
    memory, cpu, pids = (part(cgroup, name, "limit") for name in ("memory", "cpu", "pids"))
    if isinstance(memory, (int, float)):
        found.append(f"memory {size(memory)}")
    if cpu is not None:
        found.append(f"CPU {line(cpu)}")
    if pids is not None:
        found.append(f"pids {line(pids)}")
    if part(cgroup, "io", "limits"):
        found.append(f"I/O {line(part(cgroup, 'io', 'limits'))}")
    return found


def size(amount: float) -> str:
    """Return a number of bytes, for instance "1.5 GiB"."""
    unit = 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f}".removesuffix(".0") + f" {_UNITS[unit]}"


def shared(container: Mapping[str, Any]) -> list[str]:
    """Return which namespaces the container shares with the host or with others, but for what is so by default."""
    namespaces = container.get("isolation") or {}
    return [line(name) for name, own in sorted(namespaces.items()) if own is False and name not in SHARED_BY_DEFAULT]


def mode(container: Mapping[str, Any]) -> str:
    """Return how the container is attached, if it is on no network of its own."""
    value = line(container.get("network_mode"))
    return value if value in ("host", "none") or value.startswith("container:") else ""


def unknown(item: Mapping[str, Any]) -> list[str]:
    """Return what could not be seen, and why."""
    return [f"{line(one.get('field'))}: {line(one.get('reason'))}" for one in rows(item.get("unknown"))]


def engine(topology: Topology) -> str:
    """Return what is known about the host's engine, in one line."""
    host = topology.get("host")
    version, api = part(host, "engine", "version"), part(host, "engine", "api_version")
    backend = part(host, "engine", "firewall_backend")
    words = [
        f"Docker Engine {line(version)}" if version else "Docker Engine of unknown version",
        f"API {line(api)}" if api else "",
        "rootless" if part(host, "engine", "rootless") else "",
        f"firewall by {line(backend)}" if backend else "",
    ]
    others = strings(part(host, "other_engines"))
    return ", ".join(filter(None, words)) + (f"; beside it {', '.join(others)}" if others else "")


def uplink(one: Mapping[str, Any]) -> str:
    """Return one of the host's own interfaces, in one line."""
    words = [line(one.get("name")), *strings(one.get("addresses"))]
    words += [f"MTU {line(one['mtu'])}"] if one.get("mtu") else []
    return " ".join(words) + (", default route" if one.get("default_route") else "")

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Judge packets by the firewall rules in force, whichever program they were written with."""

from __future__ import annotations

import dataclasses
import fnmatch
import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._http.address import bracketed

Field = Literal[
    "iif",
    "oif",
    "source",
    "destination",
    "protocol",
    "dport",
    "state",
    "destination_type",
    "original_destination",
    "original_dport",
    "bridged",
]
Action = Literal["accept", "drop", "return", "jump", "goto", "dnat", "snat", "continue"]
Verdict = Literal["accept", "drop"]

_DEEPEST = 32
# Where engines write: chains of their own, and these of iptables; their own table of nftables. What firewalld writes
# about their bridges it does for them.
_OF_ENGINES = re.compile(r"DOCKER(?!-USER$).*|FORWARD|POSTROUTING|PREROUTING|OUTPUT")
_TABLES_OF_ENGINES = ("docker-bridges", "firewalld")
_TRANSLATES = -100  # the priority of the hook prerouting at which the engine's rules translate the destination


@dataclasses.dataclass(frozen=True)
class Packet:
    """The first packet of a connection.

    source: None for any address outside of the host.
    destination, dport: after the translation of a published port.
    original_destination, original_dport: before it, where there is one.
    """

    iif: str
    oif: str
    protocol: str
    source: str | None
    destination: str
    dport: int | None = None
    translated: bool = False
    original_destination: str | None = None
    original_dport: int | None = None

    def as_it_arrives(self) -> Packet:
        """Return the packet as it is before the translation."""
        destination, dport = self.original_destination or self.destination, self.original_dport
        return dataclasses.replace(self, oif="", destination=destination, dport=dport, translated=False)


@dataclasses.dataclass(frozen=True)
class Test:
    """What a packet must be like for a rule.

    values: networks, names of devices with a pattern at their end, ranges of ports, or words.
    """

    field: Field
    negated: bool
    values: tuple[Any, ...]

    def holds(self, packet: Packet) -> bool:
        """Return whether a packet is like that. One whose source is unknown is in no network but that of all."""
        return self._found(packet) != self.negated

    def _found(self, packet: Packet) -> bool:
        if self.field in ("iif", "oif"):
            device = packet.iif if self.field == "iif" else packet.oif
            return any(fnmatch.fnmatchcase(device, pattern) for pattern in self.values)
        if self.field in ("source", "destination", "original_destination"):
            address: str | None = getattr(packet, self.field)
            if address is None:
                return any(network.prefixlen == 0 for network in self.values)
            return any(ipaddress.ip_address(address) in network for network in self.values)
        if self.field == "protocol":
            return packet.protocol in self.values or "all" in self.values
        if self.field in ("dport", "original_dport"):
            port: int | None = getattr(packet, self.field)
            return port is not None and any(low <= port <= high for low, high in self.values)
        if self.field == "state":
            return "new" in self.values or (packet.translated and "dnat" in self.values)
        if self.field == "bridged":
            return packet.iif == packet.oif
        # A packet to a container is not one to the host.
        return "unicast" in self.values


@dataclasses.dataclass(frozen=True)
class Rule:
    """A rule of a chain.

    text: as the program that reads rules prints it.
    opaque: it has a test or an action that is not understood here, so that it decides nothing.
    chain: for a jump, where to.
    to: for a translation, the address and port.
    verdicts: of a rule with a map, action and chain by device or by the state of the connection.
    """

    text: str
    tests: tuple[Test, ...]
    action: Action
    opaque: bool = False
    chain: str = ""
    to: str = ""
    map_field: Field | None = None
    verdicts: dict[str, tuple[Action, str]] = dataclasses.field(default_factory=dict)

    def matches(self, packet: Packet) -> bool:
        """Return whether the rule is for a packet."""
        return not self.opaque and all(test.holds(packet) for test in self.tests)

    def may_drop(self, packet: Packet) -> bool:
        """Return whether a rule that is not understood would drop a packet if it is for it."""
        return self.opaque and self.action == "drop" and all(test.holds(packet) for test in self.tests)

    def values(self, field: Field) -> tuple[Any, ...]:
        """Return what a packet's field must be one of; nothing if the rule does not say so, or says the contrary."""
        return tuple(value for test in self.tests if test.field == field and not test.negated for value in test.values)


@dataclasses.dataclass
class Chain:
    """A chain, with the hook of the kernel that it is on. devices: of a hook that is one of devices."""

    table: str
    family: str
    name: str
    hook: str = ""
    priority: int = 0
    policy: Verdict = "accept"
    devices: tuple[str, ...] = ()
    rules: list[Rule] = dataclasses.field(default_factory=list)


class Firewall:
    """All chains of the host."""

    def __init__(self, chains: Sequence[Chain]) -> None:
        self._chains = {(chain.family, chain.table, chain.name): chain for chain in chains}

    def deliver(self, packet: Packet) -> tuple[Verdict, str, list[str]]:
        """Return whether a packet for a published port gets there, the rule or policy that decides it, and doubts.

        doubts: rules that would drop it if they are for it, which can't be said of a condition that is not understood.
        """
        doubts: list[str] = []
        arriving = packet.as_it_arrives()
        family = "ip" if ipaddress.ip_address(packet.destination).version == 4 else "ip6"
        hooked = [chain for chain in self._chains.values() if chain.hook in ("ingress", "prerouting")]
        for chain in sorted(hooked, key=lambda chain: (chain.hook != "ingress", chain.priority)):
            if chain.family not in (family, "inet", "netdev") or (chain.devices and packet.iif not in chain.devices):
                continue
            seen = packet if chain.hook == "prerouting" and chain.priority > _TRANSLATES else arriving
            policy = f"policy of {chain.table} {chain.name}"
            verdict, text = self._walk(chain, seen, 0, doubts) or (chain.policy, policy)
            if verdict == "drop":
                return "drop", text, doubts
        return (*self.forward(packet, doubts), doubts)

    def forward(self, packet: Packet, doubts: list[str] | None = None) -> tuple[Verdict, str]:
        """Return whether the host passes a packet on, and the rule or policy that decides it. doubts: as above."""
        family = "ip" if ipaddress.ip_address(packet.destination).version == 4 else "ip6"
        decided: str | None = None
        for chain in self.on_hook("forward", family):
            found = self._walk(chain, packet, 0, doubts)
            verdict, text = found or (chain.policy, f"policy of {chain.table} {chain.name}")
            if verdict == "drop":
                return "drop", text
            # A rule that lets it pass says more than the policy of another program's empty chain.
            if found is not None or decided is None:
                decided = text
        return "accept", decided or "No rule forbids it."

    def _walk(self, chain: Chain, packet: Packet, depth: int, doubts: list[str] | None) -> tuple[Verdict, str] | None:
        for rule in chain.rules:
            if not rule.matches(packet):
                if doubts is not None and rule.may_drop(packet):
                    doubts.append(rule.text)
                continue
            action, target = rule.action, rule.chain
            if rule.map_field == "state":
                action, target = rule.verdicts.get("new", ("continue", ""))
            elif rule.map_field is not None:
                action, target = verdict_of(rule.verdicts, packet.iif if rule.map_field == "iif" else packet.oif)
            if action in ("accept", "drop"):
                return ("accept" if action == "accept" else "drop"), rule.text
            if action == "return":
                return None
            if action in ("jump", "goto"):
                other = self._chains.get((chain.family, chain.table, target))
                found = self._walk(other, packet, depth + 1, doubts) if other is not None and depth < _DEEPEST else None
                if found is not None or action == "goto":
                    return found
        return None

    def masquerades(self, subnet: str) -> str | None:
        """Return the rule that gives a subnet's packets the host's address; None if there is none."""
        wanted = ipaddress.ip_network(subnet)
        for rule in self._rules("postrouting"):
            if rule.action == "snat" and wanted in rule.values("source") and not rule.values("destination"):
                return rule.text
        return None

    def published(self, protocol: str, address: str, port: int, host_port: int) -> list[str]:
        """Return the rules that carry a published port to a container, and those that let it pass there."""
        translating = self.translates(protocol, address, port, host_port)
        return list(dict.fromkeys([*translating, *self.lets_pass(protocol, address, port)]))

    def lets_pass(self, protocol: str, address: str, port: int) -> list[str]:
        """Return the rules that let pass what is for a port of a container."""
        host = ipaddress.ip_network(address)
        return [
            rule.text
            for rule in self._rules("forward")
            if rule.action == "accept" and host in rule.values("destination") and _has_port(rule, protocol, port)
        ]

    def translates(self, protocol: str, address: str, port: int, host_port: int) -> list[str]:
        """Return the rules that carry a published port to a container."""
        target = f"{bracketed(address)}:{port}"
        return [
            rule.text
            for rule in self._rules("prerouting")
            if rule.action == "dnat" and rule.to == target and _has_port(rule, protocol, host_port)
        ]

    def of_others(self) -> list[str]:
        """Return the rules in chains that engines do not write in."""
        chains = [
            chain
            for chain in self._chains.values()
            if chain.table not in _TABLES_OF_ENGINES and not _OF_ENGINES.fullmatch(chain.name)
        ]
        return [rule.text for chain in chains for rule in chain.rules]

    def on_hook(self, hook: str, family: str) -> list[Chain]:
        """Return the chains that a packet of a family meets on a hook, in their order."""
        found = [one for one in self._chains.values() if one.hook == hook and one.family in (family, "inet")]
        return sorted(found, key=lambda chain: chain.priority)

    def chain(self, beside: Chain, name: str) -> Chain | None:
        """Return the chain of a name in the table of another one; None if there is none."""
        return self._chains.get((beside.family, beside.table, name))

    def beside(self, chain: Chain) -> list[Rule]:
        """Return the rules of a chain's table, without those in chains that engines write in."""
        table = [one for one in self._chains.values() if (one.family, one.table) == (chain.family, chain.table)]
        return [rule for one in table if not _OF_ENGINES.fullmatch(one.name) for rule in one.rules]

    def drops_without_engine(self, family: str) -> bool:
        """Tell whether the policy drops what containers forward, but for the engine's rules of iptables, from 28 on."""
        chain = self._chains.get((family, "filter", "FORWARD"))
        return (
            chain is not None and chain.policy == "drop" and any(rule.chain == "DOCKER-FORWARD" for rule in chain.rules)
        )

    def of_people(self, name: str) -> list[str]:
        """Return the rules of a chain that the engine leaves to people; it ends with a RETURN of the engine's own."""
        chains = [chain for chain in self._chains.values() if chain.name == name]
        return [rule.text for chain in chains for rule in chain.rules if rule.tests or rule.action != "return"]

    def _rules(self, hook: str) -> list[Rule]:
        """Return the rules that a packet may meet on a hook."""
        found: list[Rule] = []
        seen: set[tuple[str, str, str]] = set()
        waiting = [key for key, chain in self._chains.items() if chain.hook == hook]
        while waiting:
            key = waiting.pop()
            if key in seen or key not in self._chains:
                continue
            seen.add(key)
            rules = self._chains[key].rules
            found += rules
            targets = [rule.chain for rule in rules if rule.chain]
            targets += [target for rule in rules for _action, target in rule.verdicts.values() if target]
            waiting += [(key[0], key[1], target) for target in targets]
        return found


def _has_port(rule: Rule, protocol: str, port: int) -> bool:
    return (port, port) in rule.values("dport") and protocol in rule.values("protocol")


def verdict_of(verdicts: Mapping[str, tuple[Action, str]], device: str) -> tuple[Action, str]:
    """Return what a map says for a device, whose names may have a pattern at their end."""
    found = [verdict for pattern, verdict in verdicts.items() if fnmatch.fnmatchcase(device, pattern)]
    return verdicts.get(device) or (found[0] if found else ("continue", ""))

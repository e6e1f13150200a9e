# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find a chain that lets nothing pass that containers of a bridge send out, or that is sent to them.

Each chain on a hook has to let a packet pass, so that another program's later one undoes what the engine's own allow.
Said is only what holds for every packet: a rule that may let one pass, by its destination, its port or a condition
that is not understood, is enough for silence. So is one that names the bridge or its network, as a user wanted that.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import ipaddress
from collections.abc import Iterator
from typing import Literal

from .firewall import Action, Chain, Firewall, Rule, Test, verdict_of

Match = Literal["yes", "maybe", "no"]
Direction = Literal["out", "in"]

_DEEPEST = 32
_OF_PEOPLE = "DOCKER-USER"


@dataclasses.dataclass(frozen=True)
class Block:
    """What stops all packets: a rule, or the policy of a chain.

    chain: the one that is on the hook. place: the name of the one that has the rule.
    """

    chain: Chain
    place: str
    text: str


@dataclasses.dataclass(frozen=True)
class _Traffic:
    """All new connections of the containers of a bridge to the outside, or from there to their published ports."""

    bridge: str
    subnet: ipaddress.IPv4Network
    direction: Direction

    def match(self, test: Test) -> Match:
        """Return for how much of it a test holds."""
        found = self._found(test)
        if found == "maybe" or not test.negated:
            return found
        return "no" if found == "yes" else "yes"

    def _found(self, test: Test) -> Match:
        own = ("iif", "source") if self.direction == "out" else ("oif", "destination")
        if test.field == "state":
            return "yes" if "new" in test.values or (self.direction == "in" and "dnat" in test.values) else "no"
        if test.field == "bridged":
            return "no"
        if test.field == own[0]:
            return "yes" if any(fnmatch.fnmatchcase(self.bridge, pattern) for pattern in test.values) else "no"
        if test.field == own[1]:
            networks = [network for network in test.values if network.version == 4]
            if any(self.subnet.subnet_of(network) for network in networks):
                return "yes"
            return "maybe" if any(self.subnet.overlaps(network) for network in networks) else "no"
        return "maybe"

    def verdict(self, rule: Rule) -> Iterator[tuple[Match, Action, str]]:
        """Yield what a rule with a map may do, and whether it does that with all of it."""
        if rule.map_field == ("iif" if self.direction == "out" else "oif"):
            action, chain = verdict_of(rule.verdicts, self.bridge)
            yield "yes", action, chain
        elif rule.map_field == "state" and self.direction == "out":
            action, chain = rule.verdicts.get("new", ("continue", ""))
            yield "yes", action, chain
        else:
            yield from (("maybe", action, chain) for action, chain in rule.verdicts.values())


def names(rule: Rule, bridge: str, subnet: str) -> bool:
    """Return whether a rule is for just this bridge or its network, or for those of its kind."""
    for test in rule.tests:
        if test.field in ("iif", "oif") and any(fnmatch.fnmatchcase(bridge, pattern) for pattern in test.values):
            return True
        if test.field in ("source", "destination"):
            network = ipaddress.ip_network(subnet)
            if any(value.prefixlen > 0 and value.version == 4 and value.overlaps(network) for value in test.values):
                return True
    return bridge in rule.verdicts


def blocked(firewall: Firewall, bridge: str, subnet: str, direction: Direction) -> Iterator[Block]:
    """Yield what lets nothing of a bridge pass on the hook forward, for IPv4, and does not name it."""
    traffic = _Traffic(bridge, ipaddress.IPv4Network(subnet), direction)
    for chain in firewall.on_hook("forward", "ip"):
        outcome = _walk(firewall, chain, traffic, 0)
        if outcome is None and chain.policy == "drop":
            outcome = Block(
                chain, chain.name, f"the policy of the chain {chain.name} in the table {chain.family} {chain.table}."
            )
        if not isinstance(outcome, Block) or outcome.place == _OF_PEOPLE:
            continue
        if not any(names(rule, bridge, subnet) for rule in firewall.beside(chain)):
            yield outcome


def _walk(firewall: Firewall, chain: Chain, traffic: _Traffic, depth: int) -> Block | Literal["passes"] | None:
    """Return what stops everything, that something may pass, or None if the end of the chain is reached."""
    returns = False  # whether some of it may have left the chain before
    for rule in chain.rules:
        matched = _match(rule, traffic)
        if matched == "no":
            continue
        does = [(matched, rule.action, rule.chain)] if rule.map_field is None else list(traffic.verdict(rule))
        for match, action, target in does:
            sure = match == matched == "yes"
            if action == "accept":
                return "passes"
            if action == "drop" and sure:
                return None if returns else Block(chain, chain.name, rule.text)
            if action == "return" and sure:
                return None
            if action in ("jump", "goto"):
                other = firewall.chain(chain, target)
                outcome = _walk(firewall, other, traffic, depth + 1) if other and depth < _DEEPEST else "passes"
                if outcome == "passes":
                    return "passes"
                if sure and (outcome is not None or action == "goto"):
                    return None if returns or outcome is None else dataclasses.replace(outcome, chain=chain)
            returns = returns or (action in ("return", "goto") and not sure)
    return None


def _match(rule: Rule, traffic: _Traffic) -> Match:
    matches = [traffic.match(test) for test in rule.tests]
    if "no" in matches:
        return "no"
    return "maybe" if rule.opaque or "maybe" in matches else "yes"

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read the rules that iptables-save and ip6tables-save print."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterator

from .firewall import Action, Chain, Field, Rule, Test

_HOOKS = {"PREROUTING": "prerouting", "INPUT": "input", "FORWARD": "forward", "OUTPUT": "output"}
_HOOKS["POSTROUTING"] = "postrouting"
_PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}
_TARGETS: dict[str, Action] = {
    **{"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": "return", "DNAT": "dnat"},
    **{"MASQUERADE": "snat", "SNAT": "snat", "LOG": "continue", "NFLOG": "continue", "MARK": "continue"},
}
_FIELDS: dict[str, Field] = {
    **{"-i": "iif", "-o": "oif", "-s": "source", "-d": "destination", "-p": "protocol", "--dport": "dport"},
    **{"--dports": "dport", "--ctstate": "state", "--state": "state", "--dst-type": "destination_type"},
    **{"--ctorigdst": "original_destination", "--ctorigdstport": "original_dport"},
}
# What belongs to a target or says nothing about the packet, with the number of words after it.
_IGNORED = {
    **{"-m": 1, "--comment": 1, "--reject-with": 1, "--to-source": 1, "--to-ports": 1, "--random-fully": 0},
    **{"--random": 0, "--persistent": 0, "--log-prefix": 1, "--log-level": 1, "--nflog-prefix": 1, "--nflog-group": 1},
}


def parse(text: str, family: str) -> list[Chain]:
    """Return the chains that a program has printed. family: ip or ip6."""
    chains: dict[tuple[str, str], Chain] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            chain = Chain(table, family, name)
            if policy != "-":
                chain.hook, chain.priority = _HOOKS.get(name, ""), _PRIORITIES.get(table, 0)
                chain.policy = "drop" if policy == "DROP" else "accept"
            chains[table, name] = chain
        elif line.startswith("-A "):
            chains[table, line.split()[1]].rules.append(_rule(line, family))
    return list(chains.values())


def _rule(line: str, family: str) -> Rule:
    words = iter((shlex.split(line) if '"' in line else line.split())[2:])
    tests: list[Test] = []
    action: Action = "continue"
    chain = to = ""
    opaque = negated = False
    for word in words:
        if word == "!":
            negated = True
            continue
        if word in ("-j", "-g"):
            target = next(words)
            action = _TARGETS.get(target, "goto" if word == "-g" else "jump")
            chain = "" if target in _TARGETS else target
        elif word == "--to-destination":
            to = next(words)
        elif word in _FIELDS:
            tests.append(Test(_FIELDS[word], negated, _values(_FIELDS[word], next(words))))
        elif word == "--match-set":
            next(words)
            if set(next(words).split(",")) == {"src"}:
                # A packet from outside has any address, and so one that is not in the set.
                tests.append(Test("source", negated, ()))
            else:
                opaque = True
        elif word == "--physdev-is-bridged":
            tests.append(Test("bridged", negated, ()))
        elif word in _IGNORED:
            _skip(words, _IGNORED[word])
        else:
            opaque = True
        negated = False
    return Rule(line, tuple(tests), action, opaque, chain, to)


def _skip(words: Iterator[str], number: int) -> None:
    for _word in range(number):
        next(words)


def _values(field: Field, value: str) -> tuple[object, ...]:
    if field in ("source", "destination", "original_destination"):
        return (ipaddress.ip_network(value, strict=False),)
    if field in ("dport", "original_dport"):
        ranges = (one.split(":") for one in value.split(","))
        return tuple((int(one[0]), int(one[-1])) for one in ranges)
    if field in ("iif", "oif"):
        return (value[:-1] + "*" if value.endswith("+") else value,)
    return tuple(value.lower().split(","))

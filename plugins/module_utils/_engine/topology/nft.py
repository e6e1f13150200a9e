# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read the rules that nft prints as JSON."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._http.address import bracketed

from .firewall import Action, Chain, Field, Rule, Test

_ACTIONS: dict[str, Action] = {
    **{"accept": "accept", "drop": "drop", "reject": "drop", "return": "return", "jump": "jump", "goto": "goto"},
    **{"dnat": "dnat", "snat": "snat", "masquerade": "snat"},
}
_META: dict[str, Field] = {"iifname": "iif", "oifname": "oif", "l4proto": "protocol"}
_PAYLOAD: dict[str, Field] = {"saddr": "source", "daddr": "destination", "dport": "dport"}
_SILENT = ("counter", "log", "comment", "mangle", "limit_none")

Json = dict[str, Any]


def parse(text: str, without: frozenset[tuple[str, str]] = frozenset()) -> list[Chain]:
    """Return the chains that C(nft -j list ruleset) has printed.

    without: family and name of tables that another program has printed better.
    """
    listed = json.loads(text)["nftables"]
    maps: dict[tuple[str, str, str], list[Any]] = {}
    for entry in listed:
        for kind in ("map", "set"):
            if kind in entry:
                named = entry[kind]
                maps[named["family"], named["table"], named["name"]] = named.get("elem", [])
    chains: dict[tuple[str, str, str], Chain] = {}
    for entry in listed:
        if "chain" in entry:
            one = entry["chain"]
            if (one["family"], one["table"]) not in without:
                chains[one["family"], one["table"], one["name"]] = Chain(
                    one["table"],
                    one["family"],
                    one["name"],
                    one.get("hook", ""),
                    one.get("prio", 0),
                    "drop" if one.get("policy") == "drop" else "accept",
                    (one["dev"],) if isinstance(one.get("dev"), str) else tuple(one.get("dev", ())),
                )
    for entry in listed:
        if "rule" in entry:
            one = entry["rule"]
            chain = chains.get((one["family"], one["table"], one["chain"]))
            if chain is not None:
                chain.rules.append(_Reader(one, maps).rule())
    return list(chains.values())


class _Reader:
    """Reads one rule."""

    def __init__(self, listed: Json, maps: dict[tuple[str, str, str], list[Any]]) -> None:
        self._listed = listed
        self._maps = maps
        self._tests: list[Test] = []
        self._words = [listed["family"], listed["table"], listed["chain"]]
        self._action: Action = "continue"
        self._chain = self._to = ""
        self._map_field: Field | None = None
        self._verdicts: dict[str, tuple[Action, str]] = {}
        self._opaque = False

    def rule(self) -> Rule:
        """Return the rule."""
        for expression in self._listed.get("expr", []):
            ((kind, value),) = expression.items()
            if kind == "match":
                self._match(value)
            elif kind in _ACTIONS:
                self._act(kind, value)
            elif kind == "vmap":
                self._vmap(value)
            elif kind == "xt":
                self._opaque = True
                self._words.append(f"xt {value.get('type', '')} {value.get('name', '')}".rstrip())
            elif kind not in _SILENT:
                self._opaque = True
                self._words.append(kind)
                if kind == "queue":  # whose program may let it pass
                    self._action = "jump"
        if "comment" in self._listed:
            self._words.append(f'comment "{self._listed["comment"]}"')
        return Rule(
            " ".join(self._words),
            tuple(self._tests),
            self._action,
            self._opaque,
            self._chain,
            self._to,
            self._map_field,
            self._verdicts,
        )

    def _match(self, value: Json) -> None:
        left, right, negated = value["left"], value["right"], value["op"] == "!="
        field, name = self._field(left)
        self._words.append(f"{name} {'!= ' if negated else ''}{_text(right)}")
        if field is None or value["op"] not in ("==", "!=", "in"):
            self._opaque = True
            return
        try:
            values = tuple(converted for one in self._members(right) for converted in [_value(field, one)])
        except (ValueError, TypeError, KeyError):
            self._opaque = True
            return
        self._tests.append(Test(field, negated, values))
        protocol = left.get("payload", {}).get("protocol")
        if field == "dport" and protocol in ("tcp", "udp", "sctp"):
            self._tests.append(Test("protocol", False, (protocol,)))

    def _field(self, left: Any) -> tuple[Field | None, str]:
        """Return which part of a packet is meant, and how nft writes it."""
        if not isinstance(left, dict):
            return None, str(left)
        if "meta" in left:
            return _META.get(left["meta"]["key"]), str(left["meta"]["key"])
        if "payload" in left:
            payload = left["payload"]
            name = f"{payload.get('protocol', '')} {payload.get('field', '')}"
            if payload.get("field") in ("protocol", "nexthdr"):
                return "protocol", name
            return _PAYLOAD.get(payload.get("field", "")), name
        if "ct" in left and left["ct"].get("dir") == "original":
            of_original: dict[str, Field] = {"proto-dst": "original_dport", "daddr": "original_destination"}
            return of_original.get(left["ct"]["key"]), f"ct original {left['ct']['key']}"
        if "ct" in left:
            return ("state" if left["ct"]["key"] in ("state", "status") else None), f"ct {left['ct']['key']}"
        if "fib" in left:
            flags = left["fib"].get("flags", [])
            return ("destination_type" if "daddr" in flags else None), f"fib {' '.join(flags)} type"
        return None, next(iter(left))

    def _members(self, right: Any) -> list[Any]:
        if isinstance(right, str) and right.startswith("@"):
            return self._named(right)
        if isinstance(right, dict) and "set" in right:
            return list(right["set"])
        return right if isinstance(right, list) else [right]

    def _named(self, name: str) -> list[Any]:
        return self._maps.get((self._listed["family"], self._listed["table"], name[1:]), [])

    def _act(self, kind: str, value: Any) -> None:
        self._action = _ACTIONS[kind]
        self._words.append(kind)
        if kind in ("jump", "goto"):
            self._chain = value["target"]
            self._words.append(self._chain)
        elif kind == "dnat" and isinstance(value, dict) and isinstance(value.get("addr"), str):
            address = bracketed(value["addr"])
            self._to = f"{address}:{value['port']}" if "port" in value else address
            self._words.append(f"to {self._to}")

    def _vmap(self, value: Json) -> None:
        field, name = self._field(value["key"])
        data = value["data"]
        members = self._named(data) if isinstance(data, str) else data.get("set", [])
        self._words.append(f"{name} vmap {_text(data)}")
        if field not in ("iif", "oif") and name != "ct state":
            self._opaque, self._action = True, "jump"  # to places that are not known
            return
        self._map_field = field
        for key, verdict in members:
            ((kind, target),) = verdict.items()
            if isinstance(key, str) and kind in _ACTIONS:
                self._verdicts[key] = (_ACTIONS[kind], target["target"] if isinstance(target, dict) else "")


def _value(field: Field, value: Any) -> Any:
    if isinstance(value, dict) and "elem" in value:
        value = value["elem"]["val"]
    if field in ("source", "destination", "original_destination"):
        if isinstance(value, dict):
            return ipaddress.ip_network((value["prefix"]["addr"], value["prefix"]["len"]))
        return ipaddress.ip_network(value)
    if field in ("dport", "original_dport"):
        return (value["range"][0], value["range"][1]) if isinstance(value, dict) else (int(value), int(value))
    return str(value)


def _text(value: Any) -> str:
    """Return a value as nft would write it."""
    if isinstance(value, dict) and "prefix" in value:
        return f"{value['prefix']['addr']}/{value['prefix']['len']}"
    if isinstance(value, dict) and "range" in value:
        return "-".join(map(str, value["range"]))
    if isinstance(value, dict) and "set" in value:
        return "{ " + ", ".join(map(_text, value["set"])) + " }"
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return str(value)

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A packet of each container is seen on exactly the veth that the module names."""

from __future__ import annotations

import collections
import json

from wiring.host import IMAGE, SCRIPTS, Host, by_name

_SECONDS = 4
_TWINS = 2  # of start.sh, in which interfaces of one index are made by hand


def truth(host: Host, containers: int) -> tuple[str, list[str]]:
    host.engine_answers()
    host.empty()
    try:
        host.must(f"sh {SCRIPTS}/start.sh {IMAGE} {containers}")
        rows = by_name(host.topology())
        heard = json.loads(host.must(f"python3 {SCRIPTS}/truth.py {_SECONDS}"))
    finally:
        host.empty()
    names = {f"{number:04x}": f"c{number}" for number in range(containers)}
    names.update({f"fff{number}": f"twin{number}" for number in range(1, _TWINS + 1)})
    endpoints = {mark: rows[name]["endpoints"][0] for mark, name in names.items()}
    broken = [f"{names.get(mark, mark)} was heard, and is none of them" for mark in set(heard["marks"]) - set(names)]
    for mark, endpoint in endpoints.items():
        on, named = heard["marks"].get(mark, []), (endpoint["peer"] or {}).get("name")
        if on != [named]:
            broken.append(f"{names[mark]}: named is {named}, heard on {on}")
    networks = {endpoint["network"] for endpoint in endpoints.values()}
    veths = {(endpoint["peer"] or {}).get("name") for endpoint in endpoints.values()}
    if len(veths) != len(endpoints):
        broken.append(f"{len(veths)} veths of {len(endpoints)} containers")
    indexes = collections.Counter(endpoint["index"] for endpoint in endpoints.values())
    same = sum(number for number in indexes.values() if number > 1)
    if same < _TWINS:
        broken.append("no two have an interface of the same index")
    mac = rows["onlan"]["endpoints"][0]["mac"]
    if mac not in heard["leaving"]:
        broken.append(f"of onlan (macvlan) nothing was seen to leave with {mac}")
    right = len(endpoints) - sum("heard on" in what for what in broken)
    return (
        f"{right} of {len(endpoints)} containers over {len(networks)} networks heard on just the veth that was named;"
        f" {same} of them have an interface with the index of another's"
    ), broken

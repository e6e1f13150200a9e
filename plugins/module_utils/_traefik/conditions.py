# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Judge a rule that a user gives, as Traefik 3 reads it.

Of what it can't read, Traefik logs an error and leaves the router out: the stack runs, and the service is reached by
nobody. Rules that were right in Traefik 2 are the usual cause, such as a Host with two names.
"""

from __future__ import annotations

import re

# The numbers of values that each condition takes.
_VALUES = {
    "ClientIP": (1,),
    "Header": (2,),
    "HeaderRegexp": (2,),
    "Host": (1,),
    "HostRegexp": (1,),
    "Method": (1,),
    "Path": (1,),
    "PathPrefix": (1,),
    "PathRegexp": (1,),
    "Query": (1, 2),
    "QueryRegexp": (1, 2),
}
# Traefik takes each name in these cases too.
_NAMES = {form(name): name for form in (str, str.lower, str.upper, str.capitalize) for name in _VALUES}
_VALUE = r"`[^`]*`|\"(?:[^\"\\]|\\.)*\""
_QUOTED = re.compile(_VALUE)
_CONDITION = re.compile(rf"([A-Za-z]\w*)\s*\(\s*((?:{_VALUE})(?:\s*,\s*(?:{_VALUE}))*)\s*\)")
_OF_TRAEFIK_2 = re.compile(r"\{[A-Za-z]\w*:")
# What conditions that are joined are again, with c for one.
_JOINED = (re.compile(r"!c"), re.compile(r"\(c\)"), re.compile(r"c(?:&&|\|\|)c"))


def fault(rule: str) -> str:
    """Return why a rule is none, as the end of a sentence; empty if it is one."""
    bare = _QUOTED.sub("", rule)
    if bare.count("(") != bare.count(")"):
        return "in which a ( or a ) is missing"
    if rule.count("`") % 2:
        return "in which a ` or a ` is missing"
    unknown = sorted(set(re.findall(r"[A-Za-z]\w*", bare)) - _NAMES.keys())
    if unknown:
        return f"with {', '.join(unknown)}, which Traefik does not know"
    for name, values in _CONDITION.findall(rule):
        count = len(_QUOTED.findall(values))
        allowed = _VALUES[_NAMES[name]]
        if count not in allowed:
            wanted = " or ".join(str(number) for number in allowed)
            return f"in which {name} has {count} values, and Traefik 3 takes {wanted}; join conditions with && or ||"
        if name.lower().endswith("regexp") and _OF_TRAEFIK_2.search(values):
            return f"in which {values} is a pattern of Traefik 2; give a regular expression"
    rest = re.sub(r"\s", "", _CONDITION.sub("c", rule))
    shorter = ""
    while rest != shorter:
        shorter = rest
        for joined in _JOINED:
            rest = joined.sub("c", rest)
    return "" if rest == "c" else "which is not made of conditions like Host(`a.example`), joined with && or ||"

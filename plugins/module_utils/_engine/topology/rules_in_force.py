# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read the firewall rules in force with the programs that the host has."""

from __future__ import annotations

import json
import shutil

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import commands

from . import iptables, nft, processes
from .firewall import Chain, Firewall

_SECONDS = 30
_TABLES = ("filter", "nat", "mangle", "raw", "security")
_SAVED = (("ip", "iptables-save"), ("ip6", "ip6tables-save"))
# Which tables of the old kind there are. Asking for others would load the kernel's modules for them.
_LEGACY = (("ip", "iptables-legacy-save", "ip_tables_names"), ("ip6", "ip6tables-legacy-save", "ip6_tables_names"))


def in_force(process: int | None = None) -> tuple[Firewall | None, list[str]]:
    """Return the rules, and why some or all of them could not be read.

    process: one in whose network namespace the rules are; that of this process if it is None.

    What iptables has written is read by its own program where the host has it: nft shows extensions of iptables by
    their name alone.
    """
    chains: list[Chain] = []
    reasons: list[str] = []
    printed: set[tuple[str, str]] = set()
    for family, program in _SAVED:
        text = _output(program, reasons, process, missing_is_fine=True)
        if text is not None:
            chains += iptables.parse(text, family)
            printed.update((family, table) for table in _TABLES)
    for family, program, names in _LEGACY:
        tables = processes.read(f"/proc/{process or 'self'}/net/{names}")
        text = _output(program, [], process, missing_is_fine=True) if (tables or "").strip() else None
        # Where these are the default, they have been read already.
        if text and "-A " in text and not any(chain.rules and chain.family == family for chain in chains):
            chains = [chain for chain in chains if chain.family != family] + iptables.parse(text, family)
    text = _output("nft", reasons, process, missing_is_fine=bool(printed))
    if text is not None:
        try:
            chains += nft.parse(text, frozenset(printed))
        except (ValueError, KeyError, TypeError) as error:
            reasons.append(f"What nft prints can't be read ({type(error).__name__}: {error}).")
            text = None
    return (Firewall(chains) if printed or text is not None else None), reasons


def _output(program: str, reasons: list[str], process: int | None, missing_is_fine: bool) -> str | None:
    """Return what a program prints; None if it fails, with the reason added to the reasons."""
    argv = [program, "-j", "list", "ruleset"] if program == "nft" else [program]
    if process is not None:
        if shutil.which(program) is None and missing_is_fine:
            return None
        argv = ["nsenter", f"--net=/proc/{process}/ns/net", *argv]
    try:
        done = commands.run(argv, timeout=_SECONDS)
    except DockyardError as error:
        if error.code != "host_command_missing" or not missing_is_fine:
            reasons.append(error.message)
        return None
    if done.returncode != 0:
        reasons.append(f"{program} fails: {commands.last_line(done)}.")
        return None
    return done.stdout if program != "nft" else done.stdout or json.dumps({"nftables": []})

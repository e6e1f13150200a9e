# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Probe registries with what their folders are going to hold, before anything is written."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._http import address
from ansible_collections.dockyard.ops.plugins.module_utils._pki import tls_probe, x509

from .folder import Plan, unreadable_ca
from .options import Trust

_AT_ONCE = 16


def probe(plans: Sequence[Plan], timeout: float) -> dict[str, dict[str, object]]:
    """Return the results by registry, of those that are to be probed. Raise the error of the first that has one."""
    to_probe = [plan for plan in plans if plan.trust.probe]
    if not to_probe:
        return {}
    with concurrent.futures.ThreadPoolExecutor(max_workers=min(len(to_probe), _AT_ONCE)) as pool:
        results = [pool.submit(_probe, plan, timeout) for plan in to_probe]
    return {plan.trust.registry: result.result() for plan, result in zip(to_probe, results)}


def _probe(plan: Plan, timeout: float) -> dict[str, object]:
    files = plan.result
    # The engine passes over what it can't read among the files of others.
    cas = [
        certificate
        for name in sorted(files)
        if name.endswith(".crt") and (name in plan.trust.files or not unreadable_ca(plan, name))
        for certificate in x509.load_certificates(files[name], os.path.join(plan.current.folder, name))
    ]
    return tls_probe.probe(target(plan.trust), cas, pairs(plan), timeout)


def pairs(plan: Plan) -> list[tls_probe.Pair]:
    """Return the client certificates in the order in which Docker tries them."""
    files = plan.result
    client_pairs = []
    for name in sorted(files):
        stem, suffix = os.path.splitext(name)
        if suffix == ".cert":
            chain = x509.load_certificates(files[name], os.path.join(plan.current.folder, name))
            issuers = tuple(certificate.issuer for certificate in chain)
            client_pairs.append(tls_probe.Pair(stem, files[name], files[f"{stem}.key"], issuers))
    return client_pairs


def target(trust: Trust) -> tls_probe.Target:
    """Return where a registry is to be asked."""
    port = trust.port or 443
    host, connect_port = (
        (trust.host, None) if trust.probe_address is None else address.split(trust.probe_address, "probe_address")
    )
    return tls_probe.Target(trust.registry, trust.host, port, host, connect_port or port)

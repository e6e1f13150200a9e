# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What harbor_info returns: an installation, what answers of it, its certificates, its last upgrade, and a plan."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.atomic_file import read
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders
from ansible_collections.dockyard.ops.plugins.module_utils._pki import x509

from . import releases
from .api import HarborApi
from .config import document, template
from .installation import Installation, inspect_installation
from .upgrade.job_store import JobStore
from .upgrade.plan import build_plan
from .version import Version

# What a value that an earlier migration has damaged does.
_MEANINGS = {
    "https.strong_ssl_ciphers": "counts as true: clients with TLS 1.2 and a common cipher are refused",
}


@dataclasses.dataclass(frozen=True)
class InfoRequest:
    """path: the install folder; targets: versions to plan an upgrade to, one after the other; [] for no plan.

    admin_password: None for the one in harbor.yml; timeout: seconds for one request.
    """

    path: str
    targets: Sequence[Version] = ()
    admin_username: str = "admin"
    admin_password: str | None = None
    registry_size: bool = False
    timeout: float = 10


def gather_info(request: InfoRequest) -> dict[str, Any]:
    """Return all that is known of the Harbor in this folder. Raise DockyardError if something can't be understood."""
    last = last_job(request.path)
    try:
        installation = inspect_installation(request.path, request.registry_size)
    except DockyardError as error:
        if last is None or last["outcome"] not in (None, "broken"):
            raise
        state = (
            "is under way; look again when it has ended"
            if last["under_way"]
            else "was interrupted; run harbor_upgrade again, which goes on with it or takes it back"
        )
        raise DockyardError(
            "harbor_upgrade_unfinished", f"{error} An upgrade from {last['source']} to {last['target']} {state}."
        ) from error
    if installation is None:
        return {"installed": False, "folder": request.path, "job": last}
    result = {"installed": True, **_installed(installation), **_live_state(installation, request), "job": last}
    if request.targets:
        result["plan"] = build_plan(installation, list(request.targets)).as_result()
    return result


def _installed(installation: Installation) -> dict[str, Any]:
    config = installation.config
    endpoint = document.endpoint(config)
    placeholders = Placeholders()
    return {
        "folder": installation.path,
        "version": str(installation.version),
        "url": f"{endpoint.scheme}://{endpoint.host}:{endpoint.port}",
        "running": installation.running,
        "containers": [
            {key: value for key, value in dataclasses.asdict(container).items() if key not in ("id", "project", "pid")}
            for container in installation.containers
        ],
        "flags": installation.flags,
        "data_volume": installation.data_volume,
        "database": dataclasses.asdict(installation.database),
        "external_database": _shown(document.external_database(config), placeholders),
        "external_redis": _shown(document.external_redis(config), placeholders),
        "sizes": installation.sizes,
        "free": installation.free,
        "certificates": [read_certificate(path) for path in document.certificate_files(config)],
        "edited_compose": installation.edited_compose,
        "unfit_values": _unfit_values(installation),
        "leftovers": installation.leftovers,
        "engine": _dotted(installation.engine),
        "compose": _dotted(installation.compose),
    }


def _unfit_values(installation: Installation) -> list[str]:
    return [
        f"{each.path} is {each.value}, which {_MEANINGS.get(each.path, 'is no value for it')};"
        f" set it to {json.dumps(each.default)}."
        for each in template.unfit_values(installation.config, template.of_release(installation.path))
    ]


def _shown(settings: dict[str, Any] | None, placeholders: Placeholders) -> dict[str, Any] | None:
    return None if settings is None else document.with_placeholders(settings, placeholders)


def _dotted(version: tuple[int, ...]) -> str | None:
    return ".".join(map(str, version)) or None


def _live_state(installation: Installation, request: InfoRequest) -> dict[str, Any]:
    """Return what Harbor says of itself. One that is not up is no failure here; that is what the user wants to know."""
    config = installation.config
    result: dict[str, Any] = {
        "healthy": False,
        "components": {},
        "component_errors": {},
        "version_running": None,
        "problem": None,
    }
    if not any(container.state == "running" for container in installation.containers):
        return result
    api = HarborApi(
        document.endpoint(config),
        document.hostname(config),
        releases.api_prefix(installation.version),
        request.admin_username,
        request.admin_password or document.admin_password(config),
        request.timeout,
    )
    try:
        health = api.health()
        version = api.version()
    except DockyardError as error:  # nobody answers, or something else does
        result["problem"] = error.message
        return result
    result.update(
        healthy=health.healthy,
        components=health.components,
        component_errors=health.errors,
        version_running=str(Version.parse(version)) if version else None,
    )
    if request.admin_password:
        result["contents"] = dataclasses.asdict(api.counts())
    return result


def read_certificate(path: str) -> dict[str, Any]:
    """Return the first certificate of a file, which is the server's own. One that can't be read says why in problem."""
    result: dict[str, Any] = {"path": path, "subject": None, "not_after": None, "days_left": None, "problem": None}
    if x509.CRYPTOGRAPHY_IMPORT_ERROR is not None:
        return {**result, "problem": "The Python library cryptography is missing on this host."}
    try:
        content = read(path)
        if content is None:
            return {**result, "problem": f"There is no {path}."}
        first = x509.load_certificates(content, path)[0]
    except DockyardError as error:
        return {**result, "problem": error.message}
    return {
        **result,
        "subject": first.subject,
        "not_after": first.not_after.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "days_left": first.days_left(x509.now()),
    }


def last_job(path: str) -> dict[str, Any] | None:
    """Return the upgrade that was recorded last, whether it has ended or not."""
    store = JobStore(path)
    found = store.read()
    if found is None:
        return None
    return {
        "id": found.id,
        "source": found.source,
        "target": found.target,
        "outcome": found.outcome,
        "under_way": store.is_locked(),
        "step": found.doing,
        "direction": found.direction,
        "message": found.message,
        "downtime": round(found.downtime_now(), 1),
        "journal": store.journal,
    }

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A harbor.yml in the form that Harbor's own migration takes: what its prepare puts up with, the migration does not.

Prepare takes a section whose settings are all comments, and does not read _version. The migration ends with an error on
both, and on keys that were optional. The last are found by trying: its error names the line of the release's own
template, and with it the key, so that no release needs a table.
"""

from __future__ import annotations

import re
from typing import Any

from ..version import Version
from .compare import Config, Keys, dotted, get_value

_OLDEST = (1, 9)  # the first with a migration by prepare
_VERSION = re.compile(r"(\d+)\.(\d+)\.0")
# The end of the trace of a template that lacks a key: its line in the release's file, then what is not there.
_UNDEFINED = re.compile(
    r"UndefinedError: (?:'(?P<of>[^']*)' has no attribute '(?P<attribute>\w+)'|'(?P<name>\w+)' is undefined)"
)
_PATH = re.compile(r"(?<![\w.'\"])[A-Za-z_]\w*(?:\s*\.\s*\w+)+")


def normalize(config: Config, version: Version) -> tuple[Config, list[str]]:
    """Return the same in the form that the migration takes, and what was repaired, a phrase for each.

    version: the one that is installed.
    """
    repaired: list[str] = []
    result = _without_empty_sections(config, (), repaired)
    redirect = get_value(result, ("storage_service", "redirect"))
    if isinstance(redirect, dict) and "disable" in redirect and "disabled" not in redirect:
        # Each release reads one of the two, and people write what another one reads.
        redirect["disabled"] = redirect["disable"]
    written = result.get("_version")
    wanted = f"{version.major}.{version.minor}.0"
    if not _may_stay(written, version):
        result["_version"] = wanted
        was = "was missing" if written is None else f"was {written}"
        repaired.append(f"_version is {wanted} ({was})")
    return result, repaired


def _may_stay(written: Any, version: Version) -> bool:
    """Return whether the migration knows this version; one that is older than what is installed goes a longer way."""
    found = _VERSION.fullmatch(written) if isinstance(written, str) else None
    return found is not None and _OLDEST <= (int(found[1]), int(found[2])) <= max(version.series, _OLDEST)


def _without_empty_sections(config: Config, keys: Keys, repaired: list[str]) -> Config:
    result: Config = {}
    for key, value in config.items():
        path = (*keys, key)
        if isinstance(value, dict):
            inner = _without_empty_sections(value, path, repaired)
            if inner or dotted(path) not in SECTIONS:
                result[key] = inner
            elif not value:
                repaired.append(f"{dotted(path)} is left out, as it has no settings")
        elif value is None and dotted(path) in SECTIONS:
            repaired.append(f"{dotted(path)} is left out, as it has no settings")
        else:
            result[key] = value
    return result


# What is a section in any release. Of one that is none, nothing at all may be a value.
SECTIONS = frozenset(
    {
        *("cache", "chart", "clair", "core", "database", "external_database", "external_redis", "http", "https"),
        *("internal_tls", "ip_family", "jobservice", "log", "metric", "network", "notification", "proxy", "redis"),
        *("storage_service", "trace", "trivy", "uaa", "upload_purging", "quota"),
        *("external_database.clair", "external_database.harbor", "external_database.notary_server"),
        *("external_database.notary_signer", "external_redis.tlsOptions", "ip_family.ipv4", "ip_family.ipv6"),
        *("log.external_endpoint", "log.local", "storage_service.azure", "storage_service.filesystem"),
        *("storage_service.gcs", "storage_service.oss", "storage_service.redirect", "storage_service.s3"),
        *("storage_service.swift", "trace.attributes", "trace.jaeger", "trace.otel"),
    }
)


def wanted_key(output: str, config: Config) -> Keys | None:
    """Return the key without which the migration could not go on; None if its output speaks of none.

    output: of the migration, with the trace of what failed. config: what it was to migrate.
    """
    errors = list(_UNDEFINED.finditer(output))
    if not errors:
        return None
    undefined = errors[-1]
    if undefined["name"]:
        return (undefined["name"],)
    for line in reversed(output[: undefined.start()].splitlines()):
        for found in _PATH.findall(line):
            keys = tuple(re.split(r"\s*\.\s*", found))
            missing = _first_missing(config, keys)
            if missing and missing[-1] == undefined["attribute"]:
                return keys
    return None


def last_words(output: str) -> str | None:
    """Return what a migration that failed says in the end, without the trace; None if that is no trace."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[A-Za-z_][\w.]*(?:Error|Exception|NotFound)\b", line)]
    return errors[-1].partition(": ")[2] or errors[-1] if errors else None


def _first_missing(config: Config, keys: Keys) -> Keys | None:
    for count in range(1, len(keys) + 1):
        if (
            isinstance(get_value(config, keys[: count - 1], config), dict)
            and get_value(config, keys[:count], _first_missing) is _first_missing
        ):
            return keys[:count]
    return None

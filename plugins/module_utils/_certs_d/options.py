# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Check the options of docker_certs, and work out the files that each registry's folder is to hold."""

from __future__ import annotations

import datetime
import os
import pwd
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._http import address
from ansible_collections.dockyard.ops.plugins.module_utils._pki import x509

# What the engine reads in a registry's folder, and the mode each is to have.
MODES = {".crt": 0o644, ".cert": 0o644, ".key": 0o600}
SUFFIXES = tuple(MODES)
FOLDER_MODE = 0o755
Engine = Literal["docker", "rootless", "containers"]
_SYSTEM_FOLDERS: dict[Engine, str] = {"docker": "/etc/docker/certs.d", "containers": "/etc/containers/certs.d"}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,99}", re.ASCII)


@dataclass
class Trust:
    """What is desired for one registry."""

    registry: str
    host: str
    port: int | None
    folder: str
    present: bool
    purge: bool
    probe: bool
    probe_address: str | None
    # Content by file name, in the order in which they are to appear.
    files: dict[str, bytes] = field(default_factory=dict)
    # Certificates by file name.
    certificates: dict[str, list[x509.Certificate]] = field(default_factory=dict)
    # What a user should know about them although Docker takes them, each in a sentence.
    concerns: list[str] = field(default_factory=list)


def certs_folder(engine: Engine, directory: str | None) -> str:
    """Return the certs.d that an engine reads."""
    if directory is not None:
        if not os.path.isabs(directory):
            raise DockyardError(
                "certs_option_invalid",
                f"directory '{directory}' is not absolute; write the whole path of the certs.d folder.",
            )
        return os.path.normpath(directory)
    if engine in _SYSTEM_FOLDERS:
        return _SYSTEM_FOLDERS[engine]
    configuration = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(configuration):
        try:
            home = pwd.getpwuid(os.geteuid()).pw_dir
        except KeyError as error:
            raise DockyardError(
                "certs_no_home_folder",
                f"The user with number {os.geteuid()} has no home folder on this host;"
                " run as the user whose rootless engine it is (become_user), or set directory.",
            ) from error
        configuration = os.path.join(home, ".config")
    return os.path.join(configuration, "docker", "certs.d")


def desired_trusts(
    entries: Sequence[Mapping[str, Any]], base: str, min_days_left: int, at: datetime.datetime
) -> list[Trust]:
    """Return what the entries ask for. Refuse the first one that is impossible.

    entries: options of each registry: registry, ca_content, ca_path, client_certs, purge, probe, probe_address, state.
    base: the certs.d folder.
    at: the time at which certificates have to be valid.
    """
    if min_days_left < 0:
        raise DockyardError("certs_option_invalid", f"min_days_left is {min_days_left}; use 0 or more days.")
    trusts: list[Trust] = []
    for entry in entries:
        trust = _desired_trust(entry, base, min_days_left, at)
        for other in trusts:
            if os.path.realpath(other.folder) == os.path.realpath(trust.folder):
                same = "twice" if other.registry == trust.registry else f"and '{other.registry}' share one folder"
                raise DockyardError(
                    "certs_listed_twice", f"registry '{trust.registry}' is listed {same}; leave one of them out."
                )
        trusts.append(trust)
    return trusts


def _desired_trust(entry: Mapping[str, Any], base: str, min_days_left: int, at: datetime.datetime) -> Trust:
    registry = entry["registry"]
    host, port = address.split(registry)
    if entry.get("probe_address") is not None:
        address.split(entry["probe_address"], "probe_address")
    present = entry["state"] == "present"
    trust = Trust(
        registry=registry,
        host=host,
        port=port,
        # Byte for byte what the user writes in front of an image's name.
        folder=os.path.join(base, registry),
        present=present,
        purge=bool(entry["purge"]),
        probe=bool(entry["probe"]) and present,
        probe_address=entry.get("probe_address"),
    )
    if not present:
        return trust
    pairs = entry.get("client_certs") or []
    if entry.get("ca_content") is None and entry.get("ca_path") is None and not pairs:
        raise DockyardError(
            "certs_nothing_to_trust",
            f"registry '{registry}' is to be present with neither a CA nor a client certificate;"
            " set ca_content, ca_path or client_certs, or state=absent.",
        )
    _add_ca(trust, entry, min_days_left, at)
    for pair in pairs:
        _add_pair(trust, pair, min_days_left, at)
    return trust


def _add_ca(trust: Trust, entry: Mapping[str, Any], min_days_left: int, at: datetime.datetime) -> None:
    source = _content(entry, "ca", f"registry '{trust.registry}'")
    if source is None:
        return
    data, what = source
    bundle = x509.load_certificates(data, what)
    trust.concerns += x509.check_cas(bundle, what, at, min_days_left)
    trust.files["ca.crt"] = _end_line(data)
    trust.certificates["ca.crt"] = bundle


def _add_pair(trust: Trust, pair: Mapping[str, Any], min_days_left: int, at: datetime.datetime) -> None:
    name = pair["name"]
    where = f"client certificate '{name}' of registry '{trust.registry}'"
    if name.endswith(SUFFIXES):
        raise DockyardError(
            "certs_pair_name_invalid",
            f"{where} is named like a file; leave the ending away:"
            f" '{os.path.splitext(name)[0]}' gives the .cert and the .key (.crt is for CAs alone).",
        )
    if _NAME.fullmatch(name) is None:
        raise DockyardError(
            "certs_pair_name_invalid",
            f"{where} can't become a file's name; use up to 100 letters, digits and '._@+-',"
            " and begin with a letter, digit or '_'.",
        )
    if f"{name}.cert" in trust.files:
        raise DockyardError("certs_pair_name_invalid", f"{where} is listed twice; give each pair a name of its own.")
    certificate = _content(pair, "certificate", where)
    key = _content(pair, "private_key", where)
    if certificate is None or key is None:
        missing, there = ("private_key", "certificate") if key is None else ("certificate", "private_key")
        nothing = certificate is None and key is None
        raise DockyardError(
            "certs_orphan",
            (
                f"{where} has neither a certificate nor a private key; set certificate_content or certificate_path,"
                " and private_key_content or private_key_path."
                if nothing
                else f"{where} has a {there.replace('_', ' ')} without its {missing.replace('_', ' ')}, which would"
                " break"
                f" every pull from there; set {missing}_content or {missing}_path."
            ),
        )
    chain = x509.load_certificates(*certificate)
    private_key = x509.load_private_key(*key)
    x509.check_client(chain[0], certificate[1])
    if not chain[0].for_clients:
        trust.concerns.append(
            f"{certificate[1]} ({chain[0].subject}) is not for clients, its extendedKeyUsage lacks clientAuth: Docker"
            " offers it, and most registries refuse it; see with probe=true, or issue one with it."
        )
    x509.check_pair(chain, private_key, certificate[1], key[1])
    for member in chain:
        x509.check_validity(member, certificate[1], at, min_days_left)
    # The key first: a certificate without its key is what readers complain about most.
    trust.files[f"{name}.key"] = _end_line(key[0])
    trust.files[f"{name}.cert"] = _end_line(certificate[0])
    trust.certificates[f"{name}.cert"] = chain


def _end_line(data: bytes) -> bytes:
    """Return data with a line feed at its end."""
    return data if data.endswith(b"\n") else data + b"\n"


def _content(options: Mapping[str, Any], prefix: str, where: str) -> tuple[bytes, str] | None:
    """Return what the options PREFIX_content and PREFIX_path provide, and how a message calls it; None for neither."""
    content, path = options.get(f"{prefix}_content"), options.get(f"{prefix}_path")
    if content is not None and path is not None:
        raise DockyardError(
            "certs_source_invalid", f"{where} has both {prefix}_content and {prefix}_path; keep one of them."
        )
    if content is not None:
        return content.encode(), f"{prefix}_content of {where}"
    if path is None:
        return None
    if not os.path.isabs(path):
        raise DockyardError(
            "certs_source_invalid",
            f"{prefix}_path '{path}' of {where} is not absolute; write its whole path on the managed host.",
        )
    data = atomic_file.read(path)
    if data is None:
        raise DockyardError(
            "certs_source_invalid",
            f"{path} ({prefix}_path of {where}) does not exist on the managed host;"
            f" put it there first, or provide it as {prefix}_content.",
        )
    return data, f"{path} ({prefix}_path of {where})"

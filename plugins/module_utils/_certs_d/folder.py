# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Registries' folders under certs.d: what is there, what has to change, and the change itself."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.file_set import Attributes, FileSet, is_leftover
from ansible_collections.dockyard.ops.plugins.module_utils._http import address
from ansible_collections.dockyard.ops.plugins.module_utils._pki import x509

from .options import FOLDER_MODE, MODES, SUFFIXES, Trust


@dataclass
class Found:
    """A registry's folder as it is."""

    folder: str
    exists: bool = False
    is_link: bool = False
    # Files that the engine reads, by name; None for a link that leads nowhere.
    files: dict[str, bytes | None] = field(default_factory=dict)
    # Folders that are named like such files.
    folders: list[str] = field(default_factory=list)
    # Everything else.
    others: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)


@dataclass
class Plan:
    """What has to be done for one registry."""

    trust: Trust
    found: Found
    write: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    # The folder's owner or mode is not what it should be.
    set_attributes: bool = False
    remove_folder: bool = False

    @property
    def changed(self) -> bool:
        return bool(self.write or self.remove or self.set_attributes or self.remove_folder)

    @property
    def result(self) -> dict[str, bytes]:
        """Files that the engine reads once this is done."""
        kept = {
            name: content
            for name, content in self.found.files.items()
            if content is not None and name not in self.remove and not self.remove_folder
        }
        return {**kept, **self.trust.files}


def survey(folder: str) -> Found:
    """Reads a registry's folder."""
    found = Found(os.path.realpath(folder), is_link=os.path.islink(folder))
    if not os.path.isdir(folder):
        if os.path.lexists(folder):
            raise Problem(f"{folder} is not a folder, and its registry needs one there; move it away.")
        return found
    found.exists = True
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if is_leftover(entry.name):
                    found.leftovers.append(entry.name)
                elif not entry.name.endswith(SUFFIXES):
                    found.others.append(entry.name)
                elif entry.is_dir():
                    found.folders.append(entry.name)
                else:
                    found.files[entry.name] = atomic_file.read(os.path.join(folder, entry.name))
    except OSError as error:
        raise atomic_file.explain("read", folder, error) from error
    return found


def make_plan(trust: Trust, attributes: Attributes, at: datetime.datetime) -> Plan:
    """Compares what is wanted with what is there; raises Problem where both together can't work."""
    found = survey(trust.folder)
    plan = Plan(trust, found)
    if not trust.present:
        plan.remove_folder = found.is_link or (found.exists and not found.others and not found.folders)
        plan.remove = [*found.files, *found.leftovers] if found.exists and not plan.remove_folder else []
        return plan
    for name in found.folders:
        raise Problem(
            f"{os.path.join(found.folder, name)} is a folder in a file's place,"
            f" which breaks every pull from '{trust.registry}'; move it away."
        )
    foreign = [name for name in found.files if name not in trust.files]
    plan.remove = [*(foreign if trust.purge else []), *found.leftovers]
    if not trust.purge:
        _check_foreign(trust, found, foreign, at)
    for name, content in trust.files.items():
        path = os.path.join(found.folder, name)
        if found.files.get(name) != content or attributes.differ(path, MODES[os.path.splitext(name)[1]]):
            plan.write.append(name)
    plan.set_attributes = found.exists and attributes.differ(found.folder, FOLDER_MODE)
    return plan


def _check_foreign(trust: Trust, found: Found, foreign: list[str], at: datetime.datetime) -> None:
    """Refuses files of somebody else that break every pull from this registry, ours notwithstanding."""
    for name in foreign:
        stem, suffix = os.path.splitext(name)
        path = os.path.join(found.folder, name)
        content = found.files[name]
        if content is None:
            raise Problem(f"{path} is a link that leads nowhere; mend it, remove it, or set purge=true.")
        try:
            if suffix == ".crt":
                for certificate in x509.load_certificates(content, path):
                    x509.check_ca(certificate, path)
            elif suffix == ".key" and f"{stem}.cert" not in found.files:
                raise Problem(f"{path} is a private key without its certificate {stem}.cert;")
            elif suffix == ".cert":
                _check_foreign_pair(path, content, f"{stem}.key", found, at)
        except Problem as problem:
            reason = str(problem).partition(";")[0]
            raise Problem(
                f"{reason}; '{trust.registry}' can't be used with this file in its folder,"
                " which this task has not put there: mend it, remove it, or set purge=true."
            ) from problem


def _check_foreign_pair(path: str, content: bytes, key_name: str, found: Found, at: datetime.datetime) -> None:
    if key_name not in found.files:
        chain = x509.load_certificates(content, path)
        hint = ", and as a CA it would have to be named .crt" if chain[0].is_ca else ""
        raise Problem(f"{path} is a client certificate without its private key {key_name}{hint};")
    chain = x509.load_certificates(content, path)
    key_path = os.path.join(found.folder, key_name)
    key = x509.load_private_key(found.files[key_name] or b"", key_path)
    x509.check_pair(chain, key, path, key_path)
    x509.check_validity(chain[0], path, at)


def check_base(base: str) -> None:
    if os.path.lexists(base) and not os.path.isdir(base):
        raise Problem(f"{base} is not a folder, and registries' folders belong into one; move it away.")


def apply(trusts: Sequence[Trust], base: str, attributes: Attributes, at: datetime.datetime) -> list[Plan]:
    """Brings all folders to what is wanted, or leaves all as they were and raises Problem."""
    check_base(base)
    if not os.path.isdir(base) and not any(trust.present for trust in trusts):
        return [make_plan(trust, attributes, at) for trust in trusts]
    with FileSet(attributes) as folders:
        folders.make_folders(base)
        with atomic_file.locked(base), FileSet(attributes) as files:
            plans = [make_plan(trust, attributes, at) for trust in trusts]
            for name in _killed(base):
                files.remove(os.path.join(base, name))
            for plan in plans:
                _stage(plan, files)
            files.commit(lambda: _verify(plans))
        folders.commit()
    return plans


def _killed(base: str) -> Iterator[str]:
    """Folders that a run which was killed has left under certs.d."""
    yield from (name for name in sorted(os.listdir(base)) if is_leftover(name))


def _stage(plan: Plan, files: FileSet) -> None:
    trust, folder = plan.trust, plan.found.folder
    modes = {name: MODES[os.path.splitext(name)[1]] for name in trust.files}
    if plan.remove_folder:
        files.remove(trust.folder)
    elif trust.present and not plan.found.exists:
        files.write_folder(
            trust.folder, FOLDER_MODE, {name: (content, modes[name]) for name, content in trust.files.items()}
        )
    else:
        if plan.set_attributes:
            files.dress_folder(folder, FOLDER_MODE)
        for name in plan.write:
            files.write(os.path.join(folder, name), trust.files[name], modes[name])
        for name in plan.remove:
            files.remove(os.path.join(folder, name))


def _verify(plans: list[Plan]) -> None:
    """Proves that the folders hold what they should."""
    for plan in plans:
        found = survey(plan.trust.folder)
        differing = {name for name, content in plan.result.items() if found.files.get(name) != content}
        differing.update(name for name in found.files if name not in plan.result)
        for name in sorted(differing):
            raise Problem(
                f"{os.path.join(plan.found.folder, name)} is not what was written there: somebody else changes it"
                " at the same time; stop that and run again. Nothing was changed."
            )


def describe(plan: Plan, attributes: Attributes) -> tuple[dict[str, object], dict[str, object]]:
    """The folder before and after, with fingerprints and never with a key."""
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    owner = f"{attributes.uid}:{attributes.gid}"
    if plan.found.exists:
        before["."] = _attributes(plan.found.folder)
        for name, content in plan.found.files.items():
            path = os.path.join(plan.found.folder, name)
            before[name] = {**_fingerprints(name, content), **(_attributes(path) if content is not None else {})}
        before.update((name, "left behind by a run that was killed") for name in plan.found.leftovers)
    if plan.remove_folder or (not plan.trust.present and not plan.found.exists):
        return before, after
    after.update((name, value) for name, value in before.items() if name not in plan.remove)
    if plan.trust.present:
        after["."] = {"mode": f"{FOLDER_MODE:04o}", "owner": owner}
    for name in plan.write:
        mode = MODES[os.path.splitext(name)[1]]
        after[name] = {**_fingerprints(name, plan.trust.files[name]), "mode": f"{mode:04o}", "owner": owner}
    return before, after


def _attributes(path: str) -> dict[str, object]:
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        return {"link": os.readlink(path)}
    return {"mode": f"{stat.S_IMODE(found.st_mode):04o}", "owner": f"{found.st_uid}:{found.st_gid}"}


def _fingerprints(name: str, content: bytes | None) -> dict[str, object]:
    if content is None:
        return {"link": "leads nowhere"}
    described: dict[str, object] = {"sha256": hashlib.sha256(content).hexdigest()}
    if not name.endswith(".key"):
        with contextlib.suppress(Problem):  # what is there need not be a certificate
            described["certificates"] = [
                {
                    "fingerprint_sha256": certificate.fingerprint,
                    "subject": certificate.subject,
                    "not_valid_after": x509.day(certificate.not_after),
                }
                for certificate in x509.load_certificates(content, name)
            ]
    return described


def warnings(plan: Plan, engine: str) -> list[str]:
    """What a user should know although it works."""
    trust = plan.trust
    if not trust.present:
        left = [*plan.found.others, *plan.found.folders]
        if plan.found.exists and left and plan.changed:
            return [f"{trust.folder} stays, because it holds {', '.join(left)}."]
        return []
    found = []
    if engine != "containers":
        if address.is_loopback(trust.host):
            found.append(
                f"Docker takes '{trust.registry}' for an insecure registry, because it is this host itself: it neither"
                " verifies its certificate nor reads these files; use another of the host's names or addresses."
            )
        if address.is_short(trust.host, trust.port):
            found.append(
                f"Docker takes '{trust.registry}/image' for an image on Docker Hub, because the name has neither"
                f" a dot nor a port; use '{trust.registry}:443' or the whole name."
            )
        if (
            "hosts.toml" in plan.found.others
            and (atomic_file.read(os.path.join(plan.found.folder, "hosts.toml")) or b"").strip()
        ):
            found.append(
                f"{plan.found.folder} holds a hosts.toml: with the containerd image store Docker follows that for push"
                " and pull and ignores these certificates; name them there (ca, client), or remove it."
            )
    return found


def report(plan: Plan, at: datetime.datetime, probed: dict[str, object] | None) -> dict[str, object]:
    """What a task returns about one registry."""
    trust = plan.trust
    certificates = [
        {
            "file": name,
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "not_valid_after": x509.day(certificate.not_after),
            "days_left": certificate.days_left(at),
            "fingerprint_sha256": certificate.fingerprint,
        }
        for name, chain in trust.certificates.items()
        for certificate in chain
    ]
    return {
        "registry": trust.registry,
        "changed": plan.changed,
        "directory": trust.folder,
        "files": list(trust.files),
        "kept_files": sorted(set(plan.result) - set(trust.files)),
        "certificates": certificates,
        "expires_in_days": min(
            (certificate.days_left(at) for chain in trust.certificates.values() for certificate in chain), default=None
        ),
        "probe": probed,
    }

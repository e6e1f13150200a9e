# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Inspect registries' folders under certs.d, plan what has to change, and change it."""

from __future__ import annotations

import datetime
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.file_set import Attributes, FileSet
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders
from ansible_collections.dockyard.ops.plugins.module_utils._http import address
from ansible_collections.dockyard.ops.plugins.module_utils._pki import x509

from .options import FOLDER_MODE, MODES, SUFFIXES, Engine, Trust


@dataclass
class CurrentFolder:
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
    current: CurrentFolder
    write: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    # The folder's owner or mode is not what it should be.
    set_attributes: bool = False
    remove_folder: bool = False

    @property
    def changed(self) -> bool:
        """Return whether there is anything to do."""
        return bool(self.write or self.remove or self.set_attributes or self.remove_folder)

    @property
    def result(self) -> dict[str, bytes]:
        """Return the files that the engine reads once this is done."""
        kept = {
            name: content
            for name, content in self.current.files.items()
            if content is not None and name not in self.remove and not self.remove_folder
        }
        return {**kept, **self.trust.files}


def inspect_folder(folder: str) -> CurrentFolder:
    """Read a registry's folder."""
    current = CurrentFolder(os.path.realpath(folder), is_link=os.path.islink(folder))
    if not os.path.isdir(folder):
        if os.path.lexists(folder):
            raise DockyardError(
                "certs_path_blocked", f"{folder} is not a folder, and its registry needs one there; move it away."
            )
        return current
    current.exists = True
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if atomic_file.is_leftover(entry.name):
                    current.leftovers.append(entry.name)
                elif not entry.name.endswith(SUFFIXES):
                    current.others.append(entry.name)
                elif entry.is_dir():
                    current.folders.append(entry.name)
                else:
                    current.files[entry.name] = atomic_file.read(os.path.join(folder, entry.name))
    except OSError as error:
        raise atomic_file.explain("read", folder, error) from error
    return current


def build_plan(trust: Trust, attributes: Attributes, at: datetime.datetime) -> Plan:
    """Compare what is desired with what is there. Refuse what can't work together."""
    current = inspect_folder(trust.folder)
    plan = Plan(trust, current)
    if not trust.present:
        plan.remove_folder = current.is_link or (current.exists and not current.others and not current.folders)
        plan.remove = [*current.files, *current.leftovers] if current.exists and not plan.remove_folder else []
        return plan
    for name in current.folders:
        raise DockyardError(
            "certs_path_blocked",
            f"{os.path.join(current.folder, name)} is a folder in a file's place,"
            f" which breaks every pull from '{trust.registry}'; move it away.",
        )
    foreign = [name for name in current.files if name not in trust.files]
    plan.remove = [*(foreign if trust.purge else []), *current.leftovers]
    if not trust.purge:
        _check_foreign(trust, current, foreign, at)
    for name, content in trust.files.items():
        path = os.path.join(current.folder, name)
        if current.files.get(name) != content or attributes.differ(path, MODES[os.path.splitext(name)[1]]):
            plan.write.append(name)
    plan.set_attributes = current.exists and attributes.differ(current.folder, FOLDER_MODE)
    return plan


def _check_foreign(trust: Trust, current: CurrentFolder, foreign: list[str], at: datetime.datetime) -> None:
    """Refuse files of others that break every pull from this registry, whatever the task puts beside them."""
    for name in foreign:
        stem, suffix = os.path.splitext(name)
        path = os.path.join(current.folder, name)
        content = current.files[name]
        if content is None:
            raise DockyardError(
                "certs_path_blocked", f"{path} is a link that leads nowhere; fix it, remove it, or set purge=true."
            )
        try:
            if suffix == ".key" and f"{stem}.cert" not in current.files:
                raise DockyardError("certs_orphan", f"{path} is a private key without its certificate {stem}.cert;")
            elif suffix == ".cert":
                _check_foreign_pair(path, content, f"{stem}.key", current, at)
        except DockyardError as error:
            reason = error.message.partition(";")[0]
            raise DockyardError(
                "certs_foreign_file",
                f"{reason}; '{trust.registry}' can't be used with this file in its folder,"
                " which this task has not put there: fix it, remove it, or set purge=true.",
            ) from error


def unreadable_ca(plan: Plan, name: str) -> str | None:
    """Return why a .crt that is in the folder is none that Docker can read, if so."""
    try:
        x509.load_certificates(plan.current.files[name] or b"", os.path.join(plan.current.folder, name))
    except DockyardError as error:
        return error.message.partition(";")[0]
    return None


def _check_foreign_pair(
    path: str, content: bytes, key_name: str, current: CurrentFolder, at: datetime.datetime
) -> None:
    if key_name not in current.files:
        chain = x509.load_certificates(content, path)
        hint = ", and as a CA it would have to be named .crt" if chain[0].is_ca else ""
        raise DockyardError("certs_orphan", f"{path} is a client certificate without its private key {key_name}{hint};")
    chain = x509.load_certificates(content, path)
    key_path = os.path.join(current.folder, key_name)
    key = x509.load_private_key(current.files[key_name] or b"", key_path)
    x509.check_pair(chain, key, path, key_path)
    x509.check_validity(chain[0], path, at)


def check_base(base: str) -> None:
    """Refuse a certs.d that is no folder."""
    if os.path.lexists(base) and not os.path.isdir(base):
        raise DockyardError(
            "certs_path_blocked", f"{base} is not a folder, and registries' folders belong into one; move it away."
        )


def apply(trusts: Sequence[Trust], base: str, attributes: Attributes, at: datetime.datetime) -> list[Plan]:
    """Bring all folders to what is desired, or leave all as they were and raise DockyardError."""
    check_base(base)
    if not os.path.isdir(base) and not any(trust.present for trust in trusts):
        return [build_plan(trust, attributes, at) for trust in trusts]
    with FileSet(attributes) as folders:
        folders.make_folders(base)
        with atomic_file.locked(base), FileSet(attributes) as files:
            plans = [build_plan(trust, attributes, at) for trust in trusts]
            for name in _leftovers(base):
                files.remove(os.path.join(base, name))
            for plan in plans:
                _stage(plan, files)
            files.commit(lambda: _verify(plans))
        folders.commit()
    return plans


def _leftovers(base: str) -> Iterator[str]:
    """Yield the folders that a run which was killed has left under certs.d."""
    yield from (name for name in sorted(os.listdir(base)) if atomic_file.is_leftover(name))


def _stage(plan: Plan, files: FileSet) -> None:
    trust, folder = plan.trust, plan.current.folder
    modes = {name: MODES[os.path.splitext(name)[1]] for name in trust.files}
    if plan.remove_folder:
        files.remove(trust.folder)
    elif trust.present and not plan.current.exists:
        files.write_folder(
            trust.folder, FOLDER_MODE, {name: (content, modes[name]) for name, content in trust.files.items()}
        )
    else:
        if plan.set_attributes:
            files.set_folder_attributes(folder, FOLDER_MODE)
        for name in plan.write:
            files.write(os.path.join(folder, name), trust.files[name], modes[name])
        for name in plan.remove:
            files.remove(os.path.join(folder, name))


def _verify(plans: list[Plan]) -> None:
    """Prove that the folders hold what they should."""
    for plan in plans:
        current = inspect_folder(plan.trust.folder)
        differing = {name for name, content in plan.result.items() if current.files.get(name) != content}
        differing.update(name for name in current.files if name not in plan.result)
        for name in sorted(differing):
            raise DockyardError(
                "certs_changed_by_others",
                f"{os.path.join(plan.current.folder, name)} is not what was written there: another process changes it"
                " at the same time; stop that and run again.",
            )


def describe(
    plan: Plan, attributes: Attributes, placeholders: Placeholders
) -> tuple[dict[str, object], dict[str, object]]:
    """Return the folder before and after, for a diff: with fingerprints, and never with a key.

    placeholders: one for all registries of a task.
    """
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    owner = f"{attributes.uid}:{attributes.gid}"
    if plan.current.exists:
        before["."] = _attributes(plan.current.folder)
        for name, content in plan.current.files.items():
            path = os.path.join(plan.current.folder, name)
            before[name] = {
                **_fingerprints(name, content, placeholders),
                **(_attributes(path) if content is not None else {}),
            }
        before.update((name, "left behind by a run that was killed") for name in plan.current.leftovers)
    if plan.remove_folder or (not plan.trust.present and not plan.current.exists):
        return before, after
    after.update((name, value) for name, value in before.items() if name not in plan.remove)
    if plan.trust.present:
        after["."] = {"mode": f"{FOLDER_MODE:04o}", "owner": owner}
    for name in plan.write:
        mode = MODES[os.path.splitext(name)[1]]
        after[name] = {
            **_fingerprints(name, plan.trust.files[name], placeholders),
            "mode": f"{mode:04o}",
            "owner": owner,
        }
    return before, after


def _attributes(path: str) -> dict[str, object]:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return {"link": os.readlink(path)}
    return {"mode": f"{stat.S_IMODE(status.st_mode):04o}", "owner": f"{status.st_uid}:{status.st_gid}"}


def _fingerprints(name: str, content: bytes | None, placeholders: Placeholders) -> dict[str, object]:
    """Return what tells a file's content from another, and does not help to guess it.

    A certificate is public, and so is the public half of a key. Of anything else only a placeholder is shown: nothing
    is known about what others have put there.
    """
    if content is None:
        return {"link": "leads nowhere"}
    try:
        if name.endswith(".key"):
            key = x509.load_private_key(content, name)
            return {
                "content": placeholders.of(content.decode("latin-1")),
                "public_key_sha256": hashlib.sha256(key.public_key).hexdigest(),
            }
        return {
            "sha256": hashlib.sha256(content).hexdigest(),
            "certificates": [
                {
                    "fingerprint_sha256": certificate.fingerprint,
                    "subject": certificate.subject,
                    "not_valid_after": x509.format_time(certificate.not_after),
                }
                for certificate in x509.load_certificates(content, name)
            ],
        }
    except DockyardError:  # what is there need not be a certificate, nor a key
        return {"content": placeholders.of(content.decode("latin-1"))}


def warnings(plan: Plan, engine: Engine) -> list[str]:
    """Return what a user should know although it works."""
    trust = plan.trust
    if not trust.present:
        left = [*plan.current.others, *plan.current.folders]
        if plan.current.exists and left and plan.changed:
            return [f"{trust.folder} stays, because it holds {', '.join(left)}."]
        return []
    messages = list(trust.concerns)
    for name in sorted(set(plan.current.files) - set(trust.files) - set(plan.remove)):
        reason = name.endswith(".crt") and unreadable_ca(plan, name)
        if reason:
            messages.append(
                f"{reason}: Docker ignores this file, but with the containerd image store every pull from"
                f" '{trust.registry}' fails with it; remove it, or set purge=true."
            )
    if engine != "containers":
        if address.is_loopback(trust.host):
            messages.append(
                f"Docker takes '{trust.registry}' for an insecure registry, because it is this host itself: it neither"
                " verifies its certificate nor reads these files; use another of the host's names or addresses."
            )
        if address.is_short(trust.host, trust.port):
            messages.append(
                f"Docker takes '{trust.registry}/image' for an image on Docker Hub, because the name has neither"
                f" a dot nor a port; use '{trust.registry}:443' or the whole name."
            )
        if (
            "hosts.toml" in plan.current.others
            and (atomic_file.read(os.path.join(plan.current.folder, "hosts.toml")) or b"").strip()
        ):
            messages.append(
                f"{plan.current.folder} holds a hosts.toml: with the containerd image store Docker follows that for"
                " push"
                " and pull and ignores these certificates; name them there (ca, client), or remove it."
            )
    return messages


def report(plan: Plan, at: datetime.datetime, probed: dict[str, object] | None) -> dict[str, object]:
    """Return what a task returns about one registry."""
    trust = plan.trust
    certificates = [
        {
            "file": name,
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "not_valid_after": x509.format_time(certificate.not_after),
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

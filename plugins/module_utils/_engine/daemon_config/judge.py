# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Judge a configuration: what is declared by all the rules, and what is only found in the file by what the engine says.

The engine that runs with a file is the judge of that file. So a key that nobody declares, and with which the engine
runs, blocks no change of another key; it is warned of.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Collection, Iterable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import service
from ..networks import rules
from . import container_starts, firewall_backend, keys, value_rules
from .compare import same, unlike
from .document import Config, DesiredConfig, different_keys, equal, render
from .host_state import HostState
from .key_types import wrong_type


@dataclasses.dataclass(frozen=True)
class Found:
    """The keys of the new file that were in the old one and that nobody declares.

    path: the file.
    keys: their names; in_force: those of them with which the engine runs.
    touched: the keys, of these or any other, that the task changes or removes.
    """

    path: str
    keys: frozenset[str]
    in_force: frozenset[str]
    touched: frozenset[str] = frozenset()

    @classmethod
    def on(cls, host: HostState, target: Config, desired: DesiredConfig, path: str) -> Found:
        """Return what is found and stays on a host."""
        current = host.current or {}
        found = frozenset(
            key for key in target if key not in desired.config and key in current and equal(current[key], target[key])
        )
        in_force = frozenset(
            key
            for key in found
            if host.engine == "running" and key in host.loaded and same(key, host.loaded[key], target[key])
            # An image store shows its driver under another name, and so it is not certain that this one was loaded.
            and not (key == "storage-driver" and not same(key, host.live.get(key), target[key]))
        )
        touched = {*desired.removal, *different_keys(current, target)}
        if host.engine == "running":
            touched.update(unlike(host.loaded, target))
        return cls(path, found, in_force, frozenset(touched))

    def judged_by_engine(self, complaint: rules.Complaint) -> bool:
        """Return whether an engine has taken what is complained of, so that it is warned of and not refused."""
        accepted = self.keys if complaint.taken else self.in_force
        return accepted.issuperset(complaint.keys) and self.touched.isdisjoint(complaint.by)

    def explained(self, error: DockyardError, names: Iterable[str]) -> DockyardError:
        """Return the error of those keys. Of what nobody declares it says that, and what removes it."""
        there = sorted(self.keys.intersection(names))
        if there and not any(f"{key} is in {self.path}" in error.message for key in there):
            verb, pronoun = ("is", "it") if len(there) == 1 else ("are", "them")
            error.args = (
                f"{error.message} {', '.join(there)} {verb} in {self.path} and not declared: declare"
                f" {pronoun} as wanted, or remove {pronoun} (remove: [{', '.join(there)}]).",
            )
        return error


def check_types(config: Config, found: Found, judged_by_engine: bool) -> tuple[Config, list[str]]:
    """Raise DockyardError for a key with a value that no engine takes. Return the sound keys, and the unknown ones.

    judged_by_engine: whether dockerd is asked about the file. Then what is found is its business.
    """
    sound, unknown = {}, []
    for key, value in config.items():
        if key not in keys.KEYS:
            unknown.append(key)
            continue
        if value is None and key in found.keys:  # as if it were not there
            continue
        error = wrong_type(key, value, loose=key in found.keys)
        if error is None:
            sound[key] = value
        elif key not in found.keys or not judged_by_engine:
            raise found.explained(error, [key])
    return sound, unknown


def check_unheeded(config: Config, unknown: Iterable[str], found: Found, version: keys.Version | None) -> list[str]:
    """Raise DockyardError for a declared key that an engine takes and does not heed. Return warnings of those found.

    An engine compares the keys of the file with the names of its flags, some of which are in the singular, and of an
    unknown dictionary only what is in it (daemon/config, findConfigurationConflicts). So it refuses neither.

    version: of the installed engine; None if not known.
    """
    warned = []
    for key in unknown:
        meant = keys.named_like_a_flag(key)
        if meant:
            message = f"{key} is the name of a flag of dockerd, and an engine does not heed it in the file"
            remedy = f"write {meant}"
        elif isinstance(config[key], dict) and not (version and version[0] > keys.NEWEST):
            message = f"{key} is no key of daemon.json, and an engine does not heed what is in it"
            remedy = "correct or remove it"
        else:
            continue
        if key not in found.keys:
            raise DockyardError("daemon_unheeded_key", f"{message}; {remedy}.")
        warned.append(f"{found.path}: {message}; {remedy}. It was left as it is.")
    return warned


def check_rules(
    config: Config, around: rules.Surroundings, found: Found, starts: bool, by_flag: Collection[str] = frozenset()
) -> list[str]:
    """Raise DockyardError for the first rule that is broken and that the engine has not taken. Return warnings.

    config: with the right types.
    starts: whether the engine is to be started with it.
    by_flag: the keys that flags of dockerd set.
    """
    warned = []
    every = [
        *rules.complaints(config, around),
        *value_rules.complaints(config, around.engine_version, by_flag),
        *container_starts.complaints(config),
        *firewall_backend.complaints(config, around),
    ]
    for complaint in every:
        if not found.judged_by_engine(complaint) or (complaint.at_start and starts):
            raise found.explained(complaint.error, complaint.keys)
        warned.append(f"{found.path}: {complaint.error.message} The engine takes it, so it was left as it is.")
    return [
        *warned,
        *rules.warnings(config, around),
        *value_rules.warnings(config),
        *container_starts.warnings(config, around),
    ]


def ask_engine(unit: service.Unit, config: Config, found: Found) -> None:
    """Raise DockyardError if the installed dockerd does not take a configuration."""
    complaint = service.validate(unit, render(config))
    if complaint:
        error = DockyardError(
            "daemon_refused_by_engine", f"The Docker Engine of this host refuses this configuration: {complaint}."
        )
        named = _named(complaint, config)
        if "both as a flag and in the configuration file" in complaint:
            raise found.explained(_set_by_flag(unit, named, complaint), named)
        # Where the value has the wrong type, it is said which one it must have.
        types = (wrong_type(key, config[key], loose=True) for key in named if key in keys.KEYS and key in found.keys)
        raise found.explained(next((wrong for wrong in types if wrong is not None), error), named)


def _set_by_flag(unit: service.Unit, names: Collection[str], complaint: str) -> DockyardError:
    """Return the error for keys that the unit sets too, with the drop-in that takes its flags away."""
    verb = "is" if len(names) == 1 else "are"
    command = shlex.join(keys.without_flags(unit.planned, names))
    return DockyardError(
        "daemon_set_by_flag",
        f"{', '.join(names)} {verb} set by flags of dockerd in docker.service too, and no engine takes both"
        f" ({complaint}). Leave"
        f" {'it' if len(names) == 1 else 'them'} out, or take the flags away by a drop-in in"
        " /etc/systemd/system/docker.service.d with the lines [Service], ExecStart= and ExecStart="
        f"{command}, and systemctl daemon-reload.",
    )


def _named(complaint: str, config: Config) -> list[str]:
    """Return the keys that a complaint is about. Of a dictionary dockerd may name the keys in it."""
    return [
        key
        for key, value in config.items()
        if any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", complaint) for name in (key, *_inner(value)))
    ]


def _inner(value: object) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def brought_in_vain(host: HostState, target: Config, desired: DesiredConfig) -> list[str]:
    """Return the keys of earlier runs that keep the engine down, or would, and that nobody declares any more.

    So a corrected declaration repairs what a wrong one has brought.
    """
    candidates = sorted(key for key in host.brought if key in target and key not in desired.config)
    if not candidates or host.engine not in ("failed", "stopped"):
        return []
    complaint = service.validate(host.unit, render(target))
    if complaint:
        return [key for key in candidates if key in _named(complaint, target)]
    if host.engine == "stopped":
        return []
    # Nothing speaks against it, and no engine has come up with it.
    return [key for key in candidates if not keys.moves_data(key, None, target[key])]

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Push tags of an image of the host's engine, and prove by the digest that the registry has what was pushed.

What a registry has already is found out by HEAD requests, which count as no pull. A tag that people follow, such as
latest, is to come last: each tag moves only after those before it have been taken, and nothing is pushed if one is
missing here.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import commands
from ansible_collections.dockyard.ops.plugins.module_utils._http.auth import Login

from .api import Registry

_DIGEST = re.compile(r"digest: (sha256:[0-9a-f]{64})")
_LIST_TYPES = ("manifest.list", "image.index")


@dataclass(frozen=True)
class Pushed:
    """What the registry has now, or would have. digests: by tag; before: what it had, by tag."""

    changed: bool
    pushed: list[str]
    digests: dict[str, str]
    before: dict[str, str]


@dataclass(frozen=True)
class Engine:
    """The command docker. timeout: seconds that one push or pull may take; options: global ones, for a login."""

    timeout: float
    options: tuple[str, ...] = field(default=(), repr=False)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of docker."""
        return commands.run(["docker", *self.options, *arguments], timeout=self.timeout)

    def inspect(self, image: str) -> dict[str, Any] | None:
        """Return what the engine knows of an image, None if it has none of that name."""
        done = self.run("image", "inspect", image)
        if done.returncode == 0:
            found: dict[str, Any] = json.loads(done.stdout)[0]
            return found
        if "no such image" in done.stderr.lower():
            return None
        raise DockyardError(
            "push_engine_failed",
            f"The engine of this host does not say whether it has {image} ({commands.last_line(done)}); see"
            " journalctl -u docker.service.",
        )


@contextlib.contextmanager
def engine(registry: str, login: Login | None, timeout: float) -> Iterator[Engine]:
    """Provide the command docker with a login that is in no argument and stays nowhere."""
    if login is None:
        yield Engine(timeout)
        return
    with tempfile.TemporaryDirectory(prefix="dockyard-push-") as folder:
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8", opener=_private) as file:
            json.dump({"auths": {registry: {"auth": login.basic.partition(" ")[2]}}}, file)
        yield Engine(timeout, ("--config", folder))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def push(
    registry: Registry, address: str, repository: str, tags: list[str], docker: Engine, check_mode: bool
) -> Pushed:
    """Push tags that the registry does not have as this host's engine has them."""
    name = f"{address}/{repository}"
    local = {tag: docker.inspect(f"{name}:{tag}") for tag in tags}
    missing = [tag for tag, image in local.items() if image is None]
    if missing and not check_mode:
        raise DockyardError(
            "push_image_missing",
            f"The engine of this host has no {', '.join(f'{name}:{tag}' for tag in missing)}; build or tag it first.",
        )
    before = {tag: registry.digest(repository, tag) or "" for tag in tags}
    wanted = [tag for tag in tags if not before[tag] or before[tag] not in _digests(local[tag], name)]
    done: list[str] = []
    digests = {tag: before[tag] for tag in tags if tag not in wanted}
    if not check_mode:
        for tag in wanted:
            try:
                digests[tag] = _push_one(registry, repository, name, tag, docker)
                _prove(registry, repository, name, tag, digests[tag], str((local[tag] or {}).get("Id")), docker)
            except DockyardError as error:
                error.changed = error.changed or bool(done)
                if done:
                    error.args = (f"{error.message} In the registry are the new {', '.join(done)} by now.",)
                raise
            done.append(tag)
    changed = [tag for tag in wanted if check_mode or digests[tag] != before[tag]]
    return Pushed(bool(changed), wanted, digests, {tag: digest for tag, digest in before.items() if digest})


def _digests(image: dict[str, Any] | None, name: str) -> list[str]:
    """Return the digests under which a registry has had an image."""
    listed = [str(entry).rpartition("@") for entry in (image or {}).get("RepoDigests") or []]
    return [digest for entry, _at, digest in listed if entry == name]


def _push_one(registry: Registry, repository: str, name: str, tag: str, docker: Engine) -> str:
    """Push one tag; return the digest that the registry then has for it."""
    done = docker.run("push", f"{name}:{tag}")
    found = _DIGEST.search(done.stdout)
    if done.returncode != 0 or found is None:
        raise DockyardError(
            "push_refused",
            f"{name}:{tag} can't be pushed ({commands.last_line(done)}); check the engine's trust in the registry"
            " (certs.d), the login and the rights of its user, and the registry's log.",
        )
    there = registry.digest(repository, tag)
    if there != found[1]:
        raise DockyardError(
            "push_not_proven",
            f"{name}:{tag} was pushed as {found[1]}, and the registry has {there or 'nothing'} under that tag; another"
            " user or process pushes to the same tag, or a proxy answers in its place.",
            changed=True,
        )
    return found[1]


def _prove(
    registry: Registry, repository: str, name: str, tag: str, digest: str, identity: str, docker: Engine
) -> None:
    """Pull an image back by its digest, which has to be the one that was pushed, with all that belongs to it."""
    by_digest = f"{name}@{digest}"
    pulled = docker.run("pull", "--quiet", by_digest)
    image = docker.inspect(by_digest) if pulled.returncode == 0 else None
    if image is None or image.get("Id") != identity:
        why = commands.last_line(pulled) if pulled.returncode else f"it is {(image or {}).get('Id')}, not {identity}"
        raise DockyardError(
            "push_not_proven",
            f"{name}:{tag} was pushed, but {by_digest} can't be pulled back ({why}); look at the registry's log.",
            changed=True,
        )
    # An engine that has all layers pulls none of them.
    for blob in _blobs(registry, repository, digest):
        if not registry.holds_blob(repository, blob):
            raise DockyardError(
                "push_not_proven",
                f"{name}:{tag} was pushed, but the registry has no {blob} that belongs to it; look at its storage and"
                " push again.",
                changed=True,
            )


def _blobs(registry: Registry, repository: str, digest: str) -> list[str]:
    found = registry.manifest(repository, digest)
    if found is None:
        return []
    _digest, media_type, content, _body = found
    if any(kind in media_type for kind in _LIST_TYPES):
        return [blob for one in content.get("manifests") or [] for blob in _blobs(registry, repository, one["digest"])]
    return [one["digest"] for one in [content.get("config"), *(content.get("layers") or [])] if one]

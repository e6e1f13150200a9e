# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""By which way each of several images comes to this host: it is there, or it is pulled, loaded or built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import image_names
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted
from ansible_collections.dockyard.ops.plugins.module_utils._http.client import Client
from ansible_collections.dockyard.ops.plugins.module_utils._http.connection import Origin
from ansible_collections.dockyard.ops.plugins.module_utils._http.tls import TlsFiles

from . import build, loaded, pull
from .archive import CHECKSUM
from .engine import Docker, Image
from .recipe import Target

Source = Literal["auto", "pull", "archive", "build"]
Way = Literal["present", "pull", "archive", "build"]


@dataclass(frozen=True)
class Wanted:
    """An image that is wanted, under a name of its own.

    recipe: the name of the recipe that it can be built from; empty for none.
    """

    name: str
    image: str
    source: Source
    recipe: str
    archive: dict[str, Any]
    platform: str = ""


@dataclass(frozen=True)
class Policy:
    """renew: also images that are there are wanted again. timeout: seconds that a registry has for its answer."""

    renew: bool
    registry_prefix: str
    timeout: float


@dataclass(frozen=True)
class Planned:
    """reference: the image's name as it is pulled. image, id: what is there; empty for nothing."""

    wanted: Wanted
    way: Way
    reference: str
    image: str
    id: str

    def returned(self) -> dict[str, Any]:
        """Return it as the module does."""
        return {
            "name": self.wanted.name,
            "way": self.way,
            "source": self.wanted.source,
            "recipe": self.wanted.recipe,
            "archive": self.wanted.archive,
            "platform": self.wanted.platform,
            "reference": self.reference,
            "registry": image_names.registry(self.reference),
            "image": self.image,
            "id": self.id,
        }


def check(wanted: list[Wanted]) -> None:
    """Raise DockyardError if what is wanted contradicts itself."""
    names = [one.name for one in wanted]
    if len(set(names)) != len(names):
        raise DockyardError(
            "image_name_twice",
            f"Two images have the same name ({', '.join(names)}); give each a name of its own.",
        )
    for one in wanted:
        pull.check(pull.Order(one.image, one.platform))
        if one.source == "build" and not one.recipe:
            raise DockyardError(
                "image_without_recipe",
                f"{one.name} has the source build but no recipe; name one, or use another source.",
            )
        if one.source == "archive":
            paths = [name for name in ("path", "url") if one.archive.get(name)]
            if len(paths) != 1 or not CHECKSUM.fullmatch(str(one.archive.get("checksum") or "")):
                raise DockyardError(
                    "image_archive_incomplete",
                    f"{one.name} has the source archive and needs an archive with either path or url, and a checksum of"
                    " sha256: and 64 hexadecimal digits.",
                )


def make(wanted: list[Wanted], targets: dict[str, Target], policy: Policy, docker: Docker | None) -> list[Planned]:
    """Return the plan.

    targets: the image of each recipe. docker: None if no engine answers, which then has no image.
    """
    check(wanted)
    built = docker.built() if docker and any(one.recipe for one in wanted) else []
    answers: dict[str, bool] = {}
    return [_plan(one, targets, policy, docker, built, answers) for one in wanted]


def _plan(
    wanted: Wanted,
    targets: dict[str, Target],
    policy: Policy,
    docker: Docker | None,
    built: list[Image],
    answers: dict[str, bool],
) -> Planned:
    pulls = wanted.source in ("auto", "pull")
    reference = image_names.with_prefix(wanted.image, policy.registry_prefix if pulls else "")
    image = identity = ""
    if docker and wanted.source != "build":
        for one in docker.inspect(image_names.familiar(reference)):
            if pull.fits(one.platform, wanted.platform):
                image, identity = reference, one.id
    pinned = image_names.digest(reference)
    if docker and pinned and not identity and wanted.source != "build":
        image, identity = _noted(reference, pinned, wanted.platform, docker)
    if not identity and wanted.recipe and wanted.source in ("auto", "build"):
        found = build.find(built, targets[wanted.recipe].key())
        if found:
            image, identity = found[1], found[0].id
    return Planned(wanted, _way(wanted, reference, bool(identity), policy, answers), reference, image, identity)


def _noted(reference: str, digest: str, platform: str, docker: Docker) -> tuple[str, str]:
    """Return name and identity of an image whose digest only a bundle knows; nothing if the engine has it no more."""
    entry = loaded.noted().get(loaded.key(reference, digest))
    if entry is None:
        return "", ""
    for one in docker.inspect(entry["id"]):
        if pull.fits(one.platform, platform):
            return (entry["name"] if entry["name"] in one.tags else one.id), one.id
    return "", ""


def _way(wanted: Wanted, reference: str, present: bool, policy: Policy, answers: dict[str, bool]) -> Way:
    if present and not policy.renew:
        return "present"
    if wanted.source != "auto":
        return wanted.source
    registry = image_names.registry(reference)
    if registry not in answers:
        answers[registry] = registry_answers(registry, policy.timeout)
    if answers[registry]:
        return "pull"
    if wanted.recipe:
        return "build"
    if present:
        return "present"
    raise DockyardError(
        "image_no_way",
        f"The registry {registry} does not answer this host within {counted(policy.timeout, 'second')}"
        f" and there is no recipe to build {wanted.image} from; name a registry that answers in registry_prefix, or"
        " use the source archive.",
    )


def registry_answers(registry: str, timeout: float) -> bool:
    """Return whether a registry answers over HTTPS or HTTP.

    Any status is an answer: what the registry then says to a pull is Docker's business, and so is its certificate.
    """
    host = "registry-1.docker.io" if registry == image_names.HUB else registry
    schemes = ("https",) if registry == image_names.HUB else ("https", "http")
    return any(_answers(f"{scheme}://{host}/v2/", registry, timeout) for scheme in schemes)


def _answers(url: str, registry: str, timeout: float) -> bool:
    try:
        client = Client(registry, TlsFiles(validate=False), Origin.of(url), timeout, True)
        try:
            client.get(url, {})
        finally:
            client.close()
    except DockyardError:
        return False
    return True

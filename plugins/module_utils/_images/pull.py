# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Pull one image, and prove that it is the one that was meant: by its digest and its platform.

What a registry has is asked by HEAD, which counts as no pull; an image that the engine has as the registry has it is
not pulled. The engine keeps the layers that have arrived, so that a pull which is tried again goes on where it ended.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import commands, image_names

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9.]+)?")
# What time may fix. The engine's words differ between its versions, and pass on those of the network's library.
_PASSING = re.compile(
    r"timeout|timed out|deadline exceeded|connection re(set|fused)|unexpected EOF|\bEOF$|temporary failure"
    r"|no route to host|network is unreachable|broken pipe|toomanyrequests|too many requests"
    r"|HTTP status:? 5\d\d|status: 5\d\d|5\d\d (Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time)",
    re.IGNORECASE,
)
_RATED = re.compile(r"toomanyrequests|too many requests|rate limit", re.IGNORECASE)
_FULL = "no space left on device"
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0


class Engine(Protocol):
    """The command docker, with the login for one registry."""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of docker."""

    def inspect(self, image: str) -> dict[str, Any] | None:
        """Return what the engine knows of an image, None if it has none of that name."""


@dataclass(frozen=True)
class There:
    """What a registry says by HEAD. digest: empty if it does not say it. limit, remaining: pulls, if it counts them."""

    digest: str = ""
    limit: int | None = None
    remaining: int | None = None
    silence: str = ""  # why it could not be asked


@dataclass(frozen=True)
class Order:
    """What is wanted. renew: ask for a newer image although there is one. patience: seconds to try again for."""

    image: str
    platform: str = ""
    renew: bool = False
    patience: float = 0


@dataclass(frozen=True)
class Pulled:
    """The image as it is after the call; id and digest are empty if check mode does not know them."""

    changed: bool
    pulled: bool
    id: str
    digest: str
    platform: str
    before: dict[str, str]
    there: There | None
    attempts: int


def check(order: Order) -> None:
    """Raise DockyardError if an order can't be right."""
    pinned = image_names.digest(order.image)
    if pinned and not DIGEST.fullmatch(pinned):
        raise DockyardError(
            "image_digest_invalid",
            f"The digest of {order.image} is '{pinned}'; give sha256: and 64 hexadecimal digits in lower case.",
        )
    if order.platform and not PLATFORM.fullmatch(order.platform):
        raise DockyardError(
            "image_platform_invalid",
            f"platform is '{order.platform}'; give it as docker pull takes it, for example linux/arm64 or"
            " linux/arm/v7.",
        )
    if order.patience < 0:
        raise DockyardError("image_timeout_invalid", f"patience is {order.patience:g}; give 0 seconds or more.")


def platform_of(image: dict[str, Any]) -> str:
    """Return the platform of an image as Docker writes it."""
    return "/".join(str(image.get(key)) for key in ("Os", "Architecture", "Variant") if image.get(key))


def fits(found: str, wanted: str) -> bool:
    """Return whether an image's platform is the one that is wanted; a variant counts only if it is named."""
    # Some builders leave the variant of arm64 out, of which there is only one.
    short = [one[: -len("/v8")] if one.endswith("arm64/v8") else one for one in (found, wanted)]
    return not wanted or short[0] == short[1] or short[0].startswith(f"{short[1]}/")


def digests(image: dict[str, Any], reference: str) -> list[str]:
    """Return the digests under which the registry of a reference has had an image."""
    name = image_names.by_digest(reference, "").rstrip("@")
    listed = [str(entry).rpartition("@") for entry in image.get("RepoDigests") or []]
    return [digest for entry, _at, digest in listed if entry == name]


def pull(order: Order, docker: Engine, ask: Callable[[], There], check_mode: bool) -> Pulled:
    """Bring an image to the engine by its registry, unless it is there.

    ask: asks the registry by HEAD. Raise DockyardError if it has no such image, or gives no pull any more.
    """
    check(order)
    pinned = image_names.digest(order.image)
    name = image_names.familiar(order.image)
    held = docker.inspect(name)
    before = {"id": held["Id"], "platform": platform_of(held)} if held else {}
    found = held if held and fits(platform_of(held), order.platform) else None
    if found and (pinned or not order.renew):
        tagged = _tag(order.image, found, docker, check_mode)
        digest = pinned or _first(digests(found, order.image))
        return Pulled(tagged, False, found["Id"], digest, platform_of(found), before, None, 0)
    there = ask()
    if found and there.digest and there.digest in digests(found, order.image):
        return Pulled(False, False, found["Id"], there.digest, platform_of(found), before, there, 0)
    if there.remaining == 0:
        raise DockyardError(
            "image_pull_budget",
            f"The registry {image_names.registry(order.image)} gives this host no pull any more of the {there.limit}"
            f" that it counts, so {order.image} was not asked for; log in, wait, or name a mirror in registry_prefix.",
        )
    if check_mode:
        # The registry has the digest that it names, whether or not that becomes another image here.
        return Pulled(True, False, "", pinned or there.digest, order.platform, before, there, 0)
    try:
        attempts = _fetch(order, docker, ask)
    except DockyardError:
        # Engines before 28 keep an image of another platform, and name it, although they refuse it.
        _require_platform(order, docker.inspect(name), docker, before)
        raise
    image = docker.inspect(name)
    if image is None:
        raise DockyardError(
            "image_not_proven",
            f"{order.image} was pulled, and the engine does not have it; another user or process has removed it.",
            changed=True,
        )
    _require_platform(order, image, docker, before)
    tagged = _tag(order.image, image, docker, False)
    changed = tagged or image["Id"] != before.get("id")
    digest = pinned or _first(digests(image, order.image))
    return Pulled(changed, True, image["Id"], digest, platform_of(image), before, there, attempts)


def _first(found: list[str]) -> str:
    return found[0] if found else ""


def _fetch(order: Order, docker: Engine, ask: Callable[[], There]) -> int:
    """Pull, and try again what time may fix. Return how often it was tried."""
    options = ("--platform", order.platform) if order.platform else ()
    name = image_names.familiar(order.image)
    end = time.monotonic() + order.patience
    pause = _FIRST_PAUSE
    attempt = 0
    while True:
        attempt += 1
        done = docker.run("pull", "--quiet", *options, name)
        if done.returncode == 0:
            return attempt
        said = f"{done.stderr}\n{done.stdout}"
        if _FULL in said:
            raise DockyardError(
                "image_no_space",
                "There is no space left for an image in Docker's data folder; free some there (docker system df shows"
                " what takes it).",
            )
        if not _PASSING.search(said) or time.monotonic() + pause >= end:
            tries = f" after {attempt} attempts" if attempt > 1 else ""
            raise DockyardError(
                "image_not_pulled",
                f"{order.image} can't be pulled{tries} ({commands.last_line(done)}); check its name, the registry, the"
                " engine's trust in it (certs.d) and the login, or use an archive or a bundle.",
            )
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
        if _RATED.search(said):
            ask()  # waits for as long as the registry says, or fails with its words


def _require_platform(order: Order, image: dict[str, Any] | None, docker: Engine, before: dict[str, str]) -> None:
    """Raise DockyardError for an image of another platform that was pulled, and take it back."""
    if image is None or fits(platform_of(image), order.platform):
        return
    name = image_names.familiar(order.image)
    if image["Id"] != before.get("id"):
        docker.run("image", "rm", name)
        if before and not image_names.digest(order.image):
            docker.run("tag", before["id"], name)
    raise DockyardError(
        "image_platform_wrong",
        f"{order.image} is for {platform_of(image)}, and {order.platform} was asked for; the registry has no other. No"
        " image of another platform was kept.",
    )


def _tag(image: str, found: dict[str, Any], docker: Engine, check_mode: bool) -> bool:
    """Give an image that was pulled by its digest the tag that is written beside; return whether that is a change."""
    tag = image_names.tag(image)
    if not image_names.digest(image) or not tag:
        return False
    name = image_names.familiar(image.partition("@")[0])
    there = docker.inspect(name)
    if there and there["Id"] == found["Id"]:
        return False
    if not check_mode:
        done = docker.run("tag", found["Id"], name)
        if done.returncode != 0:
            raise DockyardError(
                "image_refused_by_engine",
                f"Docker did not name the image that was pulled {name} ({commands.last_line(done)}); look at"
                " journalctl -u docker.service.",
                changed=True,
            )
    return True

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All faults of images on their way: to a bundle, to a mirror, to an engine."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable
from typing import Any

import table

from image_ways.host import BUNDLE, MIRROR, SOURCE, TAGS, Host

SUITES = ("bookworm", "trixie", "sid", "engine29", "engine29-upgraded")
DEFAULT = SUITES
Outcome = tuple[str, list[str]]
_NO_SENTENCE = ("no answer", "Traceback", "MODULE FAILURE")
_PROCESS = "pgrep -f 'AnsiballZ_image_[a-z]*[.]py' | while read -r one; do kill -{signal} $one; done"
# Where an engine keeps what arrives until all of it has: overlay2, and both places of the containerd store.
_ENGINE_READS = (
    "find /var/lib/docker/tmp /var/lib/docker/containerd/daemon/io.containerd.content.v1.content/ingest"
    " /var/lib/containerd/io.containerd.content.v1.content/ingest -mindepth 1 -newer /srv/images/begun 2>/dev/null"
    " | grep -q ."
)
_BEGUN = f"ls -l {BUNDLE}/blobs/sha256/*.part | awk '$5 > 2000000 {{ found = 1 }} END {{ exit !found }}'"


def run(suite: str, wanted: Callable[[str], bool], small: bool, result: table.Table) -> None:
    """Add a row for each fault. A host is started for them, and taken down afterwards."""
    faults = [fault for fault in _FAULTS if wanted(fault[0])]
    if not faults:
        return
    host = Host(suite)
    with contextlib.ExitStack() as stack:
        stack.callback(host.down)
        host.up()
        for name, fault in faults:
            host.forget()
            result.inject(suite, name, functools.partial(fault, host))


def _sentence(answer: dict[str, Any]) -> list[str]:
    said = str(answer.get("msg") or "")
    return [f"no sentence: {said}"] if not said or any(text in said for text in _NO_SENTENCE) else []


def _whole(host: Host, **options: Any) -> list[str]:
    """Return what is wrong with the bundle after a run that nothing disturbs."""
    answer = host.bundle(**options)
    broken = [f"the next run failed: {answer['msg']}"] if answer.get("failed") else []
    broken += [f"a blob is not what its name says: {line}" for line in host.bad_blobs()]
    again = host.bundle()
    if again.get("changed"):
        broken.append("a run after that changed something again")
    return broken


def _interrupt(host: Host, module: str, options: dict[str, Any], moment: str, signal: str) -> dict[str, Any]:
    running = host.start(module, False, **options)
    host.wait_for(moment, 120)
    host.must(_PROCESS.format(signal=signal))
    return host.end(running)


def bundle_interrupted(host: Host, signal: str) -> Outcome:
    answer = _interrupt(host, "image_copy", host.into_bundle(), _BEGUN, signal)
    broken = [] if host.run(f"test -e {BUNDLE}/bundle.json").returncode else ["a manifest of what has not arrived"]
    broken += [f"a blob is not what its name says: {line}" for line in host.bad_blobs()]
    before = int(host.must(f"cat {BUNDLE}/blobs/sha256/*.part | wc -c"))
    broken += _whole(host)
    asked = host.must("docker logs source 2>&1 | grep -c 'http.response.status=206' || :")
    if int(asked or 0) == 0:
        broken.append("the next run did not go on where it ended")
    return f"{before} bytes had arrived; {answer.get('msg', '')}"[:150], broken


def mirror_interrupted(host: Host, signal: str) -> Outcome:
    moment = 'test -n "$(docker exec mirror find /var/lib/registry -name data -size +1000k)"'
    answer = _interrupt(host, "image_copy", host.into_mirror(), moment, signal)
    early = host.mirrored()
    broken = [f"the tag {tag} is there, and not its image" for tag in early]
    again = host.module("image_copy", False, **host.into_mirror())
    broken += [f"the next run failed: {again['msg']}"] if again.get("failed") else []
    broken += [f"{tag} can't be pulled" for tag in TAGS if tag not in host.mirrored()]
    if host.module("image_copy", False, **host.into_mirror()).get("changed"):
        broken.append("a run after that changed something again")
    return str(answer.get("msg", ""))[:150], broken


def load_interrupted(host: Host, signal: str) -> Outcome:
    broken = _whole(host)
    host.must("touch /srv/images/begun")
    answer = _interrupt(host, "image_load", {"path": BUNDLE}, _ENGINE_READS, signal)
    early = host.loaded()
    again = host.module("image_load", False, path=BUNDLE)
    broken += [f"the next run failed: {again['msg']}"] if again.get("failed") else []
    broken += [f"the engine has not {tag}" for tag in TAGS if tag not in host.loaded()]
    if host.module("image_load", False, path=BUNDLE).get("changed"):
        broken.append("a run after that changed something again")
    return f"{len(early)} of {len(TAGS)} were whole by then; {answer.get('msg', '')}"[:150], broken


def pull_interrupted(host: Host) -> Outcome:
    image = f"{SOURCE}/team/app:1"
    answer = _interrupt(host, "image_pull", {"image": image}, "pgrep -f '[d]ocker pull'", "TERM")
    again = host.module("image_pull", False, image=image)
    broken = [f"the next run failed: {again['msg']}"] if again.get("failed") else []
    broken += [] if "1" in host.loaded() else ["the engine does not have it"]
    if host.module("image_pull", False, image=image, pull_policy="always").get("changed"):
        broken.append("a run after that changed something again")
    return str(answer.get("msg", ""))[:150], broken


def refused_bundle(host: Host, damage: str, code: str, **options: Any) -> Outcome:
    broken = _whole(host)
    host.must(f"cd {BUNDLE} && {damage}")
    answer = host.module("image_load", False, path=BUNDLE, **options)
    if answer.get("error_code") != code:
        broken.append(f"{answer.get('error_code')} and not {code}: {answer.get('msg')}")
    broken += _sentence(answer)
    broken += [f"the engine has {tag}" for tag in host.loaded()]
    return str(answer.get("msg"))[:150], broken


def full_disk(host: Host) -> Outcome:
    host.must(f"mkdir -p {BUNDLE} && mount -t tmpfs -o size=30m none {BUNDLE}")
    try:
        answer = host.bundle()
        broken = _sentence(answer)
        if answer.get("error_code") != "bundle_no_space":
            broken.append(f"{answer.get('error_code')}: {answer.get('msg')}")
        host.must(f"mount -o remount,size=300m {BUNDLE}")
        broken += _whole(host)
    finally:
        host.must(f"umount {BUNDLE}")
    return str(answer.get("msg"))[:150], broken


def two_at_once(host: Host) -> Outcome:
    runs = [host.start("image_copy", False, **host.into_bundle()) for _number in range(2)]
    answers = [host.end(one) for one in runs]
    broken = [f"one failed: {answer['msg']}" for answer in answers if answer.get("failed")]
    broken += _whole(host)
    loads = [host.end(one) for one in [host.start("image_load", False, path=BUNDLE) for _number in range(2)]]
    broken += [f"one failed: {answer['msg']}" for answer in loads if answer.get("failed")]
    broken += [f"the engine has not {tag}" for tag in TAGS if tag not in host.loaded()]
    return "both ended well", broken


def registry_ends(host: Host) -> Outcome:
    running = host.start("image_copy", False, **host.into_bundle())
    # Otherwise all may have arrived before the registry is dead.
    host.wait_for(f"{_BEGUN} && {{ {_PROCESS.format(signal='STOP')}; }}", 120)
    host.must("docker kill source")
    host.must(_PROCESS.format(signal="CONT"))
    answer = host.end(running)
    host.must("docker start source")
    host.registries_answer()
    broken = _sentence(answer) + _whole(host)
    if not answer.get("failed"):
        broken.append("a registry that had ended was not reported")
    return str(answer.get("msg"))[:150], broken


def source_gone(host: Host) -> Outcome:
    host.module("image_copy", False, **host.into_mirror())
    images = [{"image": "gone.example:5000/team/app:1"}]
    options: dict[str, Any] = {"images": images, "path": BUNDLE, "plain_http": [MIRROR]}
    answer = host.module("image_copy", False, **options, timeout=5.0)
    broken = [] if answer.get("failed") else ["a source that is gone was not reported"]
    broken += _sentence(answer)
    again = host.module("image_copy", False, **options, registry_prefix=f"{MIRROR}/")
    broken += [f"the mirror did not help: {again['msg']}"] if again.get("failed") else []
    return str(answer.get("msg"))[:150], broken


def second_run(host: Host) -> Outcome:
    begin = time.monotonic()
    broken = _whole(host)
    first = time.monotonic() - begin
    checksum = host.bundle()["checksum"]
    runs = [host.module("image_load", check, path=BUNDLE, checksum=checksum) for check in (True, False, False, True)]
    changed = [answer.get("changed") for answer in runs]
    if changed != [True, True, False, False]:
        broken.append(f"changed: {changed}; {[answer.get('msg') for answer in runs]}")
    wanted = [
        {"name": one["image"], "image": f"{one['image']}@{one['digest']}", "source": "pull"}
        for one in runs[2]["images"]
    ]
    found = host.module("image_info", False, images=wanted)
    ways = [one["way"] for one in found.get("images", [])]
    if ways != ["present"] * len(TAGS):
        broken.append(f"pinned by digest: {ways}")
    return f"bundle made, loaded and found by digest, the bundle in {first:.1f} s", broken


_LARGEST = "$(ls -S blobs/sha256 | head -n 1)"
_FAULTS: list[tuple[str, Callable[[Host], Outcome]]] = [
    ("no fault, twice, check mode before and after", second_run),
    *(
        (f"bundle, {signal} in the middle of a layer", functools.partial(bundle_interrupted, signal=signal))
        for signal in ("KILL", "TERM")
    ),
    *(
        (f"mirror, {signal} in the middle of a layer", functools.partial(mirror_interrupted, signal=signal))
        for signal in ("KILL", "TERM")
    ),
    *(
        (f"load, {signal} in the middle", functools.partial(load_interrupted, signal=signal))
        for signal in ("KILL", "TERM")
    ),
    ("pull, TERM in the middle", pull_interrupted),
    ("bundle, the registry is killed in the middle of a layer", registry_ends),
    ("bundle, a source that is gone, and a mirror in its place", source_gone),
    ("bundle, disk full, then room again", full_disk),
    ("bundle and load, two runs at once", two_at_once),
    (
        "load, a layer is damaged",
        functools.partial(
            refused_bundle,
            damage=f"dd if=/dev/zero of=blobs/sha256/{_LARGEST} bs=1 count=4 conv=notrunc",
            code="bundle_damaged",
        ),
    ),
    (
        "load, a layer is missing",
        functools.partial(refused_bundle, damage=f"rm blobs/sha256/{_LARGEST}", code="bundle_unreadable"),
    ),
    (
        "load, the manifest is another one",
        functools.partial(refused_bundle, damage=":", code="bundle_checksum", checksum=f"sha256:{'0' * 64}"),
    ),
    (
        "load, a name leads outside",
        functools.partial(
            refused_bundle,
            damage="sed -i 's|sha256:[0-9a-f]*|sha256:../../../../etc/passwd|' bundle.json",
            code="bundle_path_outside",
        ),
    ),
]

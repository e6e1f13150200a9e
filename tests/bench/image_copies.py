# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images on their way: a bundle onto five hosts against docker load, and a mirror of 50 tags against skopeo sync.

Bundle: the images are of random content, so that a compressed layer is as long as what docker save writes. Bundle and
archive are in one folder that all hosts have. Theirs is docker load of the archive, on all hosts at the same time, and
nothing else; ours is a whole run of ansible-playbook with image_load, which verifies all of it. The hosts run on one
machine and share its processors, its memory and its disk.
Mirror: two registries on one host, plain HTTP. The source seems to be 20 ms away, as one on the internet is
(image_distance.py, a stand-in for a network), or is as near as the target. Theirs is Debian's skopeo on that host; ours
are a whole run of ansible-playbook with image_copy, and the same module's process alone, which is what skopeo's is.
Ours and theirs take turns, and the shortest of each counts.
"""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

from comparison import Row, row

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests" / "hosts"), str(ROOT / "tests" / "faults")]

import hosts  # noqa: E402  found through the path set above
import payloads  # noqa: E402
from image_ways.host import MIRROR, SOURCE, Host  # noqa: E402

NAME = "dockyard-bench-images"
HOSTS = 5
IMAGES, IMAGE_MB = 10, 200  # of the bundle; a twentieth of it is in a layer that all of them have
TAGS, SHARED_MB, OWN_MB = 50, 20, 4
BUNDLE_RUNS, MIRROR_RUNS = 2, 2
SHARED = ROOT / ".cache" / "bench-images"
LOADED = f"{SOURCE}/team/app"
_FORGET = (
    f"docker image ls --quiet {LOADED} | sort -u | xargs -r docker image rm --force >/dev/null;"
    " rm -f /var/lib/dockyard/images/digests.json"
)
_EMPTY = "docker exec mirror sh -c 'rm -rf /var/lib/registry/*'; docker restart --time 1 mirror >/dev/null"
FAR, DELAY = "127.0.0.1:5011", 10  # milliseconds in each direction
_SKOPEO = (
    "skopeo sync --src docker --dest docker --src-tls-verify=false --dest-tls-verify=false"
    " {source}/team/tags {mirror}/theirs >/dev/null 2>&1"
)


def copied(source: str) -> dict[str, Any]:
    """Return the options of image_copy for all tags of a source."""
    return {
        "images": [{"image": f"{source}/team/tags", "tags": ["*"]}],
        "registry": MIRROR,
        "repository_prefix": "ours",
        "plain_http": [source, MIRROR],
    }


def play(names: list[str], module: str, options: dict[str, Any], changed: bool) -> float:
    """Run a playbook of one task on hosts; return the seconds. changed: whether it has to change something."""
    with tempfile.TemporaryDirectory() as folder:
        inventory, playbook = pathlib.Path(folder, "inventory.json"), pathlib.Path(folder, "play.json")
        connection = {"ansible_connection": "community.docker.docker", "ansible_python_interpreter": "/usr/bin/python3"}
        known = {name: {**connection, "ansible_docker_host": hosts.container(name)} for name in names}
        inventory.write_text(json.dumps({"all": {"hosts": known}}))
        task = {"name": "Measure it", f"dockyard.ops.{module}": options}
        playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
        command = ["ansible-playbook", "--forks", str(HOSTS), "-i", str(inventory), str(playbook)]
        begin = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        seconds = time.monotonic() - begin
    if done.returncode != 0 or re.findall(r"changed=(\d+)", done.stdout) != [str(int(changed))] * len(names):
        sys.exit(f"{done.stdout[-2000:]}{done.stderr[-2000:]}\nThe measured run did not do its work.")
    return seconds


def alone(host: Host, source: str) -> float:
    """Run image_copy's process on the host, over a mirror that is up to date; return the seconds."""
    host.write(payloads.build("image_copy", False, copied(source)), "/root/image_copy.py")
    begin = time.monotonic()
    answer = json.loads(host.must("/usr/bin/python3 /root/image_copy.py"))
    seconds = time.monotonic() - begin
    if answer["changed"]:
        sys.exit(f"The measured module did not do its work: {answer['msg']}")
    return seconds


def timed(host: Host, script: str) -> float:
    begin = time.monotonic()
    host.must(script)
    return time.monotonic() - begin


def everywhere(everyone: list[Host], script: str) -> float:
    """Run a script on all hosts at the same time; return the seconds until the last one has ended."""
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(len(everyone)) as pool:
        list(pool.map(lambda host: host.must(script), everyone))
    return time.monotonic() - begin


def fill(host: Host, repository: str, tags: int, shared: int, own: int) -> None:
    host.write((ROOT / "tests/bench/image_fill.py").read_text(), "/root/fill.py")
    host.must(f"python3 /root/fill.py {SOURCE} {repository} {tags} {shared} {own}")


def bundle(everyone: list[Host]) -> Row:
    first = everyone[0]
    fill(first, "team/app", IMAGES, IMAGE_MB // 2, IMAGE_MB - IMAGE_MB // 20)
    made = first.module(
        "image_copy",
        False,
        images=[{"image": LOADED, "tags": ["*"]}],
        path="/srv/images/bundle",
        plain_http=[SOURCE],
    )
    size = int(first.must("du --bytes --summarize /srv/images/bundle").split()[0])
    named = f"docker image ls --format '{{{{.Repository}}}}:{{{{.Tag}}}}' {LOADED}"
    first.must(f"docker pull --quiet --all-tags {LOADED} >/dev/null")
    first.must(f"docker save --output /srv/images/archive.tar $({named})")
    # The registry's copy takes room that the hosts need.
    first.must("docker exec source sh -c 'rm -rf /var/lib/registry/*'; docker restart --time 1 source >/dev/null")
    options = {"path": "/srv/images/bundle", "checksum": made["checksum"]}
    times: list[tuple[float, float]] = []
    everywhere(everyone, f"{_FORGET}; sync")
    for _run in range(BUNDLE_RUNS):
        theirs = everywhere(everyone, "docker load --quiet --input /srv/images/archive.tar >/dev/null")
        everywhere(everyone, f"{_FORGET}; sync")
        ours = play([host.name for host in everyone], "image_load", options, True)
        everywhere(everyone, f"{_FORGET}; sync")
        times.append((ours, theirs))
        print(f"  bundle: ours {ours:.1f} s, docker load {theirs:.1f} s", file=sys.stderr, flush=True)
    best_ours, best_theirs = (min(side) for side in zip(*times))
    subject = f"a bundle of {size / 1e9:.1f} GB, {IMAGES} images, onto {HOSTS} hosts, verified"
    return row(
        subject, best_ours, f"`docker load` alone on the {HOSTS} hosts", best_theirs, "at most 1.2 times", within=1.2
    )


def mirror(host: Host, source: str, where: str) -> tuple[Row, Row, Row]:
    """Measure a mirror of a source: the first run, the module's process again, and a whole run again.

    where: how far away it is.
    """
    first, unchanged = [], []
    skopeo = _SKOPEO.format(source=source, mirror=MIRROR)

    def empty() -> None:
        host.must(f"{_EMPTY}; sync")
        host.registries_answer()

    for _run in range(MIRROR_RUNS):
        empty()
        theirs, theirs_again = timed(host, skopeo), timed(host, skopeo)
        empty()
        ours = play([host.name], "image_copy", copied(source), True)
        ours_again = play([host.name], "image_copy", copied(source), False)
        first.append((ours, theirs))
        unchanged.append((alone(host, source), ours_again, theirs_again))
        print(f"  mirror, {where}: {first[-1]}, unchanged: {unchanged[-1]}", file=sys.stderr, flush=True)
    ours, theirs = (min(side) for side in zip(*first))
    alone_again, ours_again, theirs_again = (min(side) for side in zip(*unchanged))
    what, again = f"a mirror of {TAGS} tags, {where}", "`skopeo sync` again"
    process = f"{what}, unchanged, `image_copy`'s own process"
    wanted = ("5 times faster", 5.0) if source == FAR else ("faster", 1.0)
    return (
        row(f"{what}, first run", ours, "`skopeo sync`", theirs, "at most 1.2 times", within=1.2),
        row(process, alone_again, again, theirs_again, *wanted),
        row(f"{what}, unchanged, a whole run", ours_again, again, theirs_again, "faster", 1),
    )


def mirrors(host: Host) -> list[Row]:
    fill(host, "team/tags", TAGS, SHARED_MB, OWN_MB)
    host.must("apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq skopeo >/dev/null 2>&1")
    host.write((ROOT / "tests/bench/image_distance.py").read_text(), "/root/distance.py")
    ports = [address.partition(":")[2] for address in (FAR, SOURCE)]
    host.must(f"systemd-run --unit distance python3 /root/distance.py {' '.join(ports)} {DELAY}")
    far, far_process, far_run = mirror(host, FAR, f"{2 * DELAY} ms away")
    # To start ansible-playbook takes longer than all that skopeo asks of a registry on the same host.
    near, near_process, _near_run = mirror(host, SOURCE, "as near as its target")
    return [far, far_process, far_run, near, near_process]


def rows() -> list[Row]:
    everyone = [Host("trixie", f"{NAME}-{number}") for number in range(1, HOSTS + 1)]
    shutil.rmtree(SHARED, ignore_errors=True)
    SHARED.mkdir(parents=True)
    volume = ("--volume", f"{SHARED}:/srv/images")
    try:
        everyone[0].registries(*volume)
        found = mirrors(everyone[0])
        for host in everyone[1:]:
            hosts.up(host.name, "trixie", "engine", None, list(volume))
            host.wait_for("docker version")
        return [bundle(everyone), *found]
    finally:
        hosts.down([host.name for host in everyone])
        shutil.rmtree(SHARED, ignore_errors=True)

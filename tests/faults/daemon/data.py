# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys by which an engine looks for its data somewhere else: nothing may get out of sight unasked."""

from __future__ import annotations

import json
from typing import Any

from daemon.host import BASE, Host

Outcome = tuple[str, list[str]]
_HAS = """
docker info --format '{{.Driver}} {{.DockerRootDir}}'
docker ps --all --quiet --no-trunc | sort
docker images --quiet --no-trunc | sort
docker volume ls --quiet | sort
docker network ls --filter type=custom --quiet --no-trunc | sort
docker ps --format '{{.Names}}' | sort
"""
_NAMES = ("always", "plain", "small:1")
_EVERYTHING = (*_NAMES, "1 volume (kept)", "user-defined")


def _refused(answer: dict[str, Any], says: tuple[str, ...]) -> list[str]:
    broken = [] if answer.get("error_code") == "daemon_data_moves" else [f"it says {answer.get('error_code')}"]
    texts = (*says, "out of sight", "on_data_move: proceed", "Nothing was changed.")
    return broken + [f"it does not say {text!r}: {answer['msg']}" for text in texts if text not in answer["msg"]]


def _driver(host: Host) -> str:
    return "native" if "driver-type" in host.must("docker info --format '{{.DriverStatus}}'") else "vfs"


def _moving(host: Host) -> list[tuple[dict[str, Any], tuple[str, ...]]]:
    store = host.must("docker info --format '{{.DriverStatus}}'")
    moving: list[tuple[dict[str, Any], tuple[str, ...]]] = [
        (
            {"data-root": "/srv/docker"},
            (
                "data-root has the engine look for its data in /srv/docker",
                *(name for name in _EVERYTHING if name != "small:1" or "driver-type" not in store),
            ),
        ),
        ({"userns-remap": "default"}, ("userns-remap has the engine look for its data in default", *_EVERYTHING)),
        (
            {"storage-driver": _driver(host)},
            (f"storage-driver has the engine look for its data in {_driver(host)}", *_NAMES),
        ),
    ]
    if host.suite != "bookworm":
        other = "driver-type" not in store
        feature = {"features": {"containerd-snapshotter": other}}
        moving.append((feature, ("features.containerd-snapshotter has the engine look for its data in", *_NAMES)))
    if host.suite == "engine29" and not host.upgraded:
        moving.append(
            ({"storage-driver": "overlay2"}, ("in overlay2 and no longer in overlayfs in containerd", *_NAMES))
        )
    return moving


def refused(host: Host) -> Outcome:
    """Declare each of the keys with everything else allowed, and without running containers as well."""
    host.must("docker volume create kept >/dev/null")
    before, has = host.state(), host.must(_HAS)
    broken = []
    for number, (config, says) in enumerate(_moving(host)):
        broken += _refused(host.daemon(config=config, restart=("always", "never")[number % 2]), says)
    broken += host.healthy(before, same_engine=True)
    host.must("docker stop --time 1 plain always >/dev/null")
    for number, (config, says) in enumerate(_moving(host)):
        broken += _refused(host.daemon(check=number % 2 == 0, config=config), says)
    host.must("docker start plain always >/dev/null")
    broken += host.healthy(before, same_engine=True)
    if host.must(_HAS) != has:
        broken.append("the engine does not have what it had")
    host.must("docker volume rm kept")
    return "refused with what would be out of sight", broken


def under_live_restore(host: Host) -> Outcome:
    host.daemon(config={"live-restore": True})
    before, has = host.state(), host.must(_HAS)
    broken = []
    for config, says in _moving(host):
        broken += _refused(host.daemon(config=config), tuple(text for text in says if "volume" not in text))
        if "userns-remap" not in config:
            answer = host.daemon(config=config, on_data_move="proceed", on_running_containers="proceed")
            if answer.get("error_code") != "daemon_data_moves_under_containers":
                broken.append(f"with proceed it says {answer['msg']}")
    broken += host.healthy(before, same_engine=True)
    if host.must(_HAS) != has:
        broken.append("the engine does not have what it had")
    host.base()
    host.containers_up()
    return "refused, with proceed as well", broken


def earlier_edit(host: Host) -> Outcome:
    """Edit the file by hand; the next restart for another key would switch."""
    original = host.read()
    has = host.must(_HAS)
    broken = []
    for config, says in _moving(host):
        names = tuple(name for name in _NAMES if name in says)
        host.write(json.dumps({**BASE, **config}))
        before = host.state()
        key = next(iter(config))
        for wanted in ({"log-level": "warn"}, {"debug": True})[: 1 if key == "userns-remap" else 2]:
            answer = host.daemon(config=wanted, on_running_containers="proceed")
            broken += _refused(
                answer, (key, "by an earlier edit of /etc/docker/daemon.json", "at the next restart", *names)
            )
        broken += host.healthy(before, same_engine=True)
        back = host.daemon(config={key: config[key]}, state="absent", restart="never")
        if back.get("failed") or back["restart_pending"]:
            broken.append(f"taking {key} out again ends with {back['msg']}")
    host.write(original)
    if host.must(_HAS) != has:
        broken.append("the engine does not have what it had")
    host.base()
    host.containers_up()
    return "refused, and taken back by a removal", broken


def there_and_back(host: Host) -> Outcome:
    """Move the data with the option that allows it, and back: each time it says what is out of sight."""
    has = host.must(_HAS)
    allowed: dict[str, Any] = {"on_data_move": "proceed", "on_running_containers": "proceed"}
    moved = host.daemon(config={"data-root": "/srv/docker"}, **allowed)
    broken = [moved["msg"]] if moved.get("failed") else []
    if "run again" in moved["msg"] or moved.get("containers_restarted"):
        broken.append(f"it says {moved['msg']}")
    if moved.get("out_of_sight", {}).get("containers") != ["always", "plain"]:
        broken.append(f"it returns {moved.get('out_of_sight')}")
    if "out of sight now: 2 containers (always, plain)" not in moved["msg"]:
        broken.append(f"it says {moved['msg']}")
    back = host.daemon(config={"data-root": ""}, state="absent")
    if back.get("failed"):  # nothing is there that could get out of sight
        broken.append(f"back it says {back['msg']}")
    host.must("docker start plain always; rm -rf /srv/docker")
    if host.must(_HAS) != has:
        broken.append("the engine does not have what it had")
    host.base()
    return "moved as asked for, and named", broken


def same_value(host: Host) -> Outcome:
    """Declare what the engine has: nothing moves."""
    before, has = host.state(), host.must(_HAS)
    driver, root = has.split()[:2]
    answer = host.daemon(config={"storage-driver": driver, "data-root": root}, on_running_containers="proceed")
    broken = [answer["msg"]] if answer.get("failed") else []
    if answer.get("action_needed") != "none":
        broken.append(f"it takes a {answer.get('action_needed')}: {answer['msg']}")
    if host.must(_HAS) != has:
        broken.append("the engine does not have what it had")
    host.base()
    return "accepted", broken + host.healthy(before)


def start_that_fails(host: Host) -> Outcome:
    """Have the start with another driver or store fail late, when it has left something of that one behind."""
    has = host.must(_HAS)
    broken = []
    for moving, _says in _moving(host)[2:]:
        before = host.state()
        with host.late_failure() as failing:
            answer = host.daemon(config={**moving, **failing}, on_data_move="proceed", on_running_containers="proceed")
        broken += host.healthy(before)
        if not answer.get("rolled_back") or "9323" not in answer["msg"]:
            broken.append(f"with {moving} it says {answer['msg']}")
        if host.must(_HAS) != has:
            broken.append(f"after {moving} the engine has {host.must(_HAS)}")
    return "rolled back to the driver and all that it has", broken


def snapshotter_off(host: Host) -> Outcome:
    """Have an engine of before 29 with containerd's store, and declare that it is off, or take the key out."""
    has = host.must(_HAS)
    on: dict[str, Any] = {"features": {"containerd-snapshotter": True}}
    allowed: dict[str, Any] = {"on_data_move": "proceed", "on_running_containers": "proceed"}
    moved = host.daemon(config=on, **allowed)
    broken = [moved["msg"]] if moved.get("failed") else []
    host.import_image()
    host.must("docker run --detach --init --name kept small:1 sleep 100000")
    before, has_now = host.state(), host.must(_HAS)
    for options in ({"config": {"features": {"containerd-snapshotter": False}}}, {"config": on, "state": "absent"}):
        says = ("features.containerd-snapshotter has the engine", "in overlay2 and no longer in", "kept", "small:1")
        broken += _refused(host.daemon(on_running_containers="proceed", **options), says)
    broken += host.healthy(before, same_engine=True)
    if host.must(_HAS) != has_now:
        broken.append("the engine does not have what it had")
    host.must("docker rm --force kept; docker rmi small:1")
    back = host.daemon(config=on, state="absent", **allowed)
    broken += [back["msg"]] if back.get("failed") else []
    host.must("docker start plain always")
    if host.must(_HAS) != has:
        broken.append(f"back it has {host.must(_HAS)}")
    host.base()
    return "refused with what would be out of sight", broken


def stopped(host: Host) -> Outcome:
    """Stop the engine: its data root is read."""
    has = host.must(_HAS)
    host.must("systemctl stop docker.socket docker")
    broken = []
    for config in ({"data-root": "/srv/docker"}, {"storage-driver": "vfs"}):
        if "storage-driver" in config and host.suite == "engine29" and not host.upgraded:
            continue  # containerd's image store has no files of this kind
        broken += _refused(host.daemon(config=config), (next(iter(config)), "always", "plain"))
    broken += [] if "srv" not in host.read() else ["the file was written"]
    host.must("systemctl start docker.socket docker; docker start plain always")
    if host.must(_HAS) != has:
        broken.append("the engine does not have what it had")
    return "refused, by the files in its data root", broken


FAULTS = [
    ("data would move, keys declared", refused),
    ("data would move, live-restore", under_live_restore),
    ("data would move, keys in the file since an earlier edit", earlier_edit),
    ("data would move, allowed", there_and_back),
    ("data stays, the values that the engine has", same_value),
    ("data would move, and the start fails", start_that_fails),
    ("data would move, engine stopped", stopped),
]
# Of 28, which has both stores, and overlay2 unless asked for the other.
FAULTS_28 = [*FAULTS, ("data would move, containerd's store switched off", snapshotter_off)]

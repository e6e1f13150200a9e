# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an image is pulled, tried again or refused.

Engine stands in for the command docker: it has a list of answers to pull, and images in a dictionary. What a true
engine does is in the integration target image_pull; what a registry says by HEAD is asked of a server on loopback.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._images import pull
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_servers import Reply, connect, serve

NAME = "registry.test/app"
OLD, NEW = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
THERE = pull.There(NEW)
RESET = "Error response from daemon: read tcp 1.2.3.4:5->6.7.8.9:443: read: connection reset by peer"


def image(identity: str, *names: str, architecture: str = "amd64", variant: str = "") -> dict[str, Any]:
    found = {"Id": identity, "Os": "linux", "Architecture": architecture, "Variant": variant}
    return {**found, "RepoDigests": [name for name in names if "@" in name]}


class Engine:
    def __init__(self, images: dict[str, dict[str, Any]], answers: list[str | dict[str, Any]] | None = None) -> None:
        self.images = images
        self.answers = answers or []
        self.calls: list[tuple[str, ...]] = []

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self.calls.append(arguments)
        status, said = 0, ""
        if arguments[0] == "pull":
            answer = self.answers.pop(0)
            if isinstance(answer, str):
                status, said = 1, answer
            else:
                self.images[arguments[-1]] = answer
        elif arguments[0] == "tag":
            self.images[arguments[2]] = next(one for one in self.images.values() if one["Id"] == arguments[1])
        elif arguments[:2] == ("image", "rm"):
            self.images.pop(arguments[2], None)
        return subprocess.CompletedProcess(arguments, status, "", said)

    def inspect(self, name: str) -> dict[str, Any] | None:
        return self.images.get(name)


def never() -> pull.There:
    raise RuntimeError("the registry was asked")


def refused(order: pull.Order, docker: Engine, ask: Callable[[], pull.There], changed: bool = False) -> str:
    with pytest.raises(DockyardError) as caught:
        pull.pull(order, docker, ask, False)
    assert_explained(caught.value, changed)
    return caught.value.message


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(pull.time, "sleep", waited.append)
    return waited


@pytest.mark.parametrize("name", [f"{NAME}:1", f"{NAME}:1@{OLD}"])
def test_what_is_there_is_not_asked_for(name: str) -> None:
    there = image(OLD, f"{NAME}@{OLD}")
    docker = Engine({f"{NAME}:1": there, f"{NAME}@{OLD}": there})
    done = pull.pull(pull.Order(name, renew="@" in name), docker, never, False)
    assert (done.changed, done.pulled, done.id, done.digest, done.attempts) == (False, False, OLD, OLD, 0)
    assert docker.calls == []


def test_the_same_digest_is_not_pulled_again() -> None:
    docker = Engine({f"{NAME}:1": image("sha256:a", f"{NAME}@{NEW}", f"other.test/app@{OLD}")})
    done = pull.pull(pull.Order(f"{NAME}:1", renew=True), docker, lambda: THERE, False)
    assert (done.changed, done.pulled, done.digest) == (False, False, NEW)
    assert docker.calls == []


@pytest.mark.parametrize("check_mode", [True, False])
def test_another_digest_is_pulled(check_mode: bool) -> None:
    docker = Engine({f"{NAME}:1": image(OLD, f"{NAME}@{OLD}")}, [image("sha256:b", f"{NAME}@{NEW}")])
    done = pull.pull(pull.Order(f"{NAME}:1", renew=True), docker, lambda: THERE, check_mode)
    assert done.changed
    assert done.digest == NEW
    assert done.id == ("" if check_mode else "sha256:b")
    assert docker.calls == ([] if check_mode else [("pull", "--quiet", f"{NAME}:1")])


def test_a_digest_is_pulled_by_it_and_gets_its_tag() -> None:
    docker = Engine({f"{NAME}:1": image(OLD)}, [image("sha256:b", f"{NAME}@{NEW}")])
    done = pull.pull(pull.Order(f"{NAME}:1@{NEW}"), docker, lambda: THERE, False)
    assert docker.calls == [("pull", "--quiet", f"{NAME}@{NEW}"), ("tag", "sha256:b", f"{NAME}:1")]
    assert (done.changed, done.digest) == (True, NEW)
    assert not pull.pull(pull.Order(f"{NAME}:1@{NEW}"), docker, never, False).changed


def test_what_time_may_fix_is_tried_again(pauses: list[float]) -> None:
    docker = Engine({}, [RESET, "received unexpected HTTP status: 503 Service Unavailable", image(NEW)])
    done = pull.pull(pull.Order(f"{NAME}:1", patience=60), docker, lambda: THERE, False)
    assert (done.changed, done.attempts, pauses) == (True, 3, [1.0, 2.0])


def test_a_registry_that_is_asked_too_often_says_how_long(pauses: list[float]) -> None:
    docker = Engine({}, ["toomanyrequests: You have reached your pull rate limit.", image(NEW)])
    asked = [THERE, THERE]
    done = pull.pull(pull.Order(f"{NAME}:1", patience=60), docker, asked.pop, False)
    assert (done.attempts, asked) == (2, [])


@pytest.mark.parametrize(
    ("said", "patience", "expected"),
    [
        (RESET, 0, "can't be pulled (Error response from daemon: read tcp"),
        ("manifest unknown: manifest unknown", 60, "can't be pulled (manifest unknown: manifest unknown); check"),
        ("write /x: no space left on device", 60, "There is no space left for an image in Docker's data folder"),
    ],
)
def test_what_no_time_fixes_is_refused_at_once(said: str, patience: float, expected: str, pauses: list[float]) -> None:
    assert expected in refused(pull.Order(f"{NAME}:1", patience=patience), Engine({}, [said]), lambda: THERE)
    assert pauses == []


def test_a_budget_that_is_spent_costs_no_pull() -> None:
    docker = Engine({})
    message = refused(pull.Order(f"{NAME}:1"), docker, lambda: pull.There(NEW, 100, 0))
    assert "no pull any more of the 100 that it counts" in message
    assert docker.calls == []


def test_another_platform_is_taken_back() -> None:
    docker = Engine({f"{NAME}:1": image(OLD), OLD: image(OLD)}, [image(NEW, architecture="arm64")])
    message = refused(pull.Order(f"{NAME}:1", "linux/s390x"), docker, lambda: THERE)
    assert f"{NAME}:1 is for linux/arm64, and linux/s390x was asked for" in message
    assert docker.calls[1:] == [("image", "rm", f"{NAME}:1"), ("tag", OLD, f"{NAME}:1")]


def test_an_image_that_vanishes_is_reported() -> None:
    class Forgetful(Engine):
        def inspect(self, name: str) -> dict[str, Any] | None:
            return None

    assert "was pulled, and the engine does not have it" in refused(
        pull.Order(f"{NAME}:1"), Forgetful({}, [image(NEW)]), lambda: THERE, changed=True
    )


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (pull.Order(f"{NAME}@sha256:AB"), "The digest of registry.test/app@sha256:AB is 'sha256:AB'; give sha256:"),
        (pull.Order(NAME, "arm64"), "platform is 'arm64'; give it as docker pull takes it"),
        (pull.Order(NAME, patience=-1), "patience is -1; give 0 seconds or more."),
    ],
)
def test_orders_that_can_not_be_right(order: pull.Order, expected: str) -> None:
    assert expected in refused(order, Engine({}), never)


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        ("linux/amd64", "", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm/v7", "linux/arm", True),
        ("linux/arm", "linux/arm/v7", False),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("linux/arm64", "linux/arm", False),
    ],
)
def test_platforms(found: str, wanted: str, expected: bool) -> None:
    assert pull.fits(found, wanted) is expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(headers={"Docker-Content-Digest": NEW}), (NEW, None, None)),
        (Reply(headers={"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "0;w=21600"}), ("", 100, 0)),
        (Reply(404), (None, None, None)),
    ],
)
def test_what_a_registry_says_by_head(reply: Reply, expected: tuple[object, ...]) -> None:
    with serve(lambda request: reply) as server:
        assert tuple(connect(server.address, plain_http=True).head("team/app", "1")) == expected
        assert [(one.method, one.path) for one in server.requests] == [("HEAD", "/v2/team/app/manifests/1")]


def test_the_pause_that_a_registry_asks_for_is_heeded() -> None:
    replies = [Reply(429, headers={"Retry-After": "1"}), Reply(headers={"Docker-Content-Digest": NEW})]
    with serve(lambda request: replies.pop(0)) as server:
        registry = connect(server.address, plain_http=True)
        registry.be_patient(10)
        assert registry.head("team/app", "1").digest == NEW

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old tags are deleted from a registry; what users do in the same moment costs nobody an image.

The stand-in is a registry in memory. It does what Docker Distribution 2.8 does with manifests and tags, and what users
do at a given moment; the integration target has a real one.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._registry.pruning import Outcome, Pruning
from ansible_collections.dockyard.ops.plugins.module_utils._registry.retention import Policy, Rule
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_servers import Reply, Request, connect, serve

NOW = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)
OCI = "application/vnd.oci.image"
INDEX = f"{OCI}.index.v1+json"
ONE = Policy((Rule(keep=1),))


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Store:
    """What the registry holds. happen: what users do, before a request that is the nth of its method."""

    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    happen: dict[tuple[str, int], Callable[[], object]] = field(default_factory=dict)
    refuse: tuple[str, int] = ("", 0)
    requests: list[Request] = field(default_factory=list)

    def put(self, document: dict[str, Any], tag: str = "", repository: str = "app") -> str:
        content = json.dumps(document).encode()
        found = digest_of(content)
        self.manifests[found] = content
        tags = self.tags.setdefault(repository, {})
        if tag:
            tags[tag] = found
        return found

    def image(self, days: int | None, tag: str = "", repository: str = "app", **more: Any) -> str:
        """Add an image that is so many days old."""
        created = {} if days is None else {"created": (NOW - datetime.timedelta(days=days)).isoformat()}
        config = json.dumps({"of": f"{repository}:{tag}", **created}).encode()
        self.blobs[digest_of(config)] = config
        described = {"mediaType": f"{OCI}.config.v1+json", "digest": digest_of(config), "size": len(config)}
        return self.put({"mediaType": f"{OCI}.manifest.v1+json", "config": described, **more}, tag, repository)

    def index(self, tag: str, *parts: str, media_type: str = f"{OCI}.manifest.v1+json", **more: Any) -> str:
        listed = [{"mediaType": media_type, "digest": part, "size": 1} for part in parts]
        return self.put({"mediaType": INDEX, "manifests": listed, **more}, tag)

    def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        count = sum(other.method == request.method for other in self.requests)
        self.happen.get((request.method, count), lambda: None)()
        if self.refuse == (request.method, count):
            return Reply(503)
        if request.path == "/v2/":
            return Reply()
        if request.path.startswith("/v2/_catalog"):
            return Reply(body={"repositories": list(self.tags)})
        match = re.match(r"/v2/(.+)/(tags|manifests|blobs)/([^?]+)", request.path)
        assert match
        answers = {"tags": self._tags, "manifests": self._manifests, "blobs": self._blobs}
        return answers[match[2]](request, match[1], match[3])

    def _tags(self, request: Request, repository: str, _reference: str) -> Reply:
        if repository not in self.tags:
            return Reply(404)
        return Reply(body={"tags": list(self.tags[repository])})

    def _blobs(self, request: Request, repository: str, digest: str) -> Reply:
        return Reply(body=self.blobs[digest]) if digest in self.blobs else Reply(404)

    def _manifests(self, request: Request, repository: str, reference: str) -> Reply:
        tags = self.tags[repository]
        if request.method == "PUT":
            found = self.put(json.loads(request.body), "" if ":" in reference else reference, repository)
            assert self.manifests[found] == request.body
            return Reply(201)
        digest = tags.get(reference, reference)
        if digest not in self.manifests:
            return Reply(404)
        if request.method == "DELETE":
            del self.manifests[digest]
            for tag in [tag for tag, of in tags.items() if of == digest]:
                del tags[tag]
            return Reply(202)
        media_type = json.loads(self.manifests[digest])["mediaType"]
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest}
        return Reply(body=self.manifests[digest], headers=headers)

    def prune(self, policy: Policy = ONE, check_mode: bool = False) -> Outcome:
        with serve(self) as server:
            return Pruning(connect(server.address, plain_http=True), policy, NOW, check_mode).run()

    def fail(self, policy: Policy = ONE) -> DockyardError:
        with pytest.raises(DockyardError) as caught:
            self.prune(policy)
        return caught.value

    def asked(self) -> list[str]:
        """Return what it was asked for after the proof that it deletes."""
        return [request.method for request in self.requests[2:]]


def tags_of(outcome: Outcome) -> list[str]:
    return [entry["tag"] for entry in outcome.deleted]


def test_the_age_of_an_index_is_that_of_its_youngest_image() -> None:
    store = Store()
    store.index("young", store.image(50), store.image(1))
    store.image(10, "image")
    # An attestation has no date, and the date of an annotation needs no further request.
    attested = {"digest": store.image(None), "platform": {"os": "unknown"}}
    part = {"mediaType": f"{OCI}.manifest.v1+json", "digest": store.image(20)}
    store.put({"mediaType": INDEX, "manifests": [part, attested]}, "attested")
    noted = {"org.opencontainers.image.created": "2026-10-30T00:00:00Z"}
    store.index("noted", store.image(90), annotations=noted)
    outcome = store.prune()
    assert tags_of(outcome) == ["attested", "image", "noted"] and not outcome.undated
    assert {entry["tag"]: entry["created"] for entry in outcome.deleted} == {
        "attested": "2026-10-12T00:00:00Z",
        "image": "2026-10-22T00:00:00Z",
        "noted": "2026-10-30T00:00:00Z",
    }


def test_what_has_no_date_stays() -> None:
    store = Store()
    store.image(None, "undated")
    store.index("half", store.image(5), store.image(None, "part"))
    store.put({"mediaType": f"{OCI}.manifest.v1+json", "config": None, "annotations": []}, "odd")
    store.image(5, "a")
    store.image(6, "b")
    outcome = store.prune()
    assert tags_of(outcome) == ["b"]
    assert [entry["tag"] for entry in outcome.undated] == ["half", "odd", "part", "undated"]


def test_an_index_in_a_kept_index_keeps_what_it_lists() -> None:
    store = Store()
    part = store.image(50, "part")
    inner = store.index("", part)
    store.index("outer", inner, media_type=INDEX)
    store.index("younger", store.image(1))
    outcome = store.prune(Policy((Rule(days=30),)))
    # The index in the index is as old as the only image in it.
    assert sorted(tags_of(outcome)) == ["outer", "part"]
    store = Store()
    part = store.image(50, "part")
    store.index("outer", store.index("", part), media_type=INDEX)
    outcome = store.prune(Policy((Rule(days=30),), ("outer",)))
    assert not outcome.deleted and [entry["needed_by"] for entry in outcome.kept] == ["index"]


def test_only_what_the_answer_needs_is_asked_for() -> None:
    store = Store()
    for number in range(10):
        store.image(number, f"t{number}")
    for repository in ("few", "none"):
        store.image(5, "t", repository)
    outcome = store.prune(Policy((Rule(keep=4),)))
    assert outcome.repositories == 3 and outcome.tags == 12
    # Of each repository its tags; of one each manifest and date, six deletions, and the proof.
    assert store.asked().count("DELETE") == 6
    assert len(store.asked()) == 3 + 10 + 10 + 6 + 1


def test_check_mode_deletes_nothing() -> None:
    store = Store()
    store.image(1, "a")
    store.image(2, "b")
    assert tags_of(store.prune(check_mode=True)) == ["b"]
    assert list(store.tags["app"]) == ["a", "b"] and "DELETE" not in store.asked()


def test_a_manifest_that_is_gone_by_now_is_no_error() -> None:
    store = Store()
    store.image(1, "a")
    gone = store.image(2, "b")
    store.tags["app"]["dangling"] = "sha256:gone"
    store.happen["DELETE", 2] = lambda: store.manifests.pop(gone)
    assert tags_of(store.prune()) == ["b"]


def test_a_registry_that_is_empty_is_asked_nothing() -> None:
    assert Store().prune().repositories == 0


def moved(store: Store, tag: str, to: str) -> Callable[[], object]:
    return lambda: store.tags["app"].__setitem__(tag, to)


def test_a_tag_that_is_moved_to_an_old_image_costs_nobody_an_image() -> None:
    store = Store()
    store.image(1, "latest")
    old = {tag: store.image(days, tag) for tag, days in (("v1", 30), ("v2", 20), ("v3", 10))}
    # A rollback, right before that image is deleted.
    store.happen["DELETE", 3] = moved(store, "latest", old["v2"])
    error = store.fail()
    assert error.code == "registry_retention_disturbed" and {**old}.items() <= store.tags["app"].items()
    assert error.message.partition("'127")[0] == "Users of Registry "
    assert error.message.endswith(
        " moved or deleted tags of app while old ones were deleted there: latest. All that was deleted there was put"
        " back; look at these tags, and run again while nobody moves tags to old images."
    )
    assert_explained(error)


def test_a_new_tag_that_needs_what_was_deleted_gets_it_back() -> None:
    store = Store()
    store.image(1, "a")
    old = store.image(30, "old")
    store.happen["DELETE", 2] = lambda: store.index("new", old)
    error = store.fail()
    assert error.code == "registry_retention_disturbed" and old in store.manifests
    assert "were deleted there: new. All that" in error.message


def test_a_new_tag_that_needs_nothing_of_it_is_no_disturbance() -> None:
    store = Store()
    store.image(1, "a")
    store.image(30, "old")
    store.happen["DELETE", 2] = lambda: store.image(0, "new")
    assert tags_of(store.prune()) == ["old"]


def test_a_failure_says_what_was_deleted_before() -> None:
    store = Store(refuse=("DELETE", 4))
    for repository in ("a", "b"):
        store.image(1, "new", repository)
        store.image(20, "old", repository)
        store.image(30, "older", repository)
    error = store.fail()
    assert error.changed and error.code == "registry_unhealthy"
    assert error.message.endswith("gets HTTP 503; look at its log. Before that, 2 tags were deleted in 1 repository.")
    # In the second one nothing was deleted yet.
    assert sorted(store.tags["b"]) == ["new", "old", "older"]
    store = Store(refuse=("DELETE", 3))
    for tag, days in (("new", 1), ("old", 20), ("older", 30)):
        store.image(days, tag)
    error = store.fail()
    assert error.changed and error.message.endswith("Before that, 1 tag was deleted in 1 repository.")


def test_what_can_not_be_put_back_is_named() -> None:
    store = Store(refuse=("PUT", 1))
    store.image(1, "latest")
    old = store.image(30, "old")
    store.happen["DELETE", 2] = moved(store, "latest", old)
    error = store.fail()
    assert error.code == "registry_retention_not_undone"
    assert ". What was deleted there could not be put back (Registry '127.0.0.1:" in error.message
    assert error.message.endswith("push old again, or restore the latest backup before garbage is collected.")
    assert_explained(error, changed=True)


def test_what_is_moved_again_after_it_was_put_back_is_named() -> None:
    store = Store()
    store.image(1, "latest")
    old = store.image(30, "old")
    other = store.image(2)
    store.happen["DELETE", 2] = moved(store, "latest", old)
    store.happen["HEAD", 1] = moved(store, "old", other)
    error = store.fail()
    assert error.code == "registry_retention_not_undone"
    assert error.message.endswith("was put back, and old is not as it was; look at who pushes to this repository.")
    assert_explained(error, changed=True)


def test_a_registry_that_deletes_nothing() -> None:
    def refuse(request: Request) -> Reply:
        if request.path.startswith("/v2/_catalog"):
            return Reply(body={"repositories": ["app"]})
        assert request.method == "DELETE", "nothing is read of a mirror"
        return Reply(405, {"errors": [{"code": "UNSUPPORTED"}]})

    with serve(refuse) as server, pytest.raises(DockyardError) as caught:
        Pruning(connect(server.address, plain_http=True), ONE, NOW, True).run()
    assert caught.value.code == "registry_retention_refused"
    assert_explained(caught.value)

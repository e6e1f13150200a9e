# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say by which way images come if no engine answers; registries are real servers.

What an engine has is in the integration target image_info.
"""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._images import plan
from ansible_collections.dockyard.ops.plugins.module_utils._images.recipe import Recipe, Target

TARGETS = {"a": Target("dockyard/a", Recipe(("a1",), ("true",)), "trixie", "amd64")}
POLICY = plan.Policy(renew=False, registry_prefix="", timeout=2)


def wanted(
    name: str = "x", image: str = "x:1", source: plan.Source = "auto", recipe: str = "", **archive: str
) -> plan.Wanted:
    return plan.Wanted(name, image, source, recipe, archive)


class Refusing(http.server.BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_error(401)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def registry() -> Iterator[str]:
    Refusing.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def nobody() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


def test_any_status_is_an_answer(registry: str, nobody: str) -> None:
    assert plan.registry_answers(registry, 2)
    assert Refusing.asked == ["/v2/"]
    assert not plan.registry_answers(nobody, 2)


def test_each_registry_is_asked_once(registry: str, nobody: str) -> None:
    planned = plan.make(
        [
            wanted("one", f"{registry}/a:1", recipe="a"),
            wanted("two", f"{registry}/b:1"),
            wanted("three", f"{nobody}/a:1", recipe="a"),
            wanted("four", f"{nobody}/a:1", "pull"),
            wanted("five", "a:1", "build", "a"),
            wanted("six", "a:1", "archive", path="/a", checksum=f"sha256:{'0' * 64}"),
        ],
        TARGETS,
        POLICY,
        None,
    )
    assert [one.way for one in planned] == ["pull", "pull", "build", "pull", "build", "archive"]
    assert Refusing.asked == ["/v2/"]
    assert planned[0].returned()["registry"] == registry
    assert {(one.image, one.id) for one in planned} == {("", "")}


def test_a_prefix_is_for_what_is_pulled(registry: str) -> None:
    policy = plan.Policy(renew=False, registry_prefix=f"{registry}/", timeout=2)
    planned = plan.make(
        [
            wanted("one", "docker.io/a:1"),
            wanted("two", "a:1", "archive", path="/a", checksum=f"sha256:{'0' * 64}"),
        ],
        TARGETS,
        policy,
        None,
    )
    assert [one.reference for one in planned] == [f"{registry}/library/a:1", "a:1"]


def test_no_way(nobody: str) -> None:
    with pytest.raises(DockyardError) as error:
        plan.make([wanted(image=f"{nobody}/a:1")], TARGETS, POLICY, None)
    assert str(error.value) == (
        f"The registry {nobody} does not answer this host within 2 seconds and there is no recipe to build {nobody}/a:1"
        " from; name a registry that answers in registry_prefix, or use the source archive."
    )
    assert error.value.code == "image_no_way"


CHECKSUM = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("images", "code", "message"),
    [
        ([wanted("x"), wanted("x")], "image_name_twice", "Two images have the same name (x, x); give each a name"),
        ([wanted(source="build")], "image_without_recipe", "x has the source build but no recipe; name one, or"),
        ([wanted(source="archive")], "image_archive_incomplete", "x has the source archive and needs an archive with"),
        (
            [wanted(source="archive", path="/a", url="http://a", checksum=CHECKSUM)],
            "image_archive_incomplete",
            "either path or url",
        ),
        ([wanted(source="archive", path="/a", checksum="md5:1")], "image_archive_incomplete", "a checksum of sha256:"),
    ],
)
def test_what_contradicts_itself(images: list[plan.Wanted], code: str, message: str) -> None:
    with pytest.raises(DockyardError) as error:
        plan.make(images, TARGETS, POLICY, None)
    assert message in str(error.value)
    assert error.value.code == code

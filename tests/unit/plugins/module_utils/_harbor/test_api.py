# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Harbor is asked over its API, and what is made of its answers."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.api import Counts, Sample, Unreachable
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_server import (
    Harbor,
    digest,
    serve,
)
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_servers import Pki, free_port, raw

CONTENTS = {
    "library/app": [digest(1), digest(2)],
    "library/team/web_app/api": [digest(3)],
    "library/third": [digest(4)],
    "tools/ci": [digest(5)],
}


def failure(harbor: Harbor, action: str, **options: str | None) -> DockyardError:
    with serve(harbor), pytest.raises(DockyardError) as caught:
        getattr(harbor.api(**options), action)()  # type: ignore[arg-type]
    assert "\n" not in caught.value.message
    return caught.value


# ---- version and health ----


def test_version() -> None:
    with serve(Harbor()) as harbor:
        assert harbor.api().version() == "v2.8.6-6015b3ef"
    # Nobody's password is sent where it is not needed.
    assert [(one.path, one.who) for one in harbor.asked] == [("/api/v2.0/systeminfo", "")]
    assert harbor.asked[0].host == f"harbor.example.com:{harbor.port}"


def test_version_needs_a_login_from_2_13() -> None:
    with serve(Harbor(version="v2.13.1-0123abcd", told_to_anybody=False)) as harbor:
        assert harbor.api().version() == "v2.13.1-0123abcd"
        assert harbor.api(password=None).version() is None
        assert harbor.api(password="wrong").version() is None
    assert [one.who for one in harbor.asked] == ["", "admin", "", "", "nobody"]


def test_version_where_a_wrong_login_is_refused() -> None:
    harbor = Harbor(told_to_anybody=False, prefix="/api")
    with serve(harbor):
        assert harbor.api(password="wrong").version() is None


def test_version_of_1x() -> None:
    with serve(Harbor(version="v1.10.17-b7a53a8a", prefix="/api")) as harbor:
        assert harbor.api().version() == "v1.10.17-b7a53a8a"


def test_healthy() -> None:
    with serve(Harbor()) as harbor:
        health = harbor.api(password=None).health()
    assert health.healthy
    assert health.status == "healthy"
    assert health.components["database"] == "healthy"
    assert len(health.components) == 7
    assert health.errors == {}


def test_unhealthy() -> None:
    with serve(Harbor(ill={"redis": "failed to ping:\n dial tcp: lookup redis"})) as harbor:
        health = harbor.api().health()
    assert not health.healthy
    assert health.status == "unhealthy"
    assert health.components["redis"] == "unhealthy"
    assert health.components["core"] == "healthy"
    assert health.errors == {"redis": "failed to ping: dial tcp: lookup redis"}


def test_health_before_1_8() -> None:
    with serve(Harbor(prefix="/api", has_health=False)) as harbor:
        assert harbor.api().health().healthy
    assert harbor.paths == ["/api/health", "/api/systeminfo"]


def test_no_health_in_2x() -> None:
    problem = failure(Harbor(has_health=False), "health")
    assert "answers /health with HTTP 404; check that the version in the install folder is the one" in problem.message
    assert not isinstance(problem, Unreachable)


# ---- nobody there ----


@pytest.mark.parametrize("action", ["version", "health", "counts", "samples"])
def test_core_is_not_ready(action: str) -> None:
    harbor = Harbor(down=502)
    problem = failure(harbor, action)
    assert isinstance(problem, Unreachable)
    assert problem.message.startswith(f"Harbor at http://127.0.0.1:{harbor.port} is not ready: /api/v2.0/")
    assert problem.message.endswith(" gets HTTP 502; wait for its core, or look at the core's log.")


def test_nobody_listens() -> None:
    harbor = Harbor(port=free_port())
    with pytest.raises(Unreachable) as caught:
        harbor.api().health()
    assert caught.value.message == (
        f"Harbor does not answer at http://127.0.0.1:{harbor.port} (Connection refused); look at its containers and"
        " logs."
    )


def test_silence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(Unreachable, match="timed out"):
        Harbor(port=listener.getsockname()[1]).api(timeout=0.2).health()


def test_no_http() -> None:
    with raw(lambda sock: sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")) as server, pytest.raises(Unreachable):
        Harbor(port=server.port).api().health()


def test_interrupted() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"
    server = raw(lambda sock: sock.sendall(answer) if sock.recv(9999) else None)
    with server as found, pytest.raises(Unreachable, match=r"does not answer at .* .IncompleteRead"):
        Harbor(port=found.port).api().health()


@pytest.mark.parametrize("body", [b"<html>It works!</html>", b"[]", b"null", b"[" * 100_000])
def test_something_else_listens(body: bytes) -> None:
    harbor = Harbor(replies={"/api/v2.0/health": (200, body)})
    problem = failure(harbor, "health")
    assert problem.message.startswith(
        f"What answers at http://127.0.0.1:{harbor.port} is no Harbor: GET /health gets '"
    )
    assert problem.message.endswith("'; check hostname and port in harbor.yml, and what else listens there.")


def test_tls_without_verification(tmp_path: Path) -> None:
    pki = Pki(tmp_path)
    with serve(Harbor(), pki.context("server-expired")) as harbor:
        assert harbor.api().health().healthy


# ---- counts ----


def test_counts() -> None:
    with serve(Harbor(repositories=CONTENTS, empty_projects=("empty",))) as harbor:
        assert harbor.api().counts() == Counts(projects=3, repositories=4, users=3)
    assert [one.who for one in harbor.asked] == ["admin", "admin"]


def test_counts_of_1x() -> None:
    with serve(Harbor(repositories=CONTENTS, prefix="/api")) as harbor:
        assert harbor.api().counts() == Counts(projects=2, repositories=4, users=3)


def test_wrong_password() -> None:
    assert failure(Harbor(), "counts", password="wrong").message == (
        "Harbor refuses the login of user 'admin' (HTTP 401); the password of admin in harbor.yml is the one of the"
        " first start only: give the present one as admin_password."
    )


def test_no_password() -> None:
    problem = failure(Harbor(), "counts", password=None)
    assert problem.message == "Harbor asks for a login for /statistics; give admin_password."


def test_no_administrator() -> None:
    assert failure(Harbor(), "counts", user="alice").message == (
        "Harbor does not tell user 'alice' how many projects and repositories there are; give the login of an"
        " administrator (admin_username, admin_password)."
    )


def test_users_are_not_for_everybody() -> None:
    harbor = Harbor(replies={"/api/v2.0/users": (403, b"{}")})
    assert failure(harbor, "counts").message == (
        "Harbor does not allow /users to user 'admin' (HTTP 403); give the login of an administrator (admin_username,"
        " admin_password)."
    )


# ---- samples ----


def test_samples_from_every_project_first() -> None:
    with serve(Harbor(repositories=CONTENTS, empty_projects=("empty",))) as harbor:
        assert harbor.api().samples(2) == [Sample("library/app", digest(2)), Sample("tools/ci", digest(5))]
        assert harbor.api().samples() == [
            Sample("library/app", digest(2)),
            Sample("tools/ci", digest(5)),
            Sample("library/team/web_app/api", digest(3)),
            Sample("library/third", digest(4)),
        ]
    assert any("/repositories/team%252Fweb_app%252Fapi/artifacts?" in path for path in harbor.paths)
    assert not any("/projects/empty/" in path for path in harbor.paths)


def test_samples_of_many_projects() -> None:
    contents = {f"p{number:03}/app": [digest(number)] for number in range(250)}
    with serve(Harbor(repositories=contents)) as harbor:
        assert len(harbor.api().samples(3)) == 3
        assert len(harbor.asked) < 10
        assert len(harbor.api().samples(1000)) == 250


def test_samples_skip_caches_and_what_is_empty() -> None:
    contents = {"cache/app": [digest(1)], "library/deleted": [], "library/app": [digest(2)]}
    with serve(Harbor(repositories=contents, caches=("cache",))) as harbor:
        assert harbor.api().samples() == [Sample("library/app", digest(2))]


def test_samples_of_1x() -> None:
    with serve(Harbor(repositories={**CONTENTS, "library/deleted": []}, prefix="/api")) as harbor:
        assert harbor.api().samples(3) == [
            Sample("library/app", digest(2)),
            Sample("tools/ci", digest(5)),
            Sample("library/team/web_app/api", digest(3)),
        ]
    assert "/api/repositories?project_id=1&page=1&page_size=100" in harbor.paths


def test_samples_of_an_empty_harbor() -> None:
    with serve(Harbor()) as harbor:
        assert harbor.api().samples() == []


# ---- the registry ----


def test_has() -> None:
    with serve(Harbor(repositories=CONTENTS)) as harbor:
        api = harbor.api()
        assert api.has(Sample("library/app", digest(1)))
        assert not api.has(Sample("library/app", digest(9)))
        assert api.has(Sample("library/team/web_app/api", digest(3)))
        assert not api.has(Sample("project-that-is-gone/app", digest(1)))
    asked = [(one.method, one.path.partition("?")[0], one.who) for one in harbor.asked[:3]]
    manifest = f"/v2/library/app/manifests/{digest(1)}"
    assert asked == [
        ("HEAD", manifest, ""),
        ("GET", "/service/token", "admin"),
        ("HEAD", manifest, "for:repository:library/app:pull"),
    ]


def test_has_with_basic_auth() -> None:
    with serve(Harbor(repositories=CONTENTS, basic_registry=True)) as harbor:
        assert harbor.api().has(Sample("library/app", digest(1)))
    assert [one.who for one in harbor.asked] == ["", "admin"]


@pytest.mark.parametrize("basic", [True, False])
def test_has_with_a_wrong_password(basic: bool) -> None:
    harbor = Harbor(repositories=CONTENTS, basic_registry=basic)
    with serve(harbor), pytest.raises(DockyardError, match="Harbor refuses the login of user 'admin' .HTTP 401."):
        harbor.api(password="wrong").has(Sample("library/app", digest(1)))


def test_has_what_a_policy_forbids_to_pull() -> None:
    harbor = Harbor(replies={f"/v2/library/app/manifests/{digest(1)}": (412, b"{}")})
    with serve(harbor):
        assert harbor.api().has(Sample("library/app", digest(1)))


def test_has_while_the_registry_is_down() -> None:
    harbor = Harbor(replies={f"/v2/library/app/manifests/{digest(1)}": (503, b"")})
    with serve(harbor), pytest.raises(Unreachable):
        harbor.api().has(Sample("library/app", digest(1)))


@pytest.mark.parametrize("body", [b"{}", b'{"token": "a\\r\\nb"}'])
def test_useless_token(body: bytes) -> None:
    harbor = Harbor(repositories=CONTENTS, replies={"/service/token": (200, body)})
    with serve(harbor), pytest.raises(DockyardError) as caught:
        harbor.api().has(Sample("library/app", digest(1)))
    assert caught.value.message == "Harbor gives no usable token at /service/token; look at the core's log."


@pytest.mark.parametrize("action", ["counts", "samples"])
def test_messages_do_not_show_the_password(action: str) -> None:
    assert "hunter2" not in failure(Harbor(), action, password="hunter2").message

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registry answers, and what becomes of it: login, tokens, pages (line 11), manifests, errors."""

from __future__ import annotations

import email.utils
import hashlib
import json
import re
import threading
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._http import auth
from ansible_collections.dockyard.ops.plugins.module_utils._http.client import Unavailable
from ansible_collections.dockyard.ops.plugins.module_utils._registry import contents as registry_contents
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_servers import (
    Pki,
    Reply,
    Request,
    connect,
    free_port,
    raw,
    serve,
    silent,
)

ALICE = "Basic YWxpY2U6c2VjcmV0"
LOGIN = {"username": "alice", "password": "secret"}
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"
UNAUTHORIZED = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required", "detail": None}]}


def always(reply: Reply) -> Callable[[Request], Reply]:
    return lambda request: reply


def failure(answer: Callable[[Request], Reply], action: str = "ping", **options: Any) -> str:
    """Return the message for a user, with the registry's address as REG."""
    with serve(answer) as server:
        registry = connect(server.address, plain_http=True, **options)
        with pytest.raises(DockyardError) as caught:
            result = getattr(registry, action)(*(() if action == "ping" else (10,)))
            list(result)
    assert "\n" not in caught.value.message
    assert_explained(caught.value)
    return caught.value.message.replace(server.address, "REG")


# ---- health ----


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            Reply(404, "<html><h1>Not\n Found</h1></html>", {"Docker-Distribution-Api-Version": ""}),
            "Registry 'REG' is no registry: GET /v2/ gets HTTP 404 and '<html><h1>Not Found</h1></html>';"
            " check host and port, and the proxy in front of it if there is one.",
        ),
        (
            Reply(200, "<html>Welcome to nginx!</html>", {"Docker-Distribution-Api-Version": ""}),
            "Registry 'REG' is no registry: GET /v2/ gets HTTP 200 and '<html>Welcome to nginx!</html>';"
            " check host and port, and the proxy in front of it if there is one.",
        ),
        (
            Reply(500, {"errors": [{"code": "UNKNOWN", "message": "unknown error"}]}),
            "Registry 'REG' is not healthy: GET /v2/ gets HTTP 500, 'UNKNOWN unknown error'; look at its log.",
        ),
        (
            Reply(503, "<html>Bad gateway</html>"),
            "Registry 'REG' is not healthy: GET /v2/ gets HTTP 503; look at its log.",
        ),
        (
            Reply(429, {"errors": [{"code": "TOOMANYREQUESTS", "message": "slow down"}]}, {"Retry-After": "30"}),
            "Registry 'REG' has been asked too often: GET /v2/ gets HTTP 429, 'TOOMANYREQUESTS slow down';"
            " wait 30 seconds, or log in as a user with more rights.",
        ),
        (
            Reply(403, {"errors": [{"code": "DENIED", "message": "requested access is denied"}]}),
            "Registry 'REG' does not allow this to a user without a login: GET /v2/ gets HTTP 403,"
            " 'DENIED requested access is denied'; check the rights of this user.",
        ),
        (
            Reply(400, {"errors": "htpasswd"}),
            "Registry 'REG' does not answer as a registry does: GET /v2/ gets HTTP 400; check host and port,"
            " and its log.",
        ),
        (
            Reply(401, UNAUTHORIZED, {"WWW-Authenticate": 'Basic realm="x"'}),
            "Registry 'REG' asks for a login; give username and password.",
        ),
        (
            Reply(401, "", {"WWW-Authenticate": "Negotiate"}),
            "Registry 'REG' asks for a kind of login that is not known here ('Negotiate'); basic and bearer are.",
        ),
    ],
)
def test_unhealthy(reply: Reply, expected: str) -> None:
    assert failure(always(reply)) == expected


@pytest.mark.parametrize(
    ("reply", "version"),
    [
        (Reply(), "registry/2.0"),
        (Reply(200, "", {"Docker-Distribution-Api-Version": ""}), ""),
        (Reply(200, {}, {"Docker-Distribution-Api-Version": ""}), ""),
    ],
)
def test_healthy(reply: Reply, version: str) -> None:
    with serve(always(reply)) as server:
        registry = connect(server.address, plain_http=True)
        assert registry.ping() == version
        assert not registry.requires_auth


def test_wait_until_it_is_up() -> None:
    port = free_port()
    answers = iter([Reply(503), Reply(503), Reply()])
    started: list[Any] = []

    def start() -> None:
        time.sleep(0.6)
        context = serve(lambda request: next(answers), port=port)
        started.append((context, context.__enter__()))

    thread = threading.Thread(target=start)
    thread.start()
    try:
        assert connect(f"127.0.0.1:{port}", plain_http=True).wait(20) == "registry/2.0"
    finally:
        thread.join()
        started[0][0].__exit__(None, None, None)
    assert started[0][1].paths == ["/v2/"] * 3


def test_wait_in_vain() -> None:
    port = free_port()
    begin = time.monotonic()
    with pytest.raises(DockyardError) as caught:
        connect(f"127.0.0.1:{port}", plain_http=True).wait(1)
    assert 0.5 < time.monotonic() - begin < 30
    assert caught.value.message == (
        f"After 1 second of waiting: Registry '127.0.0.1:{port}' refuses connections on port {port};"
        " start it, or check host and port."
    )


def test_wait_does_not_try_a_wrong_password_again() -> None:
    with serve(basic) as server:
        registry = connect(server.address, plain_http=True, username="alice", password="wrong")
        with pytest.raises(DockyardError):
            registry.wait(60)
        assert len(server.requests) == 2


# ---- basic ----


def basic(request: Request) -> Reply:
    if request.headers.get("authorization") != ALICE:
        return Reply(401, UNAUTHORIZED, {"WWW-Authenticate": 'Basic realm="a, \\"Bearer\\" b"'})
    return Reply(body={"repositories": ["a"]})


def test_basic_login_is_sent_when_it_is_asked_for() -> None:
    with serve(basic) as server:
        registry = connect(server.address, plain_http=True, **LOGIN)
        assert registry.ping() == "registry/2.0"
        assert list(registry.catalog(10)) == ["a"]
        assert registry.requires_auth
        assert [request.headers.get("authorization") for request in server.requests] == [None, ALICE, ALICE]


def test_login_is_not_sent_where_nobody_asks() -> None:
    with serve(always(Reply())) as server:
        registry = connect(server.address, plain_http=True, **LOGIN)
        registry.ping()
        assert not registry.requires_auth
        assert "authorization" not in server.requests[0].headers


def test_wrong_password() -> None:
    text = failure(basic, username="alice", password="wr0ng-secret")
    assert text == "Registry 'REG' refuses the login of user 'alice'; check name and password."
    assert "wr0ng" not in text


def test_password_in_utf8() -> None:
    with serve(basic) as server:
        with pytest.raises(DockyardError):
            connect(server.address, plain_http=True, username="zoë", password="schlüssel:€").ping()
        assert server.requests[1].headers["authorization"] == "Basic em/DqzpzY2hsw7xzc2VsOuKCrA=="


# ---- bearer ----


class TokenServer:
    """A registry that sends to a token server, which is the same server under another path."""

    def __init__(self, **document: Any) -> None:
        self.document = document
        self.address = ""
        self.status = 200
        self.realm = ""

    def __call__(self, request: Request) -> Reply:
        path, dummy, query = request.path.partition("?")
        if path == "/token":
            asked = urllib.parse.parse_qs(query)
            scope = asked.get("scope", [""])[0]
            if request.headers.get("authorization") not in (None, ALICE):
                return Reply(401)
            return Reply(self.status, self.document or {"token": f"for:{scope}"})
        scope = {"/v2/": "", "/v2/_catalog": "registry:catalog:*"}.get(path, f"repository:{path.split('/')[2]}:pull")
        if request.headers.get("authorization") == f"Bearer for:{scope}":
            return Reply(body={"repositories": ["a", "b"], "tags": ["1"]})
        realm = self.realm or f"http://{self.address}/token"
        challenge = f'Bearer realm="{realm}",service="registry.test"' + (f',scope="{scope}"' if scope else "")
        return Reply(401, UNAUTHORIZED, {"WWW-Authenticate": challenge})


def test_tokens() -> None:
    tokens = TokenServer()
    with serve(tokens) as server:
        tokens.address = server.address
        registry = connect(server.address, plain_http=True, **LOGIN)
        registry.ping()
        assert list(registry.catalog(10)) == ["a", "b"]
        assert registry.tags("a", 10) == ["1"]
        assert registry.tags("b", 10) == ["1"]
        assert registry.requires_auth
    asked = [request for request in server.requests if request.path.startswith("/token")]
    assert [request.path for request in asked] == [
        "/token?service=registry.test&account=alice",
        "/token?service=registry.test&scope=registry%3Acatalog%3A%2A&account=alice",
        "/token?service=registry.test&scope=repository%3Aa%3Apull&account=alice",
        "/token?service=registry.test&scope=repository%3Ab%3Apull&account=alice",
    ]
    assert all(request.headers["authorization"] == ALICE for request in asked)
    # The password goes to the token server alone.
    others = [request for request in server.requests if not request.path.startswith("/token")]
    assert all(request.headers.get("authorization") != ALICE for request in others)


def test_token_without_login() -> None:
    tokens = TokenServer()
    with serve(tokens) as server:
        tokens.address = server.address
        assert connect(server.address, plain_http=True).tags("a", 10) == ["1"]
        assert "authorization" not in server.requests[1].headers


@pytest.mark.parametrize(
    ("status", "document", "options", "expected"),
    [
        (200, {}, {"username": "alice", "password": "wrong"}, "Registry 'REG' refuses the login of user 'alice'"),
        (403, {}, {}, "Registry 'REG' refuses access without a login (HTTP 403); give username and password."),
        (500, {}, {}, "Registry 'REG' gives no token but HTTP 500; look at its log."),
        (200, {"token": ""}, {}, "Registry 'REG' answers without a usable token ('{\"token\": \"\"}'); fix it there."),
        (200, {"token": "a\r\nb"}, {}, "Registry 'REG' answers without a usable token"),
    ],
)
def test_token_server_that_gives_none(
    status: int, document: dict[str, Any], options: dict[str, Any], expected: str
) -> None:
    tokens = TokenServer(**document)
    tokens.status = status
    with serve(tokens) as server:
        tokens.address = server.address
        with pytest.raises(DockyardError) as caught:
            connect(server.address, plain_http=True, **options).ping()
    assert caught.value.message.replace(server.address, "REG").startswith(expected)


def test_token_that_does_not_help() -> None:
    tokens = TokenServer(token="useless")
    with serve(tokens) as server:
        tokens.address = server.address
        registry = connect(server.address, plain_http=True, **LOGIN)
        with pytest.raises(DockyardError, match="refuses the login of user 'alice'; check name and password"):
            registry.ping()
        with pytest.raises(DockyardError) as caught:
            list(registry.catalog(10))
        assert caught.value.message == (
            f"Registry '{server.address}' does not list its repositories to user 'alice' (HTTP 401,"
            " 'UNAUTHORIZED authentication required'); name them in repositories, or let this user read the catalog."
        )


def test_token_server_elsewhere_that_is_down() -> None:
    tokens = TokenServer()
    port = free_port()
    tokens.realm = f"http://127.0.0.1:{port}/token"
    with serve(tokens) as server, pytest.raises(DockyardError) as caught:
        connect(server.address, plain_http=True).ping()
    assert caught.value.message == (
        f"Server '127.0.0.1:{port}' (which registry '{server.address}' names) refuses connections on port {port};"
        " start it, or check host and port."
    )


def test_password_is_not_sent_in_the_clear(tmp_path: Any) -> None:
    pki = Pki(tmp_path)
    tokens = TokenServer()
    with serve(tokens) as other, serve(tokens, pki.context()) as server:
        tokens.realm = f"http://{other.address}/token"
        with pytest.raises(DockyardError) as caught:
            connect(server.address, ca_path=pki.path("ca.crt"), **LOGIN).ping()
        assert other.requests == []
    assert caught.value.message == (
        f"Registry '{server.address}' wants the password sent to http://{other.address} in plain HTTP,"
        " which is not done; fix the realm in its configuration."
    )


def test_challenge_without_realm() -> None:
    assert failure(always(Reply(401, "", {"WWW-Authenticate": 'Bearer service="x"'}))) == (
        "Registry 'REG' asks for a token without saying where to get it (no realm in its WWW-Authenticate header);"
        " fix auth.token in its configuration."
    )


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="x"', {"basic": {"realm": "x"}}),
        ("basic", {"basic": {}}),
        (
            'Bearer realm="https://a/t",service="s",scope="repository:a:pull,push"',
            {"bearer": {"realm": "https://a/t", "service": "s", "scope": "repository:a:pull,push"}},
        ),
        ('BEARER realm = "a\\"b" , service=plain', {"bearer": {"realm": 'a"b', "service": "plain"}}),
        ('Basic realm="x", Bearer realm="y"', {"basic": {"realm": "x"}, "bearer": {"realm": "y"}}),
        ("Negotiate", {}),
        ("", {}),
    ],
)
def test_challenges(header: str, expected: dict[str, dict[str, str]]) -> None:
    found = auth.challenges(header)
    assert {scheme: challenge.parameters for scheme, challenge in found.items()} == expected


# ---- pages ----


class Pages:
    """A catalog in pages, with links as registries write them."""

    def __init__(self, names: list[str], link: str = '</v2/_catalog?last={last}&n={n}>; rel="next"') -> None:
        self.names = names
        self.link = link

    def __call__(self, request: Request) -> Reply:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
        n, last = int(query["n"][0]), query.get("last", [""])[0]
        rest = [name for name in self.names if name > last]
        headers = {"Link": self.link.format(last=rest[n - 1], n=n)} if len(rest) > n else {}
        return Reply(body={"repositories": rest[:n]}, headers=headers)


@pytest.mark.parametrize(
    "link",
    [
        '</v2/_catalog?last={last}&n={n}>; rel="next"',
        '<http://internal.invalid:1234/v2/_catalog?last={last}&n={n}>; rel="next"',
        '<?last={last}&n={n}>; rel="next"',
        '</first>; rel="prev", </v2/_catalog?last={last}&n={n}>; rel=next',
    ],
    ids=["relative", "another host", "query", "several"],
)
@pytest.mark.parametrize(("page_size", "requests"), [(1, 5), (2, 3), (5, 1), (100, 1)])
def test_catalog_in_pages(link: str, page_size: int, requests: int) -> None:
    names = ["a", "b/c", "d", "e", "f"]
    with serve(Pages(names, link)) as server:
        assert list(connect(server.address, plain_http=True).catalog(page_size)) == names
        assert len(server.requests) == requests


def endless(request: Request) -> Reply:
    """Answer with one repository, and always with a next page."""
    last = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query).get("last", ["0"])[0]
    link = f'</v2/_catalog?last={int(last) + 1}&n=10>; rel="next"'
    return Reply(body={"repositories": [f"app{last}"]}, headers={"Link": link})


def empty_pages(request: Request) -> Reply:
    """Answer with nothing, and always with a next page."""
    return Reply(body={"repositories": None}, headers=endless(request).headers)


def same_names(request: Request) -> Reply:
    """Answer with the same repository on each page, and always with a next page."""
    return Reply(body={"repositories": ["app"]}, headers=endless(request).headers)


def test_no_more_pages_are_read_than_max_repositories_needs() -> None:
    with serve(endless) as server:
        registry = connect(server.address, plain_http=True)
        query = registry_contents.Query("catalog", max_repositories=3)
        result = registry_contents.gather(registry, query)
        assert [repository["name"] for repository in result["repositories"]] == ["app0", "app1", "app2"]
        assert result["truncated"] is True
        assert len(server.requests) == 4


@pytest.mark.parametrize("answer", [endless, empty_pages, same_names])
@pytest.mark.parametrize("limit", [None, 1000000])
def test_pages_without_end_are_read_until_the_deadline(answer: Callable[[Request], Reply], limit: int | None) -> None:
    with serve(answer) as server:
        registry = connect(server.address, plain_http=True)
        begin = time.monotonic()
        registry.limit(1)
        with pytest.raises(DockyardError) as caught:
            registry_contents.gather(registry, registry_contents.Query("catalog", max_repositories=limit))
        assert 0.9 < time.monotonic() - begin < 30
    assert_explained(caught.value)
    assert caught.value.code == "registry_deadline_passed"
    assert caught.value.message == (
        f"Registry '{server.address}' was not read within 1 second, and GET /v2/_catalog was not the last request;"
        " restrict what is read, or raise deadline."
    )


def test_an_answer_that_takes_longer_than_the_deadline() -> None:
    with raw(silent) as server:
        registry = connect(server.address, plain_http=True, timeout=120)
        registry.limit(0.5)
        begin = time.monotonic()
        with pytest.raises(DockyardError) as caught:
            registry.tags("app", 10)
        assert time.monotonic() - begin < 60
    assert caught.value.code == "registry_deadline_passed"


def too_often(retry_after: str, times: int, then: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
    """Answer so many requests with 429."""
    left = iter(range(times))

    def answer(request: Request) -> Reply:
        if next(left, None) is None:
            return then(request)
        return Reply(
            429, {"errors": [{"code": "TOOMANYREQUESTS"}]}, {"Retry-After": retry_after} if retry_after else {}
        )

    return answer


@pytest.mark.parametrize(
    ("retry_after", "shortest"),
    [("1", 2), ("0", 0.6), ("", 0.6), ("soon", 0.6), ("Mon, 01 Jan 2001 00:00:00 GMT", 0.6)],
)
def test_a_registry_that_is_asked_too_often_is_asked_again_when_it_says(retry_after: str, shortest: float) -> None:
    with serve(too_often(retry_after, 2, always(Reply()))) as server:
        begin = time.monotonic()
        assert connect(server.address, plain_http=True).wait(20) == "registry/2.0"
        assert shortest <= time.monotonic() - begin < shortest + 15
        assert len(server.requests) == 3


def test_a_pause_that_is_longer_than_wait_allows_is_not_begun() -> None:
    with serve(too_often("3600", 9, always(Reply()))) as server:
        begin = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            connect(server.address, plain_http=True).wait(60)
        assert time.monotonic() - begin < 40
        assert len(server.requests) == 1
    assert_explained(caught.value)
    assert caught.value.code == "registry_rate_limited"
    assert caught.value.message == (
        f"After 60 seconds of waiting: Registry '{server.address}' has been asked too often: GET /v2/ gets HTTP 429,"
        " 'TOOMANYREQUESTS'; wait 3600 seconds, or log in as a user with more rights."
    )


@pytest.mark.parametrize(
    ("retry_after", "advice"),
    [("1", "; wait 1 second, or"), ("", "; wait, or"), ("Mon, 01 Jan 2001 00:00:00 GMT", "; wait 1 second, or")],
)
def test_without_wait_it_is_said_how_long_to_wait(retry_after: str, advice: str) -> None:
    assert advice in failure(too_often(retry_after, 9, always(Reply())))


def test_a_time_to_wait_for_may_be_a_date() -> None:
    date = email.utils.formatdate(time.time() + 90, usegmt=True)
    seconds = re.search(r"wait (\d+) seconds", failure(too_often(date, 9, always(Reply()))))
    assert seconds is not None
    assert 80 < int(seconds[1]) <= 90


def test_what_is_left_of_wait_is_for_pauses_while_it_is_read() -> None:
    tags = too_often("1", 2, always(Reply(body={"tags": ["1"]})))
    with serve(lambda request: tags(request) if "/tags/" in request.path else Reply()) as server:
        registry = connect(server.address, plain_http=True)
        registry.wait(20)
        registry.limit(10)
        begin = time.monotonic()
        assert registry.tags("app", 10) == ["1"]
        assert time.monotonic() - begin >= 2


@pytest.mark.parametrize(("wait", "deadline"), [(0, 60), (15, 60), (60, 15)])
def test_neither_wait_nor_the_deadline_is_exceeded_by_pauses(wait: float, deadline: float) -> None:
    tags = too_often("20", 9, always(Reply()))
    with serve(lambda request: tags(request) if "/tags/" in request.path else Reply()) as server:
        registry = connect(server.address, plain_http=True)
        registry.wait(wait)
        registry.limit(deadline)
        begin = time.monotonic()
        with pytest.raises(DockyardError) as caught:
            registry.tags("app", 10)
        assert time.monotonic() - begin < 15  # no pause was made, also on a busy machine
    assert caught.value.code == "registry_rate_limited"
    assert "wait 20 seconds" in caught.value.message


def test_page_that_repeats_itself() -> None:
    reply = Reply(body={"repositories": ["a"]}, headers={"Link": '</v2/_catalog?last=a&n=10>; rel="next"'})
    assert failure(always(reply), "catalog") == (
        "Registry 'REG' repeats the page /v2/_catalog for ever; look at its version and its log."
    )


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            Reply(400, {"errors": [{"code": "PAGINATION_NUMBER_INVALID", "message": "invalid number"}]}),
            "Registry 'REG' does not give pages of this length (GET /v2/_catalog gets HTTP 400,"
            " 'PAGINATION_NUMBER_INVALID invalid number'); lower page_size.",
        ),
        (
            Reply(404, "404 page not found"),
            "Registry 'REG' does not list its repositories to a user without a login (HTTP 404);"
            " name them in repositories, or let this user read the catalog.",
        ),
        (
            Reply(405, {"errors": [{"code": "UNSUPPORTED", "message": "The operation is unsupported."}]}),
            "Registry 'REG' does not list its repositories to a user without a login (HTTP 405,"
            " 'UNSUPPORTED The operation is unsupported.'); name them in repositories, or let this user read the"
            " catalog.",
        ),
        (
            Reply(200, "<html>\x00Hello\x1b[31m</html>"),
            "Registry 'REG' answers GET http://REG/v2/_catalog with something that is not JSON"
            " ('<html> Hello [31m</html>'); check host and port, and the proxy in front of it if there is one.",
        ),
        (
            Reply(200, "[" * 100000),
            f"Registry 'REG' answers GET http://REG/v2/_catalog with something that is not JSON ('{'[' * 60}...');"
            " check host and port, and the proxy in front of it if there is one.",
        ),
        (
            Reply(200, {"repositories": "all"}),
            "Registry 'REG' answers GET http://REG/v2/_catalog with JSON that is not a list of repositories"
            ' (\'{"repositories": "all"}\'); check host and port, and the proxy in front of it.',
        ),
        (
            Reply(200, []),
            "Registry 'REG' answers GET http://REG/v2/_catalog with JSON that is not a list of repositories"
            " ('[]'); check host and port, and the proxy in front of it.",
        ),
    ],
)
def test_catalog_that_is_none(reply: Reply, expected: str) -> None:
    assert failure(always(reply), "catalog") == expected


def test_tags() -> None:
    def answer(request: Request) -> Reply:
        if "/gone/" in request.path:
            return Reply(404, {"errors": [{"code": "NAME_UNKNOWN"}]})
        if "/secret/" in request.path:
            return Reply(403, {"errors": [{"code": "DENIED", "message": "no"}]})
        return Reply(body={"name": "x", "tags": None if "/empty/" in request.path else ["1", "2"]})

    with serve(answer) as server:
        registry = connect(server.address, plain_http=True)
        assert registry.tags("team/app", 10) == ["1", "2"]
        assert registry.tags("empty", 10) == []
        assert registry.tags("gone", 10) is None
        with pytest.raises(DockyardError) as caught:
            registry.tags("secret", 10)
        assert server.paths[0] == "/v2/team/app/tags/list?n=10"
    assert caught.value.message == (
        f"Registry '{server.address}' does not show repository 'secret' to a user without a login"
        " (HTTP 403, 'DENIED no'); check the name and the rights of this user."
    )


# ---- contents ----


class Contents:
    """A registry with these tags by repository, and these manifests by digest."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, str] | None] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}

    def add(self, repository: str, tag: str | None, manifest: Any, media_type: str = MANIFEST) -> str:
        content = json.dumps(manifest).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.manifests[f"{repository}@{digest}"] = (media_type, content)
        tags = self.repositories.setdefault(repository, {})
        if tag and tags is not None:
            tags[tag] = digest
        return digest

    def __call__(self, request: Request) -> Reply:
        path = request.path.partition("?")[0]
        if path == "/v2/_catalog":
            return Reply(body={"repositories": sorted(self.repositories)})
        match = re.fullmatch(r"/v2/(.+)/(tags|manifests)/([^/]+)", path)
        if match is None or match[1] not in self.repositories:
            return Reply(404, {"errors": [{"code": "NAME_UNKNOWN"}]})
        tags = self.repositories[match[1]]
        if match[2] == "tags":
            return Reply(body={"name": match[1], "tags": None if tags is None else list(tags)})
        digest = (tags or {}).get(match[3], match[3])
        if f"{match[1]}@{digest}" not in self.manifests:
            return Reply(404, {"errors": [{"code": "MANIFEST_UNKNOWN"}]})
        for wanted in (MANIFEST, INDEX, "manifest.list.v2+json", "oci.image.manifest.v1+json"):
            if wanted not in request.headers["accept"]:
                return Reply(404, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "accept header"}]})
        media_type, content = self.manifests[f"{match[1]}@{digest}"]
        return Reply(body=content, headers={"Content-Type": media_type, "Docker-Content-Digest": digest})

    def gather(self, level: registry_contents.Level = "manifests", **options: Any) -> dict[str, Any]:
        with serve(self) as server:
            query = registry_contents.Query(level, **options)
            registry_contents.check_names(query.repositories)
            result = registry_contents.gather(connect(server.address, plain_http=True), query)
        self.paths = server.paths
        return result


def image(config: int, *layers: tuple[str, int], media_type: str = "application/x") -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "config": {"digest": f"sha256:config{config}", "size": config},
        "layers": [{"digest": f"sha256:{name}", "size": size, "mediaType": media_type} for name, size in layers],
    }


def test_sizes_count_every_blob_once() -> None:
    contents = Contents()
    first = contents.add("a", "1", image(10, ("base", 1000), ("x", 5), ("x", 5)))
    second = contents.add("a", "2", image(11, ("base", 1000), ("y", 7)))
    contents.add("b", "1", image(12, ("base", 1000)))
    assert contents.gather() == {
        "repositories": [
            {
                "name": "a",
                "tags": [
                    {"name": "1", "digest": first, "media_type": MANIFEST, "size_bytes": 1015, "platforms": []},
                    {"name": "2", "digest": second, "media_type": MANIFEST, "size_bytes": 1018, "platforms": []},
                ],
                "size_bytes": 1000 + 5 + 7 + 10 + 11,
            },
            {
                "name": "b",
                "tags": [
                    {
                        "name": "1",
                        "digest": contents.repositories["b"]["1"] if contents.repositories["b"] else "",
                        "media_type": MANIFEST,
                        "size_bytes": 1012,
                        "platforms": [],
                    }
                ],
                "size_bytes": 1012,
            },
        ],
        "missing_repositories": [],
        "truncated": False,
        "totals": {"repositories": 2, "tags": 3, "size_bytes": 1000 + 5 + 7 + 10 + 11 + 12},
    }


def test_index_of_platforms() -> None:
    contents = Contents()
    amd = contents.add("a", None, image(1, ("base", 100), ("amd", 20)))
    arm = contents.add("a", None, image(2, ("base", 100), ("arm", 30)))
    absent = f"sha256:{'0' * 64}"
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            {"digest": amd, "platform": {"os": "linux", "architecture": "amd64"}},
            {"digest": arm, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
            {"digest": absent, "platform": {"os": "linux", "architecture": "s390x"}},
            {"digest": amd},
        ],
    }
    digest = contents.add("a", "latest", index, INDEX)
    contents.add("a", "same", index, INDEX)
    (repository,) = contents.gather()["repositories"]
    platforms = [
        {"platform": "linux/amd64", "digest": amd, "size_bytes": 121},
        {"platform": "linux/arm64/v8", "digest": arm, "size_bytes": 132},
        {"platform": "linux/s390x", "digest": absent, "size_bytes": None},
        {"platform": "", "digest": amd, "size_bytes": 121},
    ]
    entry = {"digest": digest, "media_type": INDEX, "size_bytes": 153, "platforms": platforms}
    assert repository["tags"] == [{"name": "latest", **entry}, {"name": "same", **entry}]
    # Each platform is asked for once, whatever refers to it.
    assert sum(amd in path for path in contents.paths) == 1
    assert len([path for path in contents.paths if "/manifests/" in path]) == 5


def test_index_that_contains_itself() -> None:
    contents = Contents()
    digest = "sha256:loop"
    contents.repositories["a"] = {"1": digest}
    contents.manifests[f"a@{digest}"] = (INDEX, json.dumps({"manifests": [{"digest": digest}]}).encode())
    (repository,) = contents.gather()["repositories"]
    assert repository["tags"][0]["platforms"] == [{"platform": "", "digest": digest, "size_bytes": 0}]


@pytest.mark.parametrize(
    ("manifest", "size"),
    [
        ({"schemaVersion": 1, "fsLayers": [{"blobSum": "sha256:x"}]}, None),
        (image(1, ("here", 10), media_type="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), 1),
        ({"config": {}, "layers": [{"digest": "sha256:x", "size": "10"}, "odd", None]}, 0),
        ({"config": None, "layers": []}, 0),
    ],
    ids=["schema 1", "foreign layer", "odd", "empty"],
)
def test_unusual_manifests(manifest: dict[str, Any], size: int | None) -> None:
    contents = Contents()
    contents.add("a", "1", manifest)
    (repository,) = contents.gather()["repositories"]
    assert repository["tags"][0]["size_bytes"] == size
    assert repository["size_bytes"] == (size or 0)


def test_digest_is_computed_where_the_registry_names_none() -> None:
    content = json.dumps(image(1, ("x", 1)))

    def answer(request: Request) -> Reply:
        return Reply(body=content, headers={"Content-Type": f"{MANIFEST}; charset=utf-8"})

    with serve(answer) as server:
        found = connect(server.address, plain_http=True).manifest("a", "1")
    digest = f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"
    assert found == (digest, MANIFEST, json.loads(content), content.encode())


def test_tag_that_the_registry_lost() -> None:
    contents = Contents()
    contents.repositories["a"] = {"1": "sha256:lost"}
    (repository,) = contents.gather()["repositories"]
    assert repository["tags"] == [
        {"name": "1", "digest": None, "media_type": None, "size_bytes": None, "platforms": []}
    ]


def test_repository_without_tags() -> None:
    contents = Contents()
    contents.repositories["emptied"] = None
    assert contents.gather()["repositories"] == [{"name": "emptied", "tags": [], "size_bytes": 0}]
    assert contents.gather("tags")["repositories"] == [{"name": "emptied", "tags": []}]


def several() -> Contents:
    contents = Contents()
    for name in ("app", "team/app", "team/db", "zoo"):
        for tag in ("1.0", "1.1", "latest"):
            contents.add(name, tag, image(1, ("x", 1)))
    return contents


def names(result: dict[str, Any]) -> list[str]:
    return [repository["name"] for repository in result["repositories"]]


def test_levels() -> None:
    contents = several()
    assert contents.gather("health") == {}
    assert contents.paths == []
    assert contents.gather("catalog") == {
        "repositories": [{"name": name} for name in ("app", "team/app", "team/db", "zoo")],
        "missing_repositories": [],
        "truncated": False,
        "totals": {"repositories": 4},
    }
    assert contents.paths == ["/v2/_catalog?n=100"]
    tags = contents.gather("tags")
    assert tags["repositories"][0] == {"name": "app", "tags": [{"name": tag} for tag in ("1.0", "1.1", "latest")]}
    assert tags["totals"] == {"repositories": 4, "tags": 12}


def test_named_repositories_need_no_catalog() -> None:
    contents = several()
    result = contents.gather("tags", repositories=("zoo", "nowhere", "app", "app"))
    assert names(result) == ["app", "zoo"]
    assert result["missing_repositories"] == ["nowhere"]
    assert not any("_catalog" in path for path in contents.paths)
    assert names(contents.gather("catalog", repositories=("zoo", "nowhere"))) == ["zoo"]


def test_patterns() -> None:
    contents = several()
    assert names(contents.gather("catalog", repositories=("team/*",))) == ["team/app", "team/db"]
    assert names(contents.gather("catalog", repositories=("*app", "zoo"))) == ["app", "team/app", "zoo"]
    result = contents.gather("tags", tags=("1.*", "nothing"))
    assert [tag["name"] for tag in result["repositories"][0]["tags"]] == ["1.0", "1.1"]


def test_at_most_so_many() -> None:
    contents = several()
    for limit, truncated in ((1, True), (3, True), (4, False), (5, False)):
        result = contents.gather("catalog", max_repositories=limit, page_size=1)
        assert (len(result["repositories"]), result["truncated"]) == (min(limit, 4), truncated)
    result = contents.gather("catalog", repositories=("zoo", "app"), max_repositories=1)
    assert (names(result), result["truncated"]) == (["zoo"], True)


@pytest.mark.parametrize("name", ["Team/App", "app:1.0", "host:5000/app", "../app", "a//b", "/a", "a/", "", "a b"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(
        DockyardError, match="^repositories has '.*', which is no name of a repository; write it like team"
    ):
        Contents().gather(repositories=(name,))

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Asks a Harbor over its own API, through the proxy on this host.

The connection goes to the loopback address and not to Harbor's name, which may lead to a load balancer, to another
host or to nowhere. That is also why the certificate is not verified: what answers there is this host's own proxy.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import ssl
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._http.address import bracketed
from ansible_collections.dockyard.ops.plugins.module_utils._http.auth import challenges
from ansible_collections.dockyard.ops.plugins.module_utils._http.connection import single_line

from .config.document import Endpoint

LOOPBACK = "127.0.0.1"
# The API of 1.x has no artifacts, and names projects by number.
OLD_PREFIX = "/api"
_PAGE = 100
_BODY_LIMIT = 32 * 1024 * 1024
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-f]{32,}")


class Unreachable(DockyardError):
    """A failure that time may fix: nobody answers, or the answer is the server's own failure (502 and the like)."""


@dataclass(frozen=True)
class Health:
    """status: "healthy" or "unhealthy"; components: name to such a status; errors: name to what Harbor says of it."""

    status: str
    components: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def healthy(self) -> bool:
        return self.status == "healthy"


@dataclass(frozen=True)
class Counts:
    projects: int
    repositories: int
    users: int


@dataclass(frozen=True)
class Sample:
    """repository: with its project, as in docker pull; digest: sha256:..."""

    repository: str
    digest: str


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: http.client.HTTPMessage = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        return str(self.headers.get(name) or "")


class HarborApi:
    """timeout: seconds for one request. password None: only what anybody may ask."""

    def __init__(
        self,
        endpoint: Endpoint,
        hostname: str,
        prefix: str,
        user: str = "admin",
        password: str | None = None,
        timeout: float = 10,
    ) -> None:
        self._endpoint = endpoint
        standard = endpoint.port == (443 if endpoint.scheme == "https" else 80)
        host = bracketed(hostname)
        self._host = host if standard else f"{host}:{endpoint.port}"
        self._prefix = prefix
        self._user = user
        self._password = password
        self._timeout = timeout

    # ---- what Harbor says of itself ----

    def version(self) -> str | None:
        """Return the version as Harbor says it ("v2.8.6-abcdef12"); None if it does not say it to this user."""
        # Without the login first: up to 2.12 it is not needed, and a wrong one locks the user out for a while.
        found = self._get("/systeminfo", login=False).get("harbor_version")
        if not found and self._password is not None:
            answer = self._request("GET", f"{self._prefix}/systeminfo", login=True)
            found = (
                None
                if answer.status in (401, 403)
                else self._document(answer, "/systeminfo", dict).get("harbor_version")
            )
        return str(found) if found else None

    def health(self) -> Health:
        answer = self._request("GET", f"{self._prefix}/health")
        if answer.status == 404 and self._prefix == OLD_PREFIX:
            # It came with 1.8; before that, a core that answers is all that can be known.
            self._get("/systeminfo", login=False)
            return Health("healthy", {})
        document = self._document(answer, "/health", dict)
        components = [entry for entry in document.get("components") or [] if isinstance(entry, dict)]
        return Health(
            status=str(document.get("status", "unknown")),
            components={str(entry.get("name")): str(entry.get("status")) for entry in components},
            errors={
                str(entry.get("name")): single_line(str(entry["error"])) for entry in components if entry.get("error")
            },
        )

    # ---- what is in it ----

    def counts(self) -> Counts:
        """Count everything, for which an administrator's login is needed. Raise DockyardError if it is refused."""
        statistics = self._get("/statistics")
        try:
            projects, repositories = int(statistics["total_project_count"]), int(statistics["total_repo_count"])
        except (KeyError, TypeError, ValueError) as error:
            raise DockyardError(
                "harbor_login_refused",
                f"Harbor does not tell user '{self._user}' how many projects and repositories there are; give the"
                " login of an administrator (admin_username, admin_password).",
            ) from error
        path = "/users?page=1&page_size=1"
        answer = self._request("GET", f"{self._prefix}{path}", login=True)
        listed = self._document(answer, path, list)
        total = answer.header("X-Total-Count")
        return Counts(projects, repositories, int(total) if total.isdigit() else len(listed))

    def samples(self, limit: int = 5) -> list[Sample]:
        """Return the newest artifact of some repositories, of one in each project first.

        Projects that are a cache of another registry are left out: what they show is not what they hold.
        """
        found: list[Sample] = []
        later: list[Iterator[str]] = []
        for project in self._pages("/projects"):
            if len(found) >= limit:
                return found
            if not project.get("registry_id") and project.get("repo_count") != 0:
                names = self._repositories(project)
                found += self._next_sample(names)
                later.append(names)
        while later and len(found) < limit:
            names = later.pop(0)
            more = self._next_sample(names)
            if more:
                found += more
                later.append(names)
        return found[:limit]

    def _next_sample(self, names: Iterator[str]) -> list[Sample]:
        """Return a sample of the next repository that has an artifact, if there is one."""
        for name in names:
            digest = self._tagged(name) if self._prefix == OLD_PREFIX else self._newest(name)
            if digest:
                return [Sample(name, digest)]
        return []

    def _repositories(self, project: Mapping[str, Any]) -> Iterator[str]:
        if self._prefix == OLD_PREFIX:
            path = f"/repositories?project_id={int(project.get('project_id', 0))}"
        else:
            path = f"/projects/{urllib.parse.quote(str(project.get('name')), safe='')}/repositories"
        for repository in self._pages(path):
            if repository.get("name"):
                yield str(repository["name"])

    def _newest(self, name: str) -> str | None:
        project, _slash, rest = name.partition("/")
        # The proxy in front decodes once, so that the slashes in a name have to be encoded twice.
        inner = urllib.parse.quote(urllib.parse.quote(rest, safe=""), safe="")
        project = urllib.parse.quote(project, safe="")
        path = f"/projects/{project}/repositories/{inner}/artifacts?page=1&page_size=1"
        for artifact in self._get_list(path):
            digest = str(artifact.get("digest", ""))
            if _DIGEST.fullmatch(digest):
                return digest
        return None

    def _tagged(self, name: str) -> str | None:
        """Return the digest behind the last of a repository's tags, as the registry has it."""
        path = f"/v2/{urllib.parse.quote(name)}"
        answer = self._registry("GET", f"{path}/tags/list", name)
        tags = self._document(answer, f"{path}/tags/list", dict).get("tags") if answer.status == 200 else None
        if not tags:
            return None
        answer = self._registry("HEAD", f"{path}/manifests/{urllib.parse.quote(str(tags[-1]))}", name)
        digest = answer.header("Docker-Content-Digest")
        return digest if answer.status == 200 and _DIGEST.fullmatch(digest) else None

    def has(self, sample: Sample) -> bool:
        """Return whether the registry behind Harbor gives this artifact to this user, asked as docker pull asks."""
        path = f"/v2/{urllib.parse.quote(sample.repository)}/manifests/{sample.digest}"
        answer = self._registry("HEAD", path, sample.repository)
        # 412: it is there, and a policy of its project (unscanned, unsigned) forbids to pull it.
        if answer.status in (200, 404, 412):
            return answer.status != 404
        if answer.status == 401 and "bearer" in challenges(answer.header("WWW-Authenticate")):
            # The login was taken, or there were no token. It is good for nothing if the project is gone.
            return False
        raise self._refused(answer, path)

    # ---- requests ----

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            separator = "&" if "?" in path else "?"
            entries = self._get_list(f"{path}{separator}page={page}&page_size={_PAGE}")
            yield from entries
            if len(entries) < _PAGE:
                return
            page += 1

    def _get(self, path: str, login: bool = True) -> dict[str, Any]:
        found: dict[str, Any] = self._document(self._request("GET", f"{self._prefix}{path}", login=login), path, dict)
        return found

    def _get_list(self, path: str) -> list[dict[str, Any]]:
        found = self._document(self._request("GET", f"{self._prefix}{path}", login=True), path, list)
        return [entry for entry in found if isinstance(entry, dict)]

    def _document(self, answer: _Answer, path: str, kind: type) -> Any:
        if answer.status != 200:
            raise self._refused(answer, path)
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        # An empty list is null where Go's slices are.
        if found is None and kind is list and answer.body.strip() == b"null":
            found = []
        if not isinstance(found, kind):
            raise DockyardError(
                "harbor_answer_unexpected",
                f"What answers at {self._where()} is no Harbor: GET {path} gets"
                f" '{single_line(answer.body.decode(errors='replace'), 60)}'; check hostname and port in harbor.yml,"
                " and what else listens there.",
            )
        return found

    def _refused(self, answer: _Answer, path: str) -> DockyardError:
        resource = urllib.parse.urlsplit(path).path
        if answer.status == 401:
            if self._password is None:
                return DockyardError(
                    "harbor_login_refused", f"Harbor asks for a login for {resource}; give admin_password."
                )
            return DockyardError(
                "harbor_login_refused",
                f"Harbor refuses the login of user '{self._user}' (HTTP 401); the password of admin in harbor.yml is"
                " the one of the first start only: give the present one as admin_password.",
            )
        if answer.status == 403:
            return DockyardError(
                "harbor_login_refused",
                f"Harbor does not allow {resource} to user '{self._user}' (HTTP 403); give the login of an"
                " administrator (admin_username, admin_password).",
            )
        return DockyardError(
            "harbor_answer_unexpected",
            f"Harbor at {self._where()} answers {resource} with HTTP {answer.status}; check that the version in the"
            " install folder is the one that runs, and look at the core's log.",
        )

    def _registry(self, method: str, path: str, repository: str) -> _Answer:
        """Ask the registry: as anybody first, then with what its challenge wants."""
        headers = {"Accept": ", ".join(_MANIFESTS)}
        answer = self._request(method, path, headers)
        if answer.status != 401:
            return answer
        challenge = challenges(answer.header("WWW-Authenticate"))
        if "bearer" not in challenge:
            return self._request(method, path, headers, login=True)
        # Where the token is to be had is named by Harbor's outer address; its path is the same on this host.
        realm = urllib.parse.urlsplit(challenge["bearer"].parameters.get("realm", "")).path or "/service/token"
        query = {
            "service": challenge["bearer"].parameters.get("service", "harbor-registry"),
            "scope": f"repository:{repository}:pull",
        }
        token_answer = self._request("GET", f"{realm}?{urllib.parse.urlencode(query)}", login=True)
        document = self._document(token_answer, realm, dict)
        token = str(document.get("token") or document.get("access_token") or "")
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise DockyardError(
                "harbor_answer_unexpected", f"Harbor gives no usable token at {realm}; look at the core's log."
            )
        return self._request(method, path, {**headers, "Authorization": f"Bearer {token}"})

    def _where(self) -> str:
        return f"{self._endpoint.scheme}://{LOOPBACK}:{self._endpoint.port}"

    def _request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, login: bool = False
    ) -> _Answer:
        """Send one request on a connection of its own: the proxy is restarted while others wait for it."""
        sent = {"Host": self._host, "Accept": "application/json", "User-Agent": "dockyard.ops", **(headers or {})}
        if login and self._password is not None:
            pair = f"{self._user}:{self._password}".encode()
            sent["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
        connection = self._connection()
        try:
            connection.request(method, path, headers=sent)
            response = connection.getresponse()
            body = response.read(_BODY_LIMIT)
            if response.length and method != "HEAD":
                raise http.client.IncompleteRead(body, response.length)
            answer = _Answer(response.status, response.headers, body)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Unreachable(
                "harbor_unreachable",
                f"Harbor does not answer at {self._where()} ({single_line(reason, 80)}); look at its containers and"
                " logs.",
            ) from error
        finally:
            connection.close()
        if answer.status >= 500:
            raise Unreachable(
                "harbor_unreachable",
                f"Harbor at {self._where()} is not ready: {urllib.parse.urlsplit(path).path} gets HTTP {answer.status};"
                " wait for its core, or look at the core's log.",
            )
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        if self._endpoint.scheme != "https":
            return http.client.HTTPConnection(LOOPBACK, self._endpoint.port, timeout=self._timeout)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(LOOPBACK, self._endpoint.port, timeout=self._timeout, context=context)

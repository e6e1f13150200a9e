# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read a registry over its API v2: version check, catalog, tags, manifests."""

from __future__ import annotations

import datetime
import email.utils
import hashlib
import math
import re
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any, NamedTuple

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted
from ansible_collections.dockyard.ops.plugins.module_utils._http import auth, tls
from ansible_collections.dockyard.ops.plugins.module_utils._http import client as http_client
from ansible_collections.dockyard.ops.plugins.module_utils._http.auth import Login
from ansible_collections.dockyard.ops.plugins.module_utils._http.client import Answer, Unavailable
from ansible_collections.dockyard.ops.plugins.module_utils._http.connection import (
    Deadline,
    Origin,
    printable_url,
    single_line,
)

MANIFEST_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)
_JSON = {"Accept": "application/json"}
_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next\b', re.IGNORECASE)
_PAUSE = 0.3


class Manifest(NamedTuple):
    """What a registry has under a tag or a digest. body: byte for byte, as its digest was made of it."""

    digest: str
    media_type: str
    content: dict[str, Any]
    body: bytes


class Head(NamedTuple):
    """What a registry says of a manifest: None for none, "" if it does not name its digest.

    limit, remaining: how many pulls it gives this client, and how many of them are left, if it counts any.
    """

    digest: str | None
    limit: int | None = None
    remaining: int | None = None


class Registry:
    """A connection to one registry. Credentials are sent once it asks for them, and to no other server."""

    def __init__(self, client: http_client.Client, login: Login | None) -> None:
        self._client = client
        self._login = login
        # What to send: the login once it was asked for, or the token for what was asked last.
        self._authorization: str | None = None
        self.requires_auth = False
        # Seconds for which a registry that is asked too often may still be waited for.
        self._patience = 0.0

    @property
    def name(self) -> str:
        """Return how a message calls it, at the beginning of a sentence."""
        return self._client.name(self._client.home)

    @property
    def certificate(self) -> dict[str, object] | None:
        """Return what is to be known of its certificate once it has answered; None without a verified one."""
        return self._client.certificate

    def ping(self) -> str:
        """Return the version that the registry names, '' for none. Raise DockyardError if it is no healthy registry."""
        answer = self._get("/v2/", _JSON)
        version = answer.header("Docker-Distribution-Api-Version")
        if answer.status in (404, 405, 410) or (answer.status == 200 and not version and not _is_object(answer)):
            raise DockyardError(
                "registry_wrong_service",
                f"{self.name} is no registry: GET /v2/ gets HTTP {answer.status} and"
                f" '{single_line(answer.text, 60)}'; check host and port, and the proxy in front of it if there is"
                " one.",
            )
        self._expect(answer, "/v2/")
        return version

    def wait(self, seconds: float) -> str:
        """Do the same as ping, but give an unavailable registry so many seconds to come up.

        What is left of them is for later answers by which a registry asks for a pause.
        """
        end = time.monotonic() + seconds
        while True:
            try:
                version = self.ping()
                self.be_patient(end - time.monotonic())
                return version
            except Unavailable as error:
                pause = _PAUSE if error.retry_after is None else max(_PAUSE, error.retry_after)
                if time.monotonic() + pause >= end:
                    if seconds > 0:
                        error.args = (f"After {counted(seconds, 'second')} of waiting: {error}",)
                    raise
                time.sleep(pause)

    def be_patient(self, seconds: float) -> None:
        """Wait so many seconds in all if the registry asks for pauses."""
        self._patience = max(seconds, 0)

    def limit(self, seconds: float) -> None:
        """Let all requests from now on together take so many seconds."""
        self._client.deadline = Deadline(seconds)

    def catalog(self, page_size: int) -> Iterator[str]:
        """Yield the names of all repositories, page by page."""
        for answer in self._pages("/v2/_catalog", page_size):
            if answer.status in (401, 403, 404, 405):
                raise DockyardError(
                    "registry_access_denied",
                    f"{self.name} does not list its repositories to {self._who}"
                    f" (HTTP {answer.status}{_reason(answer)});"
                    " name them in repositories, or let this user read the catalog.",
                )
            self._expect(answer, "/v2/_catalog")
            yield from self._names(answer, "repositories")

    def tags(self, repository: str, page_size: int) -> list[str] | None:
        """Return the names of a repository's tags; None if there is no such repository."""
        path = f"/v2/{_quote(repository)}/tags/list"
        tags: list[str] = []
        for answer in self._pages(path, page_size):
            if answer.status == 404:
                return None
            if answer.status in (401, 403):
                raise DockyardError(
                    "registry_access_denied",
                    f"{self.name} does not show repository '{repository}' to {self._who}"
                    f" (HTTP {answer.status}{_reason(answer)});"
                    " check the name and the rights of this user.",
                )
            self._expect(answer, path)
            tags += self._names(answer, "tags")
        return tags

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return a manifest; None if there is none."""
        path = _manifest(repository, reference)
        answer = self._get_patiently(path, {"Accept": ", ".join(MANIFEST_TYPES)})
        if answer.status == 404:
            return None
        self._expect(answer, path)
        content = http_client.decode(self._client, answer)
        if not isinstance(content, dict):
            raise self._odd(answer, "a manifest")
        digest = answer.header("Docker-Content-Digest") or f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        media_type = answer.header("Content-Type").partition(";")[0].strip()
        return Manifest(digest, str(content.get("mediaType") or media_type), content, answer.body)

    def digest(self, repository: str, reference: str) -> str | None:
        """Return the digest of a manifest without reading it, which counts as no pull; None if there is none."""
        found = self.head(repository, reference).digest
        if found == "":
            manifest = self.manifest(repository, reference)
            return manifest.digest if manifest else None
        return found

    def head(self, repository: str, reference: str) -> Head:
        """Return what a registry says of a manifest without sending it, which counts as no pull."""
        path = _manifest(repository, reference)
        answer = self._get_patiently(path, {"Accept": ", ".join(MANIFEST_TYPES)}, "HEAD")
        if answer.status != 404:
            self._expect(answer, path, "HEAD")
        digest = None if answer.status == 404 else answer.header("Docker-Content-Digest")
        return Head(digest, *(_pulls(answer.header(f"ratelimit-{name}")) for name in ("limit", "remaining")))

    def delete_manifest(self, repository: str, digest: str) -> Answer | None:
        """Delete a manifest, and with it all tags that it has. Return the answer of a registry that deletes nothing.

        It is no error if there is none.
        """
        path = _manifest(repository, digest)
        answer = self._get_patiently(path, {}, "DELETE")
        if answer.status == 405:
            return answer
        if answer.status not in (202, 404):
            self._expect(answer, path, "DELETE")
        return None

    def put_manifest(self, repository: str, reference: str, manifest: Manifest) -> None:
        """Store a manifest under a tag or its digest."""
        path = _manifest(repository, reference)
        answer = self._get_patiently(path, {"Content-Type": manifest.media_type}, "PUT", manifest.body)
        if answer.status != 201:
            self._expect(answer, path, "PUT")

    def document(self, repository: str, digest: str) -> dict[str, Any] | None:
        """Return a blob that is a JSON object, as the configuration of an image is; None if there is none."""
        path = f"/v2/{_quote(repository)}/blobs/{digest}"
        answer = self._get_patiently(path, {})
        if answer.status == 404:
            return None
        self._expect(answer, path)
        content = http_client.decode(self._client, answer)
        if not isinstance(content, dict):
            raise self._odd(answer, "the configuration of an image")
        return content

    def holds_blob(self, repository: str, digest: str) -> bool:
        """Return whether a repository has a blob; no more than its first byte is read."""
        path = f"/v2/{_quote(repository)}/blobs/{digest}"
        answer = self._get(path, {"Range": "bytes=0-0"})
        # 416: it is there and empty.
        if answer.status in (206, 416):
            return True
        if answer.status == 404:
            return False
        self._expect(answer, path)
        return True

    def begin_upload(self, repository: str) -> int:
        """Begin an upload, and abort it at once. Return the answer's status, 202 if it was begun."""
        path = f"/v2/{_quote(repository)}/blobs/uploads/"
        answer = self._get(path, {}, "POST")
        location = urllib.parse.urlsplit(urllib.parse.urljoin(answer.url, answer.header("Location")))
        if answer.status == 202 and answer.header("Location"):
            self._get(urllib.parse.urlunsplit(("", "", location.path, location.query, "")), {}, "DELETE")
        return answer.status

    @property
    def _who(self) -> str:
        return f"user '{self._login.name}'" if self._login and self.requires_auth else "a user without a login"

    def _pages(self, path: str, page_size: int) -> Iterator[Answer]:
        url = f"{path}?n={page_size}"
        seen = {url}
        while True:
            answer = self._get_patiently(url, _JSON)
            yield answer
            link = _NEXT.search(answer.header("Link"))
            if link is None:
                return
            # Behind a proxy this can name a host that only the registry knows; the page is here all the same.
            following = urllib.parse.urlsplit(urllib.parse.urljoin(answer.url, link[1]))
            url = urllib.parse.urlunsplit(("", "", following.path, following.query, ""))
            if url in seen:
                raise DockyardError(
                    "registry_pages_endless",
                    f"{self.name} repeats the page {path} for ever; look at its version and its log.",
                )
            seen.add(url)

    def _names(self, answer: Answer, key: str) -> list[str]:
        """Return a list of names, which some registries send as null if it is empty."""
        document = http_client.decode(self._client, answer)
        names = document.get(key, 0) if isinstance(document, dict) else 0
        if names is None:
            return []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._odd(answer, f"a list of {key}")
        return names

    def _odd(self, answer: Answer, expected: str) -> DockyardError:
        return DockyardError(
            "registry_wrong_service",
            f"{self.name} answers GET {printable_url(answer.url)} with JSON that is not {expected}"
            f" ('{single_line(answer.text, 60)}'); check host and port, and the proxy in front of it.",
        )

    def _get_patiently(
        self, path: str, headers: dict[str, str], method: http_client.Method = "GET", body: bytes = b""
    ) -> Answer:
        """Send a request again after the pause that the registry asks for, if there is time for it."""
        while True:
            answer = self._get(path, headers, method, body)
            if answer.status != 429:
                return answer
            pause = max(retry_after(answer) or 0, _PAUSE)
            deadline = self._client.deadline
            if pause > self._patience or (deadline is not None and pause >= deadline.end - time.monotonic()):
                return answer
            time.sleep(pause)
            self._patience -= pause

    def _get(
        self,
        path: str,
        headers: dict[str, str],
        method: http_client.Method = "GET",
        body: http_client.Body = b"",
        sink: http_client.Sink | None = None,
    ) -> Answer:
        url = f"{self._client.home}{path}"
        answer = self._send(method, url, headers, body, sink)
        if answer.status != 401:
            return answer
        home = self._client.home
        if Origin.of(answer.url) != home:
            raise DockyardError(
                "registry_login_not_sent",
                f"{self.name} sends {method} {path} on to {printable_url(answer.url)}, which asks for a login that is"
                " not sent to another server; give that server as registry.",
            )
        self.requires_auth = True
        if not self._meet(answer):
            return answer
        return self._send(method, url, headers, body, sink)

    def _send(
        self,
        method: http_client.Method,
        url: str,
        headers: dict[str, str],
        body: http_client.Body,
        sink: http_client.Sink | None,
    ) -> Answer:
        if method == "GET":
            return self._client.get(url, headers, self._authorization, sink)
        return self._client.send(method, url, headers, self._authorization, body)

    def _meet(self, answer: Answer) -> bool:
        """Do what a 401 asks for. Return False if nothing is left to be done."""
        challenges = auth.challenges(answer.header("WWW-Authenticate"))
        if "bearer" in challenges:
            # Tokens are for one repository, and for some minutes.
            self._authorization = f"Bearer {auth.fetch_token(self._client, challenges['bearer'], self._login)}"
            return True
        if "basic" in challenges:
            before, self._authorization = self._authorization, self._login.basic if self._login else None
            return self._authorization != before
        raise DockyardError(
            "registry_login_unknown",
            f"{self.name} asks for a kind of login that is not known here"
            f" ('{single_line(answer.header('WWW-Authenticate'), 60)}'); basic and bearer are.",
        )

    def _expect(self, answer: Answer, path: str, method: http_client.Method = "GET") -> None:
        """Raise the error for every answer but 200."""
        status = answer.status
        if status == 200:
            return
        if http_client.speaks_tls(answer):
            raise http_client.tls_expected(self.name)
        if status == 400 and b"SSL certificate" in answer.body:
            raise tls.refuse_client(f"{self.name} refuses the client certificate", self._client.files)
        if status == 401 and self._login is None:
            raise DockyardError("registry_login_required", f"{self.name} asks for a login; give username and password.")
        if status == 401:
            raise DockyardError(
                "registry_login_refused",
                f"{self.name} refuses the login of user '{self._login.name if self._login else ''}';"
                " check name and password.",
            )
        what = f"{method} {path.partition('?')[0]} gets HTTP {status}{_reason(answer)}"
        if status == 429:
            seconds = retry_after(answer)
            error = Unavailable(
                "registry_rate_limited",
                f"{self.name} has been asked too often: {what}; {_advise(seconds)}, or log in as a user with more"
                " rights.",
            )
            error.retry_after = seconds
            raise error
        if status >= 500:
            raise Unavailable("registry_unhealthy", f"{self.name} is not healthy: {what}; look at its log.")
        if "PAGINATION_NUMBER_INVALID" in answer.text:
            raise DockyardError(
                "registry_page_size_refused",
                f"{self.name} does not give pages of this length ({what}); lower page_size.",
            )
        if status == 403:
            raise DockyardError(
                "registry_access_denied",
                f"{self.name} does not allow this to {self._who}: {what}; check the rights of this user.",
            )
        raise DockyardError(
            "registry_wrong_service",
            f"{self.name} does not answer as a registry does: {what}; check host and port, and its log.",
        )


def retry_after(answer: Answer) -> float | None:
    """Return the seconds after which a server wants to be asked again; None if it does not say so."""
    value = answer.header("Retry-After").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return max((moment - datetime.datetime.now(datetime.timezone.utc)).total_seconds(), 0)


def _pulls(header: str) -> int | None:
    """Return the number in a header such as C(100;w=21600)."""
    number = header.partition(";")[0].strip()
    return int(number) if re.fullmatch(r"[0-9]{1,9}", number) else None


def _advise(seconds: float | None) -> str:
    if seconds is None:
        return "wait"
    return f"wait {counted(max(math.ceil(seconds), 1), 'second')}"


def _is_object(answer: Answer) -> bool:
    return answer.body.strip()[:1] == b"{" or not answer.body.strip()


def _reason(answer: Answer) -> str:
    """Return the first error that a registry's answer names, for a message."""
    try:
        first = http_client.loads(answer)["errors"][0]
        text = f"{first.get('code', '')} {first.get('message', '')}".strip()
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return ""
    return f", '{single_line(text, 120)}'" if text else ""


def _manifest(repository: str, reference: str) -> str:
    return f"/v2/{_quote(repository)}/manifests/{urllib.parse.quote(reference, safe=':')}"


def _quote(repository: str) -> str:
    return urllib.parse.quote(repository, safe="/")

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of Harbor's API and registry from this machine's side: fills a Harbor, and counts what is in it."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

MANIFESTS = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
BLOCK = 1 << 20


class HarborClient:
    """address: as in "http://172.18.0.2". Certificates are not verified: they are the tests' own."""

    def __init__(self, address: str, password: str = "Harbor12345", user: str = "admin") -> None:
        self.address = address
        self.login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
        self.prefix = ""

    def ask(
        self, path: str, body: Any = None, login: bool = True, headers: dict[str, str] | None = None, method: str = ""
    ) -> Any:
        """Return the open answer. Raise urllib.error.HTTPError from 400 on, OSError if nothing answers."""
        sent = {**({"Authorization": self.login} if login else {}), **(headers or {})}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        method = method or ("POST" if data else "GET")
        return self.opener.open(urllib.request.Request(self.address + path, data, sent, method=method), timeout=60)

    def api(self, path: str, body: Any = None, login: bool = True) -> Any:
        """Return the content of an answer of the API, whose prefix is asked for first."""
        if not self.prefix:
            self.prefix = self._find_prefix()
        with self.ask(f"{self.prefix}{path}", body, login) as answer:
            content = answer.read()
        return json.loads(content) if content.strip().startswith((b"{", b"[")) else content.decode()

    def _find_prefix(self) -> str:
        for prefix in ("/api/v2.0", "/api"):
            try:
                self.ask(f"{prefix}/health", login=False).close()
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
            else:
                return prefix
        raise OSError(f"{self.address} serves no API of Harbor")

    def listed(self, path: str) -> list[dict[str, Any]]:
        """Return all pages of a list; the number that X-Total-Count says must be theirs."""
        found: list[dict[str, Any]] = []
        page, total = 1, 1
        while len(found) < total:
            mark = "&" if "?" in path else "?"
            with self.ask(f"{self.prefix}{path}{mark}page={page}&page_size=100") as answer:
                total = int(answer.headers["X-Total-Count"])
                found += json.loads(answer.read())
            page += 1
        return found

    def health(self) -> str:
        """Return "healthy", "unhealthy", or why there is no answer."""
        try:
            return str(self.api("/health", login=False)["status"])
        except (OSError, ValueError) as error:
            return str(error)

    def wait(self, seconds: float = 120) -> float:
        """Wait until Harbor is healthy. Return for how many seconds."""
        began = time.monotonic()
        while (found := self.health()) != "healthy":
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"{self.address} is not healthy after {seconds:g} seconds: {found}")
            time.sleep(0.5)
        return time.monotonic() - began

    def version(self) -> str:
        """Return the version as in "2.8.6"; it is reported with a part of the commit behind it."""
        return str(self.api("/systeminfo")["harbor_version"]).removeprefix("v").partition("-")[0]

    def _token(self, repository: str) -> str:
        scope = urllib.parse.quote(f"repository:{repository}:pull")
        with self.ask(f"/service/token?service=harbor-registry&scope={scope}") as answer:
            return f"Bearer {json.loads(answer.read())['token']}"

    def pull(self, repository: str, reference: str, blobs: bool) -> str:
        """Return the digest of a manifest, read as `docker pull` does; with blobs, all of them are read and checked."""
        headers = {"Authorization": self._token(repository), "Accept": MANIFESTS}
        with self.ask(f"/v2/{repository}/manifests/{reference}", headers=headers) as answer:
            content = answer.read()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        manifest = json.loads(content)
        parts = [manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]
        for part in parts if blobs else ():
            found = hashlib.sha256()
            with self.ask(f"/v2/{repository}/blobs/{part}", headers=headers) as answer:
                while block := answer.read(BLOCK):
                    found.update(block)
            if f"sha256:{found.hexdigest()}" != part:
                raise ValueError(f"{repository}: the blob {part} is damaged")
        return digest

    def tags(self, repository: str) -> list[str]:
        with self.ask(f"/v2/{repository}/tags/list", headers={"Authorization": self._token(repository)}) as answer:
            return sorted(json.loads(answer.read())["tags"] or [])

    def repositories(self, project: dict[str, Any]) -> list[str]:
        if self.prefix == "/api":
            found = self.listed(f"/repositories?project_id={project['project_id']}")
        else:
            found = self.listed(f"/projects/{project['name']}/repositories")
        return [item["name"] for item in found]

    def digests(self, repository: str) -> list[str]:
        """Return what Harbor says is in a repository; 1.x knows it from the registry only."""
        if self.prefix == "/api":
            return sorted({self.pull(repository, tag, blobs=False) for tag in self.tags(repository)})
        project, _slash, name = repository.partition("/")
        quoted = urllib.parse.quote(urllib.parse.quote(name, safe=""), safe="")
        return sorted(item["digest"] for item in self.listed(f"/projects/{project}/repositories/{quoted}/artifacts"))

    def registry_opens(self, number: int) -> bool:
        """Return whether the stored password of another registry can still be decrypted."""
        try:
            self.api("/registries/ping", {"id": number})
        except urllib.error.HTTPError:
            return False
        return True

    def census(self, blobs: bool = True) -> dict[str, list[str]]:
        """Return everything that must survive. Each artifact is pulled, so that it is not only listed."""
        self.api("/users/current")
        projects = self.listed("/projects")
        repositories = [name for project in projects for name in self.repositories(project)]
        artifacts = []
        for repository in repositories:
            listed = self.digests(repository)
            pulled = [self.pull(repository, digest, blobs) for digest in listed]
            if listed != pulled:
                raise ValueError(f"{repository}: {listed} are listed and {pulled} were pulled")
            artifacts += [f"{repository}@{digest}" for digest in pulled]
        return {
            "projects": sorted(project["name"] for project in projects),
            "public": sorted(project["name"] for project in projects if project["metadata"]["public"] == "true"),
            "repositories": sorted(repositories),
            "artifacts": sorted(artifacts),
            "users": sorted(user["username"] for user in self.listed("/users")),
            # Those whose stored password can still be decrypted
            "registries": sorted(
                item["name"] for item in self.listed("/registries") if self.registry_opens(item["id"])
            ),
        }

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Harbor's API as far as an upgrade needs it: reading what there is, and filling it for a test."""

from __future__ import annotations

import dataclasses
import os
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

import registry_front
import store
from edition import Edition


@dataclasses.dataclass(frozen=True)
class Answer:
    """body: None for an empty one, bytes for text, anything else becomes JSON."""

    status: int
    body: Any
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


def problem(status: int, code: str, message: str) -> Answer:
    return Answer(status, {"errors": [{"code": code, "message": message}]})


UNAUTHORIZED = problem(401, "UNAUTHORIZED", "unauthorized")
FORBIDDEN = problem(403, "FORBIDDEN", "forbidden")


@dataclasses.dataclass(frozen=True)
class Request:
    """path: below the API's prefix, still quoted."""

    edition: Edition
    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]
    caller: registry_front.Caller

    def answer(self) -> Answer:
        for method, pattern, handle in _ROUTES:
            found = re.fullmatch(pattern, self.path)
            if found and method == self.method:
                return handle(self, *(urllib.parse.unquote(part) for part in found.groups()))
        return problem(404, "NOT_FOUND", f"path {self.path} was not found")

    def paged(self, items: list[Any]) -> Answer:
        page, size = int(self.query.get("page", 1)), min(int(self.query.get("page_size", 10)), 100)
        headers = {"X-Total-Count": str(len(items))}
        if page * size < len(items):
            more = urllib.parse.urlencode({**self.query, "page": page + 1, "page_size": size})
            headers["Link"] = f'<{self.edition.api}{self.path}?{more}>; rel="next"'
        return Answer(200, items[(page - 1) * size : page * size], headers)

    def visible(self) -> list[store.Row]:
        """Return the projects that the caller may see."""
        found = store.rows("SELECT * FROM project ORDER BY project_id")
        member = {row["project_id"] for row in self.memberships()}
        return [row for row in found if row["public"] or self.caller.sysadmin or row["project_id"] in member]

    def memberships(self) -> list[store.Row]:
        return store.rows("SELECT project_id FROM project_member WHERE entity_id = %s", self.caller.user_id)


def ping(request: Request) -> Answer:
    return Answer(200, b"Pong")


def systeminfo(request: Request) -> Answer:
    information: dict[str, Any] = {
        "auth_mode": "db_auth",
        "self_registration": False,
        "banner_message": "",
    }
    if request.caller.name or request.edition.version_is_anonymous:
        endpoint = os.environ["EXT_ENDPOINT"]
        information["harbor_version"] = request.edition.reported
        information["external_url"] = endpoint
        information["registry_url"] = endpoint.partition("://")[2]
    return Answer(200, information)


def statistics(request: Request) -> Answer:
    if not request.caller.name:
        return UNAUTHORIZED
    projects = request.visible()
    counts = {"public": 0, "private": 0}
    repositories = {"public": 0, "private": 0}
    for project in projects:
        kind = "public" if project["public"] else "private"
        counts[kind] += 1
        repositories[kind] += _repository_count(project)
    found: dict[str, int] = {}
    for kind in ("public", "private"):
        found[f"{kind}_project_count"] = counts[kind]
        found[f"{kind}_repo_count"] = repositories[kind]
    if request.caller.sysadmin:
        found["total_project_count"] = sum(counts.values())
        found["total_repo_count"] = sum(repositories.values())
        if request.edition.major >= 2:
            found["total_storage_consumption"] = store.number("SELECT coalesce(sum(size), 0) FROM artifact")
    return Answer(200, found)


def _repository_count(project: store.Row) -> int:
    return store.number("SELECT count(*) FROM repository WHERE project_id = %s", project["project_id"])


def _project(project: store.Row) -> dict[str, Any]:
    return {
        "project_id": project["project_id"],
        "name": project["name"],
        "owner_id": project["owner_id"],
        "creation_time": project["creation_time"],
        "repo_count": _repository_count(project),
        "metadata": {"public": str(project["public"]).lower()},
    }


def projects(request: Request) -> Answer:
    wanted = request.query.get("name", "")
    return request.paged([_project(project) for project in request.visible() if wanted in project["name"]])


def project(request: Request, name: str) -> Answer:
    found = store.project(name)
    if found is None or found not in request.visible():
        return problem(404, "NOT_FOUND", f"project {name} not found") if request.caller.name else UNAUTHORIZED
    return Answer(200, _project(found))


def create_project(request: Request) -> Answer:
    if not request.caller.name:
        return UNAUTHORIZED
    name = str(request.body.get("project_name") or "")
    if not re.fullmatch(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", name):
        return problem(400, "BAD_REQUEST", f"project name {name!r} is not legal")
    if store.project(name):
        return problem(409, "CONFLICT", f"The project named {name} already exists")
    public = str((request.body.get("metadata") or {}).get("public", "false")).lower() == "true"
    number = store.add_project(name, public, request.caller.user_id)
    return Answer(201, None, {"Location": f"{request.edition.api}/projects/{number}"})


def _repositories(project_id: int, artifacts: bool) -> list[dict[str, Any]]:
    found = store.rows("SELECT * FROM repository WHERE project_id = %s ORDER BY name", project_id)
    listed = []
    for row in found:
        item = {"id": row["repository_id"], "name": row["name"], "project_id": row["project_id"]}
        if artifacts:
            query = "SELECT count(*) FROM artifact WHERE repository_id = %s"
            item["artifact_count"] = store.number(query, row["repository_id"])
        item["pull_count"] = row["pull_count"]
        listed.append(item)
    return listed


def repositories(request: Request, name: str) -> Answer:
    found = store.project(name)
    if found is None or found not in request.visible():
        return problem(404, "NOT_FOUND", f"project {name} not found") if request.caller.name else UNAUTHORIZED
    return request.paged(_repositories(found["project_id"], artifacts=True))


def artifacts(request: Request, project_name: str, quoted: str) -> Answer:
    name = f"{project_name}/{urllib.parse.unquote(quoted)}"
    found = store.project(project_name)
    if found is None or found not in request.visible():
        return problem(404, "NOT_FOUND", f"project {project_name} not found") if request.caller.name else UNAUTHORIZED
    listed = []
    query = (
        "SELECT artifact.* FROM artifact JOIN repository USING (repository_id)"
        " WHERE repository.name = %s ORDER BY artifact.push_time DESC, artifact.id DESC"
    )
    for row in store.rows(query, name):
        tags = store.rows("SELECT name FROM tag WHERE artifact_id = %s ORDER BY name", row["id"])
        item = {key: row[key] for key in ("id", "digest", "media_type", "size", "push_time", "repository_id")}
        listed.append({**item, "type": "IMAGE", "project_id": found["project_id"], "tags": tags or None})
    return request.paged(listed)


def old_repositories(request: Request) -> Answer:
    found = store.project(request.query.get("project_id", ""))
    if found is None or found not in request.visible():
        return problem(404, "NOT_FOUND", "project not found")
    return request.paged(_repositories(found["project_id"], artifacts=False))


def users(request: Request) -> Answer:
    if not request.caller.sysadmin:
        return FORBIDDEN if request.caller.name else UNAUTHORIZED
    found = store.rows("SELECT * FROM harbor_user WHERE NOT deleted AND user_id > 2 ORDER BY user_id")
    return request.paged([_user(row) for row in found])


def _user(row: store.Row) -> dict[str, Any]:
    shown = ("user_id", "username", "email", "realname", "sysadmin_flag", "creation_time")
    return {key: row[key] for key in shown}


def current_user(request: Request) -> Answer:
    found = store.rows("SELECT * FROM harbor_user WHERE user_id = %s", request.caller.user_id)
    return Answer(200, _user(found[0])) if found else UNAUTHORIZED


def create_user(request: Request) -> Answer:
    if not request.caller.sysadmin:
        return FORBIDDEN if request.caller.name else UNAUTHORIZED
    body = request.body
    if store.rows("SELECT 1 FROM harbor_user WHERE username = %s", body.get("username")):
        return problem(409, "CONFLICT", f"user {body.get('username')} or email already in use")
    values = (str(body.get(key, "")) for key in ("username", "password", "email", "realname"))
    number = store.add_user(*values)
    return Answer(201, None, {"Location": f"{request.edition.api}/users/{number}"})


def registries(request: Request) -> Answer:
    if not request.caller.sysadmin:
        return FORBIDDEN if request.caller.name else UNAUTHORIZED
    return request.paged(store.rows("SELECT id, name, url FROM registry ORDER BY id"))


def create_registry(request: Request) -> Answer:
    if not request.caller.sysadmin:
        return FORBIDDEN if request.caller.name else UNAUTHORIZED
    credential = request.body.get("credential") or {}
    number = store.number(
        "INSERT INTO registry (name, url, access_key, access_secret) VALUES (%s, %s, %s, %s) RETURNING id",
        *(request.body.get("name"), request.body.get("url"), credential.get("access_key")),
        store.encrypt(str(credential.get("access_secret", ""))),
    )
    return Answer(201, None, {"Location": f"{request.edition.api}/registries/{number}"})


def ping_registry(request: Request) -> Answer:
    """Tell whether the password of another registry can be decrypted; the real one asks that registry."""
    found = store.rows("SELECT access_secret FROM registry WHERE id = %s", request.body.get("id"))
    if not request.caller.sysadmin or not found:
        return UNAUTHORIZED if not request.caller.name else problem(404, "NOT_FOUND", "registry not found")
    try:
        store.decrypt(found[0]["access_secret"])
    except ValueError as error:
        return problem(500, "UNKNOWN", str(error))
    return Answer(200, None)


_ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "/ping", ping),
    ("GET", "/systeminfo", systeminfo),
    ("GET", "/statistics", statistics),
    ("GET", "/projects", projects),
    ("POST", "/projects", create_project),
    ("GET", "/projects/([^/]+)", project),
    ("GET", "/projects/([^/]+)/repositories", repositories),
    ("GET", "/projects/([^/]+)/repositories/([^/]+)/artifacts", artifacts),
    ("GET", "/repositories", old_repositories),
    ("GET", "/users", users),
    ("POST", "/users", create_user),
    ("GET", "/users/current", current_user),
    ("GET", "/registries", registries),
    ("POST", "/registries", create_registry),
    ("POST", "/registries/ping", ping_registry),
)

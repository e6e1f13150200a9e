# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What core keeps in PostgreSQL: users, projects, repositories, artifacts and the other registries it knows."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import importlib
import os
import pathlib
import secrets
from collections.abc import Iterator
from typing import Any

# Only in the images; nothing knows its types.
psycopg2: Any = importlib.import_module("psycopg2")
Row = dict[str, Any]
SECRET_KEY = pathlib.Path("/etc/core/key")


def connect() -> Any:
    """Open a connection. Raise psycopg2.OperationalError while the server can't be reached or refuses the password."""
    return psycopg2.connect(
        host=os.environ["POSTGRESQL_HOST"],
        port=os.environ["POSTGRESQL_PORT"],
        user=os.environ["POSTGRESQL_USERNAME"],
        password=os.environ["POSTGRESQL_PASSWORD"],
        dbname=os.environ["POSTGRESQL_DATABASE"],
        connect_timeout=5,
    )


@contextlib.contextmanager
def cursor() -> Iterator[Any]:
    """Open one transaction on a connection of its own."""
    connection = connect()
    try:
        with connection, connection.cursor() as opened:
            yield opened
    finally:
        connection.close()


def rows(statement: str, *values: Any) -> list[Row]:
    with cursor() as opened:
        opened.execute(statement, values)
        names = [column[0] for column in opened.description or ()]
        return [dict(zip(names, row)) for row in opened.fetchall()] if names else []


def number(statement: str, *values: Any) -> int:
    return int(next(iter(rows(statement, *values)[0].values())))


def hashed(password: str, salt: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 4096, 16).hex()


def first_password(password: str) -> None:
    """Give admin a password if it has none yet: at the first start, and never again."""
    salt = secrets.token_hex(16)
    with cursor() as opened:
        opened.execute(
            "UPDATE harbor_user SET password = %s, salt = %s WHERE username = 'admin' AND salt = ''",
            (hashed(password, salt), salt),
        )


def user(name: str, password: str) -> Row | None:
    """Return the user with this name and password."""
    found = rows("SELECT * FROM harbor_user WHERE username = %s AND NOT deleted", name)
    if found and found[0]["salt"] and hmac.compare_digest(found[0]["password"], hashed(password, found[0]["salt"])):
        return found[0]
    return None


def add_user(name: str, password: str, email: str, realname: str) -> int:
    salt = secrets.token_hex(16)
    return number(
        "INSERT INTO harbor_user (username, password, salt, email, realname) VALUES (%s, %s, %s, %s, %s)"
        " RETURNING user_id",
        *(name, hashed(password, salt), salt, email, realname),
    )


def add_project(name: str, public: bool, owner: int) -> int:
    with cursor() as opened:
        opened.execute(
            "INSERT INTO project (owner_id, name, public) VALUES (%s, %s, %s) RETURNING project_id",
            (owner, name, public),
        )
        project = int(opened.fetchone()[0])
        opened.execute(
            "INSERT INTO project_member (project_id, entity_id, role) VALUES (%s, %s, 1)",
            (project, owner),
        )
        return project


def project(name_or_id: str) -> Row | None:
    column = "project_id" if name_or_id.isdigit() else "name"
    found = rows(f"SELECT * FROM project WHERE {column} = %s", name_or_id)
    return found[0] if found else None


def may(user_id: int, sysadmin: bool, project_id: int) -> bool:
    """Return whether a user may push into a project."""
    member = "SELECT count(*) FROM project_member WHERE project_id = %s AND entity_id = %s"
    return sysadmin or number(member, project_id, user_id) > 0


def pushed(
    repository: str, project_id: int, digest: str, kind: str, size: int, tag: str | None, artifacts: bool
) -> None:
    """Note a manifest. artifacts: whether this version keeps them in the database (from 2.0 on)."""
    with cursor() as opened:
        opened.execute(
            "INSERT INTO repository (name, project_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (repository, project_id),
        )
        if not artifacts:
            return
        opened.execute("SELECT repository_id FROM repository WHERE name = %s", (repository,))
        repository_id = opened.fetchone()[0]
        opened.execute(
            "INSERT INTO artifact (repository_id, digest, media_type, size) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (repository_id, digest) DO UPDATE SET media_type = excluded.media_type RETURNING id",
            (repository_id, digest, kind, size),
        )
        artifact_id = opened.fetchone()[0]
        if tag:
            opened.execute(
                "INSERT INTO tag (repository_id, artifact_id, name) VALUES (%s, %s, %s)"
                " ON CONFLICT (repository_id, name) DO UPDATE SET artifact_id = excluded.artifact_id",
                (repository_id, artifact_id, tag),
            )


def _keystream(length: int, nonce: bytes) -> bytes:
    key = SECRET_KEY.read_bytes()
    blocks = [hashlib.sha256(key + nonce + bytes([block])).digest() for block in range(length // 32 + 1)]
    return b"".join(blocks)[:length]


def encrypt(text: str) -> str:
    """Encrypt with the secretkey of the data volume."""
    nonce, data = secrets.token_bytes(16), text.encode()
    body = bytes(a ^ b for a, b in zip(data, _keystream(len(data), nonce)))
    seal = hmac.digest(SECRET_KEY.read_bytes(), nonce + body, "sha256")
    return base64.b64encode(nonce + seal + body).decode()


def decrypt(text: str) -> str:
    """Decrypt. Raise ValueError if the secretkey is not the one that it was encrypted with."""
    data = base64.b64decode(text)
    nonce, seal, body = data[:16], data[16:48], data[48:]
    if not hmac.compare_digest(seal, hmac.digest(SECRET_KEY.read_bytes(), nonce + body, "sha256")):
        raise ValueError("cipher: message authentication failed")
    return bytes(a ^ b for a, b in zip(body, _keystream(len(body), nonce))).decode()

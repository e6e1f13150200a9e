# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database's schema, and its migration when core starts.

A table says how far it got, and whether it was interrupted.
"""

from __future__ import annotations

from typing import Any, Callable

from edition import SCHEMA, Edition

Connection = Any

BASE = """
CREATE TABLE harbor_user (
  user_id serial PRIMARY KEY, username text UNIQUE NOT NULL, email text, realname text, password text NOT NULL,
  salt text NOT NULL DEFAULT '', sysadmin_flag boolean NOT NULL DEFAULT false, deleted boolean NOT NULL DEFAULT false,
  creation_time timestamptz DEFAULT now());
INSERT INTO harbor_user (username, email, password, sysadmin_flag) VALUES ('admin', 'admin@example.com', '', true);
INSERT INTO harbor_user (username, email, password, deleted) VALUES ('anonymous', NULL, '', true);
CREATE TABLE project (
  project_id serial PRIMARY KEY, owner_id int NOT NULL REFERENCES harbor_user (user_id), name text UNIQUE NOT NULL,
  public boolean NOT NULL DEFAULT false, creation_time timestamptz DEFAULT now());
CREATE TABLE project_member (
  id serial PRIMARY KEY, project_id int NOT NULL, entity_id int NOT NULL, entity_type char(1) DEFAULT 'u', role int);
INSERT INTO project (owner_id, name, public) VALUES (1, 'library', true);
INSERT INTO project_member (project_id, entity_id, role) VALUES (1, 1, 1);
CREATE TABLE repository (
  repository_id serial PRIMARY KEY, name text UNIQUE NOT NULL, project_id int NOT NULL, pull_count int DEFAULT 0,
  creation_time timestamptz DEFAULT now());
CREATE TABLE registry (id serial PRIMARY KEY, name text UNIQUE, url text, access_key text, access_secret text);
CREATE TABLE properties (k text PRIMARY KEY, v text);
"""
ARTIFACTS = """
CREATE TABLE artifact (
  id serial PRIMARY KEY, repository_id int NOT NULL, digest text NOT NULL, media_type text, size bigint,
  push_time timestamptz DEFAULT now(), UNIQUE (repository_id, digest));
CREATE TABLE tag (
  id serial PRIMARY KEY, repository_id int NOT NULL, artifact_id int NOT NULL, name text NOT NULL,
  UNIQUE (repository_id, name));
"""
STEPS = {
    4: BASE,
    10: "CREATE TABLE quota (id serial PRIMARY KEY, reference text, hard text)",
    15: "CREATE TABLE cve_whitelist (id serial PRIMARY KEY, project_id int, items text)",
    30: ARTIFACTS,
    40: "ALTER TABLE cve_whitelist RENAME TO cve_allowlist",
    50: "CREATE TABLE role_permission (id serial PRIMARY KEY, role_type text, role_id int)",
    60: "ALTER TABLE artifact ADD COLUMN icon text",
    70: "CREATE TABLE system_artifact (id serial PRIMARY KEY, repository text)",
    80: "ALTER TABLE project_member ADD COLUMN update_time timestamptz DEFAULT now()",
    90: "CREATE TABLE job_queue_status (id serial PRIMARY KEY, job_type text, paused boolean)",
    100: "ALTER TABLE repository ADD COLUMN update_time timestamptz DEFAULT now()",
    110: "ALTER TABLE artifact ADD COLUMN artifact_type text",
    120: "CREATE TABLE vulnerability_record (id serial PRIMARY KEY, cve_id text)",
    130: "ALTER TABLE project ADD COLUMN update_time timestamptz DEFAULT now()",
    140: "ALTER TABLE artifact ADD COLUMN subject text",
    150: "CREATE TABLE sbom_report (id serial PRIMARY KEY, artifact_id int, report text)",
    160: "CREATE TABLE audit_log_ext (id serial PRIMARY KEY, operation text)",
    170: "ALTER TABLE harbor_user ADD COLUMN password_version text DEFAULT 'sha256'",
    180: "CREATE INDEX idx_artifact_push_time ON artifact (push_time)",
}
# What a migration that fails leaves behind: no older version runs on that.
BREAKS = "ALTER TABLE project RENAME COLUMN name TO name_of_project"
LOSES = "DELETE FROM project WHERE project_id = (SELECT max(project_id) FROM project)"


class Failed(Exception):
    """The schema can't be migrated; core ends with this."""


def migrate(connection: Connection, edition: Edition, fault: str, artifacts: Callable[[], None]) -> None:
    """Bring the schema to this version. artifacts: fills in what 1.x did not keep in the database."""
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE IF NOT EXISTS schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL)")
    cursor.execute("SELECT version, dirty FROM schema_migrations")
    row = cursor.fetchone()
    version, dirty = row or (0, False)
    if dirty:
        raise Failed(f"Dirty database version {version}. Fix and force version.")
    if version > edition.schema:
        raise Failed(
            f"no migration found for version {version}: read down for version {version} .: file does not exist"
        )
    for _minor, number in SCHEMA:
        if not version < number <= edition.schema:
            continue
        print(f"[INFO] migrating the schema to version {number}", flush=True)
        _record(cursor, number, dirty=True)
        if fault == "migration-fails" and number == edition.schema:
            cursor.execute(BREAKS)
            reason = "cannot alter type of a column used by a view or rule"
            raise Failed(
                f"migration failed: {reason} in line 0: /* {number} */\n{STEPS[number]};\n"
                f" (details: ERROR: {reason} (SQLSTATE 0A000))"
            )
        cursor.execute(STEPS[number])
        if number == 30 and version > 0:
            artifacts()
        _record(cursor, number, dirty=False)
    if fault == "loses-data" and version < edition.schema:
        cursor.execute(LOSES)


def _record(cursor: Any, number: int, dirty: bool) -> None:
    cursor.execute("DELETE FROM schema_migrations")
    cursor.execute("INSERT INTO schema_migrations VALUES (%s, %s)", (number, dirty))

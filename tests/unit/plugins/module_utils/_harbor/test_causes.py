# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real logs say of why a Harbor does not come up: excerpts as programs write them, and the clause of each."""

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.causes import error_lines, find_cause

AT = "2026-11-24T05:00:00Z"
STARTS = [
    "Appending internal tls trust CA to ca-bundle ...",
    (
        "2026/11/24 05:00:00.287 [D]  init global config instance failed. If you do not use this, just ignore it. open"
        " conf/app.conf: no such file or directory"
    ),
    f"{AT} [INFO] [/core/main.go:161]: initializing configurations...",
    f"{AT} [INFO] [/pkg/task/dao/execution.go:471]: Upgrading schema for pgsql ...",
]
SQL = ["/*", "Add new column creator_ref for table robot.", "*/"] + [
    f"ALTER TABLE robot ADD COLUMN c{n} int;" for n in range(300)
]
VIEW = "ERROR: cannot alter type of a column used by a view or rule (SQLSTATE 0A000)"
MIGRATION_FAILS = [
    *STARTS,
    f'{AT} [ERROR] [/common/dao/pgsql.go:144]: Failed to upgrade schema, error: "migration failed: cannot alter type of'
    f" a column used by a view or rule in line 0: {chr(92)}n".join(["", *SQL]) + f' (details: {VIEW})"',
    f"{AT} [FATAL] [/core/main.go:206]: failed to migrate the database, error: migration failed: cannot alter type of a"
    " column used by a view or rule in line 0: " + SQL[0],
    *SQL[1:],
    f" (details: {VIEW})",
]
PANIC = [
    "panic: failed to load configuration, error: failed to load rest config",
    "goroutine 1 [running]:",
    "main.main()",
]
UPGRADE = [
    "upgrade DB from 14 to 15",
    'The files belonging to this database system will be owned by user "postgres".',
    "performing post-bootstrap initialization ... ok",
    "Success. You can now start the database server using:",
    "server started",
    "server stopped",
    "PostgreSQL init process complete; ready for start up.",
    "start to upgrade.",
    "Performing Consistency Checks",
    "-----------------------------",
    "Checking cluster versions                                   ok",
    "Checking database user is the install user                  ok",
]
NOT_UPGRADED = [
    "Failure, exiting",
    "fail to upgrade.",
    "cat: /tmp/pg_upgrade_internal.log: No such file or directory",
    "remove the /var/lib/postgresql/data/pg15 after fail to upgrade.",
]
PG = "2026-11-24 05:00:00.043 UTC [1]"

ROWS = [
    pytest.param(
        {"harbor-core": MIGRATION_FAILS, "harbor-jobservice": PANIC},
        "harbor-core: the migration of the database's schema failed: cannot alter type of a column used by a view or"
        " rule; look for a view or a rule in the database that is not Harbor's, and drop it",
        True,
        id="a view of the user's own",
    ),
    pytest.param(
        {
            "harbor-core": [
                *MIGRATION_FAILS,
                *STARTS,
                (
                    f"{AT} [FATAL] [/core/main.go:206]: failed to migrate the database,"
                    " error: Dirty database version 170. Fix and force version."
                ),
            ]
        },
        "harbor-core: the migration of the database's schema failed: cannot alter type of a column used by a view or"
        " rule; look for a view or a rule in the database that is not Harbor's, and drop it",
        True,
        id="the failed migration before the word dirty",
    ),
    pytest.param(
        {
            "harbor-core": [
                *STARTS,
                (
                    f'{AT} [ERROR] [/common/dao/pgsql.go:144]: Failed to upgrade schema, error: "migration failed:'
                    ' column \\"creator_ref\\" of relation \\"robot\\" already exists in line 0: ALTER TABLE robot;'
                    ' (details: ERROR: column \\"creator_ref\\" of relation \\"robot\\" already exists (SQLSTATE'
                    ' 42701))"'
                ),
            ]
        },
        'harbor-core: the migration of the database\'s schema failed: column "creator_ref" of relation "robot" already'
        " exists",
        True,
        id="quoted in one line",
    ),
    pytest.param(
        {
            "harbor-core": [
                "Sep  2 14:45:46 172.29.0.1 core[3412]: 2019-09-02T06:45:46Z [FATAL] [/core/main.go:103]: failed to"
                ' migrate: migration failed in line 0: ALTER TABLE x; (details: pq: column "data_version" does not'
                " exist)"
            ]
        },
        'harbor-core: the migration of the database\'s schema failed: column "data_version" does not exist',
        True,
        id="of 1.x, from harbor-log's file",
    ),
    pytest.param(
        {
            "harbor-core": [
                *STARTS,
                f"{AT} [FATAL] [/core/main.go:206]: failed to migrate the database, error: 2 errors occurred:",
                "\t* migration failed in line 0: UPDATE artifact SET size = 0; (details: unexpected EOF)",
                "\t* driver: bad connection in line 0: SELECT pg_advisory_unlock($1)",
                "",
                "",
            ]
        },
        "harbor-core: the connection to the database was lost in the midst of the migration of its schema (the database"
        " container has ended, or was ended)",
        True,
        id="database stopped in a migration",
    ),
    pytest.param(
        {
            "harbor-core": [
                f"{AT} [FATAL] [/core/main.go:206]: failed to migrate the database, error: migration failed:"
                " terminating connection due to administrator command in line 0: UPDATE artifact SET size = 0;"
                " (details: FATAL: terminating connection due to administrator command (SQLSTATE 57P01))"
            ]
        },
        "harbor-core: the connection to the database was lost in the midst of the migration of its schema (the database"
        " container has ended, or was ended)",
        True,
        id="database ended in order in a migration",
    ),
    pytest.param(
        {
            "harbor-core": [
                f"{AT} [FATAL] [/core/main.go:206]: failed to migrate the database, error: Dirty database version"
                " 80. Fix and force version."
            ]
        },
        "harbor-core: an earlier migration of the database's schema has failed or was interrupted (Dirty database"
        " version 80)",
        True,
        id="dirty",
    ),
    pytest.param(
        {
            "harbor-core": [
                f"{AT} [FATAL] [/core/main.go:206]: failed to migrate the database, error: no migration found for"
                " version 181: read down for version 181 .: file does not exist"
            ]
        },
        "harbor-core: the database's schema is of a newer Harbor (no migration found for version 181)",
        True,
        id="database of a newer Harbor",
    ),
    pytest.param(
        {
            "harbor-core": [
                "05:45:39 [FATAL] [/core/main.go:179]: failed to migrate the database, error: please upgrade to"
                " version 1.10 first"
            ]
        },
        "harbor-core: the database is of a Harbor before 1.10",
        True,
        id="database of an old Harbor",
    ),
    pytest.param(
        {
            "harbor-db": [
                *UPGRADE,
                "Checking database connection settings                       fatal",
                "",
                "All non-template0 databases must allow connections, i.e. their",
                "pg_database.datallowconn must be true.  Your installation contains",
                "non-template0 databases with their pg_database.datallowconn set to",
                "false.",
                "    /var/lib/postgresql/data/pg15/pg_upgrade_output.d/databases_with_datallowconn_false.txt",
                "",
                *NOT_UPGRADED,
            ],
            "harbor-core": [
                f"{AT} [FATAL] [/core/main.go:192]: failed to initialize database: failed to connect to"
                " tcp:postgresql:5432 after 60 seconds"
            ],
        },
        "harbor-db: pg_upgrade failed at: Checking database connection settings (All non-template0 databases must allow"
        " connections, i.e. their pg_database.datallowconn must be true)",
        False,
        id="pg_upgrade: a database without connections",
    ),
    pytest.param(
        {
            "harbor-db": [
                *UPGRADE,
                "",
                'lc_collate values for database "postgres" do not match:  old "en_US.UTF-8", new "C"',
                *NOT_UPGRADED,
            ]
        },
        "harbor-db: pg_upgrade failed at: Checking database user is the install user (lc_collate values for database"
        ' "postgres" do not match: old "en_US.UTF-8", new "C")',
        False,
        id="pg_upgrade: locales",
    ),
    pytest.param(
        {
            "harbor-db": [
                *UPGRADE,
                "Creating dump of database schemas",
                "  postgres",
                "  registry",
                "*failure*",
                "",
                'Consult the last few lines of "pg_upgrade_dump_16384.log" for',
                "the probable cause of the failure.",
                *NOT_UPGRADED,
            ]
        },
        "harbor-db: pg_upgrade failed at: Creating dump of database schemas",
        False,
        id="pg_upgrade: a dump",
    ),
    pytest.param(
        {
            "harbor-db": [
                *UPGRADE,
                "Copying user relation files",
                "  /var/lib/postgresql/data/pg14/base/16384/2601",
                (
                    'error while copying relation "public.audit_log" ("/var/lib/postgresql/data/pg14/base/16385/16500"'
                    ' to "/var/lib/postgresql/data/pg15/base/16385/16500"): could not write file "x": No space left on'
                    " device"
                ),
                *NOT_UPGRADED,
            ]
        },
        "harbor-db: the file system that it writes to is full (No space left on device)",
        False,
        id="pg_upgrade: no room",
    ),
    pytest.param(
        {
            "harbor-db": [
                "init DB, DB version:15",
                'initdb: error: could not create directory "/var/lib/postgresql/data/pg15": Permission denied',
            ]
        },
        'harbor-db: the new database can\'t be made: could not create directory "/var/lib/postgresql/data/pg15":'
        " Permission denied",
        False,
        id="initdb: owner",
    ),
    pytest.param(
        {
            "harbor-db": [
                "upgrade DB from 15 to 18",
                "failed to determine old cluster checksum setting: pg_controldata failed",
            ]
        },
        "harbor-db: the old database can't be read (pg_controldata failed)",
        False,
        id="checksums of 2.15.2",
    ),
    pytest.param(
        {
            "harbor-db": [
                f"{PG} FATAL:  database files are incompatible with server",
                (
                    f"{PG} DETAIL:  The data directory was"
                    " initialized by PostgreSQL version 15, which is not compatible with this version 18.1."
                ),
            ]
        },
        "harbor-db: the database was made by another PostgreSQL, 15",
        True,
        id="another major",
    ),
    pytest.param(
        {
            "harbor-db": [
                f'{PG} FATAL:  data directory "/var/lib/postgresql/data/pg15" has wrong ownership',
                f"{PG} HINT:  The server must be started by the user that owns the data directory.",
            ]
        },
        'harbor-db: data directory "/var/lib/postgresql/data/pg15" has wrong ownership',
        False,
        id="owner",
    ),
    pytest.param(
        {
            "harbor-db": [
                f"{PG} PANIC:  could not locate a valid checkpoint record",
                f"{PG} LOG:  startup process (PID 27) was terminated by signal 6: Aborted",
            ]
        },
        "harbor-db: the database is damaged: its server finds no valid checkpoint in it",
        True,
        id="damaged",
    ),
    pytest.param(
        {
            "harbor-core": [
                *STARTS,
                (
                    "[ORM]2026/11/24 05:00:00 register db Ping `default`, failed to connect to `host=postgresql"
                    " user=postgres database=registry`: failed SASL auth (FATAL: password authentication failed for"
                    ' user "postgres" (SQLSTATE 28P01))'
                ),
                (
                    f"{AT} [FATAL] [/core/main.go:192]: failed to initialize database: register db Ping `default`,"
                    " failed to connect to `host=postgresql user=postgres database=registry`: failed SASL auth (FATAL:"
                    ' password authentication failed for user "postgres" (SQLSTATE 28P01))'
                ),
            ]
        },
        "harbor-core: the database refuses the password of its user postgres: that in harbor.yml is not the one that it"
        " was made with",
        True,
        id="password",
    ),
    pytest.param(
        {
            "harbor-core": [
                f"{AT} [FATAL] [/core/main.go:192]: failed to initialize database: register db Ping `default`, failed"
                " to connect to `host=postgresql user=postgres database=registry`: server error (FATAL: database"
                ' "registry" does not exist (SQLSTATE 3D000))'
            ]
        },
        "harbor-core: the server is up without a database registry in it",
        True,
        id="empty database",
    ),
    pytest.param(
        {
            "harbor-core": [
                f"{AT} [FATAL] [/core/main.go:192]: failed to initialize database: register db Ping `default`, failed"
                " to connect to `host=postgresql user=postgres database=registry`: server error (FATAL: the database"
                " system is starting up (SQLSTATE 57P03))"
            ],
            "harbor-jobservice": PANIC,
        },
        "harbor-core: the database is still recovering (the database system is starting up)",
        False,
        id="database recovers",
    ),
    pytest.param(
        {
            "harbor-core": [
                f"{AT} [FATAL] [/core/main.go:220]: failed to load key: open /etc/core/key: permission denied"
            ]
        },
        "harbor-core: it may not read /etc/core/key (permission denied)",
        False,
        id="secret key",
    ),
    pytest.param(
        {
            "nginx": [
                'nginx: [emerg] cannot load certificate "/etc/cert/server.crt": BIO_new_file() failed (SSL:'
                " error:02001002:system library:fopen:No such file or directory)"
            ]
        },
        "nginx: nginx can't load the certificate or key /etc/cert/server.crt",
        False,
        id="certificate",
    ),
    pytest.param(
        {
            "harbor-core": [
                f"{AT} [ERROR] [/common/utils/utils.go:114]: failed to connect to tcp://postgresql:5432, retry after"
                " 2 seconds :dial tcp: lookup postgresql on 127.0.0.11:53: no such host"
            ]
        },
        "harbor-core: it does not reach postgresql:5432",
        False,
        id="no database",
    ),
]


@pytest.mark.parametrize(("logs", "expected", "permanent"), ROWS)
def test_causes(logs: dict[str, list[str]], expected: str, permanent: bool) -> None:
    cause = find_cause(logs)
    assert cause is not None
    assert (str(cause), cause.permanent) == (expected, permanent)


def test_what_is_said_at_each_start_is_no_cause() -> None:
    assert find_cause({"harbor-core": STARTS, "harbor-jobservice": PANIC}) is None
    assert error_lines([*STARTS, f"{AT} [ERROR] something else"], 5) == [f"{AT} [ERROR] something else"]


@pytest.mark.parametrize(
    ("log", "lines", "expected"),
    [
        (["starting", "listening"], 5, ["starting", "listening"]),
        (["a", "b", "c"], 2, ["b", "c"]),
        (["starting", "[ERROR] x", "waiting", "FATAL: y", "done"], 5, ["[ERROR] x", "FATAL: y"]),
        (["error 1 at 10:00", "error 1 at 10:01", "panic: z", "error 1 at 10:02"], 5, ["panic: z", "error 1 at 10:02"]),
        (["\x1b[31merror\x1b[0m: red\x00", "", "  "], 5, ["error: red"]),
        (["terrors are no failure"], 5, ["terrors are no failure"]),
        (["error"], 0, []),
        ([], 5, []),
    ],
)
def test_lines_that_speak_of_a_failure(log: list[str], lines: int, expected: list[str]) -> None:
    assert error_lines(log, lines) == expected


def test_long_lines_keep_their_end() -> None:
    shown = error_lines(["error at " + "x" * 5000 + " for this reason"], 1)[0]
    assert len(shown) == 400
    assert shown.startswith("error at xxx")
    assert shown.endswith("xxx for this reason")

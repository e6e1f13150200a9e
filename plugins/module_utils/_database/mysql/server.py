# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A running MySQL or MariaDB: whether it is up, what is in it, and the orders that a change or an upgrade gives it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import server_container, version
from ..docker import Docker, Json
from ..version import Version
from . import accounts, configuration
from .accounts import Database, Grants, User
from .image import CLIENTS
from .passwords import PASSWORDS
from .session import NoAnswer, Refused, Rows, Session, no_answer, refused

ADMIN_FILE, HEALTH_FILE = "admin.cnf", "health.cnf"
_ANSWER = 60.0
_GREETING = 10.0
_LONG = 24 * 3600.0  # seconds that counting may take
_LOG_LINES = 60
_START_LINES = 2000
_READY = "ready for connections"
_MARK = "'dockyard-account'"
_LOGGED = re.compile(r"^\d{4}-\d\d-\d\d[T ]\s?\d+:\d\d:\d\d\S* \d+ ")
_HASH = re.compile(r"\*[0-9A-F]{40}|0x2441[0-9a-f]{60,}")


class Server:
    """The server in a container, spoken to by its own client there, as this collection's account."""

    def __init__(self, docker: Docker, container: str, flavour: str) -> None:
        self._docker = docker
        self.container = container
        self._flavour = flavour
        self.passwords = PASSWORDS[flavour]

    def session(self, seconds: float = _ANSWER) -> Session:
        """Return a login of this collection's account."""
        return Session(self.client(), seconds)

    def long_session(self) -> Session:
        """Return a login in which one answer may take long."""
        return self.session(_LONG)

    def client(self) -> list[str]:
        """Return the command of a client of this collection's account, which reads statements."""
        return self._client(f"--defaults-file={configuration.CONFIG}/{ADMIN_FILE}")

    def _client(self, *options: str) -> list[str]:
        words = ["docker", "exec", "--interactive", self.container, CLIENTS[self._flavour], *options]
        return [*words, "--batch", "--skip-column-names", "--unbuffered", "--default-character-set=utf8mb4"]

    def ask(self, statements: str) -> Rows:
        """Return the rows of statements. Raise DockyardError if there is no answer, or a refusal."""
        try:
            with self.session() as session:
                return session.ask(statements)
        except NoAnswer as error:
            raise no_answer(self.container, error) from error
        except Refused as error:
            raise refused(self.container, _hidden(error)) from error

    # --- whether it is up

    def why_not_up(self) -> str:
        """Return why the server does not answer with its data, "" if it does."""
        try:
            with self.session() as session:
                session.ask("SELECT COUNT(*) FROM mysql.user;")
        except (NoAnswer, Refused) as error:
            return str(error)
        return ""

    def is_starting(self) -> bool:
        """Return whether the server is at a point of its start at which it must not be asked to end.

        A MariaDB that gets SIGTERM there may neither end nor come up, and take no notice of the next one. By trial with
        11.8.9: half of 50 moments of its start.
        """
        details = self._docker.container(self.container)
        if details is None:
            return False
        try:
            with self.session(_GREETING) as session:
                session.ask("SELECT 1;")
        except NoAnswer:
            since = details["State"]["StartedAt"]
            return not details["State"]["Pid"] or _READY not in self._docker.log(self.container, _START_LINES, since)
        except Refused:
            pass
        return False

    def wait(self, seconds: float) -> None:
        """Wait until the server answers. Raise DockyardError with its own last words if it does not."""
        reason = server_container.wait(self._docker, self.container, seconds, self.why_not_up)
        if reason:
            raise DockyardError("mysql_does_not_start", f"{reason} {self.last_words()}")

    def last_words(self) -> str:
        """Return what the server has logged last, as a sentence."""
        said = last_words(self._docker.log(self.container, _LOG_LINES))
        return f"It said: {said}." if said else "It said nothing."

    def version(self) -> Version:
        return version.parse(self.ask("SELECT VERSION();")[0][0])

    # --- its configuration

    def set_live(self, values: Mapping[str, str]) -> None:
        """Set options on the running server. Raise Refused with its own words for one that it can't or won't."""
        statements = [f"SET GLOBAL {name} = {configuration.literal(value)};" for name, value in values.items()]
        try:
            with self.session() as session:
                session.ask("\n".join(statements))
        except NoAnswer as error:
            raise Refused(str(error)) from error

    def differing(self, values: Mapping[str, str]) -> str:
        """Return which option is not in force as the file has it, "" if all are. What is no variable does not count."""
        now = {row[0].lower(): row[1] for row in self.ask("SHOW GLOBAL VARIABLES;") if len(row) == 2}
        for name, value in values.items():
            if name in now and name not in ("bind_address",) and configuration.differs(value, now[name]):
                return f"{name} is '{now[name]}' and not '{value}'"
        return ""

    # --- its users and databases

    def hashes(self) -> dict[tuple[str, str], list[str]]:
        """Return the hashes that let each user in; [] for one who gets in, or does not, in another way."""
        rows = self.ask(self.passwords.QUESTION)
        return {(row[0], row[1]): self.passwords.valid(row[2:]) for row in rows if len(row) > 2}

    def grants(self, user: User) -> Grants:
        """Return the privileges of a user."""
        return self._grants([user.account])[user.account]

    def all_grants(self) -> dict[str, Grants]:
        """Return the privileges of all users and roles, by account as SQL has it."""
        role = "is_role = 'Y'" if self._flavour == "mariadb" else "FALSE"
        rows = self.ask(f"SELECT User, Host, {role} FROM mysql.user;")
        return self._grants(
            [accounts.quoted(row[0]) if row[2] == "1" else accounts.account(row[0], row[1]) for row in rows]
        )

    def _grants(self, names: Sequence[str]) -> dict[str, Grants]:
        admin = accounts.account(accounts.ADMIN, "localhost")
        asked = list(dict.fromkeys([*names, *([admin] if self._flavour == "mysql" else [])]))
        lines: dict[str, list[str]] = {name: [] for name in asked}
        here = lines[asked[0]]
        for row in self.ask(
            "\n".join(f"SELECT {_MARK}, {number};\nSHOW GRANTS FOR {name};" for number, name in enumerate(asked))
        ):
            if row[0] == _MARK.strip("'"):
                here = lines[asked[int(row[1])]]
            else:
                here.append(row[0])
        found = {name: accounts.parse_grants(lines[name]) for name in asked}
        if self._flavour == "mysql":
            # MySQL lists all that there are; this collection's account has all of them.
            everything = found[admin]["*.*"] - {"GRANT OPTION"}
            for grants in found.values():
                if grants.get("*.*", frozenset()) >= everything:
                    grants["*.*"] = frozenset({"ALL PRIVILEGES"} | (grants["*.*"] & {"GRANT OPTION"}))
        return found

    def databases(self) -> dict[str, Database]:
        rows = self.ask(
            "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA;"
        )
        return {row[0]: Database(*row) for row in rows}

    def can_log_in(self, user: User) -> str:
        """Return why a user can't log in from inside of the container, "" if they can.

        The password goes to the client by a pipe alone.
        """
        socket = configuration.SOCKET if user.host == "localhost" else ""
        content = accounts.client_file(user.name, user.password, socket)
        words = ["exec", "--interactive", self.container, CLIENTS[self._flavour], "--defaults-file=/dev/stdin"]
        done = self._docker.try_command(*words, "--execute=SELECT 1", stdin=content)
        return "" if done.returncode == 0 else done.stderr.strip().rpartition("\n")[2] or f"exit {done.returncode}"

    # --- its end

    def stop(self, seconds: float) -> Json:
        """Stop the server with all its data on the disk. Raise DockyardError if it does not end well."""
        details = self._docker.terminate(self.container, seconds)
        code = details["State"]["ExitCode"] if details else -1
        if code != 0:
            raise DockyardError(
                "mysql_not_stopped_cleanly",
                f"The server in the container {self.container} ended with {code} and not with 0. {self.last_words()}",
                changed=True,
            )
        return details


def _hidden(error: Exception) -> Refused:
    return Refused(_HASH.sub("(hash)", str(error)))


def last_words(log: str) -> str:
    """Return the errors in a log, or its last lines if there is none."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    wrong = [line for line in lines if "[ERROR]" in line and "Aborting" not in line]
    chosen = [_LOGGED.sub("", line) for line in (wrong or lines)[-4:]]
    return _HASH.sub("(hash)", "; ".join(chosen))[:500].rstrip(".")

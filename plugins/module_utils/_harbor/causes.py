# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Why a Harbor does not come up, recognized in the logs of its containers.

The messages are those of core, PostgreSQL, pg_upgrade and nginx. A cause is often at the end of a line of thousands of
characters or some lines after the word "fatal", and what is logged last is most often a consequence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

# At each start, whatever becomes of it: beego's, and the job service's while it waits for core.
_HARMLESS = re.compile(r"init global config instance failed|failed to load rest config")
_ERROR_WORDS = re.compile(r"\b(fatal|panic|error|dirty|failed|refused|denied|no migration found)\b", re.IGNORECASE)
_SHOWN = 400  # characters of a line that is not recognized, from its begin and its end
# What harbor-log puts in front: May 19 09:20:03 172.20.0.1 core[1136]: ...
_PREFIX = re.compile(r"^[A-Z][a-z]{2} [ \d]\d [\d:]{8} \S+ [\w.-]+\[\d+\]: ?")
_LOST = re.compile(
    r"driver: bad connection|terminating connection|unexpected EOF|conn closed|connection reset|closed the connection"
)
# SQLSTATE of what other objects depend on; those of Harbor's own schema never hold its migration up.
_DEPENDENT = ("0A000", "2BP01")


@dataclass(frozen=True)
class Cause:
    """container: the one that said it. text: a clause without a full stop. permanent: whether time does not fix it."""

    container: str
    text: str
    permanent: bool

    def __str__(self) -> str:
        return f"{self.container}: {self.text}"


@dataclass(frozen=True)
class _Known:
    """A message that is known. says: makes the clause of what was found, or is the clause, with {groups} in it."""

    found: re.Pattern[str]
    says: str | Callable[[re.Match[str]], str]
    permanent: bool = False


def _migration(found: re.Match[str]) -> str:
    """Return why a statement of the schema's migration failed. Logged with %q, it is in one line and escaped."""
    details = found["why"].replace('\\"', '"').strip()
    if _LOST.search(details) or _LOST.search(found["after"]):
        return (
            "the connection to the database was lost in the midst of the migration of its schema"
            " (the database container has ended, or was ended)"
        )
    why = re.fullmatch(r"(?:ERROR: |pq: )?(.*?)(?: \(SQLSTATE (\w{5})\))?", details, re.DOTALL)
    text, state = (why[1], why[2]) if why else (details, None)
    own = "; look for a view or a rule in the database that is not Harbor's, and drop it" if state in _DEPENDENT else ""
    return f"the migration of the database's schema failed: {_short(text)}{own}"


def _pg_upgrade(found: re.Match[str]) -> str:
    """Return the step at which pg_upgrade failed, and the first sentence of why.

    Its own log, which some messages refer to, is removed with the new database.
    """
    step, lines = found["step"], [line.strip("\r") for line in found["why"].splitlines()]
    if "*failure*" in lines:
        started = [line for line in lines[: lines.index("*failure*")] if line and not line.startswith(" ")]
        return f"pg_upgrade failed at: {started[-1].strip() if started else step}"
    words = " ".join(filter(None, map(str.strip, lines)))
    sentence = re.split(r"(?<!i\.e)\.(?=\s)", f"{words} ")[0].strip()
    return f"pg_upgrade failed at: {step} ({_short(sentence)})" if sentence else f"pg_upgrade failed at: {step}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 4]} ..."


# What is a cause comes before what is its consequence.
_KNOWN = (
    _Known(
        re.compile(r"no space left on device", re.IGNORECASE),
        "the file system that it writes to is full (No space left on device)",
    ),
    _Known(
        re.compile(
            r"^(?P<step>\S[^\n]*?)\s{2,}(?:ok|fatal|failed|warning)\n"
            r"(?P<why>(?:(?![^\n]*\s{2,}(?:ok|fatal|failed|warning)\n)[^\n]*\n)*?)Failure, exiting",
            re.MULTILINE,
        ),
        _pg_upgrade,
    ),
    _Known(
        re.compile(r"Upgrading from PostgreSQL 9\.6 to PostgreSQL (?P<to>\d+) is not supported"),
        "the database is of PostgreSQL 9.6, which this release does not take over",
        True,
    ),
    _Known(
        re.compile(r"failed to determine old cluster checksum setting: (?P<why>[^\n]+)"),
        "the old database can't be read ({why})",
    ),
    _Known(re.compile(r"^initdb: error: (?P<why>[^\n]+)", re.MULTILINE), "the new database can't be made: {why}"),
    _Known(
        re.compile(
            r"database files are incompatible with server"
            r"(?:.*?DETAIL:\s+The data directory was initialized by PostgreSQL version (?P<was>[\d.]+))?",
            re.DOTALL,
        ),
        lambda found: "the database was made by another PostgreSQL" + (f", {found['was']}" if found["was"] else ""),
        True,
    ),
    _Known(
        re.compile(
            r'(?:FATAL|PANIC|LOG):\s+(?P<why>data directory "[^"]+" has (?:wrong ownership|invalid permissions))'
        ),
        "{why}",
    ),
    _Known(
        re.compile(
            r'(?:FATAL|PANIC|LOG|ERROR|error):\s+(?P<why>could not (?:open|create|access|read|write|stat|fsync)[^\n]*?"'
            r'[^"\n]+"[^\n]*?: (?:Permission denied|Input/output error|Read-only file system|No such file or'
            r" directory))"
        ),
        "{why}",
    ),
    _Known(
        re.compile(r"(?:could not locate a valid|invalid(?: primary)?) checkpoint (?:record|location)[^\n]*"),
        "the database is damaged: its server finds no valid checkpoint in it",
        True,
    ),
    _Known(
        re.compile(r"(?P<why>child process was terminated by signal \d+[^\n]*)"),
        "the server or a program of it was killed ({why})",
    ),
    # Of core. The statement is in front, quoted in one line or as it is over many.
    _Known(
        re.compile(
            r'\(details: (?P<why>[^\n]*)\)"?[ ]*(?:\\n[^\n]*)?(?:\n|$)(?P<after>[^\n]*(?:\n[^\n]*)?)', re.MULTILINE
        ),
        _migration,
        True,
    ),
    _Known(
        re.compile(r"driver: bad connection in line \d+: SELECT pg_advisory_unlock"),
        "the connection to the database was lost in the midst of the migration of its schema"
        " (the database container has ended, or was ended)",
        True,
    ),
    _Known(
        re.compile(r"Dirty database version (?P<version>\d+)"),
        "an earlier migration of the database's schema has failed or was interrupted (Dirty database version"
        " {version})",
        True,
    ),
    _Known(
        re.compile(r"no migration found for version (?P<version>\d+)"),
        "the database's schema is of a newer Harbor (no migration found for version {version})",
        True,
    ),
    _Known(re.compile(r"please upgrade to version 1\.10 first"), "the database is of a Harbor before 1.10", True),
    _Known(
        re.compile(
            r"(?:failed SASL auth|pq:|FATAL:)[^\n]*?password authentication failed for user \"(?P<user>[^\"]+)\""
        ),
        "the database refuses the password of its user {user}: that in harbor.yml is not the one that it was made with",
        True,
    ),
    _Known(
        re.compile(r"failed SASL auth"),
        "the database refuses the password in harbor.yml; one with a blank or a quotation mark in it does not work",
        True,
    ),
    _Known(
        re.compile(r'database "(?P<name>[^"]+)" does not exist'),
        "the server is up without a database {name} in it",
        True,
    ),
    _Known(re.compile(r"open (?P<path>/[^\s:]+): permission denied"), "it may not read {path} (permission denied)"),
    _Known(
        re.compile(r'\[emerg\][^\n]*cannot load certificate(?: key)? "(?P<path>[^"]+)"'),
        "nginx can't load the certificate or key {path}",
    ),
    _Known(re.compile(r"failed to initialize cache: (?P<why>[^\n]+)"), "core can't use Redis: {why}"),
    # Time fixes these, if there is enough of it.
    _Known(
        re.compile(r"the database system is (?P<what>starting up|in recovery mode|not yet accepting connections)"),
        "the database is still recovering (the database system is {what})",
    ),
    _Known(re.compile(r"failed to connect to tcp:(?://)?(?P<to>[\w.-]+:\d+)[^\n]*"), "it does not reach {to}"),
)


def clean_lines(log: Sequence[str]) -> list[str]:
    """Return the lines as a program has written them, without colors and what harbor-log puts in front."""
    return [_PREFIX.sub("", re.sub(r"\x1b\[[0-9;]*m|[^\t\x20-\x7e\xa0-\uffff]", "", line)).rstrip() for line in log]


def find_cause(logs: Mapping[str, Sequence[str]]) -> Cause | None:
    """Return the cause in the logs, by container; None if they have no message that is known."""
    texts = {
        container: "\n".join(line for line in clean_lines(log) if not _HARMLESS.search(line))
        for container, log in logs.items()
    }
    for known in _KNOWN:
        for container, text in texts.items():
            found = _last(known.found, text)
            if found is not None:
                says = known.says
                clause = says(found) if callable(says) else says.format(**_groups(found))
                return Cause(container, clause, known.permanent)
    return None


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    last = None
    for found in pattern.finditer(text):
        last = found
    return last


def _groups(found: re.Match[str]) -> dict[str, str]:
    return {name: _short(value or "") for name, value in found.groupdict().items()}


def error_lines(log: Sequence[str], lines: int) -> list[str]:
    """Return the last lines that speak of a failure, each once; if none does, the last ones."""
    cleaned = [_both_ends(line.strip()) for line in clean_lines(log) if not _HARMLESS.search(line)]
    cleaned = [line for line in cleaned if line]
    errors = [line for line in cleaned if _ERROR_WORDS.search(line)]
    last: dict[str, str] = {}
    for line in errors or cleaned:
        # The same complaint of a container that starts over and over, but for the time and the numbers in it.
        kind = re.sub(r"\d+", "#", line)
        last.pop(kind, None)
        last[kind] = line
    return list(last.values())[-lines:] if lines > 0 else []


def _both_ends(line: str) -> str:
    """Shorten a long line in its middle: what happened is at its begin, and why at its end."""
    if len(line) <= _SHOWN:
        return line
    return f"{line[: _SHOWN // 3]} ... {line[len(line) - (_SHOWN - _SHOWN // 3 - 5) :]}"

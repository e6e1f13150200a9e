# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A running Redis: whether it is up, what is in it, and the orders that a change or an upgrade gives it."""

from __future__ import annotations

import dataclasses
import random
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import processes
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from .. import redis_family, server_container, version
from ..docker import Docker, Json
from ..version import Version
from . import configuration
from .resp import Client, NoAnswer, Refused

_PAUSE = 0.1  # seconds
_ANSWER = 60.0  # seconds that one answer may take; BGSAVE is not waited for in it
_SAMPLES = 50  # keys of each database that are looked at one by one
_LOG_LINES = 30
_LOGGED = re.compile(r"^\d+:[A-Z] \d+ \w+ \d+ [\d:.]+ (?:[#*.-] )?")
# What every server says at its start about the host and itself.
_ADVICE = re.compile(r"overcommit|Transparent Huge Pages|oO0OoO0OoO0Oo")
_SECRET = re.compile(r"[0-9a-f]{64}")
# Should the upgrade be killed, its clients go on after this. What they write then is not in the count, which the proof
# would find.
_HOLD_MS = 120 * 1000
_UNITS = {"": 1, "k": 1000, "kb": 1024, "m": 1000**2, "mb": 1024**2, "g": 1000**3, "gb": 1024**3}
_SIZES = {
    "string": "STRLEN",
    "list": "LLEN",
    "set": "SCARD",
    "hash": "HLEN",
    "zset": "ZCARD",
    "stream": "XLEN",
}


@dataclasses.dataclass
class Census:
    """What is in a Redis.

    keys, expiring: by database; samples: database, key, type and length of some without expiry.
    """

    keys: dict[str, int]
    expiring: dict[str, int]
    functions: int
    samples: list[list[Any]]

    @property
    def total(self) -> int:
        return sum(self.keys.values())

    def __str__(self) -> str:
        """Return, for instance, C(1200 keys in 2 databases)."""
        functions = f" and {counted(self.functions, 'library', 'libraries')} of functions" if self.functions else ""
        databases = counted(len(self.keys), "database", "databases")
        return f"{counted(self.total, 'key', 'keys')} in {databases}{functions}"


class Server:
    """The server in a container, spoken to from inside of its network.

    user, password: the account to log in with.
    """

    def __init__(self, docker: Docker, container: str, user: str, password: str) -> None:
        self._docker = docker
        self.container = container
        self._user = user
        self._password = password
        self._process: tuple[int, int | None] = (0, None)

    @contextmanager
    def _client(self, user: str | None = None, password: str | None = None) -> Iterator[Client]:
        with Client(self._find_process(), configuration.PORT, _ANSWER) as client:
            client.ask("AUTH", user or self._user, self._password if password is None else password)
            yield client

    def _find_process(self) -> int:
        """Return the first process of the container. The engine is asked only if it is not the one of before."""
        pid, started = self._process
        if started is None or processes.started_at(pid) != started:
            details = self._docker.container(self.container)
            if details is None or not details["State"]["Running"]:
                raise NoAnswer("its container does not run")
            pid = int(details["State"]["Pid"])
            self._process = pid, processes.started_at(pid)
        return pid

    def ask(self, *words: str) -> Any:
        """Return the answer to one order. Raise DockyardError if there is none, or a refusal."""
        try:
            with self._client() as client:
                return client.ask(*words)
        except NoAnswer as error:
            raise DockyardError(
                "redis_no_answer",
                f"The server in the container {self.container} does not answer ({error}); look at docker logs"
                f" {self.container}.",
            ) from error
        except Refused as error:
            raise DockyardError(
                "redis_refused_order",
                f"The server in the container {self.container} refuses {' '.join(words[:2])} ({_hidden(str(error))});"
                f" look at docker logs {self.container}.",
            ) from error

    # --- whether it is up

    def why_not_up(self) -> str:
        """Return why the server does not answer with its data, "" if it does."""
        try:
            with self._client() as client:
                client.ask("DBSIZE")
        except (NoAnswer, Refused) as error:
            return _hidden(str(error))
        return ""

    def wait(self, seconds: float) -> None:
        """Wait until the server answers. Raise DockyardError with its own last words if it does not."""
        reason = server_container.wait(self._docker, self.container, seconds, self.why_not_up)
        if reason:
            raise DockyardError("redis_does_not_start", f"{reason} {self.last_words()}")

    def last_words(self) -> str:
        """Return what the server has logged last, as a sentence."""
        said = last_words(self._docker, self.container)
        return f"It said: {said}." if said else "It said nothing."

    def can_log_in(self, user: str, password: str) -> str:
        """Return why a user can't log in, "" if they can."""
        try:
            with self._client(user, password):
                return ""
        except (NoAnswer, Refused) as error:
            return str(error)

    def version(self) -> Version:
        """Return the version of the server. Valkey gives that of the Redis that it is compatible with as well."""
        info = self.info("server")
        return version.parse(info.get("valkey_version") or info["redis_version"])

    def info(self, section: str) -> dict[str, str]:
        """Return a section of INFO."""
        lines = str(self.ask("INFO", section)).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))

    # --- its configuration

    def get(self, name: str) -> str | None:
        """Return the value of a directive in force; None if there is none of that name."""
        answer = self.ask("CONFIG", "GET", name)
        return str(answer[1]) if answer else None

    def set(self, values: Mapping[str, str]) -> None:
        """Set directives, all or none. Raise Refused with the server's own words if it can't or won't."""
        words = [word for pair in values.items() for word in pair]
        try:
            with self._client() as client:
                client.ask("CONFIG", "SET", *words)
        except NoAnswer as error:
            raise Refused(str(error)) from error

    def has(self, values: Mapping[str, str], names: tuple[str, ...]) -> str:
        """Return which of some directives is not in force as it should be, "" if all are."""
        for name in names:
            if name in values and self.differs(name, values[name]):
                return f"{name} is '{self.get(name)}' and not '{values[name]}'"
        return ""

    def differs(self, name: str, value: str) -> bool:
        """Return whether a directive has another value in force."""
        now = self.get(name)
        return now is not None and not _same(value, now)

    # --- its data

    def save(self, seconds: float, begun_hook: Callable[[], None] = lambda: None) -> None:
        """Write a snapshot in the background, and wait for it. Raise DockyardError if it fails.

        begun_hook: called once what will be in it is settled.
        """
        before = int(self.ask("LASTSAVE"))
        deadline = time.monotonic() + seconds
        begun = False
        while True:
            state = self.info("persistence")
            running = state.get("rdb_bgsave_in_progress") == "1"
            if begun and not running:
                break
            rewriting = state.get("aof_rewrite_in_progress") == "1"
            # LASTSAVE counts whole seconds.
            if not (begun or running or rewriting) and int(time.time()) > before:
                self.ask("BGSAVE")
                begun = True
                begun_hook()
                continue
            if time.monotonic() >= deadline:
                raise DockyardError(
                    "redis_not_saved",
                    f"The server in the container {self.container} has not written its snapshot within {seconds:g}"
                    " seconds; look at the load of this host.",
                )
            time.sleep(_PAUSE)
        if state.get("rdb_last_bgsave_status") != "ok" or int(self.ask("LASTSAVE")) <= before:
            raise DockyardError(
                "redis_not_saved",
                f"The server in the container {self.container} can't write its snapshot. {self.last_words()} Look at"
                " the space and the owner of its data folder.",
            )

    def switch_append_only_on(self, seconds: float) -> None:
        """Make an append-only file of what is in memory.

        A server that starts with C(appendonly yes) and without such a file starts empty, whatever its snapshot holds.
        """
        self.ask("CONFIG", "SET", "appendonly", "yes")
        deadline = time.monotonic() + seconds
        while True:
            state = self.info("persistence")
            pending = state.get("aof_rewrite_in_progress") == "1" or state.get("aof_rewrite_scheduled") == "1"
            if not pending:
                break
            if time.monotonic() >= deadline:
                break
            time.sleep(_PAUSE)
        if pending or state.get("aof_last_bgrewrite_status") != "ok" or state.get("aof_enabled") != "1":
            self.ask("CONFIG", "SET", "appendonly", "no")
            raise DockyardError(
                "redis_not_saved",
                f"The server in the container {self.container} can't write its append-only file. {self.last_words()}"
                " Look at the space and the owner of its data folder.",
            )

    def hold_writes(self) -> None:
        """Let no client write for two minutes, within which the server is to end. Those that want to wait."""
        self.ask("CLIENT", "PAUSE", str(_HOLD_MS), "WRITE")

    def release_writes(self) -> None:
        self.ask("CLIENT", "UNPAUSE")

    def census(self) -> Census:
        """Count what is in the server."""
        keys, expiring, samples = {}, {}, []
        for name, text in self.info("keyspace").items():
            numbers = dict(part.split("=", 1) for part in text.split(","))
            keys[name], expiring[name] = int(numbers["keys"]), int(numbers["expires"])
            samples += self._samples(name.removeprefix("db"))
        try:
            functions = len(self.ask("FUNCTION", "LIST") or [])
        except DockyardError:
            functions = 0  # a server before 7.0
        return Census(keys, expiring, functions, samples)

    def _samples(self, database: str) -> list[list[Any]]:
        found = {}
        try:
            with self._client() as client:
                client.ask("SELECT", database)
                cursor, chosen = "0", []
                for _round in range(3):
                    cursor, batch = client.ask("SCAN", cursor, "COUNT", str(_SAMPLES))
                    chosen += batch
                    if cursor == "0":
                        break
                chosen += [client.ask("RANDOMKEY") for _number in range(_SAMPLES)]
                random.shuffle(chosen)
                for key in [each for each in dict.fromkeys(chosen) if each is not None][:_SAMPLES]:
                    if client.ask("TTL", key) == -1:
                        found[key] = [database, key, *_shape(client, key)]
        except (NoAnswer, Refused) as error:
            raise DockyardError(
                "redis_no_answer", f"The server in the container {self.container} can't be counted ({error})."
            ) from error
        return list(found.values())

    def missing(self, before: Census) -> list[str]:
        """Return what is there no more, one phrase each. Keys that were to expire may have."""
        after = self.census()
        # A server at its maxmemory may have to give up keys to read the rest.
        evicted = int(self.info("stats").get("evicted_keys", 0))
        lost = [
            f"{after.keys.get(name, 0)} of {count} keys in {name}"
            for name, count in before.keys.items()
            if not count - before.expiring.get(name, 0) - evicted <= after.keys.get(name, 0) <= count
        ]
        if after.functions < before.functions:
            lost.append(f"{after.functions} of {before.functions} libraries of functions")
        try:
            with self._client() as client:
                for database, key, kind, length in before.samples:
                    client.ask("SELECT", database)
                    if not evicted and _shape(client, key) != [kind, length]:
                        lost.append(f"a key of database {database} as it was ({kind} of {length})")
        except (NoAnswer, Refused) as error:
            lost.append(f"an answer ({error})")
        return lost

    # --- its end

    def is_starting(self) -> bool:
        """Return whether the server must not be asked to end yet. It ends well while it loads its data."""
        return False

    def stop(self, seconds: float) -> Json:
        """Stop the server with all its data on the disk. Raise DockyardError if it does not end well."""
        # Without save points the signal alone would end it without a snapshot, and whoever turns the append-only file
        # off later would come back to an old one.
        self.ask("CONFIG", "SET", "shutdown-on-sigterm", "save")
        details = self._docker.terminate(self.container, seconds)
        code = details["State"]["ExitCode"] if details else -1
        if code != 0:
            raise DockyardError(
                "redis_not_stopped_cleanly",
                f"The server in the container {self.container} ended with {code} and not with 0. {self.last_words()}",
                changed=True,
            )
        return details


def _shape(client: Client, key: str) -> list[Any]:
    kind = client.ask("TYPE", key)
    return [kind, client.ask(_SIZES[kind], key) if kind in _SIZES else 1]


def last_words(docker: Docker, container: str) -> str:
    """Return the last lines of the log that say something went wrong, or the last ones if none does."""
    lines = [line.strip() for line in docker.log(container, _LOG_LINES).splitlines()]
    lines = [line for line in lines if line and not _ADVICE.search(line)]
    wrong = [line for line in lines if _is_wrong(line)]
    chosen = [_LOGGED.sub("", line) for line in (wrong or lines)[-4:]]
    return _hidden("; ".join(chosen))[:500].rstrip(".")


def _is_wrong(line: str) -> bool:
    # The lines that Redis prints before it has read its configuration have no time and no level.
    return _LOGGED.match(line) is None or " # " in line[:60]


def _hidden(text: str) -> str:
    return _SECRET.sub("(hash)", text)


def _same(wanted: str, now: str) -> bool:
    if wanted.lower() == now.lower():
        return True
    amounts = [_amount(wanted), _amount(now)]
    return amounts[0] is not None and amounts[0] == amounts[1]


def _amount(text: str) -> int | None:
    found = re.fullmatch(r"(\d+)([kmg]?b?)", text.lower())
    return int(found[1]) * _UNITS.get(found[2], 1) if found else None


def program(flavour: str, what: str = "server") -> str:
    """Return the name of a program of a flavour, as its image has it."""
    if flavour not in redis_family.TITLES:
        raise ValueError(flavour)
    return f"{flavour}-{what}"

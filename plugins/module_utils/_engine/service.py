# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Inspect and control docker.service through systemd, read its log, and let dockerd judge a configuration file."""

from __future__ import annotations

import dataclasses
import glob
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.systemd import booted_by_systemd
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from .log_words import most_telling

UnitState = Literal["absent", "stopped", "failed", "running"]
Verb = Literal["start", "stop", "restart"]

SERVICE = "docker.service"
SOCKET = "docker.socket"
DEFAULT_FILE = "/etc/docker/daemon.json"
DEFAULT_ENGINE_SOCKET = "/var/run/docker.sock"
_DROP_IN_FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_NOBODY = 65534
_TIMED_OUT = 124  # as timeout(1) ends
_PROPERTIES = (
    "LoadState,ActiveState,SubState,MainPID,ExecMainStartTimestampMonotonic,ExecStart,Environment,EnvironmentFiles,"
    "NeedDaemonReload,DropInPaths"
)
# What dockerd says when it has read its configuration, found it good, and only then sees that it is not root.
_ONLY_ROOT_MISSING = "needs to be started with root"


def run_program(command: list[str], timeout: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command. One that does not end in time has failed with that complaint."""
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=timeout)
    except subprocess.TimeoutExpired:
        complaint = f"{' '.join(command[:3])} did not end within {counted(timeout or 0, 'second')}"
        return subprocess.CompletedProcess(command, _TIMED_OUT, "", complaint)


@dataclasses.dataclass(frozen=True)
class Engine:
    """One run of the engine: the same process of the same boot."""

    boot: str
    pid: int
    started: int  # microseconds of the monotonic clock


@dataclasses.dataclass
class Unit:
    """docker.service at one moment.

    argv: dockerd with its flags as they are in force, or as the next start has them.
    planned: the same as the next start has them.
    outdated: whether the unit has changed on the disk and systemd has not read it yet.
    socket: the path of the engine's Unix socket, where a user names it; it is asked first.
    """

    state: UnitState
    argv: list[str]
    planned: list[str] = dataclasses.field(default_factory=list)
    run: Engine | None = None
    started_at: float = 0.0  # seconds since the epoch
    socket: str = ""
    outdated: bool = False

    @property
    def next_start(self) -> Unit:
        """Return the unit with the flags that its next start has."""
        return dataclasses.replace(self, argv=self.planned or self.argv)

    def flag(self, *names: str) -> list[str]:
        """Return the values of a flag, for instance C(flag("--host", "-H"))."""
        values = []
        for place, word in enumerate(self.argv):
            name, equals, value = word.partition("=")
            if name in names:
                values.append(value if equals else (self.argv + [""])[place + 1])
            elif word[:2] in names and not word.startswith("--"):  # -Hunix:///run/docker.sock
                values.append(word[2:])
        return values

    @property
    def config_file(self) -> str:
        """Return the path of the configuration file that the engine reads."""
        return (self.flag("--config-file") or [DEFAULT_FILE])[-1]

    def engine_sockets(self, hosts_in_file: object) -> list[str]:
        """Return the paths of the Unix sockets on which the engine may listen, the most likely first.

        hosts_in_file: the value of the key hosts of daemon.json, of whatever type.
        """
        hosts = self.flag("--host", "-H") + (hosts_in_file if isinstance(hosts_in_file, list) else [])
        named = [
            host[len("unix://") :] or DEFAULT_ENGINE_SOCKET
            for host in hosts
            if isinstance(host, str) and host.startswith("unix://")
        ]
        paths = [*filter(None, [self.socket]), *named, *_sockets_of_systemd(), DEFAULT_ENGINE_SOCKET]
        distinct: dict[str, str] = {}
        for path in paths:
            distinct.setdefault(os.path.realpath(path), path)  # /var/run is a link to /run
        return list(distinct.values())


def _sockets_of_systemd() -> list[str]:
    """Return the paths of the Unix sockets that docker.socket hands over to the engine."""
    if not booted_by_systemd():
        return []
    shown = run_program(["systemctl", "show", SOCKET, "--property=Listen"], timeout=20).stdout
    return re.findall(r"^Listen=(/.*) \(Stream\)$", shown, re.MULTILINE)


def inspect_unit(settle: float = 20, socket: str = "") -> Unit:
    """Return the unit's state, after waiting for one that is starting, stopping or about to be restarted by systemd.

    settle: seconds to wait for that. socket: the engine's, where a user names it.
    """
    deadline = time.monotonic() + settle
    while True:
        properties = _unit_properties()
        _check_loaded(properties.get("LoadState", ""))
        if properties.get("LoadState") == "not-found":
            return Unit("absent", [])
        active = properties.get("ActiveState", "")
        if active in ("active", "inactive", "failed") or time.monotonic() >= deadline:
            break
        time.sleep(0.2)
    planned = _planned_argv(properties, _exec_start())
    outdated = properties.get("NeedDaemonReload") == "yes" or _has_new_drop_ins(properties.get("DropInPaths", ""))
    pid = int(properties.get("MainPID") or 0)
    started = int(properties.get("ExecMainStartTimestampMonotonic") or 0)
    ago = time.clock_gettime(time.CLOCK_MONOTONIC) - started / 1e6
    if pid and (active in ("active", "reloading") or (active == "activating" and ago >= settle)):
        # One process that has been starting for all that time runs, and may have its containers already.
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                argv = file.read().rstrip("\0").split("\0")
        except (FileNotFoundError, ProcessLookupError):  # it has ended since systemd named it
            time.sleep(0.2)
            return inspect_unit(settle, socket)
        run = Engine(boot_id(), pid, started)
        return Unit("running", argv, planned or argv, run, time.time() - ago, socket, outdated)
    # Still on its way after all that time counts as failed: systemd starts it over and over.
    return Unit("stopped" if active == "inactive" else "failed", planned, planned, outdated=outdated)


def _has_new_drop_ins(known: str) -> bool:
    """Return whether a drop-in is on the disk that systemd does not know: 252 does not look for new folders itself.

    known: the paths of those that it has read.
    """
    there = [path for folder in _DROP_IN_FOLDERS for path in glob.glob(f"{folder}/{SERVICE}.d/*.conf")]
    # One that leads to /dev/null switches off others of its name.
    off = [path for path in there if os.path.realpath(path) == os.devnull]
    return not {os.path.basename(path) for path in there} <= {os.path.basename(path) for path in known.split() + off}


def _check_loaded(state: str) -> None:
    """Raise DockyardError for a unit that exists and can't be started: a running engine would not come back."""
    if state == "masked":
        raise DockyardError(
            "engine_unit_unusable",
            f"{SERVICE} is masked, so that systemd does not start it; unmask it (systemctl unmask {SERVICE}) if this"
            " engine is to be managed.",
        )
    if state not in ("loaded", "not-found"):
        raise DockyardError(
            "engine_unit_unusable",
            f"systemd can't load {SERVICE} ({state}); look at systemctl status {SERVICE} and fix the unit.",
        )


def _unit_properties() -> dict[str, str]:
    done = run_program(["systemctl", "show", SERVICE, f"--property={_PROPERTIES}"])
    if done.returncode != 0:
        raise DockyardError(
            "engine_no_systemd", f"systemd does not answer ({done.stderr.strip()}); fix that and run again."
        )
    properties: dict[str, str] = {}
    for line in done.stdout.splitlines():
        name, _equals, value = line.partition("=")
        properties[name] = f"{properties[name]}\n{value}" if name in properties else value
    return properties


def silent_engine(unit: Unit, sockets: Sequence[str]) -> DockyardError:
    """Return the error for an engine that runs and does not answer. It may have containers, so it is never restarted.

    sockets: those on which it was asked.
    """
    process = f" (process {unit.run.pid})" if unit.run else ""
    return DockyardError(
        "daemon_engine_silent",
        f"The Docker Engine of this host runs{process} and does not answer on {', '.join(sockets)}, so that it is not"
        " known which containers a restart would stop; find out why (journalctl -u docker.service), have it answer on a"
        " Unix socket, or name the one on which it does in socket, and run again.",
    )


def boot_id() -> str:
    """Return the identifier that the kernel has for this boot."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def bus_property(interface: str, name: str) -> Any:
    """Return a property of the unit as it is on the message bus; None if that does not answer.

    systemctl prints some without their quotes, and others not at all.

    interface: C(Service) or C(Unit).
    """
    if not shutil.which("busctl"):
        return None
    place = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1/unit/docker_2eservice"]
    asked = ["busctl", "--json=short", "get-property", *place, f"org.freedesktop.systemd1.{interface}", name]
    try:
        return json.loads(run_program(asked, timeout=20).stdout)["data"]
    except (ValueError, LookupError, TypeError):  # no message bus runs
        return None


def _exec_start() -> list[str]:
    """Return the words of ExecStart as systemd has split them."""
    found = bus_property("Service", "ExecStart")
    words: list[str] = found[0][1] if found else []
    return words


def _planned_argv(properties: dict[str, str], words: Sequence[str] = ()) -> list[str]:
    """Return dockerd's arguments at the next start: ExecStart with the variables of the unit's environment.

    words: of ExecStart, if they are known; else as systemctl shows them.
    """
    exec_start = re.search(r"argv\[\]=(.*?) ; ignore_errors=", properties.get("ExecStart", ""))
    if exec_start is None:
        return []
    environment = dict(word.split("=", 1) for word in _split_words(properties.get("Environment", "")) if "=" in word)
    for line in properties.get("EnvironmentFiles", "").splitlines():
        environment.update(_environment_file(line.split(" (", 1)[0].strip()))
    argv: list[str] = []
    for word in words or exec_start[1].split():
        whole = re.fullmatch(r"\$(\w+)", word)
        if whole:  # a variable by itself is split into words, systemd.service(5)
            argv += _split_words(environment.get(whole[1], ""))
        else:
            argv.append(re.sub(r"\$\{(\w+)\}", lambda name: environment.get(name[1], ""), word))
    return argv


def _split_words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an unbalanced quote, which systemd takes as it is
        return text.split()


def _environment_file(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return {}
    environment = {}
    for line in lines:
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith(("#", ";")):
            environment[name.strip()] = value.strip().strip("\"'")
    return environment


def _dockerd(unit: Unit) -> list[str]:
    """Return dockerd with the unit's flags; without them if the unit starts something else that then starts dockerd."""
    if unit.planned and os.path.basename(unit.planned[0]) == "dockerd" and shutil.which(unit.planned[0]):
        return unit.planned
    installed = shutil.which("dockerd")
    return [installed] if installed and unit.planned else []


def installed_version(unit: Unit) -> tuple[int, ...] | None:
    """Return the version of the installed dockerd, which need not be the one that runs."""
    dockerd = _dockerd(unit)
    if not dockerd:
        return None
    done = run_program([dockerd[0], "--version"], timeout=30)
    version = re.search(r"version (\d+(?:\.\d+)*)", done.stdout)
    return tuple(map(int, version[1].split("."))) if version else None


def validate(unit: Unit, content: bytes) -> str | None:
    """Let the installed dockerd judge a file together with the unit's own flags. Return its complaint, or None.

    C(dockerd --validate) came with 23.0. An older one is started as nobody: it reads and judges its configuration, and
    then gives up because it is not root, before it has touched anything (cmd/dockerd, DaemonCli.start).
    """
    dockerd = _dockerd(unit)
    if not dockerd:
        return None
    folder = tempfile.mkdtemp(prefix="ansible.")
    try:
        file = os.path.join(folder, "daemon.json")
        with open(file, "wb") as staged:
            staged.write(content)
        flags = _without_config_file(dockerd[1:])
        command = [dockerd[0], f"--config-file={file}", *flags]
        done = run_program([*command, "--validate"], timeout=60)
        complaint = done.stderr.strip() or done.stdout.strip()
        if "unknown flag: --validate" in complaint:
            done = _as_nobody(command, folder, file)
            complaint = done.stderr.strip()
            if _ONLY_ROOT_MISSING in complaint:
                return None
        elif done.returncode == 0:
            return None
        return (
            most_telling(complaint.replace(f" with file {file}", "").splitlines()) or f"it ended with {done.returncode}"
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_nobody(command: list[str], folder: str, file: str) -> subprocess.CompletedProcess[str]:
    for path in (folder, file):
        os.chown(path, _NOBODY, _NOBODY)
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=60,
        user=_NOBODY,
        group=_NOBODY,
        extra_groups=[],
        env={"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")},
        cwd="/",
    )


def _without_config_file(flags: list[str]) -> list[str]:
    kept, skip = [], False
    for word in flags:
        if not skip and word != "--config-file" and not word.startswith("--config-file="):
            kept.append(word)
        skip = word == "--config-file"
    return kept


def clear_start_limit() -> None:
    """Clear systemd's count of starts, successful ones included, which StartLimitBurst limits."""
    run_program(["systemctl", "reset-failed", SERVICE, SOCKET])


def control(verb: Verb, timeout: float) -> str | None:
    """Start, stop or restart the engine. Return systemd's complaint, or None."""
    clear_start_limit()
    done = run_program(["systemctl", verb, SERVICE], timeout=timeout)
    if done.returncode == 0:
        return None
    return next(iter(done.stderr.strip().splitlines()), f"systemctl {verb} {SERVICE} ended with {done.returncode}")


def reload() -> None:
    """Send SIGHUP to the engine. For systemd that succeeds even if the engine refuses the file."""
    done = run_program(["systemctl", "reload", SERVICE], timeout=60)
    if done.returncode == 0:
        return
    engine = inspect_unit().run  # a unit without ExecReload can't be reloaded by systemd
    if engine is not None:
        os.kill(engine.pid, signal.SIGHUP)

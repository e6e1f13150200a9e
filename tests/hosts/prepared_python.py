# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets command_server.py run a module's payload in a Python that has been started already.

Two thirds of what a module takes on a test host are Python's start and the import of what all modules share. Where
Ansible asks for a Python that reads its script from standard input, the server forks itself, and the script runs in
the child, as `__main__` of a process of its own, below one that stands in for the shell. What is imported beforehand
comes from the first payload that the host ran. A later payload takes it over only if it brings the very same files,
all of them; of another one, everything is imported again. No module of a collection is imported beforehand.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import gc
import importlib
import importlib.machinery
import io
import os
import re
import shutil
import signal
import sys
import threading
import traceback
import types
import zipimport
from collections.abc import Sequence
from typing import Any

COMMAND = re.compile(r"/bin/sh -c '(/[\w./-]*/python3[.\d]*) && sleep 0'")
PACKAGE = "ansible"
# What every payload imports, with what these import themselves. Cores before 2.19 have but the first.
SHARED = (
    "ansible.module_utils.basic",
    "ansible.module_utils._internal._ansiballz._loader",
    "ansible.module_utils._internal._json._profiles._module_legacy_c2m",
    "ansible.module_utils._internal._json._profiles._module_legacy_m2c",
)
# Of the standard library: what the wrapper around a payload imports, and HTTP.
LIBRARY = ("base64", "http.client", "runpy", "tempfile", "zipfile")
KEPT = "payload.zip"


def reads_script(arguments: list[str]) -> str | None:
    """Return the Python that a command starts on a script from its standard input, if it is the one that runs here."""
    if len(arguments) != 3 or arguments[:2] != ["/bin/sh", "-c"]:
        return None
    asked = COMMAND.fullmatch(arguments[2])
    return asked[1] if asked and os.path.realpath(asked[1]) == os.path.realpath(sys.executable) else None


def entries(archive: str) -> dict[str, tuple[int, int]]:
    """Return size and checksum of every file in an archive that is imported from."""
    directory: dict[str, Any] = zipimport._zip_directory_cache[archive]  # type: ignore[attr-defined]
    return {name: (entry[3], entry[7]) for name, entry in directory.items() if entry}


class Prepared:
    """What was imported beforehand."""

    def __init__(self, folder: str) -> None:
        self.kept = os.path.join(folder, KEPT)
        self.modules: dict[str, types.ModuleType] = {}
        self.files: dict[str, tuple[int, int]] = {}  # of the modules, by name in the archive
        self._tried = False

    def prepare(self) -> None:
        """Import what all payloads share, once there is one."""
        if self._tried or not os.path.exists(self.kept):
            return
        self._tried = True
        for name in LIBRARY:
            importlib.import_module(name)
        sys.path.insert(0, self.kept)
        try:
            for name in SHARED:
                if name == SHARED[0] or name.replace(".", "/") + ".py" in entries(self.kept):
                    importlib.import_module(name)
            known = entries(self.kept)
            self.modules = of_package()
            files = [relative(module, self.kept) for module in self.modules.values() if comes_from(module, self.kept)]
            self.files = {file: known[file] for file in files}
        except (Exception, SystemExit):  # the module that runs into it says what it is
            self.modules = {}
        finally:
            sys.path.remove(self.kept)
            for name in of_package():
                del sys.modules[name]
            sys.path_importer_cache.pop(self.kept, None)
        gc.collect()
        gc.freeze()

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Take over what was imported beforehand, when a payload imports its first file."""
        if name != PACKAGE:
            return None
        sys.meta_path.remove(self)  # type: ignore[arg-type]
        spec = importlib.machinery.PathFinder.find_spec(name)
        loader: Any = spec and spec.loader
        if spec is None or not isinstance(loader, zipimport.zipimporter):
            return spec
        archive = loader.archive
        found = entries(archive)
        if not self.modules:
            self._keep(archive)
            return spec
        if any(found.get(file) != what for file, what in self.files.items()):
            return spec
        for known, module in self.modules.items():
            if comes_from(module, self.kept):
                move(module, known, self.kept, archive)
        sys.modules.update({known: module for known, module in self.modules.items() if known != PACKAGE})
        spec.loader = Given(self.modules[PACKAGE])  # type: ignore[assignment]  # as little as a loader needs
        return spec

    def _keep(self, archive: str) -> None:
        """Keep a payload, for the server to import from."""
        own = f"{self.kept}.{os.getpid()}"
        with contextlib.suppress(OSError):
            shutil.copyfile(archive, own)
            os.replace(own, self.kept)


def of_package() -> dict[str, types.ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == PACKAGE}


def comes_from(module: types.ModuleType, archive: str) -> bool:
    """Return whether a module is a file of an archive; those that six makes up, or lends a name to, are not."""
    return (getattr(module, "__file__", None) or "").startswith(archive + os.sep)


def relative(module: types.ModuleType, archive: str) -> str:
    return os.path.relpath(str(module.__file__), archive)


def move(module: types.ModuleType, name: str, before: str, archive: str) -> None:
    """Let a module that was imported from one archive be one of another."""
    module.__file__ = os.path.join(archive, relative(module, before))
    folder = os.path.dirname(module.__file__)
    package = hasattr(module, "__path__")
    loader = zipimport.zipimporter(os.path.dirname(folder) if package else folder)
    spec = importlib.machinery.ModuleSpec(name, None, origin=module.__file__, is_package=package)
    spec.loader = loader  # type: ignore[assignment]  # it is none by its type until Python 3.10
    spec.has_location = True
    if package:
        # It may have others than its own.
        module.__path__ = [path.replace(before, archive, 1) for path in module.__path__]
        spec.submodule_search_locations = module.__path__
    module.__spec__ = spec
    module.__loader__ = loader


class Given:
    """A loader of a module that exists."""

    def __init__(self, module: types.ModuleType) -> None:
        self._module = module

    def create_module(self, _spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return self._module

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def start(prepared: Prepared, python: str, files: list[int]) -> int:
    """Run a script from the first of three files in a child, and return the id of the process above it."""
    prepared.prepare()
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        status = _stand_in(prepared, python, files)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _stand_in(prepared: Prepared, python: str, files: list[int]) -> int:
    """Do what the shell does: start one process in a session of its own, and end as it ends."""
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = _run(prepared, python)
        finally:
            os._exit(status)
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status < 0:
        os.write(2, f"{signal.strsignal(-status)}\n".encode())
    return status if status >= 0 else 128 - status


def _run(prepared: Prepared, python: str) -> int:
    """Run the script as a Python that was just started does, and return its exit status."""
    _open_streams()
    os.environ["PWD"] = os.getcwd()
    sys.argv, sys.orig_argv = [""], [python]
    sys.executable = python
    sys.path[0] = ""
    main = types.ModuleType("__main__")
    names: dict[str, Any] = {"__file__": "<stdin>", "__cached__": None, "__annotations__": {}}
    main.__dict__.update(names, __builtins__=builtins, __loader__=importlib.machinery.BuiltinImporter)
    sys.modules["__main__"] = main
    sys.meta_path.insert(0, prepared)  # type: ignore[arg-type]
    status = 0
    try:
        with open(0, "rb", closefd=False) as script:
            code = compile(script.read(), "<stdin>", "exec", dont_inherit=True)
        exec(code, main.__dict__)
    except SystemExit as end:
        status = _status(end)
    except BaseException as error:
        # Without the frame of this function.
        error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ else None
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]  # waits for the threads that are left
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            status = status or 120
    return status


def _status(end: SystemExit) -> int:
    """Return the exit status that Python has for an exception that ends it."""
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)
    return 1


def _open_streams() -> None:
    """Open Python's standard streams again, on the files that the process has by now."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        before = getattr(sys, name)
        raw = io.FileIO(number, "wb" if number else "rb", closefd=False)
        raw.name = f"<{name}>"
        binary = io.BufferedWriter(raw) if number else io.BufferedReader(raw)
        by_line = number == 2 or raw.isatty()
        stream = io.TextIOWrapper(binary, before.encoding, before.errors, newline="\n", line_buffering=by_line)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)

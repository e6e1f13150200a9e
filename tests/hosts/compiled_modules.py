# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a test host compile what modules import from their zip once, and not once per task.

Python keeps no compiled files for what it imports from a zip, as Ansible's payloads are: each task compiles some
hundred kilobytes of source again, which is a third of a module's time. hosts.py mounts this file into the test
hosts, with a line in a .pth file that starts it (Debian has a sitecustomize.py of its own), and one folder for
what was compiled. The same source runs as without it: the name of a kept file is a digest of that source.
"""

from __future__ import annotations

import zipimport

TYPE_CHECKING = False  # as typing has it, which takes milliseconds to import, at each start of Python
if TYPE_CHECKING:
    import types
    from typing import Any

FOLDER = "/var/cache/compiled_modules"


def _install(importer: Any) -> None:
    """Let the importer ask FOLDER first. Its function that compiles is private, and the same in Python 3.8 to 3.14."""
    compile_source = importer._compile_source

    def compile_once(pathname: str, source: bytes) -> types.CodeType:
        import hashlib
        import marshal
        import os
        import sys

        place = pathname.rpartition(".zip")[2]
        digest = hashlib.sha256(f"{sys.implementation.cache_tag} {sys.flags.optimize} {place}\0".encode() + source)
        file = f"{FOLDER}/{digest.hexdigest()}"
        try:
            with open(file, "rb") as stream:
                kept: types.CodeType = marshal.load(stream)
            return kept
        except (OSError, EOFError, TypeError, ValueError):
            pass  # not kept yet, or only a part of it
        code: types.CodeType = compile_source(pathname, source)
        own = f"{file}.{os.getpid()}"
        try:
            with open(own, "wb") as stream:
                marshal.dump(code, stream)
            os.replace(own, file)
        except OSError:
            pass  # a user who may not write there, or a full disk, has the module compiled all the same
        return code

    importer._compile_source = compile_once


_install(zipimport)

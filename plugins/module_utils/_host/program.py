# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Pack code of this collection into one file that a unit of systemd can start, without Ansible on the host."""

from __future__ import annotations

import importlib
import io
import sys
import zipfile

_PREFIX = "ansible_collections.dockyard.ops.plugins.module_utils."
# Only it needs Ansible.
_LEFT_OUT = f"{_PREFIX}_module"
# Always the same time, so that the same code is the same file.
_TIME = (1980, 1, 1, 0, 0, 0)


def packed(entry: str) -> bytes:
    """Return a zip file that Python runs, with what of this collection this process has imported.

    entry: the module, below module_utils, whose main() is called with the arguments, and returns the exit status.
    """
    importlib.import_module(f"{_PREFIX}{entry}")
    files = {"__main__.py": f"import sys\n\nfrom {_PREFIX}{entry} import main\n\nsys.exit(main(sys.argv[1:]))\n"}
    for name in sorted(filter(_belongs, sys.modules)):
        parts = name.split(".")
        for depth in range(1, len(parts)):
            files.setdefault(f"{'/'.join(parts[:depth])}/__init__.py", "")
        spec = sys.modules[name].__spec__
        loader = spec and spec.loader
        source = loader.get_source(name) if loader and hasattr(loader, "get_source") else ""
        is_package = spec is not None and spec.submodule_search_locations is not None
        files[f"{'/'.join(parts)}{'/__init__' if is_package else ''}.py"] = source or ""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(path, _TIME), files[path], zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _belongs(name: str) -> bool:
    return name.startswith(_PREFIX) and name != _LEFT_OUT

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove what runs on managed hosts on their Pythons.

    managed_pythons.py VERSION [VERSION ...] [--imports]

For each version: import every module and every backend where no library is installed, as on a minimal host; then run
the backends' unit tests, unless only --imports is asked for. Of Ansible there is what it sends along: its module_utils.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
sys.path.insert(0, str(ROOT / "tests" / "environment"))

import pythons  # noqa: E402  found through the path set above

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
LIBRARIES = ("bcrypt", "cryptography", "docker", "hypothesis", "libpass", "pytest", "requests", "zxcvbn")
PATTERNS = ("modules/*.py", "module_utils/**/*.py")
# Called with the folder of the plugins, and patterns.
IMPORT = """
import importlib, pathlib, sys, traceback
plugins = pathlib.Path(sys.argv[1])
failed = count = 0
for file in sorted(file for pattern in sys.argv[2:] for file in plugins.glob(pattern)):
    parts = file.relative_to(plugins).with_suffix("").parts
    name = ".".join(("ansible_collections.dockyard.ops.plugins", *parts)).removesuffix(".__init__")
    count += 1
    try:
        importlib.import_module(name)
    except BaseException:
        failed += 1
        print(f"{name} can't be imported:", *traceback.format_exc().splitlines()[-3:], sep="\\n    ")
print(f"{count - failed} of {count} imported")
sys.exit(1 if failed or not count else 0)
"""


def search_path() -> str:
    """Return where the collection is found, and the part of Ansible that is sent to a host."""
    import ansible.module_utils

    sent = CACHE / "sent" / "ansible"
    sent.mkdir(parents=True, exist_ok=True)
    (sent / "__init__.py").write_text("")
    link = sent / "module_utils"
    target = pathlib.Path(ansible.module_utils.__path__[0])
    if not link.exists() or link.resolve() != target:
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return os.pathsep.join([str(CACHE / "collections"), str(sent.parent)])


def call(*command: str) -> bool:
    environment = {**os.environ, "PYTHONPATH": search_path(), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode == 0


def imports(version: str, python: str) -> bool:
    """Import everything with the bare Python."""
    return call(python, "-s", "-c", IMPORT, str(ROOT / "plugins"), *PATTERNS)


def unit(version: str, python: str) -> bool:
    """Run the backends' unit tests."""
    folder = CACHE / "managed" / version
    pythons.environment(folder, python, pythons.pinned(LIBRARIES, version))
    return call(
        str(folder / "bin" / "python"),
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/unit/plugins/module_utils",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="+", choices=VERSIONS, metavar="VERSION")
    parser.add_argument("--imports", action="store_true", help="only import everything")
    arguments = parser.parse_args()
    failed = []
    for version in arguments.versions:
        python = pythons.find(version, purpose="What is proven on managed hosts")
        exact = pythons.version_of(python)
        for step in (imports, *(() if arguments.imports else (unit,))):
            passed = step(version, python)
            print(f"{exact}: {step.__name__}: {'ok' if passed else 'FAILED'}", flush=True)
            if not passed:
                failed.append(f"{step.__name__} on {version}")
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()

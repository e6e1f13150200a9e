# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run part of the tests with another ansible-core than the pinned one.

    cores.py VERSION [VERSION ...] [--full]

For each version: the unit tests of the plugins, the syntax of every playbook from the built artifact, and one module on
a real host; with --full also ansible-test sanity. The environment is made once, from PyPI, on a Python of this machine
that the version supports.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
# What the modules import and the unit tests use, as pinned for the environment of all other tests.
LIBRARIES = ("bcrypt", "cryptography", "docker", "libpass", "requests", "hypothesis", "pytest", "zxcvbn")
# Controllers' Pythons, from the support matrix of ansible-core; the first one that is here is taken.
PYTHONS = {
    "2.17": ("3.12", "3.11", "3.10"),
    "2.18": ("3.13", "3.12", "3.11"),
    "2.19": ("3.13", "3.12", "3.11"),
    "2.20": ("3.14", "3.13", "3.12"),
    "2.21": ("3.14", "3.13", "3.12"),
}
TARGET = "registry_info"


@dataclasses.dataclass(frozen=True)
class Core:
    """One version of ansible-core with its environment."""

    version: str
    python: str

    @property
    def folder(self) -> pathlib.Path:
        """Return where its environment is."""
        return CACHE / "cores" / self.version

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which its programs come first and old habits are errors."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("VIRTUAL_ENV")}
        return {
            **kept,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "ANSIBLE_INJECT_FACT_VARS": "false",
            "ANSIBLE_ALLOW_BROKEN_CONDITIONALS": "false",
        }


def pinned(names: tuple[str, ...]) -> list[str]:
    """Return the lines of tests/requirements.txt for these libraries."""
    lines = (ROOT / "tests" / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line.partition("==")[0] in names]


def find_python(version: str) -> str:
    """Return a Python of this machine that a version of ansible-core supports."""
    for wanted in PYTHONS[version]:
        on_path = shutil.which(f"python{wanted}")
        managed = sorted(pathlib.Path.home().glob(f".pyenv/versions/{wanted}.*/bin/python3"))
        for python in [*filter(None, [on_path]), *map(str, managed)]:
            found = subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True, check=False)
            if found.returncode == 0:
                return python
    sys.exit(
        f"ansible-core {version} runs on Python {', '.join(PYTHONS[version])}, and this machine has none of them with"
        f" venv; install one, or leave it out with make test WITHOUT=core-{version}."
    )


def make(core: Core) -> None:
    """Make the environment if it is missing or of other versions."""
    wanted = "\n".join([core.python, f"ansible-core~={core.version}.0", *pinned(LIBRARIES)])
    record = core.folder / "made"
    if record.exists() and record.read_text() == wanted:
        return
    shutil.rmtree(core.folder, ignore_errors=True)
    subprocess.run([core.python, "-m", "venv", str(core.folder)], check=True)
    pip = [str(core.folder / "bin" / "pip"), "install", "-qqq"]
    subprocess.run([*pip, f"ansible-core~={core.version}.0", *pinned(LIBRARIES)], check=True)
    record.write_text(wanted)


def unit(core: Core) -> bool:
    """Run the plugins' unit tests."""
    command = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/plugins")
    return call(core, *command, PYTHONPATH=str(CACHE / "collections"))


def syntax(core: Core) -> bool:
    """Install the built artifact and check the syntax of its playbooks."""
    with tempfile.TemporaryDirectory() as folder:
        if not call(core, "ansible-galaxy", "collection", "build", "--output-path", folder):
            return False
        (artifact,) = pathlib.Path(folder).glob("*.tar.gz")
        tree = pathlib.Path(folder) / "collections"
        if not call(core, "ansible-galaxy", "collection", "install", "--no-deps", "-p", str(tree), str(artifact)):
            return False
        paths = f"{tree}{os.pathsep}{CACHE / 'collections'}"
        playbooks = [f"dockyard.ops.{file.stem}" for file in sorted((ROOT / "playbooks").glob("*.yml"))]
        return call(
            core, "ansible-playbook", "-i", "localhost,", "--syntax-check", *playbooks, ANSIBLE_COLLECTIONS_PATH=paths
        )


def on_a_host(core: Core) -> bool:
    """Run one module's integration target on a test host."""
    # A host of its own: the integration tests may run beside it.
    return call(
        core,
        sys.executable,
        "tests/integration/run.py",
        TARGET,
        DOCKYARD_HOST_NAME=f"core-{core.version.replace('.', '-')}",
    )


def sanity(core: Core) -> bool:
    """Run ansible-test sanity."""
    return call(core, "nox", "-s", "sanity")


def call(core: Core, *command: str, **variables: str) -> bool:
    """Run a command with this ansible-core; return whether it succeeded."""
    environment = {**core.environment(), **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="+", choices=sorted(PYTHONS), metavar="VERSION")
    parser.add_argument("--full", action="store_true", help="also ansible-test sanity")
    arguments = parser.parse_args()
    failed = []
    for version in arguments.versions:
        core = Core(version, find_python(version))
        make(core)
        done = subprocess.run(
            [core.folder / "bin" / "ansible", "--version"], capture_output=True, text=True, check=True
        )
        exact = re.search(r"core ([\d.]+)", done.stdout)
        for step in (unit, syntax, on_a_host, *([sanity] if arguments.full else [])):
            passed = step(core)
            print(f"ansible-core {exact[1] if exact else version}: {step.__name__}: {'ok' if passed else 'FAILED'}")
            if not passed:
                failed.append(f"{step.__name__} on {version}")
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()

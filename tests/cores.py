# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run part of the tests with other versions of ansible-core than the pinned one.

    cores.py VERSION [VERSION ...] [--small | --full]

For each version: import every plugin and run the unit tests of those that run on the controller, check the syntax of
every playbook from the built artifact, and run one module's target on a test host. With --small without that target;
with --full also the backends' unit tests, ansible-test sanity of the artifact, and a scenario. Old habits are
errors: facts are no variables of their own, and a condition is true or false. The environment is made once, from
PyPI, on a Python that the version supports.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
sys.path.insert(0, str(ROOT / "tests" / "environment"))

import managed_pythons  # noqa: E402  beside this file
import pythons  # noqa: E402  found through the path set above

# What the modules import and the unit tests use, as pinned for the environment of all other tests.
LIBRARIES = ("bcrypt", "cryptography", "docker", "libpass", "requests", "hypothesis", "pytest", "PyYAML", "zxcvbn")
# Controllers' Pythons, from the support matrix of ansible-core.
PYTHONS = {
    "2.17": ("3.12", "3.11", "3.10"),
    "2.18": ("3.13", "3.12", "3.11"),
    "2.19": ("3.13", "3.12", "3.11"),
    "2.20": ("3.14", "3.13", "3.12"),
    "2.21": ("3.14", "3.13", "3.12"),
}
STRICT = {"ANSIBLE_INJECT_FACT_VARS": "false", "ANSIBLE_ALLOW_BROKEN_CONDITIONALS": "false"}
TARGET = "registry_info"
# A playbook over three roles, on hosts with three Pythons, without what makes Ansible faster elsewhere.
SCENARIO = "registry_host"
CONTROLLER = ("tests/unit/plugins/filter", "tests/unit/plugins/plugin_utils")


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
            **STRICT,
        }


def make(core: Core, full: bool) -> None:
    """Make the environment if it is missing or of other versions."""
    version = re.sub(r"^.*?(\d+\.\d+).*$", r"\1", pythons.version_of(core.python))
    requirements = [f"ansible-core~={core.version}.0", *pythons.pinned(LIBRARIES, version)]
    pythons.environment(core.folder, core.python, [*requirements, *(("molecule",) if full else ())])


def install(core: Core, tree: pathlib.Path) -> bool:
    """Build the artifact, and install it below a folder."""
    with tempfile.TemporaryDirectory() as folder:
        if not call(core, "ansible-galaxy", "collection", "build", "--output-path", folder):
            return False
        (artifact,) = pathlib.Path(folder).glob("*.tar.gz")
        command = ("ansible-galaxy", "collection", "install", "--no-deps", "-p", str(tree), str(artifact))
        # Only there: of a collection that is on the path already, as this clone is, nothing would be installed.
        return call(core, *command, ANSIBLE_COLLECTIONS_PATH=str(tree))


def imports(core: Core, tree: pathlib.Path) -> bool:
    """Import every plugin of the artifact."""
    plugins = tree / "ansible_collections" / "dockyard" / "ops" / "plugins"
    return call(core, "python", "-c", managed_pythons.IMPORT, str(plugins), "*/*.py", PYTHONPATH=str(tree))


def unit(core: Core, tree: pathlib.Path, tests: tuple[str, ...] = CONTROLLER) -> bool:
    """Run the unit tests of the plugins that run on the controller."""
    command = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    return call(core, *command, PYTHONPATH=str(CACHE / "collections"))


def backends(core: Core, tree: pathlib.Path) -> bool:
    """Run the unit tests of the backends, which know nothing of Ansible, on the core's Python."""
    return unit(core, tree, ("tests/unit/plugins/module_utils",))


def syntax(core: Core, tree: pathlib.Path) -> bool:
    """Check the syntax of the artifact's playbooks."""
    paths = f"{tree}{os.pathsep}{CACHE / 'collections'}"
    playbooks = [f"dockyard.ops.{file.stem}" for file in sorted((ROOT / "playbooks").glob("*.yml"))]
    return call(
        core, "ansible-playbook", "-i", "localhost,", "--syntax-check", *playbooks, ANSIBLE_COLLECTIONS_PATH=paths
    )


def on_a_host(core: Core, tree: pathlib.Path) -> bool:
    """Run one module's integration target on a test host."""
    # A host of its own: the integration tests may run beside it.
    return call(
        core,
        sys.executable,
        "tests/integration/run.py",
        TARGET,
        DOCKYARD_HOST_NAME=f"core-{core.version.replace('.', '-')}",
    )


def sanity(core: Core, tree: pathlib.Path) -> bool:
    """Run ansible-test sanity on what was built."""
    return call(core, "nox", "-s", "sanity", "--", "--from", str(tree))


def scenario(core: Core, tree: pathlib.Path) -> bool:
    """Run a scenario."""
    return call(core, "nox", "-s", "scenario", "--", SCENARIO)


def call(core: Core, *command: str, **variables: str) -> bool:
    """Run a command with this ansible-core; return whether it succeeded."""
    environment = {**core.environment(), **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="+", choices=sorted(PYTHONS), metavar="VERSION")
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--small", action="store_true", help="without a test host")
    extent.add_argument("--full", action="store_true", help="also ansible-test sanity, and a scenario")
    arguments = parser.parse_args()
    steps = [install, imports, unit, syntax]
    steps += [] if arguments.small else [on_a_host]
    steps += [backends, sanity, scenario] if arguments.full else []
    failed = []
    for version in arguments.versions:
        core = Core(version, pythons.find(*PYTHONS[version], purpose=f"ansible-core {version}"))
        make(core, arguments.full)
        done = subprocess.run(
            [core.folder / "bin" / "ansible", "--version"], capture_output=True, text=True, check=True
        )
        exact = re.search(r"core ([\d.]+)", done.stdout)
        with tempfile.TemporaryDirectory() as tree:
            for step in steps:
                passed = step(core, pathlib.Path(tree))
                about = f"{exact[1] if exact else version}, {pythons.version_of(core.python)}"
                print(f"ansible-core {about}: {step.__name__}: {'ok' if passed else 'FAILED'}", flush=True)
                if not passed:
                    failed.append(f"{step.__name__} on {version}")
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions behind the Makefile.

They run in the environment that tests/environment/run makes (`tests/environment/run nox -s NAME`), and
each can be run alone. The static checks come from antsibull-nox.toml; tests/everything.py
says which sessions make up `make test`.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

import antsibull_nox
import nox

ROOT = pathlib.Path(__file__).resolve().parent
CACHE = ROOT / ".cache"
GENERATIONS = ("bookworm", "trixie", "sid")
GET_PIP = "https://ci-files.testing.ansible.com/ansible-test/get-pip-{version}.py"
# Leaves out what makes Ansible faster in the tests (tests/environment/callbacks, tests/hosts/compiled_modules.py).
PLAIN = {"DOCKYARD_PLAIN": "1"}

antsibull_nox.load_antsibull_nox_toml()


def engine_environment() -> dict[str, str]:
    """Return what reaches the Docker Engine that the test hosts run on; start one if none answers."""
    sys.path.insert(0, str(ROOT / "tests" / "hosts"))
    import engine

    return engine.ensure()


def staged_copy(name: str) -> pathlib.Path:
    """Return a copy of what git would package, in a tree as ansible-test and the documentation tools want it."""
    tree = CACHE / "staged" / name
    shutil.rmtree(tree, ignore_errors=True)
    target = tree / "ansible_collections" / "dockyard" / "ops"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for file in filter(None, listed.split("\0")):
        if (ROOT / file).is_file():
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, target / file, follow_symlinks=False)
    # The tools ask git which files belong to the collection, and must not find the git of this clone.
    subprocess.run(["git", "init", "--quiet"], cwd=target, check=True)
    link_collections(tree / "ansible_collections")
    return target


def link_collections(tree: pathlib.Path) -> None:
    """Put the other collections beside our own into a tree."""
    for other in (CACHE / "collections" / "ansible_collections").iterdir():
        if other.name != "dockyard":
            (tree / other.name).symlink_to(other)


def provide_get_pip() -> None:
    """Lets ansible-test make its environments where the site it downloads from can't be reached."""
    import ansible_test._internal.python_requirements as requirements

    source = pathlib.Path(requirements.__file__).read_text()
    version = source.split("pip='", 1)[1].split("'", 1)[0]
    target = pathlib.Path.home() / f".ansible/test/cache/get_pip_{version.replace('.', '_')}.py"
    if target.exists():
        return
    try:
        urllib.request.urlopen(GET_PIP.format(version=version), timeout=10).close()
        return
    except OSError:
        pass  # not reachable: the wheel from PyPI does the same
    wheels = CACHE / "wheels"
    download = [sys.executable, "-m", "pip", "download", "-qqq", "--no-deps", "-d", str(wheels), f"pip=={version}"]
    subprocess.run(download, check=True)
    wheel = wheels / f"pip-{version}-py3-none-any.whl"
    # The cache of ansible-test outlives this clone, and so must the wheel.
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(wheel, target.parent / wheel.name)
    script = (ROOT / "tests" / "environment" / "get_pip.py").read_text()
    target.write_text(script.replace('"WHEEL"', repr(str(target.parent / wheel.name))))


def path_with_working_pythons() -> str:
    """PATH on which every pythonX.Y runs.

    A version manager may put a launcher of that name on PATH that only prints which versions it has;
    ansible-test takes it for the interpreter and fails. Those folders go, and the real ones come.
    """
    folders = os.environ["PATH"].split(os.pathsep)
    broken = set()
    for folder in folders:
        for python in pathlib.Path(folder).glob("python3.[0-9]*"):
            if not re.fullmatch(r"python3\.\d+", python.name) or not os.access(python, os.X_OK):
                continue
            if subprocess.run([python, "-V"], capture_output=True, check=False).returncode != 0:
                broken.add(folder)
    managed = sorted(pathlib.Path(folder).parent / "versions" for folder in broken)
    real = [str(bin_) for versions in managed for bin_ in sorted(versions.glob("3.*/bin"))]
    return os.pathsep.join([folder for folder in folders if folder not in broken] + real)


@nox.session
def demo(session: nox.Session) -> None:
    """Show something on a disposable host, and prove it. Arguments: registry, topology, databases or stack."""
    name, *others = session.posargs or ["registry"]
    scripts = {
        "registry": "demo.py",
        "topology": "network_report.py",
        "databases": "databases.py",
        "stack": "swarm.py",
    }
    if name not in scripts:
        session.error(f"There is no demo {name}; there are {', '.join(scripts)}.")
    session.env.update({**engine_environment(), **PLAIN})
    session.run("python", f"tests/demo/{scripts[name]}", *others)


@nox.session(default=False)
def demo_clean(session: nox.Session) -> None:
    """Remove the demo's host, and everything that the demo has put on this machine."""
    session.run("python", "tests/demo/clean.py", *session.posargs)


@nox.session
def sanity(session: nox.Session) -> None:
    """ansible-test sanity. Arguments: names of files, or --test NAME; --from TREE, where the artifact is installed."""
    provide_get_pip()
    if session.posargs[:1] == ["--from"]:
        tree = pathlib.Path(session.posargs.pop(1))
        session.posargs.pop(0)
        link_collections(tree / "ansible_collections")
        target = tree / "ansible_collections" / "dockyard" / "ops"
    else:
        target = staged_copy("sanity")
    session.env["PATH"] = path_with_working_pythons()
    with session.chdir(target):
        session.run("ansible-test", "sanity", "--color", "no", *session.posargs)


@nox.session
def unit(session: nox.Session) -> None:
    """Run the unit tests. Arguments: those of pytest."""
    session.env["PYTHONPATH"] = str(CACHE / "collections")
    session.run("pytest", "-q", *(session.posargs or ["tests/unit"]))


@nox.session
def opentofu(session: nox.Session) -> None:
    """Run the tests of the wrapper gitlab-tofu with the real tofu of tests/parts. Arguments: those of pytest."""
    sys.path.insert(0, str(ROOT / "tests" / "hosts"))
    import engine

    missing = [program for program in ("curl", "idn2", "jq") if shutil.which(program) is None]
    if missing:
        engine.apt_install(*missing)
    session.run("pytest", "-q", *(session.posargs or ["tests/opentofu"]))


@nox.session
def core(session: nox.Session) -> None:
    """Test with other versions of ansible-core. Arguments: versions, and --small or --full."""
    session.env.update(engine_environment())
    session.run("python", "tests/cores.py", *session.posargs)


@nox.session
def python(session: nox.Session) -> None:
    """Test what runs on managed hosts on other Pythons. Arguments: versions, and --imports."""
    session.run("python", "tests/managed_pythons.py", *session.posargs)


PYTHON_CODE = ["plugins", "roles", "tests", "docs", "noxfile.py"]


@nox.session
def style(session: nox.Session) -> None:
    """Format and style of all Python code."""
    session.run("black", "--check", "--quiet", "--diff", *PYTHON_CODE)
    session.run("ruff", "check", "--quiet", *PYTHON_CODE)


@nox.session
def words(session: nox.Session) -> None:
    """Check every file for words that are not used, and the names of tasks for the imperative."""
    session.run("python", "tests/style/words.py", *session.posargs)


@nox.session(default=False)
def reformat(session: nox.Session) -> None:
    """Lets the formatter have its way."""
    session.run("black", "--quiet", *PYTHON_CODE)
    session.run("ruff", "check", "--fix", *PYTHON_CODE)


@nox.session
def types(session: nox.Session) -> None:
    """Run mypy over plugins, tests and tools."""
    session.env["MYPYPATH"] = str(CACHE / "collections")
    packages = [f"ansible_collections.dockyard.ops.{part}" for part in ("plugins", "tests.unit")]
    session.run("mypy", "--namespace-packages", "--explicit-package-bases", *_each("-p", packages))
    session.run(
        "mypy",
        "noxfile.py",
        "tests/hosts",
        "tests/bench",
        "tests/demo",
        "tests/roles",
        "tests/style",
        "tests/faults",
        "tests/harbor",
        "tests/opentofu",
        "tests/parts",
        "tests/registry",
        "tests/traefik",
        "tests/cores.py",
        "tests/engines.py",
        "tests/managed_pythons.py",
        "docs",
        "tests/environment",
        "tests/everything.py",
    )
    for script in sorted(ROOT.glob("roles/*/files/*.py")):
        session.run("mypy", str(script.relative_to(ROOT)))


def _each(flag: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


@nox.session
def docs_lint(session: nox.Session) -> None:
    """Check the documentation in modules and roles: complete, and every reference in it leads somewhere."""
    target = staged_copy("docs-lint")
    session.env["ANSIBLE_COLLECTIONS_PATH"] = str(target.parent.parent.parent)
    with session.chdir(target):
        session.run(
            *("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "all"),
            *("--skip-rstcheck", "."),
        )


@nox.session
def ansible_lint(session: nox.Session) -> None:
    """ansible-lint in its production profile. Arguments: files."""
    target = staged_copy("ansible-lint")
    with session.chdir(target):
        session.run(
            "ansible-lint", "--offline", "--nocolor", "--parseable", "--profile", "production", *session.posargs
        )


@nox.session
def roles(session: nox.Session) -> None:
    """Check the roles' specifications: defaults agree with them, and the READMEs are made from them."""
    session.run("python", "tests/roles/defaults.py")
    session.run("python", "tests/roles/readme.py", "--check")


@nox.session(venv_backend="venv")
def galaxy_importer(session: nox.Session) -> None:
    """Build the artifact and let Galaxy's own importer judge it."""
    session.install("-qqq", "-r", "tests/galaxy_importer/requirements.txt")
    with tempfile.TemporaryDirectory() as folder:
        session.run("ansible-galaxy", "collection", "build", "--output-path", folder, external=True)
        (artifact,) = pathlib.Path(folder).glob("*.tar.gz")
        session.env["GALAXY_IMPORTER_CONFIG"] = str(ROOT / "tests" / "galaxy_importer" / "galaxy-importer.cfg")
        with session.chdir(folder):
            log = session.run("python", "-m", "galaxy_importer.main", artifact.name, silent=True) or ""
    print(log)
    if "ERROR:" in log:
        session.error("galaxy-importer reports an error; see above.")


@nox.session
def integration(session: nox.Session) -> None:
    """Integration targets on a test host. Arguments: names of targets, and suites of Debian."""
    session.env.update(engine_environment())
    session.run("python", "tests/integration/run.py", *session.posargs)


@nox.session
def engines(session: nox.Session) -> None:
    """Modules that change an engine, on engines of several generations. Arguments: suites."""
    session.env.update(engine_environment())
    session.run("python", "tests/engines.py", *session.posargs)


@nox.session
def scenario(session: nox.Session) -> None:
    """One molecule scenario, on one generation. Arguments: NAME [SUITE] [SUITE=OTHER, to run on OTHER instead]."""
    instead = [word for word in session.posargs if "=" in word]
    name, suite = [*(word for word in session.posargs if "=" not in word), "trixie"][:2]
    session.env.update(engine_environment())
    session.env["DOCKYARD_SUITE"] = suite
    session.env["DOCKYARD_INSTEAD"] = " ".join(instead)
    session.env["MOLECULE_COMMAND_BORDERS"] = "false"
    session.run("molecule", "test", "--scenario-name", name)


@nox.session(default=False)
def faults(session: nox.Session) -> None:
    """Injects faults for real and prints which of them held. Arguments: a subject, and suites of Debian."""
    session.env.update(engine_environment())
    session.run("python", "tests/faults/faults.py", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measures against peers in the same run and writes docs/performance.md. Arguments: subjects."""
    session.env.update({**engine_environment(), **PLAIN})
    session.run("python", "tests/bench/bench.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site into docs/_build; a warning is an error."""
    session.run("python", "docs/build.py", *session.posargs)


@nox.session
def changelog(session: nox.Session) -> None:
    """Check the changelog's fragments."""
    session.run("antsibull-changelog", "lint")


@nox.session(default=False)
def release_check(session: nox.Session) -> None:
    """Check what must hold before a version is published: everything, and a clean tree."""
    session.run("git", "diff", "--quiet", "HEAD", external=True)
    session.run("python", "tests/everything.py")


@nox.session(default=False)
def test(session: nox.Session) -> None:
    """Every check and every test. Arguments: those of tests/everything.py."""
    session.env.update(engine_environment())
    session.run("python", "tests/everything.py", *session.posargs)

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other Pythons than the environment's own: those of this machine, else those of Debian's releases.

One of a release is unpacked from its packages into .cache/pythons and run with its own libraries, so that nothing is
installed on the machine and no container is needed.
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "hosts"))

import images  # noqa: E402  found through the path set above

CACHE = ROOT / ".cache" / "pythons"
# Which release of Debian has which.
RELEASES = {"3.9": "bullseye", "3.11": "bookworm", "3.13": "trixie", "3.14": "sid"}
LAUNCHER = """\
#!/bin/sh
# Python {version} of Debian {release} with its own libraries.
exec {loader} --library-path {libraries} --argv0 "$0" {program} "$@"
"""
# Where tests/requirements.txt has a version that no longer runs on an older Python: the last one that does.
OLDER = {
    "3.9": {"hypothesis": "6.141.1", "pytest": "8.4.2", "requests": "2.32.5"},
    "3.10": {"hypothesis": "6.168.5"},
}


def find(*versions: str, purpose: str) -> str:
    """Return the first of these Pythons that this machine has, else the first that a release of Debian has."""
    for version in versions:
        for python in on_this_machine(version):
            if subprocess.run([python, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
                return python
    for version in versions:
        if version in RELEASES:
            return of_debian(version)
    raise SystemExit(
        f"{purpose} needs Python {' or '.join(versions)}, which neither this machine nor a release of Debian has;"
        " install it, or leave these tests out with make test WITHOUT=…."
    )


def use_the_machines(tree: pathlib.Path) -> pathlib.Path:
    """Have this machine's C library found in place of a release's own, whose loader is too old for the launcher.

    A newer C library runs what was built for an older one. Return the machine's loader.
    """
    for file in [*tree.glob("lib/*/*.so*"), *tree.glob("usr/lib/*/*.so*")]:
        if os.path.realpath(file).endswith("-2.31.so"):
            file.unlink()
    return next(iter(sorted(pathlib.Path("/lib").glob("*-linux-gnu*/ld-linux*.so.*"))))


def version_of(python: str) -> str:
    """Return what a Python calls itself."""
    return subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.strip()


def on_this_machine(version: str) -> list[str]:
    """Return the Pythons of this version on PATH and of pyenv, whether or not they run."""
    on_path = shutil.which(f"python{version}")
    managed = sorted(pathlib.Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"))
    return [*filter(None, [on_path]), *map(str, managed)]


def of_debian(version: str) -> str:
    """Return the Python of the release that has this version, unpacked first if it is missing."""
    launcher = CACHE / version / "usr" / "bin" / f"python{version}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{version}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not launcher.exists():
            unpack(version)
    return str(launcher)


def unpack(version: str) -> None:
    """Unpack a release's Python, and put a launcher in the place of its program."""
    release, target = RELEASES[version], CACHE / version
    print(f"Unpacking Python {version} of Debian {release}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=CACHE) as staged:
        packages = [f"python{version}", f"libpython{version}-stdlib"]
        # Debian has made packages of its own of what others have in the standard library.
        packages += ["python3-distutils"] if release == "bullseye" else []
        options = ("--variant=extract", f"--include={','.join(packages)}")
        done = subprocess.run(images.bootstrap(release, staged, *options), check=False)
        programs = pathlib.Path(staged, "usr", "bin")
        loaders = [*pathlib.Path(staged).glob("usr/lib/*/ld-linux*.so.*"), *pathlib.Path(staged).glob("lib/*/ld-*.so*")]
        if done.returncode != 0 or not loaders or not (programs / f"python{version}").exists():
            raise SystemExit(
                f"Python {version} could not be unpacked from Debian {release}; the messages of mmdebstrap are above."
            )
        loader = target / loaders[0].relative_to(staged)
        if release == "bullseye":
            loader = use_the_machines(pathlib.Path(staged))
        libraries = [pathlib.Path(folder, loaders[0].parent.name) for folder in ("usr/lib", "lib")]
        (programs / f"python{version}").rename(programs / f"python{version}.program")
        text = LAUNCHER.format(
            version=version,
            release=release,
            loader=loader,
            libraries=":".join(str(target / folder) for folder in libraries),
            program=target / "usr" / "bin" / f"python{version}.program",
        )
        (programs / f"python{version}").write_text(text)
        (programs / f"python{version}").chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        os.rename(staged, target)
        pathlib.Path(staged).mkdir()  # what the context removes
        target.chmod(0o755)


def pinned(names: tuple[str, ...], version: str) -> list[str]:
    """Return the requirements for these libraries: as in tests/requirements.txt, as far as a Python can have that."""
    lines = (ROOT / "tests" / "requirements.txt").read_text().splitlines()
    older = OLDER.get(version, {})
    found = [line.partition("==")[::2] for line in lines if line.partition("==")[0] in names]
    return [f"{name}=={older.get(name, pin)}" for name, pin in found]


def environment(folder: pathlib.Path, python: str, requirements: list[str]) -> None:
    """Make a virtual environment of a Python if it is missing or of other versions."""
    wanted = "\n".join([python, *requirements])
    record = folder / "made"
    if record.exists() and record.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    # Debian's Pythons come without pip; the one of our own environment installs for all of them.
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-W", "ignore", "-m", "pip", "--python", str(folder / "bin" / "python")]
    subprocess.run([*pip, "install", "-qqq", *requirements], check=True)
    record.write_text(wanted)

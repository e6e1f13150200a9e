# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of the managed test hosts: one suite of Debian is one generation of Docker Engine.

    bookworm  Docker 20.10        trixie  Docker 26.1        sid  Docker 28.5
    engine29  Docker 29 of tests/parts over sid's packages, as a fresh installation has it

There is no Docker Hub: the base comes from mmdebstrap and the Debian mirror that this machine's apt is
configured with. An image is built once and kept in the engine; its tag carries a key made of the recipe, and that of
the clone of the repository. A clone takes what another has built by a tag of its own, and removes only its own tags.
"""

from __future__ import annotations

import hashlib
import pathlib
import shutil
import subprocess
import sys

import engine

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "parts"))
import provide

HERE = pathlib.Path(__file__).resolve().parent
SUITES = ("bookworm", "trixie", "sid", "engine29")
# Suites that are another one with the programs of a part over its packages.
OVER = {"engine29": "sid"}
FLAVOURS = ("bare", "engine")
RECIPE = ("Dockerfile", "entrypoint.sh")
RECIPES = {"engine29": (*RECIPE, "Dockerfile.engine29", "../parts/engine29/go.mod", "../parts/engine29/go.sum")}


def debian_archives() -> list[str]:
    """Return the addresses of the Debian archives in this machine's package lists, without security updates."""
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(CODENAME)", "Created-By: Packages", "Origin: Debian"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    return [uri for uri, codename in (target.split("|") for target in targets) if "security" not in codename]


def mirror() -> str:
    """Return the Debian archive that this machine's apt uses."""
    archives = debian_archives()
    if not archives:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        archives = debian_archives()
    if not archives:
        sys.exit("This machine's apt names no Debian archive to make test hosts from; see /etc/apt/sources.list.d.")
    return archives[0]


def key(suite: str) -> str:
    """Return a key of all that an image of this suite is made of."""
    digest = hashlib.sha256()
    for name in RECIPES.get(suite, RECIPE):
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:12]


def listed(pattern: str) -> list[str]:
    """Return the images whose name and tag match a pattern."""
    command = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={pattern}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def of_clone() -> list[str]:
    """Return all images of this clone."""
    return listed(f"dockyard-test/*:*-{engine.clone()}")


def exists(repository: str, suite: str) -> bool:
    """Return whether there is an image of today's recipe; one that another clone has built gets this clone's tag."""
    found = listed(f"{repository}:{suite}-{key(suite)}*")
    image = f"{repository}:{tag(suite)}"
    if found and image not in found:
        subprocess.run(["docker", "image", "tag", found[0], image], check=True)
    return bool(found)


def tag(suite: str) -> str:
    """Return the tag of this clone's images of a suite."""
    return f"{suite}-{key(suite)}-{engine.clone()}"


def bootstrap(suite: str, target: str, *options: str) -> list[str]:
    """Return the command that makes a tree of Debian; "-" as its target is a tar on standard output."""
    if shutil.which("mmdebstrap") is None:
        engine.apt_install("mmdebstrap")
    # The snapshot of sid on a mirror may be past its Valid-Until.
    valid = '--aptopt=Acquire::Check-Valid-Until "false"'
    return ["mmdebstrap", "--quiet", valid, *options, suite, target, mirror()]


def import_base(suite: str, image: str) -> None:
    making = subprocess.Popen(bootstrap(suite, "-", "--variant=minbase"), stdout=subprocess.PIPE)
    subprocess.run(["docker", "import", "-", image], stdin=making.stdout, stdout=subprocess.DEVNULL, check=True)
    if making.wait() != 0:
        subprocess.run(["docker", "image", "rm", image], stdout=subprocess.DEVNULL, check=False)
        sys.exit(f"mmdebstrap could not make a base of {suite}; its messages are above.")


def ensure(suite: str, flavour: str) -> str:
    """Return the image of this suite and flavour, built first if it is missing."""
    if suite in OVER:
        if flavour != "engine":
            return ensure(OVER[suite], flavour)
        # Some minutes if it has to be made, in which others may build other images.
        provide.ensure(suite)
        ensure(OVER[suite], flavour)
    with engine.alone():
        if not exists(f"dockyard-test/{flavour}", suite):
            (build_over if suite in OVER else build)(suite, flavour)
    return f"dockyard-test/{flavour}:{tag(suite)}"


def build_over(suite: str, flavour: str) -> None:
    """Build an image of the programs of a part over another suite's packages."""
    image = f"dockyard-test/{flavour}:{tag(suite)}"
    base = f"dockyard-test/{flavour}:{tag(OVER[suite])}"
    print(f"Building the test host image {image}", file=sys.stderr)
    folder = provide.PARTS[suite].folder
    recipe = str(HERE / f"Dockerfile.{suite}")
    command = [
        "docker",
        "build",
        "--quiet",
        "--build-arg",
        f"BASE={base}",
        "--tag",
        image,
        "--file",
        recipe,
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{done.stderr}\nBuilding {image} failed.")
    remove_older(suite, flavour)


def build(suite: str, flavour: str) -> None:
    image = f"dockyard-test/{flavour}:{tag(suite)}"
    base = f"dockyard-test/debian:{tag(suite)}"
    if not exists("dockyard-test/debian", suite):
        print(f"Making a base image of Debian {suite}", file=sys.stderr)
        import_base(suite, base)
    print(f"Building the test host image {image}", file=sys.stderr)
    command = ["docker", "build", "--quiet", "--target", flavour, "--build-arg", f"BASE={base}", "--tag", image, "."]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{done.stderr}\nBuilding {image} failed.")
    remove_older(suite, flavour)


def remove_older(suite: str, flavour: str) -> None:
    """Remove what an older recipe of this clone made; images that a host still uses stay."""
    for repository in (f"dockyard-test/{flavour}", "dockyard-test/debian"):
        images = listed(f"{repository}:{suite}-*-{engine.clone()}")
        old = [image for image in images if not image.endswith(f":{tag(suite)}")]
        if old:
            subprocess.run(["docker", "image", "rm", *old], capture_output=True, check=False)

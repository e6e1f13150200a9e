# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of the managed test hosts: one suite of Debian is one generation of Docker Engine.

    bookworm  Docker 20.10        trixie  Docker 26.1        sid  Docker 28.5

There is no Docker Hub: the base comes from mmdebstrap and the Debian mirror that this machine's apt is
configured with. An image is built once and kept in the engine; its tag carries a key made of the recipe.
"""

from __future__ import annotations

import hashlib
import pathlib
import shutil
import subprocess
import sys

import engine

HERE = pathlib.Path(__file__).resolve().parent
SUITES = ("bookworm", "trixie", "sid")
FLAVOURS = ("bare", "engine")
RECIPE = ("Dockerfile", "entrypoint.sh")


def debian_archives() -> list[str]:
    """Addresses of the Debian archives in this machine's package lists, those of security updates left out."""
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(CODENAME)", "Created-By: Packages", "Origin: Debian"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    return [uri for uri, codename in (target.split("|") for target in targets) if "security" not in codename]


def mirror() -> str:
    """The Debian archive that this machine's apt uses."""
    archives = debian_archives()
    if not archives:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        archives = debian_archives()
    if not archives:
        sys.exit("This machine's apt names no Debian archive to make test hosts from; see /etc/apt/sources.list.d.")
    return archives[0]


def key() -> str:
    digest = hashlib.sha256()
    for name in RECIPE:
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:12]


def exists(image: str) -> bool:
    command = ["docker", "image", "inspect", image]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def import_base(suite: str, image: str) -> None:
    if shutil.which("mmdebstrap") is None:
        engine.apt_install("mmdebstrap")
    bootstrap = subprocess.Popen(
        [
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            '--aptopt=Acquire::Check-Valid-Until "false"',
            suite,
            "-",
            mirror(),
        ],
        stdout=subprocess.PIPE,
    )
    subprocess.run(["docker", "import", "-", image], stdin=bootstrap.stdout, stdout=subprocess.DEVNULL, check=True)
    if bootstrap.wait() != 0:
        subprocess.run(["docker", "image", "rm", image], stdout=subprocess.DEVNULL, check=False)
        sys.exit(f"mmdebstrap could not make a base of {suite}; its messages stand above.")


def ensure(suite: str, flavour: str) -> str:
    """Name of the image for this suite and flavour, built first where it is missing."""
    tag = f"{suite}-{key()}"
    image = f"dockyard-test/{flavour}:{tag}"
    with engine.alone():
        if not exists(image):
            build(suite, flavour, tag)
    return image


def build(suite: str, flavour: str, tag: str) -> None:
    image = f"dockyard-test/{flavour}:{tag}"
    base = f"dockyard-test/debian:{tag}"
    if not exists(base):
        print(f"Making a base image of Debian {suite}", file=sys.stderr)
        import_base(suite, base)
    print(f"Building the test host image {image}", file=sys.stderr)
    command = ["docker", "build", "--quiet", "--target", flavour, "--build-arg", f"BASE={base}", "--tag", image, "."]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{done.stderr}\nBuilding {image} failed.")
    remove_older(suite, flavour, tag)


def remove_older(suite: str, flavour: str, tag: str) -> None:
    """Removes what an older recipe made; images that a host still uses stay."""
    for repository in (f"dockyard-test/{flavour}", "dockyard-test/debian"):
        listed = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository]
        images = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
        old = [image for image in images if f":{suite}-" in image and not image.endswith(f":{tag}")]
        if old:
            subprocess.run(["docker", "image", "rm", *old], capture_output=True, check=False)

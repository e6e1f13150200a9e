# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test host with two registries in containers, filled with images whose layers take a while."""

from __future__ import annotations

import pathlib
from typing import Any

import hosts
import yaml
from managed_host import ManagedHost

RECIPES = pathlib.Path(__file__).resolve().parents[3] / "roles" / "images" / "vars" / "main.yml"
SOURCE, MIRROR = "127.0.0.1:5001", "127.0.0.1:5002"
BUNDLE = "/srv/images/bundle"
TAGS = ("1", "2")
_ASK = "python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)'"
_LAYER = 60  # MB
_FILL = """
set -eu
for tag in 1 2; do
    head -c {size}M /dev/urandom > /srv/images/layer-$tag
    tar -C /srv/images -c layer-$tag | docker import - {source}/team/app:$tag
    docker push {source}/team/app:$tag
    docker image rm {source}/team/app:$tag
    rm /srv/images/layer-$tag
done
"""


class Host(ManagedHost):
    def __init__(self, suite: str, name: str = "") -> None:
        super().__init__(name or f"faults-images-{suite}")
        self.suite = suite

    def up(self) -> None:
        self.registries()
        self.must(_FILL.format(size=_LAYER, source=SOURCE))

    def registries(self, *options: str) -> None:
        """Start the host with two registries that are empty. options: further ones of docker run, for the host."""
        hosts.up(self.name, self.suite, "engine", None, list(options))
        self.wait_for("docker version")
        recipe = yaml.safe_load(RECIPES.read_text())["__images_recipes"]["registry"]
        built = self.module("image_build", False, name=recipe["name"], recipe=recipe["recipe"])
        if built.get("failed"):
            raise RuntimeError(built["msg"])
        self.must("mkdir -p /srv/images")
        for name, address in (("source", SOURCE), ("mirror", MIRROR)):
            self.must(f"docker run --detach --name {name} --publish {address}:5000 {built['image']}")
        self.registries_answer()

    def registries_answer(self) -> None:
        """Wait until both do."""
        for address in (SOURCE, MIRROR):
            self.wait_for(f"{_ASK} http://{address}/v2/")

    def down(self) -> None:
        hosts.down([self.name])

    def bundle(self, path: str = BUNDLE, check: bool = False, **options: Any) -> dict[str, Any]:
        return self.module("image_copy", check, **self.into_bundle(path), **options)

    @staticmethod
    def into_bundle(path: str = BUNDLE) -> dict[str, Any]:
        images = [{"image": f"{SOURCE}/team/app:{tag}"} for tag in TAGS]
        return {"images": images, "path": path, "plain_http": [SOURCE, MIRROR]}

    @staticmethod
    def into_mirror() -> dict[str, Any]:
        images = [{"image": f"{SOURCE}/team/app", "tags": ["*"]}]
        return {"images": images, "registry": MIRROR, "plain_http": [SOURCE, MIRROR]}

    def forget(self) -> None:
        """Remove the bundle, what the engine has of it, and what the mirror has."""
        self.must(
            f"rm -rf {BUNDLE} /srv/images/*.tar /var/lib/dockyard/images/digests.json;"
            f" docker image ls --all --quiet {SOURCE}/team/app | sort -u | xargs -r docker image rm --force >/dev/null;"
            " docker exec mirror sh -c 'rm -rf /var/lib/registry/*'; docker restart --time 1 mirror >/dev/null"
        )
        self.registries_answer()

    def bad_blobs(self, path: str = BUNDLE) -> list[str]:
        """Return the blobs of a bundle that have not the digest of their name."""
        done = self.run(
            f'cd {path}/blobs/sha256 && for one in *; do case $one in *.part) ;; *) echo "$one  $one";; esac; done'
            " | sha256sum --check --quiet"
        )
        return [line for line in done.stdout.splitlines() if line]

    def mirrored(self) -> list[str]:
        """Return the tags of the mirror whose image can be pulled whole."""
        found = []
        for tag in TAGS:
            name = f"{MIRROR}/team/app:{tag}"
            if self.run(f"docker pull --quiet {name} && docker image rm {name}").returncode == 0:
                found.append(tag)
        return found

    def loaded(self) -> list[str]:
        """Return the tags that the engine has, each of which has to run a command of its own kind: it is read whole."""
        found = []
        for tag in TAGS:
            name = f"{SOURCE}/team/app:{tag}"
            if self.run(f"docker image inspect {name}").returncode == 0:
                self.must(
                    f"docker create --name whole {name} none >/dev/null; docker export whole | wc -c; docker rm whole"
                )
                found.append(tag)
        return found

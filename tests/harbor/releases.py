# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of the stand-in for Harbor, as the project publishes its installers.

    releases.py make [VERSION ...]      the archives of these versions (all that the tests use, if none is named)
    releases.py variant VERSION FAULT   an archive of which something fails; prints its path
    releases.py faults                  the faults there are

They are in .cache/harbor/KEY, where KEY is made of the recipe: harbor-offline-installer-vX.tgz,
harbor-online-installer-vX.tgz and md5sum; for 1.x also harbor-migrator-vX.tar.gz, an image to load (the real one
comes from a registry). What is there is used again. Needs root and Debian's mirror the first time, and no
Docker Engine.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import functools
import hashlib
import io
import os
import pathlib
import shutil
import sys
import tarfile
import time
from collections.abc import Iterator

import image_archive
import layers

sys.path.insert(0, str(image_archive.PARTS))

import harbor_yml  # noqa: E402  (parts)
from edition import MINORS, Edition  # noqa: E402  (parts)

HERE = pathlib.Path(__file__).resolve().parent
VERSIONS = ("1.9.4", "1.10.17", "2.2.4", "2.6.4", "2.8.6", "2.10.3", "2.12.4", "2.14.1", "2.15.2")
FAULTS = {
    "migration-fails": "core's last schema migration fails, leaves the schema dirty and useless for older versions",
    "core-hangs": "core migrates, then neither answers nor ends, and ignores the order to stop",
    "database-recovers": "core finds a database that is still recovering at its first start, and ends",
    "database-killed": "the database container is killed in the midst of the upgrade of PostgreSQL",
    "core-never-healthy": "core migrates, then ends at every start",
    "unhealthy": "everything runs, but registryctl reports that it is not healthy",
    "loses-data": "everything is healthy, but core's migration has deleted the newest project",
    "database-refuses": "the database container ends at every start",
    "prepare-fails": "./prepare ends with an error half way",
    "migrate-fails": "`migrate` of the configuration ends with an error",
    "image-broken": "the tarball of images inside is cut off: docker load fails",
    "truncated": "the archive itself is cut off",
}
KEPT = 3600.0  # seconds that archives of an older recipe stay
LICENSE = "This is a stand-in for tests; nothing in it comes from Harbor.\n"


@contextlib.contextmanager
def alone() -> Iterator[None]:
    layers.CACHE.mkdir(parents=True, exist_ok=True)
    with open(layers.CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@functools.cache
def key() -> str:
    """Return a key of everything that goes into an archive, as it is when this program asks for the first time."""
    digest = hashlib.sha256(layers.key().encode())
    for folder in ("parts/*.py", "installer/*", "releases.py", "image_archive.py"):
        for path in sorted(HERE.glob(folder)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def folder() -> pathlib.Path:
    """Return where the archives of the present recipe are; those of older ones go when no host uses them any more."""
    path = layers.CACHE / key()
    if not path.is_dir():
        for old in layers.CACHE.iterdir():
            kept = old.name.startswith("layers-") or time.time() - old.stat().st_mtime < KEPT
            if old.is_dir() and not kept:
                shutil.rmtree(old)
        path.mkdir(parents=True)
    return path


def installer_files(edition: Edition) -> dict[str, tuple[str, int]]:
    """Return text and mode of what is beside the images."""
    common = (HERE / "installer" / "common.sh").read_text()
    install = (HERE / "installer" / "install.sh").read_text()
    if edition.major == 1:  # which has no common.sh
        install = install.replace('source "$DIR/common.sh"', common.split("\n", 1)[1].strip())
    values = {
        "@TAG@": edition.tag,
        "@PARTS@": " ".join(edition.optional_parts),
        "@PLUGIN@": str(edition.compose_plugin).lower(),
    }

    def filled(text: str) -> str:
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        return text

    files = {
        "prepare": (filled((HERE / "installer" / "prepare").read_text()), 0o755),
        "install.sh": (filled(install), 0o755),
        "LICENSE": (LICENSE, 0o644),
        "harbor.yml" if edition.major == 1 else "harbor.yml.tmpl": (harbor_yml.template(edition), 0o644),
    }
    if edition.major > 1:
        files["common.sh"] = (filled(common), 0o644)
    return files


def image_names(edition: Edition) -> list[str]:
    return ["prepare", *(service.image for service in edition.services)]


def write_archive(edition: Edition, target: pathlib.Path, offline: bool, fault: str) -> None:
    part = target.with_name(f"{target.name}.part")
    # Level 0: what is big in it is compressed already.
    with tarfile.open(part, "w:gz", compresslevel=0) as archive:
        if offline:
            add_images(archive, edition, fault)
        for name, (text, mode) in installer_files(edition).items():
            add(archive, f"harbor/{name}", text.encode(), mode)
    if fault == "truncated":
        os.truncate(part, part.stat().st_size * 6 // 10)
    part.rename(target)


def add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    information = tarfile.TarInfo(name)
    information.size, information.mode, information.mtime = len(content), mode, 1767225600  # 1 January 2026
    archive.addfile(information, io.BytesIO(content))


def add_images(archive: tarfile.TarFile, edition: Edition, fault: str) -> None:
    in_images = "" if fault in ("image-broken", "truncated") else fault
    files, rest = image_archive.save(edition, image_names(edition), in_images, layers.ensure())
    content = b"".join(file.read_bytes() for file in files) + rest
    if fault == "image-broken":
        content = content[: len(content) // 2]
    add(archive, f"harbor/harbor.{edition.tag}.tar.gz", content, 0o644)


def write_migrator(edition: Edition, target: pathlib.Path) -> None:
    files, rest = image_archive.save(edition, ["harbor-migrator"], "", layers.ensure())
    part = target.with_name(f"{target.name}.part")
    part.write_bytes(b"".join(file.read_bytes() for file in files) + rest)
    part.rename(target)


def make(version: str, place: pathlib.Path, fault: str = "") -> pathlib.Path:
    """Return the path of the offline archive of one version, with the others beside it; it is made if it is missing."""
    edition = Edition.parse(version)
    if edition.series not in MINORS:
        raise ValueError(f"The table of versions knows no Harbor {version}.")
    offline = place / f"harbor-offline-installer-{edition.tag}.tgz"
    online = place / f"harbor-online-installer-{edition.tag}.tgz"
    if not (offline.is_file() and online.is_file()):
        print(f"Making Harbor {edition}{fault and f', {fault}'} (stand-in)", file=sys.stderr)
        place.mkdir(exist_ok=True)
        if edition.major == 1 and not fault:
            write_migrator(edition, place / f"harbor-migrator-{edition.tag}.tar.gz")
        write_archive(edition, online, False, fault if fault != "truncated" else "")
        write_archive(edition, offline, True, fault)
        note_sums(place, [offline, online])
    return offline


def note_sums(place: pathlib.Path, files: list[pathlib.Path]) -> None:
    listed = place / "md5sum"
    names = {file.name for file in files}
    lines = listed.read_text().splitlines() if listed.exists() else []
    lines = [line for line in lines if line.split("  ", 1)[1] not in names]
    lines += [f"{layers.digest_of(file, 'md5')}  {file.name}" for file in files]
    listed.write_text("\n".join(lines) + "\n")


def ensure(versions: tuple[str, ...] = VERSIONS) -> pathlib.Path:
    """Return the folder with the archives of these versions."""
    with alone():
        place = folder()
        for version in versions:
            make(version, place)
    return place


def variant(version: str, fault: str) -> pathlib.Path:
    """Return the path of an offline archive of which something fails; it has the usual name, in a folder of its own."""
    if fault not in FAULTS:
        raise ValueError(f"There is no fault {fault}; there are {', '.join(FAULTS)}")
    with alone():
        return make(version, folder() / f"variant-{fault}", fault)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    made = commands.add_parser("make")
    made.add_argument("versions", nargs="*", metavar="VERSION", default=VERSIONS)
    changed = commands.add_parser("variant")
    changed.add_argument("version")
    changed.add_argument("fault", choices=FAULTS)
    commands.add_parser("faults")
    arguments = parser.parse_args()
    if arguments.command == "make":
        print(ensure(tuple(arguments.versions)))
    elif arguments.command == "variant":
        print(variant(arguments.version, arguments.fault))
    else:
        for name, text in FAULTS.items():
            print(f"{name:20} {text}")


if __name__ == "__main__":
    main()

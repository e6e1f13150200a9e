# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The image's file system while it grows, and the archive that becomes of it.

Packages are unpacked, not installed: no maintainer script runs.
"""

from __future__ import annotations

import glob
import hashlib
import os
import pathlib
import shutil
import tarfile

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from .packages import Package, unreadable
from .programs import Budget, is_full, no_space_in, telling_line
from .recipe import Recipe

# What nobody reads inside a container. Copyright notices stay.
UNWANTED = (
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/bug",
    "usr/share/bash-completion",
    "usr/share/zsh",
    "usr/share/fish",
    "usr/share/base-files",
    "usr/share/ca-certificates",
    "usr/lib/systemd",
    "usr/lib/*/gconv",
    "etc/init.d",
    "etc/default",
    "etc/dpkg",
    "etc/apt",
    "etc/ca-certificates",
    "etc/logrotate.d",
    "etc/systemd",
)
MERGED = ("bin", "sbin", "lib", "lib64")
ACCOUNTS = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
FOLDERS = ("/root", "/proc", "/sys", "/dev", "/run")
# dpkg-deb alone would put a folder in the place of a link that leads to one.
_UNPACK = 'dpkg-deb --fsys-tarfile "$1" | tar --extract --directory "$2" --keep-directory-symlink'
_MAX_LINKS = 40


class Tree:
    """A file system below a folder of this host; whatever its links say, nothing outside is touched."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        for name in MERGED:
            (root / "usr" / name).mkdir(parents=True)
            (root / name).symlink_to(f"usr/{name}")

    def unpack(self, packages: list[Package], budget: Budget) -> None:
        """Unpack packages, and note each where scanners for vulnerabilities look for it."""
        for package in packages:
            done = budget.run("bash", "-o", "pipefail", "-c", _UNPACK, "bash", str(package.file), str(self.root))
            if done.returncode != 0:
                if is_full(done.stderr):
                    raise no_space_in(str(self.root.parent.parent))
                raise unreadable(package.file, telling_line(done, "tar:", "dpkg-deb:"))
            fields = budget.run("dpkg-deb", "--field", str(package.file)).stdout
            self.write(f"/var/lib/dpkg/status.d/{package.name}", fields)

    def folder(self, path: str) -> pathlib.Path:
        """Return where a folder of the image is on this host; it is made if it is missing.

        Links on the way are followed as the image would follow them.
        """
        parts = [part for part in path.split("/") if part]
        current = self.root
        followed = 0
        while parts:
            part = parts.pop(0)
            if part == "..":
                current = current.parent if current != self.root else current
                continue
            step = current / part
            if step.is_symlink():
                followed += 1
                if followed > _MAX_LINKS:
                    raise _unusable(path, "whose links go round in circles")
                target = os.readlink(step)
                current = self.root if target.startswith("/") else current
                parts = [name for name in target.split("/") if name not in ("", ".")] + parts
                continue
            try:
                step.mkdir(exist_ok=True)
            except FileExistsError as error:
                raise _unusable(path, f"but {part} is a file there") from error
            current = step
        return current

    def place(self, path: str) -> pathlib.Path:
        """Return where a file or link of the image is on this host; a link that is there already is removed."""
        folder, _slash, name = path.rpartition("/")
        target = self.folder(folder) / name
        if target.is_symlink():
            target.unlink()
        if target.is_dir():
            raise _unusable(path, "which is a folder in a package")
        return target

    def write(self, path: str, content: str, mode: str = "0644") -> None:
        """Write a file of the image."""
        target = self.place(path)
        target.write_text(content, encoding="utf-8")
        target.chmod(int(mode, 8))

    def copy(self, path: str, source: str, mode: str) -> None:
        """Copy a file of this host into the image."""
        target = self.place(path)
        try:
            shutil.copyfile(source, target)
        except FileNotFoundError as error:
            raise _unusable(path, f"but there is no {source} on this host to copy there") from error
        target.chmod(int(mode, 8))

    def finish(self, recipe: Recipe, budget: Budget) -> None:
        """Do what maintainer scripts do elsewhere, and leave out what no container needs."""
        authorities = [one.read_text() for one in sorted(self.root.glob("usr/share/ca-certificates/**/*.crt"))]
        self._drop_unwanted()
        for name, content in ACCOUNTS.items():
            self.write(name, content)
        for folder in ("/tmp", "/var/tmp"):
            self.folder(folder).chmod(0o1777)
        for folder in (*FOLDERS, *recipe.directories):
            self.folder(folder)
        for file in recipe.files:
            if file.source:
                self.copy(file.path, file.source, file.mode)
            else:
                self.write(file.path, file.content, file.mode)
        local = sorted(self.root.glob("usr/local/share/ca-certificates/**/*.crt"))
        authorities += [f"{one.read_text().rstrip()}\n" for one in local]
        if authorities:
            self.write("/etc/ssl/certs/ca-certificates.crt", "".join(authorities))
        if recipe.home:
            user, _colon, group = recipe.user.partition(":")
            os.chown(self.folder(recipe.home), int(user), int(group or user))
        for link, target in recipe.links:
            path = self.place(link)
            path.unlink(missing_ok=True)
            path.symlink_to(target)
        self._link_applets(budget)

    def _drop_unwanted(self) -> None:
        real = os.path.realpath(self.root)
        for pattern in UNWANTED:
            for path in glob.glob(str(self.root / pattern)):
                if os.path.islink(path):
                    os.unlink(path)
                elif os.path.realpath(path).startswith(f"{real}/"):
                    shutil.rmtree(path)
        for entry in self.root.glob("usr/share/doc/*/*"):
            if entry.name != "copyright":
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()

    def _link_applets(self, budget: Budget) -> None:
        if not (self.root / "usr/bin/busybox").exists():
            return
        done = budget.run("chroot", str(self.root), "/usr/bin/busybox", "--list-full")
        if done.returncode != 0:
            raise DockyardError(
                "image_does_not_run",
                f"The BusyBox of the image that was built does not run on this host ({telling_line(done)}); build for"
                " an architecture that this host can run, and check that dependencies keeps what it needs.",
            )
        for name in done.stdout.split():
            path = self.root / name
            if name != "linuxrc" and not path.exists() and not path.is_symlink():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to("/usr/bin/busybox")

    def pack(self, archive: pathlib.Path) -> str:
        """Write the tree as an archive and return its checksum; the same packages make the same archive."""

        def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
            member.mtime = 0
            member.uname = member.gname = ""
            return member

        with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as packed:
            for name in sorted(os.listdir(self.root)):
                packed.add(self.root / name, arcname=name, filter=plain)
        return checksum(archive)


def _unusable(path: str, why: str) -> DockyardError:
    return DockyardError("image_recipe_invalid", f"The recipe has the path '{path}', {why}; correct it.")


def checksum(file: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with atomic_file.open_regular(os.fspath(file)) as data:
        while block := data.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()

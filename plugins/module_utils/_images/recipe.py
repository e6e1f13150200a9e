# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What an image is made of, as options say it: the recipe, its checks, and the key by which an image of it is found."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

# Raise it if the same recipe and the same packages would make another image: hosts then build theirs again.
REVISION = 1
_NAME = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_REGISTRY = re.compile(r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:))(?::\d+)?/")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_PORT = re.compile(r"\d{1,5}(?:/(?:tcp|udp|sctp))?")
_MODE = re.compile(r"[0-7]{3,4}")
_VARIABLE = re.compile(r"[^=\s\0]+")
_USER = re.compile(r"\d+(?::\d+)?")


@dataclass(frozen=True)
class File:
    """A file that is written into the image: its content, or a file of the host that is copied.

    sha256: that of the file of the host, empty if there is none.
    """

    path: str
    content: str = ""
    mode: str = "0644"
    source: str = ""
    sha256: str = ""

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> File:
        """Return the file that options describe."""
        source = str(options.get("src") or "")
        mode = str(options.get("mode") or cls.mode).zfill(4)
        return cls(options["path"], options.get("content") or "", mode, source, checksum(source) if source else "")

    def definition(self) -> dict[str, str]:
        """Return the file as plain data, with the checksum in place of its content."""
        sha256 = self.sha256 if self.source else hashlib.sha256(self.content.encode()).hexdigest()
        return {"path": self.path, "mode": self.mode, "sha256": sha256}


@dataclass(frozen=True)
class Recipe:
    """What is in an image, how it starts, and what has to run in it before it gets its name.

    main_package: its version becomes the image's, unless version says another one.
    home: a folder that belongs to the user.
    dependencies: patterns of names; what the packages depend on and none of these matches is left out.
    links: the target of each symbolic link by its path.
    """

    packages: tuple[str, ...]
    check_command: tuple[str, ...]
    main_package: str = ""
    dependencies: tuple[str, ...] = ("*",)
    files: tuple[File, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    directories: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    volumes: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    user: str = ""
    working_directory: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    version: str = ""
    home: str = ""

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Recipe:
        """Return the recipe that options describe; those that are missing or empty have their defaults."""
        unknown = sorted(set(options) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise _refuse(f"has {', '.join(unknown)}, which is no part of a recipe")
        values: dict[str, Any] = {}
        for name, value in options.items():
            if value in (None, "", [], {}):
                continue
            if name == "files":
                value = tuple(map(File.from_options, value))
            elif isinstance(value, dict):
                value = tuple(sorted((str(key), str(content)) for key, content in value.items()))
            elif isinstance(value, (list, tuple)):
                value = tuple(map(str, value))
            values[name] = value
        for name in ("packages", "check_command"):
            if name not in values:
                raise _refuse(f"has no {name}")
        recipe = cls(**{"main_package": values["packages"][0], **values})
        recipe.check()
        return recipe

    def check(self) -> None:
        """Raise DockyardError if a value can't be right."""
        wrong = [package for package in self.packages if not _PACKAGE.fullmatch(package)]
        if wrong:
            raise _refuse(f"names '{wrong[0]}' in packages, which is no package's name")
        if self.main_package not in self.packages:
            raise _refuse(f"has the main_package '{self.main_package}', which is not in packages")
        for file in self.files:
            if not _MODE.fullmatch(file.mode):
                raise _refuse(f"has a file {file.path} with the mode '{file.mode}', which is no octal number like 0755")
        paths = [file.path for file in self.files] + [path for path, _target in self.links]
        for path in [*paths, *self.directories, *self.volumes, *filter(None, [self.home])]:
            if not path.startswith("/") or path == "/" or ".." in path.split("/"):
                raise _refuse(f"has the path '{path}', which has to be absolute and without '..'")
        twice = sorted({path for path in paths if paths.count(path) > 1})
        if twice:
            raise _refuse(f"has {twice[0]} twice in files and links")
        if self.home and not _USER.fullmatch(self.user):
            raise _refuse(f"has a home and the user '{self.user}', which has to be numbers like 1000 or 1000:1000")
        if self.version and not _TAG.fullmatch(self.version):
            raise _refuse(f"has the version '{self.version}', which can be no tag")
        for port in self.ports:
            if not _PORT.fullmatch(port):
                raise _refuse(f"has the port '{port}', which is none like 5000 or 5000/tcp")
        for name, _value in self.environment:
            if not _VARIABLE.fullmatch(name):
                raise _refuse(f"has '{name}' in environment, which is no variable's name")

    def definition(self) -> dict[str, Any]:
        """Return the recipe as plain data, with checksums in place of the files' contents."""
        data = dataclasses.asdict(self)
        data["files"] = [file.definition() for file in self.files]
        for name in ("version", "home"):  # the keys of images that were built before these came stay as they are
            if not data[name]:
                del data[name]
        for name in ("links", "environment", "labels"):
            data[name] = dict(data[name])
        return {key: list(value) if isinstance(value, tuple) else value for key, value in data.items()}

    def configuration(self, labels: dict[str, str]) -> dict[str, Any]:
        """Return the part of the image's configuration that says how it starts."""
        ports = [port if "/" in port else f"{port}/tcp" for port in self.ports]
        found: dict[str, Any] = {
            "Env": [f"{name}={value}" for name, value in self.environment],
            "Entrypoint": list(self.entrypoint) or None,
            "Cmd": list(self.command) or None,
            "Volumes": {volume: {} for volume in self.volumes},
            "ExposedPorts": {port: {} for port in ports},
            "User": self.user,
            "WorkingDir": self.working_directory,
            "Labels": labels,
        }
        return {key: value for key, value in found.items() if value}


@dataclass(frozen=True)
class Target:
    """Which image is wanted: its name without tag, its recipe, and what the packages are taken for.

    tag: empty where it is made of the main package's version and the suite. further_tags: those that it gets besides.
    mirror: empty for the host's own package sources.
    architecture: as Debian names it.
    """

    name: str
    recipe: Recipe
    suite: str
    architecture: str
    mirror: str = ""
    tag: str = ""
    further_tags: tuple[str, ...] = ()

    def definition(self) -> dict[str, Any]:
        """Return what the image is made of as plain data: equal for equal images."""
        return {
            "revision": REVISION,
            "name": self.name,
            "suite": self.suite,
            "architecture": self.architecture,
            **self.recipe.definition(),
        }

    def key(self) -> str:
        """Return the checksum of the definition, which a label of the image carries."""
        return hashlib.sha256(json.dumps(self.definition(), sort_keys=True).encode()).hexdigest()


def checksum(path: str) -> str:
    """Return the SHA-256 of a file of this host in hexadecimal, nothing if there is none."""
    digest = hashlib.sha256()
    try:
        with atomic_file.open_regular(path) as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


def check_name(name: str, tag: str = "") -> None:
    """Raise DockyardError unless these are an image's name without tag, and a tag or nothing."""
    path = _REGISTRY.sub("", name, count=1)
    if not _NAME.fullmatch(path):
        raise DockyardError(
            "image_name_invalid",
            f"'{name}' is no name of an image without tag; give one in lower case, for example dockyard/registry, and"
            " the tag, if any, in tag.",
        )
    if tag and not _TAG.fullmatch(tag):
        raise DockyardError(
            "image_name_invalid",
            f"'{tag}' is no tag of an image; give letters, digits, '_', '.' and '-' only, at most 128 of them.",
        )


def _refuse(what: str) -> DockyardError:
    return DockyardError("image_recipe_invalid", f"The recipe {what}; correct it.")

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Packages of the distribution, resolved and fetched by apt into a folder of their own.

The host's package database is neither read nor changed; its sources, keys, proxies and pins are used.
"""

from __future__ import annotations

import fnmatch
import os
import pathlib
import re
import shutil
from dataclasses import dataclass

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .programs import Budget, is_full, no_space_in, telling_line
from .recipe import Target

_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_MAGIC = b"!<arch>\n"


@dataclass(frozen=True)
class Package:
    """A fetched package.

    made_at: when it was built, in seconds since the epoch; the same wherever it was fetched.
    """

    file: pathlib.Path
    name: str
    version: str
    architecture: str
    made_at: int

    @property
    def upstream_version(self) -> str:
        """Return the version without what the distribution added: 1:2.8.3+ds1-2+b8 is 2.8.3."""
        return re.split(r"[-+~]", self.version.split(":", 1)[-1])[0]


def host_architecture(budget: Budget) -> str:
    """Return the architecture of this host as Debian names it, or raise DockyardError if it has no apt."""
    if any(shutil.which(program) is None for program in ("apt-get", "dpkg", "dpkg-deb")):
        raise DockyardError(
            "image_no_apt",
            "This host has no apt-get to take packages with; pull its images, or load them from an archive.",
        )
    return budget.run("dpkg", "--print-architecture").stdout.strip()


def fetch(folder: pathlib.Path, target: Target, budget: Budget) -> list[Package]:
    """Fetch the packages of the recipe, and of their dependencies those that it keeps."""
    settings = _configure(folder, target)
    apt = ("apt-get", "-c", str(settings), "-q", "-y")
    # Sources that do not answer are a warning to apt; what it means shows at the next step.
    update = budget.run(*apt, "-o", "APT::Update::Error-Mode=any", "update")
    download = budget.run(*apt, "install", "--download-only", *target.recipe.packages)
    if download.returncode != 0:
        if any(is_full(done.stderr + done.stdout) for done in (update, download)):
            raise no_space_in(str(folder.parent))
        reason = (
            telling_line(update, "E: Failed to fetch", "W: Failed to fetch", "E:", "Err")
            if update.returncode != 0
            else telling_line(download, "E:")
        )
        raise DockyardError(
            "image_packages_unavailable",
            f"The packages of {target.name} can't be fetched ({reason}); check the package sources and the network of"
            " this host, or name another package archive with mirror.",
        )
    patterns = [*target.recipe.packages, *target.recipe.dependencies]
    files = sorted((folder / "cache/archives").glob("*.deb"))
    kept = [
        file for file in files if any(fnmatch.fnmatchcase(file.name.split("_", 1)[0], pattern) for pattern in patterns)
    ]
    return [_read(file, budget) for file in kept]


def _configure(folder: pathlib.Path, target: Target) -> pathlib.Path:
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    (folder / "state/status").touch()
    lines = [
        f'Dir::State "{folder}/state";',
        f'Dir::State::status "{folder}/state/status";',
        f'Dir::Cache "{folder}/cache";',
        f'APT::Architecture "{target.architecture}";',
        "#clear APT::Architectures;",
        f'APT::Architectures {{ "{target.architecture}"; }};',
        'APT::Sandbox::User "root";',
        'APT::Install-Recommends "false";',
        'Acquire::Languages "none";',
        "#clear APT::Update::Pre-Invoke;",
        "#clear APT::Update::Post-Invoke;",
        "#clear APT::Update::Post-Invoke-Success;",
        "#clear DPkg::Pre-Install-Pkgs;",
    ]
    if target.mirror:
        (folder / "sources.list").write_text(f"deb [signed-by={_KEYS}] {target.mirror} {target.suite} main\n")
        lines += [f'Dir::Etc::SourceList "{folder}/sources.list";', 'Dir::Etc::SourceParts "/dev/null";']
    settings = folder / "apt.conf"
    settings.write_text("\n".join(lines) + "\n")
    return settings


def _read(file: pathlib.Path, budget: Budget) -> Package:
    form = "${Package}\n${Version}\n${Architecture}\n"
    shown = budget.run("dpkg-deb", "--show", f"--showformat={form}", str(file))
    fields = shown.stdout.splitlines()
    if shown.returncode != 0 or len(fields) != 3:
        raise unreadable(file, telling_line(shown))
    with open(file, "rb") as archive:
        header = archive.read(len(_MAGIC) + 60)
    # The first member's time is that of the package's changelog.
    made_at = header[len(_MAGIC) + 16 : len(_MAGIC) + 28].strip()
    name, version, architecture = fields
    return Package(file, name, version, architecture, int(made_at) if made_at.isdigit() else 0)


def unreadable(file: pathlib.Path, reason: str) -> DockyardError:
    """Return the error for a package that can't be unpacked."""
    return DockyardError(
        "image_package_unreadable",
        f"The package {os.path.basename(file)} can't be unpacked ({reason}); check the package sources of this host.",
    )

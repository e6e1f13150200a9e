# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a container image from the distribution's own packages, on the managed host, where no registry answers.

Its one argument is a JSON object: the recipe (see ../vars/recipes) and where to take packages from. apt resolves and
fetches the packages into a folder of its own; the host's package database is neither read nor changed. They are
unpacked, not installed: no maintainer script runs. The image gets its name only after it has proven that it runs;
whatever fails before leaves nothing behind. Prints a JSON object; what went wrong is one sentence on stderr.
"""

from __future__ import annotations

import errno
import fnmatch
import glob
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from typing import Any

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
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


class Refused(Exception):
    """One sentence for the person who runs this."""


def run(*command: str, env: dict[str, str] | None = None, seconds: int | None = None) -> str:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=env, timeout=seconds
    )
    if done.returncode != 0:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return done.stdout


def said(error: subprocess.CalledProcessError, *starts: str) -> str:
    """The line of a failed command that tells most, without any password of an URL."""
    lines = [line.strip() for line in f"{error.stderr}\n{error.stdout}".splitlines() if line.strip()]
    for start in starts:
        lines = [line for line in lines if line.startswith(start)] or lines
    line = lines[0] if lines else f"exit code {error.returncode}"
    line = re.sub(r"^[EW]: ", "", line)
    return re.sub(r"//[^/@\s]+@", "//***@", line).rstrip(".: ")


class Packages:
    """Fetches packages and what they depend on, with the host's own sources, keys, proxies and pins."""

    def __init__(self, folder: pathlib.Path, wanted: dict[str, Any]) -> None:
        self.folder = folder
        self.wanted = wanted
        for part in ("state/lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True)
        (folder / "state/status").touch()
        self.settings = folder / "apt.conf"
        lines = [
            f'Dir::State "{folder}/state";',
            f'Dir::State::status "{folder}/state/status";',
            f'Dir::Cache "{folder}/cache";',
            'APT::Sandbox::User "root";',
            'APT::Install-Recommends "false";',
            'Acquire::Languages "none";',
            "#clear APT::Update::Pre-Invoke;",
            "#clear APT::Update::Post-Invoke;",
            "#clear APT::Update::Post-Invoke-Success;",
            "#clear DPkg::Pre-Install-Pkgs;",
        ]
        if wanted["mirror"]:
            keys = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
            (folder / "sources.list").write_text(f"deb {keys} {wanted['mirror']} {wanted['suite']} main\n")
            lines += [f'Dir::Etc::SourceList "{folder}/sources.list";', 'Dir::Etc::SourceParts "/dev/null";']
        self.settings.write_text("\n".join(lines) + "\n")

    def apt(self, *arguments: str) -> str:
        environment = dict(os.environ, LC_ALL="C", DEBIAN_FRONTEND="noninteractive")
        return run("apt-get", "-c", str(self.settings), "-q", "-y", *arguments, env=environment)

    def fetch(self) -> list[pathlib.Path]:
        """The packages of the recipe, and of their dependencies those that it keeps."""
        trouble = ""
        try:
            # Sources that do not answer are a warning to apt; what it means shows at the next step.
            self.apt("-o", "APT::Update::Error-Mode=any", "update")
        except subprocess.CalledProcessError as error:
            no_space(error, self.folder)
            trouble = said(error, "E: Failed to fetch", "W: Failed to fetch", "E:", "Err")
        try:
            self.apt("install", "--download-only", *self.wanted["packages"])
        except subprocess.CalledProcessError as error:
            no_space(error, self.folder)
            raise Refused(
                f"The packages of {self.wanted['recipe']} can't be fetched ({trouble or said(error, 'E:')}): check the"
                " package sources and the network of this host, or set images_build_mirror"
            ) from error
        kept = []
        for package in sorted((self.folder / "cache/archives").glob("*.deb")):
            name = package.name.split("_", 1)[0]
            patterns = [*self.wanted["packages"], *self.wanted["keep"]]
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
                kept.append(package)
        return kept


def no_space(error: subprocess.CalledProcessError, folder: pathlib.Path) -> None:
    if os.strerror(errno.ENOSPC) in f"{error.stderr}{error.stdout}" or "enough free space" in f"{error.stderr}":
        raise Refused(
            f"There is no space left for building an image in {folder.parent}: free some 300 MB there,"
            " or name another folder with images_build_directory"
        ) from error


class Tree:
    """The image's file system while it grows."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        for name in MERGED:
            (root / "usr" / name).mkdir(parents=True)
            (root / name).symlink_to(f"usr/{name}")

    def unpack(self, packages: list[pathlib.Path]) -> None:
        for package in packages:
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as source:
                done = subprocess.run(
                    ["tar", "-x", "-C", str(self.root), "--keep-directory-symlink"],
                    stdin=source.stdout,
                    capture_output=True,
                    text=True,
                    check=False,
                )
            if done.returncode != 0 or source.returncode != 0:
                raise subprocess.CalledProcessError(done.returncode or source.returncode, package.name, "", done.stderr)
            # Scanners for vulnerabilities look here in images that have no package manager.
            self.write(
                f"/var/lib/dpkg/status.d/{package.name.split('_', 1)[0]}", run("dpkg-deb", "--field", str(package))
            )

    def write(self, path: str, content: str, mode: str = "0644") -> None:
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
        target.chmod(int(mode, 8))

    def finish(self, wanted: dict[str, Any]) -> None:
        """Does what maintainer scripts do elsewhere, and leaves out what no container needs."""
        authorities = sorted(self.root.glob("usr/share/ca-certificates/**/*.crt"))
        if authorities:
            self.write("/etc/ssl/certs/ca-certificates.crt", "".join(one.read_text() for one in authorities))
        for pattern in UNWANTED:
            for path in glob.glob(str(self.root / pattern)):
                shutil.rmtree(path)
        for entry in self.root.glob("usr/share/doc/*/*"):
            if entry.name != "copyright":
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        for name, content in ACCOUNTS.items():
            self.write(name, content)
        for folder in ("tmp", "var/tmp"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
            (self.root / folder).chmod(0o1777)
        for folder in ("root", "proc", "sys", "dev", "run", *wanted["directories"]):
            (self.root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        for file in wanted["files"]:
            self.write(file["path"], file["content"], file.get("mode", "0644"))
        for link, target in wanted["links"].items():
            path = self.root / link.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.symlink_to(target)
        self.applets()

    def applets(self) -> None:
        if not (self.root / "usr/bin/busybox").exists():
            return
        for name in run("chroot", str(self.root), "/usr/bin/busybox", "--list-full").split():
            path = self.root / name
            if name != "linuxrc" and not path.exists() and not path.is_symlink():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to("/usr/bin/busybox")

    def pack(self, archive: pathlib.Path) -> str:
        """Writes the tree as an archive; the same packages make the same archive. Returns its checksum."""

        def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
            member.mtime = 0
            member.uname = member.gname = ""
            return member

        with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as packed:
            for name in sorted(os.listdir(self.root)):
                packed.add(self.root / name, arcname=name, filter=plain)
        digest = hashlib.sha256()
        with archive.open("rb") as data:
            while block := data.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()


def version_of(package: pathlib.Path) -> str:
    """The upstream version: 1:2.8.3+ds1-2+b8 is 2.8.3."""
    version = run("dpkg-deb", "--field", str(package), "Version").strip()
    return re.split(r"[-+~]", version.split(":", 1)[-1])[0]


def changes(wanted: dict[str, Any], labels: dict[str, str]) -> list[str]:
    """The image's configuration, as instructions for docker import."""
    instructions = [f"CMD {json.dumps(wanted['command'])}"]
    if wanted["entrypoint"]:
        instructions.append(f"ENTRYPOINT {json.dumps(wanted['entrypoint'])}")
    instructions += [f"ENV {name}={json.dumps(value)}" for name, value in wanted["environment"].items()]
    instructions += [f"VOLUME {json.dumps([volume])}" for volume in wanted["volumes"]]
    instructions += [f"EXPOSE {port}" for port in wanted["ports"]]
    instructions += [f"LABEL {json.dumps(name)}={json.dumps(value)}" for name, value in labels.items()]
    return [word for instruction in instructions for word in ("--change", instruction)]


class Engine:
    """What is asked of Docker."""

    def labels(self, image: str) -> dict[str, str]:
        try:
            return json.loads(run("docker", "image", "inspect", "--format", "{{json .Config.Labels}}", image)) or {}
        except subprocess.CalledProcessError:
            return {}

    def identity(self, image: str) -> str:
        try:
            return run("docker", "image", "inspect", "--format", "{{.Id}}", image).strip()
        except subprocess.CalledProcessError:
            return ""

    def bring_in(self, archive: pathlib.Path, instructions: list[str]) -> str:
        try:
            return run("docker", "import", *instructions, str(archive)).strip()
        except subprocess.CalledProcessError as error:
            if "no space left on device" in error.stderr:
                raise Refused(
                    "There is no space left for an image in Docker's data folder: free some there (docker system df"
                    " shows what takes it)"
                ) from error
            raise Refused(f"Docker refused the image that was built ({said(error)}): is its engine healthy?") from error

    def prove(self, image: str, command: list[str]) -> None:
        name = f"dockyard-proof-{os.getpid()}"
        try:
            run("docker", "run", "--rm", "--name", name, "--network", "none", image, *command, seconds=120)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)
            what = said(error) if isinstance(error, subprocess.CalledProcessError) else "no end after 120 seconds"
            raise Refused(
                f"The image that was built does not run: {' '.join(command)} ended with {what};"
                " the packages of this suite may need a newer recipe"
            ) from error

    def drop(self, image: str) -> None:
        """Removes an image unless a container uses it."""
        subprocess.run(["docker", "image", "rm", image], capture_output=True, check=False)


def build(wanted: dict[str, Any]) -> dict[str, Any]:
    engine = Engine()
    directory = wanted["directory"]
    with tempfile.TemporaryDirectory(prefix="dockyard-image-", dir=directory) as temporary:
        folder = pathlib.Path(temporary)
        packages = Packages(folder, wanted).fetch()
        version = version_of(next(file for file in packages if file.name.startswith(f"{wanted['main_package']}_")))
        tree = Tree(folder / "root")
        try:
            tree.unpack(packages)
            tree.finish(wanted)
            archive = folder / "image.tar"
            content = tree.pack(archive)
        except subprocess.CalledProcessError as error:
            no_space(error, folder)
            raise Refused(f"The packages of {wanted['recipe']} can't be unpacked: {said(error)}") from error
        image = f"dockyard/{wanted['recipe']}:{version}-{wanted['suite']}"
        labels = {
            "org.opencontainers.image.title": wanted["title"],
            "org.opencontainers.image.description": wanted["description"],
            "org.opencontainers.image.url": wanted["url"],
            "org.opencontainers.image.version": version,
            "dockyard.image.recipe": wanted["recipe"],
            "dockyard.image.checksum": wanted["checksum"],
            "dockyard.image.content": content,
        }
        before = engine.identity(image)
        if before and engine.labels(image) == labels:
            return {"changed": False, "image": image, "id": before}
        identity = engine.bring_in(archive, changes(wanted, labels))
        named = False
        try:
            engine.prove(identity, wanted["proof"])
            run("docker", "tag", identity, image)
            named = True
        finally:
            if not named:
                engine.drop(identity)
        if before:
            engine.drop(before)
        return {"changed": True, "image": image, "id": identity}


def main() -> None:
    # A connection that breaks must not leave a half-built tree either.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("The building of an image was interrupted; run it again"))
    os.umask(0o022)
    wanted = json.loads(sys.argv[1])
    directory = wanted["directory"]
    if shutil.which("docker") is None:
        raise Refused("The command docker is missing on this host: install it (docker-cli on Debian 13 and newer)")
    if shutil.which("apt-get") is None:
        raise Refused("This host has no apt to take packages from: use the source pull or archive for its images")
    if not os.path.isdir(directory):
        raise Refused(f"The folder {directory} of images_build_directory does not exist on this host: make it first")
    print(json.dumps(build(wanted)))


if __name__ == "__main__":
    try:
        main()
    except Refused as refused:
        sys.exit(f"{refused}; nothing was changed.")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        where = os.path.dirname(str(error.filename)) if error.filename else json.loads(sys.argv[1])["directory"]
        sys.exit(
            f"There is no space left for building an image in {where}: free some 300 MB there, or name another"
            " folder with images_build_directory; nothing was changed."
        )

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file system layers that the stand-in's images consist of, made once and kept below .cache/harbor.

    base      Debian bookworm: Python, PostgreSQL 15, Redis, Distribution, nginx
    postgres  Debian sid: Python, PostgreSQL 18, and bookworm's PostgreSQL 15 with the libraries that sid lacks

A layer is kept as it is in an archive of `docker save`: one entry of a tar file, compressed. Members of gzip can be
strung together, so an archive is made by copying.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "hosts"))

import engine  # noqa: E402  (tests/hosts)
import images  # noqa: E402  (tests/hosts)

CACHE = HERE.parent.parent / ".cache" / "harbor"
BLOCK = 1 << 20
BASE_PACKAGES = (
    *("python3", "python3-yaml", "python3-psycopg2", "postgresql-15", "redis-server", "docker-registry", "nginx"),
)
POSTGRES_PACKAGES = ("python3", "postgresql-18")
UNUSED = (
    *("var/lib/apt/lists/*", "var/cache/*", "var/log/*", "usr/share/doc", "usr/share/man", "usr/share/locale"),
    *("usr/share/i18n", "usr/share/info", "usr/share/perl", "usr/share/perl5", "usr/lib/x86_64-linux-gnu/perl"),
    *("usr/lib/x86_64-linux-gnu/gconv", "usr/lib/x86_64-linux-gnu/perl5", "usr/lib/x86_64-linux-gnu/libz3.so*"),
    *("usr/lib/x86_64-linux-gnu/libLLVM*", "usr/lib/x86_64-linux-gnu/libclang*", "usr/lib/llvm-*"),
    *("usr/lib/systemd", "usr/lib/udev", "usr/lib/x86_64-linux-gnu/systemd", "usr/bin/perl", "var/lib/dpkg/info"),
    *("usr/lib/x86_64-linux-gnu/libperl.so*", "usr/bin/systemd*", "usr/bin/openssl"),
    *(
        f"usr/lib/python3*/{name}"
        for name in ("lib2to3", "pydoc_data", "idlelib", "ensurepip", "distutils", "unittest")
    ),
    *("usr/lib/postgresql/*/lib/bitcode", "usr/lib/postgresql/*/lib/llvmjit*", "usr/share/postgresql/*/man"),
)
# Harbor's images run PostgreSQL and Redis as user 999.
USERS = 'chroot "$1" usermod --uid 999 postgres; chroot "$1" groupmod --non-unique --gid 999 postgres'
NO_CLUSTER = (
    'mkdir -p "$1/etc/postgresql-common";'
    ' echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"'
)
# Unpacks bookworm's server into sid, and those libraries that it does not find there.
OLD_SERVER = r"""
set -eu
root=$1
old=$2
tar --extract --file "$old" --directory "$root" ./usr/lib/postgresql/15 ./usr/share/postgresql/15
private=/usr/lib/postgresql/15/private
mkdir -p "$root$private"
work=$(mktemp -d)
tar --extract --file "$old" --directory "$work" ./usr/lib/x86_64-linux-gnu ./lib 2>/dev/null || :
missing() {
    chroot "$root" sh -c "for file in /usr/lib/postgresql/15/bin/* /usr/lib/postgresql/15/lib/*.so $private/*; do
        LD_LIBRARY_PATH=$private ldd \$file 2>/dev/null; done" |
        sed -n 's/^\s*\(\S*\) => not found$/\1/p' | sort --unique
}
for round in 1 2 3 4; do
    for library in $(missing); do
        cp --dereference "$work/usr/lib/x86_64-linux-gnu/$library" "$root$private/$library" || :
    done
done
rm -rf "$work"
chroot "$root" env LD_LIBRARY_PATH=$private /usr/lib/postgresql/15/bin/postgres --version >&2
"""


@dataclasses.dataclass(frozen=True)
class Layer:
    """digest: of the layer's tar file, without "sha256:". file: its compressed entry."""

    digest: str
    file: pathlib.Path

    @property
    def member(self) -> str:
        """Return its name in an archive of `docker save`."""
        return f"{self.digest}/layer.tar"


def gzip_blocks(blocks: Iterator[bytes], level: int) -> Iterator[bytes]:
    """Return one member of a gzip file."""
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    for block in blocks:
        yield packer.compress(block)
    yield packer.flush()


def entry(name: str, size: int, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Return one file in a tar archive: header, content, padding."""
    information = tarfile.TarInfo(name)
    information.size = size
    yield information.tobuf(tarfile.GNU_FORMAT)
    yield from blocks
    yield b"\0" * (-size % tarfile.BLOCKSIZE)


def read_blocks(path: pathlib.Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


def digest_of(path: pathlib.Path, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm)
    for block in read_blocks(path):
        digest.update(block)
    return digest.hexdigest()


def key() -> str:
    recipe = json.dumps([BASE_PACKAGES, POSTGRES_PACKAGES, UNUSED, USERS, NO_CLUSTER, OLD_SERVER])
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def bootstrap(suite: str, packages: tuple[str, ...], target: pathlib.Path, *hooks: str) -> None:
    if shutil.which("mmdebstrap") is None:
        engine.apt_install("mmdebstrap")
    print(f"Making a layer of Debian {suite}", file=sys.stderr)
    excluded = ("doc", "man", "locale", "info")
    command = ["mmdebstrap", "--quiet", "--variant=essential", f"--include={','.join(packages)}"]
    command += ['--aptopt=Acquire::Check-Valid-Until "false"', '--aptopt=APT::Install-Recommends "false"']
    command += [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in excluded]
    # The maintainers' scripts of PostgreSQL would make a cluster.
    command += [f"--essential-hook={NO_CLUSTER}", f"--customize-hook={USERS}"]
    removal = " ".join(f'"$1"/{path}' for path in UNUSED)
    command += [f"--customize-hook={hook}" for hook in (*hooks, f"rm -rf {removal}")]
    done = subprocess.run([*command, suite, str(target), images.mirror()], check=False)
    if done.returncode != 0:
        sys.exit(f"mmdebstrap could not make a layer of {suite}; its messages are above.")


def keep(tar: pathlib.Path, target: pathlib.Path) -> None:
    """Keep a layer compressed; its digest is in the file's name."""
    digest = digest_of(tar)
    name = f"{digest}/layer.tar"
    part = target.with_name(f"{target.name}.part")
    with part.open("wb") as file:
        for block in gzip_blocks(entry(name, tar.stat().st_size, read_blocks(tar)), 6):
            file.write(block)
    part.rename(target.with_name(f"{target.name}-{digest}.gz"))


def found(folder: pathlib.Path, name: str) -> Layer | None:
    files = list(folder.glob(f"{name}-*.gz"))
    return Layer(files[0].stem.removeprefix(f"{name}-"), files[0]) if files else None


def ensure() -> dict[str, Layer]:
    """Return the layers by name; those that are missing are made first. Call it under releases' lock."""
    folder = CACHE / f"layers-{key()}"
    layers = {name: found(folder, name) for name in ("base", "postgres")}
    if any(layer is None for layer in layers.values()):
        for old in CACHE.glob("layers-*"):
            shutil.rmtree(old)
        folder.mkdir(parents=True)
        build(folder)
        layers = {name: found(folder, name) for name in layers}
    return {name: layer for name, layer in layers.items() if layer is not None}


def build(folder: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as work:
        os.chmod(work, 0o755)
        base, postgres = pathlib.Path(work) / "base.tar", pathlib.Path(work) / "postgres.tar"
        bootstrap("bookworm", BASE_PACKAGES, base)
        script = pathlib.Path(work) / "old_server.sh"
        script.write_text(OLD_SERVER)
        # Its one program starts once per container, and can do without what is compiled beforehand.
        compiled = 'find "$1/usr" -xdev -name __pycache__ -prune -exec rm -rf {} +'
        bootstrap("sid", POSTGRES_PACKAGES, postgres, f'sh {script} "$1" {base}', compiled)
        keep(base, folder / "base")
        keep(postgres, folder / "postgres")

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of one version, as an archive for `docker load`: a few shared layers, and one configuration per image."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from typing import Any

import layers

HERE = pathlib.Path(__file__).resolve().parent
PARTS = HERE / "parts"
sys.path.insert(0, str(PARTS))

from edition import POSTGRES_USER, REDIS_USER, ROOT, SERVICE_USER, Edition  # noqa: E402

SECOND = 10**9  # the engine counts in nanoseconds
PORTAL = b"<!DOCTYPE html><title>Harbor</title><p>A stand-in for Harbor's portal.\n"
NGINX = ["nginx", "-e", "/dev/stderr", "-c", "/etc/nginx/nginx.conf"]


@dataclasses.dataclass(frozen=True)
class Program:
    """What an image runs. check: shell command of its health check, "" for none."""

    command: list[str]
    user: str = SERVICE_USER
    check: str = ""


def _python(name: str, *arguments: str) -> list[str]:
    return ["python3", "-B", f"/harbor/{name}.py", *arguments]


def _open(port: int) -> str:
    return f"bash -c '</dev/tcp/127.0.0.1/{port}'"


def _stub(name: str, port: int) -> Program:
    return Program(_python("service", name, str(port)), SERVICE_USER, _open(port))


PROGRAMS = {
    "prepare": Program(_python("preparation"), ROOT),
    "harbor-migrator": Program(_python("migrator"), ROOT),
    "harbor-core": Program(_python("core"), SERVICE_USER, _open(8080)),
    "harbor-portal": Program(NGINX, SERVICE_USER, _open(8080)),
    "harbor-jobservice": _stub("jobservice", 8080),
    "harbor-db": Program(
        _python("database"),
        POSTGRES_USER,
        "$(ls -d /usr/lib/postgresql/*/bin | tail -1)/pg_isready -h 127.0.0.1",
    ),
    "redis-photon": Program(
        ["redis-server", "--dir", "/var/lib/redis", "--save", "60 1", "--protected-mode", "no", "--bind", "0.0.0.0"],
        REDIS_USER,
        _open(6379),
    ),
    "registry-photon": Program(["docker-registry", "serve", "/etc/registry/config.yml"], SERVICE_USER, _open(5000)),
    "harbor-registryctl": _stub("registryctl", 8080),
    "nginx-photon": Program(NGINX, SERVICE_USER, _open(8080)),
    "harbor-log": Program(_python("log_server"), ROOT, _open(10514)),
    "trivy-adapter-photon": _stub("trivy-adapter", 8080),
    "notary-server-photon": _stub("notary-server", 4443),
    "notary-signer-photon": _stub("notary-signer", 7899),
    "chartmuseum-photon": _stub("chartmuseum", 9999),
    "clair-photon": _stub("clair", 6060),
}


def programs_layer() -> bytes:
    """Return the tar file with everything in parts/."""
    buffer = io.BytesIO()
    files = {f"harbor/{path.name}": path.read_bytes() for path in sorted(PARTS.glob("*.py"))}
    files["harbor/portal/index.html"] = PORTAL
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in ("harbor", "harbor/portal"):
            information = tarfile.TarInfo(folder)
            information.type, information.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(information)
        for name, content in files.items():
            information = tarfile.TarInfo(name)
            information.size, information.mode = len(content), 0o644
            tar.addfile(information, io.BytesIO(content))
    return buffer.getvalue()


def architecture() -> str:
    return subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()


def configuration(edition: Edition, name: str, fault: str, digests: list[str]) -> bytes:
    """Return the image's configuration, whose sum is the image's id."""
    program = PROGRAMS[name]
    environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONUNBUFFERED=1"]
    environment += [f"HARBOR_VERSION={edition.tag}", *([f"HARBOR_FAULT={fault}"] if fault else [])]
    config: dict[str, Any] = {
        "Env": environment,
        "Entrypoint": program.command,
        "User": program.user,
        "WorkingDir": "/",
        "Labels": {"name": name, "vendor": "a stand-in for Harbor"},
    }
    if program.check:
        config["Healthcheck"] = {"Test": ["CMD-SHELL", program.check], "Interval": 30 * SECOND, "Timeout": 30 * SECOND}
    content = {
        "architecture": architecture(),
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": f"stand-in {name}"} for _digest in digests],
    }
    return json.dumps(content, sort_keys=True).encode()


def save(
    edition: Edition, names: list[str], fault: str, made: dict[str, layers.Layer]
) -> tuple[list[pathlib.Path], bytes]:
    """Write an archive for `docker load`: return files to be strung together, and what comes after them."""
    programs = programs_layer()
    programs_digest = hashlib.sha256(programs).hexdigest()
    used = {name: made["postgres" if name == "harbor-db" and edition.leaves == "18" else "base"] for name in names}
    entries: dict[str, bytes] = {f"{programs_digest}/layer.tar": programs}
    manifest = []
    for name, layer in used.items():
        config = configuration(edition, name, fault, [layer.digest, programs_digest])
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        entries[config_name] = config
        files = [layer.member, f"{programs_digest}/layer.tar"]
        manifest.append({"Config": config_name, "RepoTags": [edition.image(name)], "Layers": files})
    entries["manifest.json"] = json.dumps(manifest).encode()

    def rest() -> Iterator[bytes]:
        for name, content in entries.items():
            yield from layers.entry(name, len(content), iter([content]))
        yield b"\0" * 2 * tarfile.BLOCKSIZE

    files_in_order = sorted({layer.file for layer in used.values()})
    return files_in_order, b"".join(layers.gzip_blocks(rest(), 6))

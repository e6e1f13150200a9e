# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docker-compose.yml as `prepare` writes it."""

from __future__ import annotations

from typing import Any

import yaml
from edition import ROOT, Edition, Service

Config = dict[str, Any]


def _mounts(name: str, data: str, config: Config) -> list[str]:
    logs = ((config.get("log") or {}).get("local") or {}).get("location", "/var/log/harbor")
    mounts: dict[str, list[str]] = {
        "log": [
            f"{logs}/:/var/log/docker/:z",
            "./common/config/log/logrotate.conf:/etc/logrotate.d/logrotate.conf:z",
            "./common/config/log/rsyslog_docker.conf:/etc/rsyslog.d/rsyslog_docker.conf:z",
        ],
        "registry": [
            f"{data}/registry:/storage:z",
            "./common/config/registry/:/etc/registry/:z",
            f"{data}/secret/registry/root.crt:/etc/registry/root.crt:z",
        ],
        "registryctl": [
            f"{data}/registry:/storage:z",
            "./common/config/registry/:/etc/registry/:z",
            "./common/config/registryctl/config.yml:/etc/registryctl/config.yml:z",
        ],
        "postgresql": [f"{data}/database:/var/lib/postgresql/data:z"],
        "core": [
            f"{data}/ca_download/:/etc/core/ca/:z",
            f"{data}/:/data/:z",
            "./common/config/core/app.conf:/etc/core/app.conf:z",
            f"{data}/secret/core/private_key.pem:/etc/core/private_key.pem:z",
            f"{data}/secret/keys/secretkey:/etc/core/key:z",
        ],
        "portal": ["./common/config/portal/nginx.conf:/etc/nginx/nginx.conf:z"],
        "jobservice": [
            f"{data}/job_logs:/var/log/jobs:z",
            "./common/config/jobservice/config.yml:/etc/jobservice/config.yml:z",
        ],
        "redis": [f"{data}/redis:/var/lib/redis"],
        "proxy": ["./common/config/nginx:/etc/nginx:z", f"{data}/secret/cert:/etc/cert:z"],
        "trivy-adapter": [f"{data}/trivy-adapter/trivy:/home/scanner/.cache/trivy"],
        "chartmuseum": [f"{data}/chart_storage:/chart_storage:z"],
    }
    return mounts.get(name, [])


_DEPENDS = {
    "core": ["log", "registry", "redis", "postgresql"],
    "jobservice": ["core"],
    "proxy": ["registry", "core", "portal", "log"],
    "trivy-adapter": ["log", "redis"],
    "notary-server": ["postgresql", "notary-signer"],
}
_ENVIRONMENT = {
    "postgresql": "db",
    "core": "core",
    "jobservice": "jobservice",
    "registryctl": "registryctl",
    "trivy-adapter": "trivy-adapter",
}


def _service(edition: Edition, part: Service, config: Config, there: set[str]) -> Config:
    service: Config = {
        "image": edition.image(part.image),
        "container_name": part.container,
        "restart": "always",
        "cap_drop": ["ALL"],
        "volumes": _mounts(part.name, str(config["data_volume"]).rstrip("/"), config),
        "networks": ["harbor"],
    }
    if part.user == ROOT or part.name in ("postgresql", "registry", "redis", "proxy"):
        service["cap_add"] = ["CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID", "NET_BIND_SERVICE"]
    if part.name in _ENVIRONMENT:
        service["env_file"] = [f"./common/config/{_ENVIRONMENT[part.name]}/env"]
    if part.name == "log":
        service["ports"] = ["127.0.0.1:1514:10514"]
        return service
    if part.name == "postgresql":
        service["shm_size"] = "1gb"
    if part.name == "proxy":
        service["ports"] = [f"{config['http'].get('port', 80)}:8080"] if config.get("http") else []
        if config.get("https"):
            service["ports"].append(f"{config['https'].get('port', 443)}:8443")
    service["depends_on"] = [name for name in _DEPENDS.get(part.name, ["log"]) if name in there]
    service["logging"] = {
        "driver": "syslog",
        "options": {"syslog-address": "tcp://localhost:1514", "tag": part.name},
    }
    return service


def compose(edition: Edition, config: Config, parts: frozenset[str]) -> str:
    """Return the project's file. It has no name of its own: compose takes that of the folder."""
    there = [part for part in edition.services if not part.optional or part.optional in parts]
    if config.get("external_database"):
        there = [part for part in there if part.name != "postgresql"]
    if config.get("external_redis"):
        there = [part for part in there if part.name != "redis"]
    names = {part.name for part in there}
    project = {
        "version": "2.3",
        "services": {part.name: _service(edition, part, config, names) for part in there},
        "networks": {"harbor": {"external": False}},
    }
    return str(yaml.safe_dump(project, sort_keys=False))

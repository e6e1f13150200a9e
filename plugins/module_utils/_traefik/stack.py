# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Make the definition of the stack: Traefik, the filter of the socket, Portainer, registry, further services.

The order is that in which services are created and updated: the filter before Traefik, the agent before Portainer,
which would never find it if it came later.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import configuration, portainer, releases, routes, socket_rules

SOCKET = "/var/run/docker.sock"
OF_ROLE = ("socket_proxy", "traefik", "agent", "portainer", "registry")
_MANAGERS = "node.role == manager"
# Longest password that bcrypt, and so Portainer, takes; shortest that it takes without asking for another one.
_LONGEST, _SHORTEST = 72, 12
_PORTAINER_PORT, _REGISTRY_PORT = 9000, 5000


def definition(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stack as a compose file has it. Raise DockyardError for what can't be right.

    settings: the role's variables without its name before them, and node, the identifier of the node that has the data.
    """
    stack = settings["name"]
    routes.check_name("The stack", stack)
    routes.rule("traefik_stack_host", settings["host"])
    version = releases.version_of(settings["images"]["traefik"], settings["traefik_version"])
    services: dict[str, Any] = {}
    found: dict[str, Any] = {
        "services": services,
        "networks": {
            "proxy": {"name": f"{stack}_proxy", "driver": "overlay", "attachable": False},
            "socket": {"driver": "overlay", "internal": True},
        },
        "configs": {
            "socket_rules": {"content": socket_rules.configuration()},
            "static": {"content": _document(configuration.static(settings, f"{stack}_proxy", version))},
            "dynamic": {"content": _document(configuration.dynamic(settings, stack))},
        },
        "secrets": {},
    }
    if settings["tls"] != "acme":
        found["configs"]["tls.crt"] = {"content": settings["certificate"]}
        found["secrets"]["tls.key"] = {"content": settings["privatekey"]}
    elif settings["acme_ca"]:
        found["configs"]["acme_ca"] = {"content": settings["acme_ca"]}
    services["socket_proxy"] = _socket_proxy(settings)
    services["traefik"] = _traefik(settings)
    if settings["portainer"]:
        _add_portainer(found, settings, stack)
    if settings["registry"]:
        _add_registry(found, settings, stack)
    for given in settings["services"]:
        name = str(given.get("name") or "")
        routes.check_name("A service of traefik_stack_services", name)
        if name in services or name in OF_ROLE:
            raise routes.refuse(f"The service {name}", "is there twice, or has the name of one of the role's own")
        services[name] = _further(given, settings, stack)
    _check_rules(services, stack)
    return {key: value for key, value in found.items() if value}


def _document(content: Any) -> str:
    """Return what Traefik reads as YAML: the same content is always the same string."""
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _resolver(settings: Mapping[str, Any]) -> str:
    return configuration.RESOLVER if settings["tls"] == "acme" else ""


def _update() -> dict[str, Any]:
    # A port of the host, and a database with a lock, can't be had by two at once.
    return {"order": "stop-first", "failure_action": "rollback", "monitor": "5s", "parallelism": 1}


def _socket_proxy(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "image": settings["images"]["socket_proxy"],
        "command": ["haproxy", "-db", "-f", "/etc/socket-rules.cfg"],
        "user": "0:0",
        "cap_drop": ["ALL"],
        "read_only": True,
        "init": False,
        "configs": [{"source": "socket_rules", "target": "/etc/socket-rules.cfg"}],
        "volumes": [f"{SOCKET}:{SOCKET}:ro"],
        "networks": ["socket"],
        "logging": dict(settings["logging"]),
        "deploy": {
            "mode": "global",
            "placement": {"constraints": [_MANAGERS]},
            # Its tasks themselves, and not a virtual address in front of them.
            "endpoint_mode": "dnsrr",
            "update_config": _update(),
        },
    }


def _traefik(settings: Mapping[str, Any]) -> dict[str, Any]:
    ports = [settings["http_port"], settings["https_port"]]
    config_file = "--configFile=/etc/traefik/traefik.yml"
    service: dict[str, Any] = {
        "image": settings["images"]["traefik"],
        "command": ["traefik", config_file],
        "configs": [
            {"source": "static", "target": "/etc/traefik/traefik.yml"},
            {"source": "dynamic", "target": "/etc/traefik/dynamic.yml"},
        ],
        "ports": [
            {"target": port, "published": port, "protocol": "tcp", "mode": settings["publish"]} for port in ports
        ],
        "networks": ["proxy", "socket"],
        "healthcheck": {
            "test": ["CMD", "traefik", "healthcheck", config_file],
            "interval": "5s",
            "timeout": "5s",
            "retries": 3,
        },
        "stop_grace_period": f"{configuration.SAY_SO + configuration.LET_END + 5}s",
        "logging": dict(settings["logging"]),
        "deploy": {
            "mode": "global",
            "placement": {"constraints": list(settings["traefik_constraints"])},
            "update_config": _update(),
        },
    }
    if settings["tls"] == "acme":
        # Its storage is a file that only one may write. The mode stays, since a Swarm changes that of no service.
        service["deploy"]["placement"] = {"constraints": [f"node.id == {settings['node']}"]}
        service["volumes"] = [f"{settings['directory']}/acme:/acme"]
        if settings["acme_ca"]:
            service["configs"].append({"source": "acme_ca", "target": configuration.ACME_CA})
    else:
        service["configs"].append({"source": "tls.crt", "target": configuration.CERTIFICATE})
        service["secrets"] = [{"source": "tls.key", "target": "tls.key", "mode": "0400"}]
    return service


def _pinned(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "replicas": 1,
        "placement": {"constraints": [f"node.id == {settings['node']}"]},
        "update_config": _update(),
    }


def _add_portainer(found: dict[str, Any], settings: Mapping[str, Any], stack: str) -> None:
    _check_password(settings["portainer_password"])
    found["networks"]["agent"] = {"driver": "overlay", "internal": True}
    found["secrets"]["portainer_password"] = {"content": settings["portainer_password"]}
    secret = {"AGENT_SECRET": settings["agent_secret"]} if settings["agent_secret"] else {}
    found["services"]["agent"] = {
        "image": settings["images"]["agent"],
        "environment": {"AGENT_CLUSTER_ADDR": "tasks.agent", **secret},
        "volumes": [f"{SOCKET}:{SOCKET}", "/var/lib/docker/volumes:/var/lib/docker/volumes"],
        "networks": ["agent"],
        "logging": dict(settings["logging"]),
        "deploy": {"mode": "global", "endpoint_mode": "dnsrr", "update_config": _update()},
    }
    prefix = settings["portainer_path"]
    rule = routes.rule("Portainer", settings["host"], prefix)
    command = ["-H", "tcp://tasks.agent:9001", "--tlsskipverify"]
    # Without this secret, newer versions would want a setup token from their log before an administrator is made.
    command += ["--admin-password-file", "/run/secrets/portainer_password"]
    command += portainer.trusted_origins(settings["images"]["portainer"], settings["portainer_trusted_origins"])
    command += settings["portainer_arguments"]
    found["services"]["portainer"] = {
        "image": settings["images"]["portainer"],
        "command": command,
        **({"environment": secret} if secret else {}),
        "secrets": ["portainer_password"],
        "volumes": [f"{settings['directory']}/portainer:/data"],
        "networks": ["proxy", "agent"],
        "logging": dict(settings["logging"]),
        "deploy": {
            **_pinned(settings),
            "labels": routes.labels(
                f"{stack}-portainer", rule, _PORTAINER_PORT, "websecure", _resolver(settings), prefix
            ),
        },
    }


def _check_password(password: str) -> None:
    """Raise DockyardError for a password with which Portainer makes an administrator whom nobody can log in as."""
    place = "The password of Portainer's administrator"
    if not password:
        raise routes.refuse(place, "is empty, and nobody could log in")
    if any(ord(character) < 32 or ord(character) == 127 for character in password):
        raise routes.refuse(place, "has a line break or another control character, which no login page takes")
    size = len(password.encode())
    if size < _SHORTEST or size > _LONGEST:
        raise routes.refuse(place, f"has {size} bytes, and must have from {_SHORTEST} to {_LONGEST}")


def _add_registry(found: dict[str, Any], settings: Mapping[str, Any], stack: str) -> None:
    published = settings["registry_access"] == "published"
    http: dict[str, Any] = {"addr": f":{_REGISTRY_PORT}", "headers": {"X-Content-Type-Options": ["nosniff"]}}
    service: dict[str, Any] = {
        "image": settings["images"]["registry"],
        "command": ["serve", "/etc/registry/config.yml"],
        # Version 3 reports an error with each request otherwise.
        "environment": {"OTEL_TRACES_EXPORTER": "none"},
        "configs": [{"source": "registry", "target": "/etc/registry/config.yml"}],
        "volumes": [
            f"{settings['directory']}/registry/data:/var/lib/registry",
            # The folder, since a file that is replaced would not be seen.
            f"{settings['directory']}/registry/auth:/auth:ro",
        ],
        "networks": ["proxy"],
        "logging": dict(settings["logging"]),
        "deploy": _pinned(settings),
    }
    if published:
        if settings["tls"] == "acme":
            raise routes.refuse(
                "The registry",
                "is published by itself and has no certificate of its own with ACME; let it be routed",
            )
        port = settings["registry_port"]
        service["ports"] = [{"target": _REGISTRY_PORT, "published": port, "protocol": "tcp", "mode": "host"}]
        service["configs"].append({"source": "tls.crt", "target": configuration.CERTIFICATE})
        service["secrets"] = [{"source": "tls.key", "target": "tls.key", "mode": "0400"}]
        http["tls"] = {"certificate": configuration.CERTIFICATE, "key": configuration.KEY}
    else:
        host = settings["registry_host"]
        if not host or host == settings["host"]:
            raise routes.refuse("The registry", "is routed by its host name, and registry_host is none of its own")
        rule = routes.rule("The registry", host)
        service["deploy"]["labels"] = routes.labels(
            f"{stack}-registry", rule, _REGISTRY_PORT, "websecure", _resolver(settings)
        )
    found["configs"]["registry"] = {
        "content": _document(
            {
                "version": 0.1,
                "storage": {
                    "filesystem": {"rootdirectory": "/var/lib/registry"},
                    "delete": {"enabled": settings["registry_delete_enabled"]},
                },
                "http": http,
                "auth": {"htpasswd": {"realm": "registry", "path": "/auth/htpasswd"}},
                "health": {"storagedriver": {"enabled": True, "interval": "10s", "threshold": 3}},
            }
        )
    }
    found["services"]["registry"] = service


_PASSED_ON = ("command", "entrypoint", "environment", "healthcheck", "image", "init", "user", "volumes", "working_dir")
_OF_SERVICE = frozenset(
    {
        "constraints", "host", "middlewares", "name", "path_prefix", "port", "prove_path", "replicas", "rule",
        "strip_prefix",
        *_PASSED_ON,
    }
)  # fmt: skip


def _check_rules(services: Mapping[str, Any], stack: str) -> None:
    """Refuse two services with one rule: Traefik would give all requests to one of them, and none to the other."""
    seen: dict[str, str] = {}
    for name, service in services.items():
        rule = service["deploy"].get("labels", {}).get(f"traefik.http.routers.{stack}-{name}.rule", "")
        other = seen.setdefault(rule, name) if rule else name
        if other != name:
            raise routes.refuse(f"The service {name}", f"has the rule {rule}, and so has {other}")


def _further(given: Mapping[str, Any], settings: Mapping[str, Any], stack: str) -> dict[str, Any]:
    """Return a service that a user declares."""
    place = f"The service {given['name']}"
    unknown = sorted(str(key) for key in given if key not in _OF_SERVICE)
    if unknown:
        raise routes.refuse(place, f"has {', '.join(unknown)}, which this role does not know")
    if not given.get("image"):
        raise routes.refuse(place, "has no image")
    for middleware in given.get("middlewares") or ():
        if middleware not in settings["middlewares"]:
            raise routes.refuse(
                place, f"names the middleware {middleware}, which traefik_stack_middlewares does not have"
            )
    service = {key: given[key] for key in _PASSED_ON if given.get(key) is not None}
    service.update(networks=["proxy"], logging=dict(settings["logging"]))
    service["deploy"] = {
        "replicas": int(given.get("replicas", 1)),
        "placement": {"constraints": list(given.get("constraints") or [])},
        "update_config": {"order": "start-first", "failure_action": "rollback", "monitor": "5s"},
        "labels": routes.further(
            stack,
            given,
            settings["host"],
            _resolver(settings),
            f"{configuration.RETRY}@file" if settings["retries"] else "",
        ),
    }
    return service

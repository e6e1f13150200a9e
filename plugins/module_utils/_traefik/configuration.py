# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Make Traefik's static and dynamic configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import releases, routes, socket_rules

CERTIFICATE, KEY = "/etc/stack-tls/tls.crt", "/run/secrets/tls.key"
ACME = "/acme/acme.json"
ACME_CA = "/etc/stack-tls/acme-ca.crt"
RESOLVER = "acme"
PING = "127.0.0.1:8082"
# Seconds in which a Traefik that is to stop says so by /ping and goes on, and in which running requests may end.
SAY_SO, LET_END = 5, 20
# Middleware by which a request goes to another task, if one that is just going or coming takes no connection. Traefik
# does so only before it has sent anything. Otherwise a task on a lost node would be waited for half a minute.
RETRY = "stack-retry"
_DIAL = "3s"
# A user with a hash that Traefik's basicAuth knows; the rest of the line is the user's own.
_LOGIN = re.compile(r"[^:\s]+:(\$(apr1|1|2|2[abxy])\$[^$]|\{SHA\}.)")


def static(settings: Mapping[str, Any], network: str, version: releases.Version) -> dict[str, Any]:
    """Return the static configuration. Raise DockyardError for an option that the version does not know."""
    releases.check(settings["traefik_options"])
    web: dict[str, Any] = {"address": f":{settings['http_port']}"}
    web["http"] = {"redirections": {"entryPoint": {"to": "websecure", "scheme": "https", "permanent": True}}}
    secure: dict[str, Any] = {
        "address": f":{settings['https_port']}",
        "transport": {
            "lifeCycle": {"requestAcceptGraceTimeout": f"{SAY_SO}s", "graceTimeOut": f"{LET_END}s"},
            # 60 seconds, Traefik's own, cut off a slow push.
            "respondingTimeouts": {"readTimeout": f"{settings['read_timeout']}s"},
        },
    }
    if settings["trusted_proxies"]:
        for entry_point in (web, secure):
            entry_point["forwardedHeaders"] = {"trustedIPs": list(settings["trusted_proxies"])}
    if settings["hsts"]:
        secure["http"] = {"middlewares": ["hsts@file"]}
    if version >= releases.SINCE["entryPoints.*.http.aliasHeadersStrategy"]:
        # Otherwise a client could send X_Forwarded_For, which many applications take for X-Forwarded-For.
        for entry_point in (web, secure):
            entry_point.setdefault("http", {})["aliasHeadersStrategy"] = "delete"
    found: dict[str, Any] = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "INFO"},
        "entryPoints": {"web": web, "websecure": secure, "ping": {"address": PING}},
        "ping": {"entryPoint": "ping"},
        "providers": {
            "swarm": {
                "endpoint": f"tcp://socket_proxy:{socket_rules.PORT}",
                "exposedByDefault": False,
                "network": network,
                "refreshSeconds": settings["refresh_seconds"],
            },
            # What is in a config never changes; a host may have no watch left (inotify).
            "file": {"filename": "/etc/traefik/dynamic.yml", "watch": False},
        },
        "serversTransport": {"forwardingTimeouts": {"dialTimeout": _DIAL}},
        **settings["traefik_options"],
    }
    if settings["dashboard"]:
        found["api"] = {"dashboard": True}
    if settings["tls"] == "acme":
        challenge = {"httpChallenge": {"entryPoint": "web"}}
        if settings["acme_challenge"] == "tls":
            challenge = {"tlsChallenge": {}}
        server: dict[str, Any] = {"caServer": settings["acme_server"]} if settings["acme_server"] else {}
        if settings["acme_ca"]:
            server["caCertificates"] = [ACME_CA]
        resolver = {"email": settings["acme_email"], "storage": ACME, **server, **challenge}
        found["certificatesResolvers"] = {RESOLVER: {"acme": resolver}}
    releases.check_known(found, version)
    return found


def dynamic(settings: Mapping[str, Any], stack: str) -> dict[str, Any]:
    """Return what is not in labels: certificates, middlewares, the dashboard."""
    middlewares: dict[str, Any] = dict(settings["middlewares"])
    found: dict[str, Any] = {}
    if settings["hsts"]:
        middlewares["hsts"] = {"headers": {"stsSeconds": settings["hsts"], "stsIncludeSubdomains": False}}
    if settings["retries"]:
        middlewares[RETRY] = {"retry": {"attempts": settings["retries"] + 1, "initialInterval": "100ms"}}
    if settings["tls"] != "acme":
        pair = {"certFile": CERTIFICATE, "keyFile": KEY}
        found["tls"] = {"certificates": [pair], "stores": {"default": {"defaultCertificate": pair}}}
    if settings["dashboard"]:
        if not settings["dashboard_users"]:
            raise routes.refuse("The dashboard", "has no users in traefik_stack_dashboard_users and would be open")
        for number, user in enumerate(settings["dashboard_users"], 1):
            if not _LOGIN.match(user):
                raise routes.refuse(
                    "The dashboard",
                    f"has in traefik_stack_dashboard_users as entry {number} no line that htpasswd makes, with a hash"
                    " of bcrypt, MD5 or SHA-1, and a $ where compose files have two",
                )
        middlewares["dashboard-login"] = {
            "basicAuth": {"users": list(settings["dashboard_users"]), "removeHeader": True}
        }
        host = routes.rule("The dashboard", settings["host"])
        router = {
            "rule": f"{host} && (PathPrefix(`/api/`) || PathPrefix(`/dashboard/`))",
            "entryPoints": ["websecure"],
            "service": "api@internal",
            "middlewares": ["dashboard-login"],
            "tls": {"certResolver": RESOLVER} if settings["tls"] == "acme" else {},
        }
        found["http"] = {"routers": {"dashboard": router}}
    if middlewares:
        found.setdefault("http", {})["middlewares"] = middlewares
    return found

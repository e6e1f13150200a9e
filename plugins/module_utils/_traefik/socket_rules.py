# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What Traefik may ask of the Docker Engine, and the configuration of the proxy that lets through only that.

Seen on Traefik 3.7.15 (facts of the Swarm provider): it asks HEAD /_ping, GET /version, /services, /networks, /tasks
and /nodes/ID, and nothing else. From 3.5.1 on, a task whose node can't be inspected is dropped.
"""

from __future__ import annotations

PORT = 2375
# Each with the way it is asked in the proof. The paths may begin with a version of the API.
ALLOWED = ("/_ping", "/version", "/services", "/networks", "/tasks", "/nodes/[a-z0-9]+")
_VERSION = "(/v1[.][0-9]+)?"
ASKED = ("/version", "/services", "/networks", "/tasks")
# What a client that took Traefik over would try: each must be refused.
REFUSED = (
    ("GET", "/containers/json"),
    ("GET", "/secrets"),
    ("GET", "/configs"),
    ("GET", "/services/create"),
    ("GET", "/nodes"),
    ("GET", "/version/../containers/json"),
    ("POST", "/services/create"),
    ("POST", "/containers/create"),
    ("POST", "/containers/none/exec"),
    ("DELETE", "/services/none"),
)


def configuration() -> str:
    """Return the configuration for HAProxy. Whatever is not named in it is answered with 403."""
    paths = "|".join(ALLOWED)
    return f"""global
    log stdout format raw local0 notice
    maxconn 200

defaults
    mode http
    log global
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout http-request 10s

frontend socket
    bind :{PORT}
    acl reads method GET HEAD
    acl asked path_reg ^{_VERSION}({paths})$
    http-request deny deny_status 403 unless reads asked
    default_backend engine

backend engine
    server engine unix@/var/run/docker.sock
"""

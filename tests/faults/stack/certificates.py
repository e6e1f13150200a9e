# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of an ACME server, which is the real Pebble of Debian, and a newer Portainer that begins."""

from __future__ import annotations

import json
from typing import Any, Callable

from stack_cluster import CA, HOST, REGISTRY, Cluster

_STORAGE = "/srv/traefik_stack/acme/acme.json"
_ISSUER = "openssl x509 -noout -issuer -fingerprint -sha256"
_SERVED = f"echo | openssl s_client -connect 127.0.0.1:443 -servername {{name}} 2>/dev/null | {_ISSUER}"
# Pebble refuses one nonce of 20, and waits before it asks a name, unless its environment says otherwise.
_PEBBLE = """
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq && apt-get install -qq -y --no-install-recommends pebble >/dev/null
mkdir -p /root/pebble && cd /root/pebble
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=pebble \
    -addext subjectAltName=IP:{address} -keyout server.key -out server.crt 2>/dev/null
cat > config.json <<'END'
{config}
END
grep -q {host} /etc/hosts || echo 127.0.0.1 {host} {registry} >> /etc/hosts
systemd-run --quiet --unit=faults-pebble --setenv=PEBBLE_VA_NOSLEEP=1 --setenv=PEBBLE_WFE_NONCEREJECT=0 \
    pebble -config /root/pebble/config.json
"""
_CONFIG = {
    "pebble": {
        "listenAddress": "0.0.0.0:14000",
        "managementListenAddress": "127.0.0.1:15000",
        "certificate": "/root/pebble/server.crt",
        "privateKey": "/root/pebble/server.key",
        "httpPort": 80,
        "tlsPort": 443,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
    }
}
_ROOTS = "cat /root/pebble/server.crt && curl -s -f -k https://127.0.0.1:15000/roots/0"
_NEWER = "docker.io/portainer/portainer-ce:2.43.0"
_RECIPE = {
    "packages": ["python3", "openssl", "busybox", "base-files"],
    "dependencies": ["python3*", "libpython3*", "lib*", "zlib1g", "media-types", "openssl-provider-*"],
    "files": [{"path": "/usr/local/bin/portainer", "src": "/root/portainer.py", "mode": "0755"}],
    "directories": ["/data", "/tmp"],
    "entrypoint": ["python3", "/usr/local/bin/portainer", "portainer"],
    "environment": {"PATH": "/usr/local/bin:/usr/bin:/bin", "PORTAINER_VERSION": "2.43.0"},
    "check_command": ["--version"],
}
_LOGIN = (
    "curl -s -o /dev/null -w '%{{http_code}}' --cacert {ca} --resolve {host}:443:127.0.0.1 -H 'Origin: https://{origin}'"
    " -H 'Content-Type: application/json' -d '{given}' https://{host}/portainer/api/auth"
)


def faults() -> list[tuple[str, Callable[[Cluster], tuple[str, list[str]]]]]:
    return [
        ("certificates of an ACME server", acme),
        ("Portainer with a setup token, and further origins", newer_portainer),
    ]


def acme(cluster: Cluster) -> tuple[str, list[str]]:
    """Have Traefik get its certificates, change it, and see that it still has them."""
    first = cluster.first
    config = json.dumps(_CONFIG)
    first.must(_PEBBLE.format(address=cluster.address(first), config=config, host=HOST, registry=REGISTRY))
    cluster.until("curl -s -f -k https://127.0.0.1:15000/roots/0 >/dev/null", 30)
    declared: dict[str, Any] = {
        "traefik_stack_tls": "acme",
        "traefik_stack_acme_email": "ops@stack.test",
        "traefik_stack_acme_server": f"https://{cluster.address(first)}:14000/dir",
        "traefik_stack_acme_ca_content": first.must(_ROOTS) + "\n",
    }
    answer = cluster.entry("main", **declared)
    broken = [answer["msg"]] if answer["failed"] else []
    served = {name: first.run(_SERVED.format(name=name)).stdout.strip() for name in (HOST, REGISTRY)}
    broken += [f"served for {name}: {found}" for name, found in served.items() if "Pebble" not in found]
    broken += _storage(cluster)
    answer = cluster.entry("main", **declared)
    broken += [f"again: {answer['msg']} {answer['changed']}"] if answer["failed"] or answer["changed"] else []
    answer = cluster.entry("main", **declared, traefik_stack_hsts=700)
    broken += [f"an update: {answer['msg']}"] if answer["failed"] else []
    after = {name: first.run(_SERVED.format(name=name)).stdout.strip() for name in (HOST, REGISTRY)}
    broken += [] if after == served else [f"after an update other ones are served: {after}, before {served}"]
    broken += _storage(cluster)
    answer = cluster.entry("backup", **declared)
    path = answer["facts"].get("traefik_stack_backup_archive", "none")
    broken += [] if first.run(f"tar -tf {path} | grep acme/acme.json").stdout else [f"not in the archive {path}"]
    answer = cluster.entry("main")
    broken += [f"not back: {answer['msg']}"] if answer["failed"] else []
    first.must("systemctl stop faults-pebble")
    return "issued, served and proven for both names; storage 0600; the same ones after an update", broken


def _storage(cluster: Cluster) -> list[str]:
    mode = cluster.first.must(f"stat -c '%a %U' {_STORAGE}").strip()
    certificates = cluster.first.run(f"grep -c '\"certificate\"' {_STORAGE}").stdout.strip()
    return [] if (mode, certificates) == ("600 root", "2") else [f"storage: mode {mode}, {certificates} certificates"]


def newer_portainer(cluster: Cluster) -> tuple[str, list[str]]:
    """Begin with a Portainer that wants a setup token if it has no password, with names of either form."""
    first = cluster.first
    name, _colon, tag = _NEWER.rpartition(":")
    built = first.module("image_build", False, name=name, tag=tag, recipe=_RECIPE)
    broken = [str(built.get("msg"))] if built.get("failed") else []
    given = json.dumps({"Username": "admin", "Password": cluster.declared["traefik_stack_portainer_password"]})
    names: dict[str, Any] = {"traefik_stack_portainer_trusted_origins": ["portal.stack.test"]}

    def login(origin: str) -> str:
        return first.run(_LOGIN.format(ca=CA, host=HOST, origin=origin, given=given)).stdout

    found: list[str] = [login("portal.stack.test")]
    answer = cluster.entry("main", **names)
    broken += [f"names for the older one: {answer['msg']}"] if answer["failed"] else []
    found.append(login("portal.stack.test"))
    first.must(
        "docker service scale --detach=false edge_portainer=0 >/dev/null; rm /srv/traefik_stack/portainer/portainer.db"
    )
    answer = cluster.entry("main", traefik_stack_portainer_image=_NEWER, **names)
    broken += [f"the newer one: {answer['msg']}"] if answer["failed"] else []
    found += [login("portal.stack.test"), login("evil.stack.test")]
    broken += [f"logins: {found}"] if found != ["403", "200", "200", "403"] else []
    log = first.run("docker service logs --raw edge_portainer 2>&1 | grep 'setup token'").stdout
    broken += [f"it wants {log}"] if log else []
    answer = cluster.entry("main")
    broken += [f"not back: {answer['msg']}"] if answer["failed"] else []
    return "its administrator is made from the secret and logs in; trusted names in the form of either version", broken

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of the role by themselves: each option, in check mode, for real, again, and in check mode again."""

from __future__ import annotations

from typing import Any, Callable

from stack_cluster import CA, HOST, REGISTRY, Cluster

_DATA = "/srv/traefik_stack"
_PORT = 8444
_WITHOUT = """
docker service scale --detach=false edge_portainer=0 >/dev/null
sed -i 's/"environments": \\[.*\\]/"environments": []/' /srv/traefik_stack/portainer/portainer.db
grep -q '"environments": \\[\\]' /srv/traefik_stack/portainer/portainer.db
docker service scale --detach=false edge_portainer=1 >/dev/null
"""


def faults() -> list[tuple[str, Callable[[Cluster], tuple[str, list[str]]]]]:
    return [
        ("traefik_node, each option four times", node),
        ("portainer_environment four times, and by the role", environment),
        ("traefik_backup four times", backup),
    ]


def _four(cluster: Cluster, module: str, expected: tuple[tuple[bool, str], ...], **options: Any) -> list[str]:
    """Check, run, run again, check again. expected: whether something changes, and what the message has, for each."""
    broken = []
    for check, (changed, words) in zip((True, False, False, True), expected):
        answer = cluster.first.module(module, check, **options)
        said = [str(answer.get("msg")), *answer.get("warnings", [])]
        if answer.get("changed", False) != changed or words not in " ".join(said):
            broken.append(f"{module} {sorted(options)}, check={check}: changed={answer.get('changed')}, {said}"[:300])
    return broken


def node(cluster: Cluster) -> tuple[str, list[str]]:
    fits = "The host can run the stack edge"
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"ports": [80, 443]}, fits),
        ({"ports": [_PORT]}, f"Port {_PORT} of this host, which the stack edge is to have, is taken by python3"),
        ({"image": "docker.io/library/traefik:v3.7.15"}, fits),
        ({"image": "traefik:latest"}, "does not say Traefik's version"),
        ({"image": "traefik:latest", "version": "3.7.15"}, fits),
        ({"names": ["none.stack.test"]}, "none.stack.test"),
        ({"names": ["none.stack.test"], "require_names": True}, "none.stack.test"),
        ({"names": ["localhost"], "require_names": True}, fits),
        ({"image": "traefik:v3.7.15", "socket": "/run/docker.sock"}, fits),
    )
    cluster.first.must(f"systemd-run --quiet --unit=faults-port python3 -m http.server {_PORT}")
    cluster.until(f"ss -ltn | grep -q :{_PORT}", 10)
    broken = []
    for options, words in cases:
        broken += _four(cluster, "traefik_node", ((False, words),) * 4, stack="edge", **options)
    cluster.first.must("systemctl stop faults-port")
    return f"{len(cases)} cases, nothing changed", broken


def environment(cluster: Cluster) -> tuple[str, list[str]]:
    """Take the environment from Portainer, and have it made through its API while the stack runs."""
    ca = cluster.first.must(f"cat {CA}") + "\n"
    options = {
        "host": HOST,
        "address": "127.0.0.1",
        "https_port": 443,
        "ca_content": ca,
        "path": "/portainer",
        "username": "admin",
        "password": cluster.declared["traefik_stack_portainer_password"],
        "name": "swarm",
        "url": "tcp://tasks.agent:9001",
        "timeout": 60,
    }
    cluster.first.must(_WITHOUT)
    expected = (
        (True, "Would have created the environment swarm"),
        (True, "Created the environment swarm"),
        (False, ""),
        (False, ""),
    )
    broken = _four(cluster, "portainer_environment", expected, **options)
    cluster.first.must(_WITHOUT)
    answer = cluster.entry("main")
    made = [name for name in answer["changed"] if "Create the environment that Portainer lacks" in name]
    broken += [f"the role: {answer['msg']}, changed {answer['changed']}"] if answer["failed"] or len(made) != 1 else []
    answer = cluster.entry("main")
    broken += [f"again: {answer['changed']}"] if answer["failed"] or answer["changed"] else []
    return "created by the module, and by the role on the running stack; the next run changes nothing", broken


def _registry_answers(cluster: Cluster) -> list[str]:
    """Return whether the registry refuses the login of its user, which it reads from a folder that was exchanged."""
    curl = f"curl -s -o /dev/null -w '%{{http_code}}' --cacert {CA} --resolve {REGISTRY}:443:127.0.0.1"
    asked = f"{curl} --user alice:alice-Loh5eeng https://{REGISTRY}/v2/"
    # Traefik learns of the new task only after some seconds.
    cluster.first.run(f'for each in $(seq 30); do test "$({asked})" = 200 && break; sleep 1; done')
    status = cluster.first.run(asked).stdout
    return [] if status == "200" else [f"the registry answers {status} after the restore"]


def backup(cluster: Cluster) -> tuple[str, list[str]]:
    """Archive and restore with each option. Both are done each time that they are asked for."""
    common: dict[str, Any] = {
        "stack": "edge",
        "directory": _DATA,
        "folders": ["portainer", "registry"],
        "at_rest": ["edge_portainer"],
        "timeout": 300,
        "service_timeout": 90,
        "lock_timeout": 10,
        "socket": "/run/docker.sock",
    }
    place: dict[str, Any] = {"operation": "backup", "backup_directory": "/srv/four", "archive_name": "small", "keep": 1}
    would, did = (True, "Would have archived portainer, registry"), (True, "Archived portainer, registry")
    broken = _four(cluster, "traefik_backup", (would, did, did, would), **place, **common)
    kept = cluster.first.must("ls /srv/four").split()
    archives = [name for name in kept if name.endswith(".tar")]
    broken += [] if len(archives) == 1 and archives[0].startswith("small-") else [f"kept: {kept}"]
    digest = cluster.first.must(f"sha256sum /srv/four/{archives[-1]} | cut -d' ' -f1")
    before = cluster.first.must(f"cat {_DATA}/portainer/portainer.db")
    place = {"operation": "restore", "archive": f"/srv/four/{archives[-1]}", "checksum": digest}
    would, did = (True, "Would have restored portainer, registry"), (True, "Restored portainer, registry")
    words = "The service edge_registry has"
    broken += _four(cluster, "traefik_backup", ((False, words),) * 4, **place, **common)
    common["at_rest"] = ["edge_portainer", "edge_registry"]
    broken += _four(cluster, "traefik_backup", (would, did, did, would), **place, **common)
    broken += _registry_answers(cluster)
    after = cluster.first.must(f"cat {_DATA}/portainer/portainer.db")
    return "archived and restored, one archive kept", broken + ([] if after == before else ["the database differs"])

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup and restore of what the stack keeps, and a restore that can't be proven."""

from __future__ import annotations

from typing import Callable

from stack_cluster import CA, REGISTRY, Cluster

_FOLDER = "/srv/traefik_stack"
_PUT = """
set -e
ask() {{ curl -s -f --cacert {ca} --resolve {name}:443:127.0.0.1 --user alice:alice-Loh5eeng "$@"; }}
headers=$(ask -X POST -D - -o /dev/null https://{name}/v2/team/kept/blobs/uploads/ | tr -d '\\r')
place=$(echo "$headers" | sed -n 's/^[Ll]ocation: //p')
digest=sha256:$(printf %s {content} | sha256sum | cut -d' ' -f1)
ask -X PUT --data-binary {content} -H 'Content-Type: application/octet-stream' "$place&digest=$digest"
echo $digest
"""
_GET = "curl -s --cacert {ca} --resolve {name}:443:127.0.0.1 --user alice:alice-Loh5eeng https://{name}/v2/team/kept/blobs/{digest}"


def faults() -> list[tuple[str, Callable[[Cluster], tuple[str, list[str]]]]]:
    return [("backup and restore", backup_and_restore), ("restore that can't be proven", unproven)]


def backup_and_restore(cluster: Cluster) -> tuple[str, list[str]]:
    """Back up, lose an image and Portainer's database, and have both back."""
    host = cluster.first
    digest = host.must(_PUT.format(ca=CA, name=REGISTRY, content="kept")).splitlines()[-1]
    answer = cluster.entry("backup")
    if answer["failed"]:
        return "no backup", [answer["msg"]]
    path = answer["facts"]["traefik_stack_backup_archive"]
    before = host.must(f"cat {_FOLDER}/portainer/portainer.db")
    host.must(f"rm -r {_FOLDER}/registry/data/docker; echo lost > {_FOLDER}/portainer/portainer.db")
    answer = cluster.entry("restore", traefik_stack_restore_archive=path)
    broken = [answer["msg"]] if answer["failed"] else []
    found = host.run(_GET.format(ca=CA, name=REGISTRY, digest=digest)).stdout
    broken += [f"the blob is {found[:100]}"] if found != "kept" else []
    after = host.must(f"cat {_FOLDER}/portainer/portainer.db")
    broken += [] if after == before else [f"Portainer's database is {after[:100]}"]
    left = host.run(f"ls -d {_FOLDER}/.[a-z]*").stdout.split()
    broken += [f"left behind: {left}"] if left else []
    broken += cluster_unchanged(cluster)
    return "image and database are back, and the next run changes nothing", broken


def cluster_unchanged(cluster: Cluster) -> list[str]:
    answer = cluster.entry("main")
    return [answer["msg"]] if answer["failed"] else [f"changed: {answer['changed']}"] if answer["changed"] else []


def unproven(cluster: Cluster) -> tuple[str, list[str]]:
    """Restore an archive with another administrator: it can't be proven, and what was there before comes back."""
    host = cluster.first
    path = cluster.entry("backup")["facts"]["traefik_stack_backup_archive"]
    host.must(
        f'mkdir /root/other && tar -C /root/other -xf {path} && sed -i \'s/"admin": "[0-9a-f]*/"admin": "0/\''
        f" /root/other/portainer/portainer.db && tar -C /root/other -cf /root/other.tar portainer registry"
    )
    digest = host.must("sha256sum /root/other.tar | cut -d' ' -f1")
    before = host.must(f"cat {_FOLDER}/portainer/portainer.db")
    answer = cluster.entry(
        "restore", traefik_stack_restore_archive="/root/other.tar", traefik_stack_restore_checksum=digest
    )
    words = "Portainer refuses the login of admin"
    broken = [] if answer["failed"] and words in answer["msg"] else [f"it says: {answer['msg'][:300]}"]
    broken += (
        [] if answer["msg"].endswith("What was there before is there again.") else [f"it ends: {answer['msg'][-200:]}"]
    )
    broken += [] if host.must(f"cat {_FOLDER}/portainer/portainer.db") == before else ["the database is another one"]
    return answer["msg"][:140], broken + cluster_unchanged(cluster)

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""harbor_upgrade against the upgrade by hand, on the same host, from the same state, with more than 10 GB of data.

By hand is what Harbor's guide says, as one script without a pause to think or type: stop, move the install folder
aside, copy the data volume, unpack, load the images, migrate harbor.yml, install, wait until it is healthy.
It does not look whether the copy is good, nor count what is in Harbor. The release is the stand-in of tests/harbor,
whose images are much smaller than the real ones; loading those would make the upgrade by hand longer, since it is down
in the meantime. Stopping and starting alone take about 3.5 seconds either way, so the fewer the data and the faster the
disk, the less there is to gain.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / folder) for folder in ("hosts", "harbor", "faults")]

import harbor_host  # noqa: E402  found through the path set above
import managed_host  # noqa: E402

HOST = "dockyard-bench-harbor"
SOURCE, TARGET = "2.12.4", "2.14.1"
DATABASE_MB, REGISTRY_MB = 3000, 10000
# Prints when service ended, and when it began again.
_BY_HAND = r"""
set -eu
cd /opt/harbor
date +%s.%N
docker compose down >/dev/null 2>&1
mv /opt/harbor /root/harbor-before
cp -a /data /backup/data
tar -xzf {archive} -C /opt
cp /root/harbor-before/harbor.yml /opt/harbor/harbor.yml
docker load --quiet --input /opt/harbor/harbor.v{version}.tar.gz >/dev/null
docker run --rm -v /:/hostfs goharbor/prepare:v{version} migrate -i /opt/harbor/harbor.yml >/dev/null
cd /opt/harbor
./install.sh --with-trivy >/dev/null 2>&1
healthy='import json, sys; sys.exit(json.load(sys.stdin)["status"] != "healthy")'
until curl -fs http://127.0.0.1/api/v2.0/health | python3 -c "$healthy" 2>/dev/null; do sleep 0.5; done
date +%s.%N
"""


def rows() -> list[dict[str, object]]:
    harbor = harbor_host.HarborHost(HOST, "trixie")
    host = managed_host.ManagedHost(HOST)
    try:
        harbor.up()
        harbor.install(SOURCE)
        harbor.seed(projects=2, repositories=2, users=2)
        harbor.grow(database=DATABASE_MB, registry=REGISTRY_MB)
        harbor.snapshot()
        size = int(host.must("du --bytes --summarize /data").split()[0])
        return compare(harbor, host, size)
    finally:
        harbor.down()


def compare(harbor: harbor_host.HarborHost, host: managed_host.ManagedHost, size: int) -> list[dict[str, object]]:
    archive = harbor.archive(TARGET)
    host.must("mkdir -p /backup")
    forget = f"docker image ls --format '{{{{.Repository}}}}:{{{{.Tag}}}}' | grep v{TARGET} | xargs -r docker image rm"
    host.run(forget)
    # What was written to prepare the measurement is to slow down neither of the two.
    host.must("sync")
    begin = time.monotonic()
    times = host.must(_BY_HAND.format(archive=archive, version=TARGET)).split()
    hand = time.monotonic() - begin
    hand_down = float(times[-1]) - float(times[0])
    host.run("rm -rf /backup/data /root/harbor-before")
    harbor.restore()
    host.run(forget)
    host.must("sync")
    begin = time.monotonic()
    answer = host.module(
        "harbor_upgrade",
        False,
        archives=[{"src": archive, "remote_src": True}],
        admin_password=harbor_host.ADMIN_PASSWORD,
    )
    ours = time.monotonic() - begin
    if answer.get("outcome") != "upgraded":
        sys.exit(f"harbor_upgrade failed: {json.dumps(answer.get('msg'))}")
    what = f"Harbor {SOURCE} to {TARGET}, {size / 1e9:.1f} GB of data"
    down = float(answer["downtime"])
    return [
        row(f"{what}: downtime", down, hand_down, down / hand_down, 0.2, "at most a fifth"),
        row(f"{what}: the whole run", ours, hand, ours / hand, 1.2, "at most 1.2 times"),
    ]


def row(subject: str, ours: float, theirs: float, ratio: float, limit: float, wanted: str) -> dict[str, object]:
    return {
        "subject": subject,
        "ours_seconds": ours,
        "peer": "by hand, after Harbor's guide",
        "peer_seconds": theirs,
        "ratio": ratio,
        "wanted": wanted,
        "held": ratio <= limit,
    }

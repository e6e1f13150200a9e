# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""database_upgrade against an upgrade by dump and import, on the same host, of the same data, with the same settings.

By hand is what the servers' guides say, as one script without a pause to think or type: dump all databases, stop the
old server, start an empty new one of the image's own entry point, and load the dump. From the dump on, what clients
write would be lost, so that is where service ends; it begins again with the last statement of the dump. Nothing of it
is counted or compared. The downtime of the module has the counting, the copy, the upgrade and the proof in it.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / folder) for folder in ("hosts", "harbor", "faults")]

from data_ways.host import FAMILIES, FOLDER, NAME, Host  # noqa: E402  found through the path set above

ROWS, SIZE = 1000000, 1000
LIMIT = 0.2
# Prints when service ended, and when it began again.
_BY_HAND = r"""
set -eu
mkdir -p /srv/hand/data
client="docker exec -i hand mariadb --no-defaults --host=127.0.0.1 --user=root --password=x"
date +%s.%N
docker exec {name} mariadb-dump --defaults-file=/etc/dockyard/admin.cnf --all-databases --single-transaction \
    --routines --events --triggers > /srv/hand/all.sql
docker stop --time 300 {name} > /dev/null
docker run --detach --name hand --env MARIADB_ROOT_PASSWORD=x --volume /srv/hand/data:/var/lib/mysql {image} > /dev/null
until $client --execute "SELECT 1" > /dev/null 2>&1; do sleep 0.1; done
$client < /srv/hand/all.sql
date +%s.%N
test "$($client --skip-column-names --execute 'SELECT COUNT(*) FROM shop.t')" = {rows}
"""


def rows() -> list[dict[str, object]]:
    host = Host("trixie", "dockyard-bench-databases")
    host.up()
    try:
        return [_compare(host)]
    finally:
        host.down()


def _compare(host: Host) -> dict[str, object]:
    family = FAMILIES["mariadb"]
    family = dataclasses.replace(family, options={**family.options, "config": {}})
    image = family.image(family.new)
    host.begin(family, ROWS, SIZE)
    host.stop_writing()
    # What was written to prepare the measurement is to slow down neither of the two.
    host.must("sync")
    begin, end = host.must(_BY_HAND.format(name=NAME, image=image, rows=ROWS)).split()[:2]
    hand = float(end) - float(begin)
    host.must(f"docker rm --force --volumes hand; rm -r /srv/hand; docker start {NAME}; sync")
    host.wait_for(family.count)
    answer = host.upgrade(image)
    if answer.get("outcome") != "upgraded":
        sys.exit(f"database_upgrade failed: {json.dumps(answer.get('msg'))}")
    down = float(answer["downtime"])
    size = int(host.must(f"du --bytes --summarize {FOLDER}/{NAME}/data").split()[0])
    return {
        "subject": f"MariaDB 10.11 to 11.8, {ROWS} rows, {size / 1e9:.1f} GB of data: downtime",
        "ours_seconds": down,
        "peer": "dump and import by hand",
        "peer_seconds": hand,
        "ratio": down / hand,
        "wanted": "at most a fifth",
        "held": down / hand <= LIMIT,
    }

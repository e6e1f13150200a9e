# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""database_upgrade against an upgrade by dump and import, on the same host, of the same data, with the same settings.

The data are a table of orders as a shop has it: eight columns, a primary key and two further indexes, of which the one
of addresses is in no order, and rows of about 450 bytes. The server has its defaults.

By hand is what the servers' guides say, as one script without a pause to think or type: count the rows, dump all
databases, stop the old server, start an empty new one of the image's own entry point, load the dump, run the server's
own upgrade (the dump has the system tables of the old version), and count again. From the first count on, what clients
write would be lost, so that is where service ends; it begins again with the last count.

The downtime of the module is from the lock that ends the writes to the moment at which clients are in: it has in it the
counting, the stop, what had changed in the data since they were copied ahead, two starts, the server's own upgrade, the
comparison of all objects, and a whole dump of the new server as a proof.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import sys

from comparison import Row, row

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / folder) for folder in ("hosts", "harbor", "faults")]

from data_ways.host import FAMILIES, FOLDER, NAME, SQL, Host  # noqa: E402  found through the path set above

ROWS = 3000000
LIMIT = 0.2
_COUNT = "SELECT COUNT(*) FROM shop.orders"
_ORDERS = f"""echo "
CREATE TABLE w (n INT PRIMARY KEY);
CREATE TABLE orders (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer INT UNSIGNED NOT NULL,
  email VARCHAR(120) NOT NULL,
  status ENUM('new', 'paid', 'sent', 'returned') NOT NULL,
  total DECIMAL(10, 2) NOT NULL,
  placed DATETIME NOT NULL,
  address VARCHAR(255) NOT NULL,
  articles TEXT NOT NULL,
  KEY customer (customer, placed),
  KEY email (email)
);
INSERT INTO orders (customer, email, status, total, placed, address, articles)
SELECT RAND() * 100000, CONCAT(LEFT(MD5(RAND()), 12), '@', LEFT(MD5(seq % 500), 8), '.test'), 1 + seq % 4,
  RAND() * 1000, '2020-01-01' + INTERVAL seq * 50 SECOND,
  CONCAT_WS(', ', LEFT(MD5(RAND()), 20), seq % 200, LPAD(seq % 99999, 5, '0'), MD5(seq % 1000)),
  CONCAT_WS(' ', {", ".join(["MD5(RAND())"] * 9)})
FROM seq_1_to_{{rows}};" | {SQL} shop"""
# Prints when service ended, and when it began again.
_BY_HAND = r"""
set -eu
mkdir -p /srv/hand/data
client="docker exec -i hand mariadb --no-defaults --host=127.0.0.1 --user=root --password=x"
date +%s.%N
before=$({count})
docker exec {name} mariadb-dump --defaults-file=/etc/dockyard/admin.cnf --all-databases --single-transaction \
    --routines --events --triggers > /srv/hand/all.sql
docker stop --time 300 {name} > /dev/null
docker run --detach --name hand --env MARIADB_ROOT_PASSWORD=x --volume /srv/hand/data:/var/lib/mysql {image} > /dev/null
until $client --execute "SELECT 1" > /dev/null 2>&1; do sleep 0.1; done
$client < /srv/hand/all.sql
docker exec hand mariadb-upgrade --no-defaults --host=127.0.0.1 --user=root --password=x > /dev/null
test "$($client --skip-column-names --execute '{question}')" = "$before"
date +%s.%N
test "$before" = {rows}
"""


def rows() -> list[Row]:
    host = Host("trixie", "dockyard-bench-databases")
    host.up()
    try:
        return [_compare(host)]
    finally:
        host.down()


def _compare(host: Host) -> Row:
    family = FAMILIES["mariadb"]
    count = f"echo '{_COUNT}' | {SQL} --skip-column-names"
    family = dataclasses.replace(family, options={**family.options, "config": {}}, fill=_ORDERS, count=count)
    image = family.image(family.new)
    host.begin(family, ROWS)
    host.stop_writing()
    # What was written to prepare the measurement is to slow down neither of the two.
    host.must("sync")
    begin, end = host.must(_BY_HAND.format(name=NAME, image=image, rows=ROWS, count=count, question=_COUNT)).split()[:2]
    hand = float(end) - float(begin)
    host.must(f"docker rm --force --volumes hand; rm -r /srv/hand; docker start {NAME}; sync")
    host.wait_for(family.count)
    answer = host.upgrade(image)
    if answer.get("outcome") != "upgraded":
        sys.exit(f"database_upgrade failed: {json.dumps(answer.get('msg'))}")
    down = float(answer["downtime"])
    size = int(host.must(f"du --bytes --summarize {FOLDER}/{NAME}/data").split()[0])
    subject = f"MariaDB 10.11 to 11.8, {ROWS} rows in three indexes, {size / 1e9:.1f} GB of data: downtime"
    peer = "dump and import by hand, counted before and after"
    return row(subject, down, peer, hand, "at most a fifth", within=LIMIT)

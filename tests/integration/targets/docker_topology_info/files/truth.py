# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show on which veth each mark comes in, and the MAC addresses that leave by the uplink, as seen on the wire.

truth.py SECONDS

Listens on all interfaces of the host, and prints JSON: marks, with the interfaces, and MAC addresses.
"""

import json
import re
import socket
import sys
import time

ALL_PROTOCOLS = 0x0003
OUTGOING = 4
# What ping fills a packet with: the mark over and over.
MARK = re.compile(rb"(\xd0\xcc(..)\xa5)\1", re.DOTALL)
ECHO_REQUEST = 8

marks = {}
leaving = set()
listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
listener.settimeout(0.2)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    try:
        frame, (name, protocol, kind, *_rest) = listener.recvfrom(2048)
    except TimeoutError:
        continue
    if name == "eth0" and kind == OUTGOING:
        leaving.add(":".join(f"{byte:02x}" for byte in frame[6:12]))
    found = MARK.search(frame)
    # What the bridge sends on to a container is outgoing, and the bridge's own device sees everything.
    if found and kind != OUTGOING and not name.startswith("br") and frame[34] == ECHO_REQUEST:
        marks.setdefault(found.group(2).hex(), set()).add(name)
print(json.dumps({"marks": {mark: sorted(names) for mark, names in marks.items()}, "leaving": sorted(leaving)}))

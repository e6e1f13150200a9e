# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write into a Redis as a client that comes back, and note what was acknowledged.

writer.py PORT PASSWORD FOLDER: write key w:1, w:2 and so on until FOLDER/stop exists. The number of the last one that
the server has acknowledged is in FOLDER/acknowledged, and a key that got no answer is written again.
"""

from __future__ import annotations

import os
import socket
import sys
import time

port, password, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]


def order(*words: str) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words)


def main() -> None:
    number = 1
    connection: socket.socket | None = None
    while not os.path.exists(f"{folder}/stop"):
        try:
            if connection is None:
                connection = socket.create_connection(("127.0.0.1", port), timeout=120)
                connection.sendall(order("AUTH", "default", password))
                if connection.recv(100) != b"+OK\r\n":
                    raise OSError("not let in")
            connection.sendall(order("SET", f"w:{number}", str(number)))
            if connection.recv(100) != b"+OK\r\n":
                raise OSError("not written")
        except OSError:
            if connection is not None:
                connection.close()
            connection = None
            time.sleep(0.02)
            continue
        with open(f"{folder}/acknowledged.new", "w") as file:
            file.write(str(number))
        os.replace(f"{folder}/acknowledged.new", f"{folder}/acknowledged")
        number += 1


main()

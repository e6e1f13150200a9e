# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write into a MariaDB as a client that comes back, and note what was acknowledged.

mysql_writer.py PORT PASSWORD FOLDER IMAGE: write row 1, 2 and so on of the table shop.w as the user shop until
FOLDER/stop exists. The number of the last one that the server has acknowledged is in FOLDER/acknowledged, and a row
that got no answer is written again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

port, password, folder, image = sys.argv[1:5]
CLIENT = [
    "docker",
    "run",
    "--rm",
    "--interactive",
    "--network",
    "host",
    "--entrypoint",
    "mariadb",
    image,
    "--no-defaults",
]
CLIENT += ["--host=127.0.0.1", f"--port={port}", "--user=shop", f"--password={password}", "--connect-timeout=5"]
CLIENT += ["--batch", "--skip-column-names", "--unbuffered", "shop"]


def main() -> None:
    number = 1
    client: subprocess.Popen[str] | None = None
    while not os.path.exists(f"{folder}/stop"):
        if client is None:
            client = subprocess.Popen(
                CLIENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        try:
            print(f"INSERT IGNORE INTO w VALUES ({number}); SELECT {number};", file=client.stdin, flush=True)
            acknowledged = client.stdout.readline().strip() == str(number)
        except OSError:
            acknowledged = False
        if not acknowledged:
            client.kill()
            client.wait()
            client = None
            time.sleep(0.05)
            continue
        with open(f"{folder}/acknowledged.new", "w") as file:
            file.write(str(number))
        os.replace(f"{folder}/acknowledged.new", f"{folder}/acknowledged")
        number += 1
    if client is not None:
        client.stdin.close()
        client.wait()


main()

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold a connection to an address for ten minutes: connection.py ADDRESS. Both ends are on this host."""

import socket
import sys
import time

with socket.create_server((sys.argv[1], 0)) as server, socket.create_connection(server.getsockname()):
    print("connected", flush=True)
    time.sleep(600)

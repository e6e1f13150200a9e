# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a line of JSON for each request that is posted to PORT: time, path, header X-Scenario, and body.

listener.py PORT FILE
"""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        note = {"time": time.time(), "path": self.path, "header": self.headers["X-Scenario"], "body": body}
        with open(sys.argv[2], "a") as file:
            file.write(json.dumps(note) + "\n")
        self.send_response(204)
        self.end_headers()


HTTPServer(("", int(sys.argv[1])), Handler).serve_forever()

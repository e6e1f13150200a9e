# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images whose service is of no matter to an upgrade: each answers that it is well, and nothing else."""

from __future__ import annotations

import os
import signal
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from edition import Edition


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"status": "healthy"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


def require_core() -> None:
    """End at once while core is not up, as the real one does; the engine starts it again after ever longer pauses."""
    try:
        urllib.request.urlopen(
            f"http://core:8080{Edition.parse(os.environ['HARBOR_VERSION']).api}/ping", timeout=2
        ).close()
    except OSError:
        print("panic: failed to load configuration, error: failed to load rest config", file=sys.stderr, flush=True)
        sys.exit(2)


def main() -> None:
    # As the first process of its container it would not end otherwise.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    name, port = sys.argv[1], int(sys.argv[2])
    if name == "jobservice":
        require_core()
    print(f"[INFO] {name} {os.environ['HARBOR_VERSION']} listens at {port}", flush=True)
    ThreadingHTTPServer(("", port), Handler).serve_forever()


if __name__ == "__main__":
    main()

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image harbor-log: takes what the other containers' logging driver sends (RFC 3164 over TCP), one file per service."""

from __future__ import annotations

import pathlib
import re
import signal
import socketserver

FOLDER = pathlib.Path("/var/log/docker")
# <30>Nov 24 04:45:39 hostname core[123]: text; the host's name may be missing.
LINE = re.compile(rb"<\d+>(?P<time>\w+ +\d+ [\d:]+) (?:\S+ )?(?P<name>[\w.-]+)\[(?P<pid>\d+)\]: ?(?P<text>.*)")


class Receiver(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        address = str(self.client_address[0]).encode()
        for line in self.rfile:
            found = LINE.match(line.rstrip(b"\r\n"))
            if found is None:
                continue
            written = b"%s %s %s[%s]: %s\n" % (found["time"], address, found["name"], found["pid"], found["text"])
            with (FOLDER / f"{found['name'].decode()}.log").open("ab") as file:
                file.write(written)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    # The real one is a shell that waits for rsyslogd, and ends only when it is killed.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Server(("", 10514), Receiver).serve_forever()

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How large the page of a host is, and how long a real browser takes to open it."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

LIMIT_MB, LIMIT_SECONDS = 1.0, 1.0
TRIES = 3
WAIT = 30  # seconds
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Notes when all of the page has been painted, in milliseconds since it was asked for.
PROBE = """addEventListener("load", () => requestAnimationFrame(() => requestAnimationFrame(() => {
    window.painted = performance.now()
})))"""
EMPTY = "<!DOCTYPE html><title>empty</title>"
Row = dict[str, object]


def rows(page: pathlib.Path, containers: int) -> list[Row]:
    size = page.stat().st_size / 1e6
    found: list[Row] = [
        {
            "subject": f"network_report, page of {containers} containers, size",
            "ours_seconds": size,
            "unit": "MB",
            "peer": "what it may be",
            "peer_seconds": LIMIT_MB,
            "ratio": size / LIMIT_MB,
            "wanted": "at most 1",
            "held": size < LIMIT_MB,
        }
    ]
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"  None of {', '.join(BROWSERS)} is here: how the page opens is not measured", file=sys.stderr)
        return found
    nothing = page.with_name("empty.html")
    nothing.write_text(EMPTY)
    (seconds, requests), (empty, _none) = opened(browser, page), opened(browser, nothing)
    return [
        *found,
        {
            "subject": f"network_report, page of {containers} containers, opened and painted, {requests} requests",
            "ours_seconds": seconds,
            "peer": "an empty page",
            "peer_seconds": empty,
            "ratio": seconds / empty,
            "wanted": "at most a second, no request",
            "held": seconds < LIMIT_SECONDS and requests == 0,
        },
    ]


def opened(browser: str, page: pathlib.Path) -> tuple[float, int]:
    """Return after how many seconds a page is painted, the best of some tries, and how much it asks others for."""
    found = []
    for _try in range(TRIES):
        with Browser(browser) as one:
            found.append(one.open(page))
    return min(seconds for seconds, _requests in found), max(requests for _seconds, requests in found)


class Browser:
    """A browser without a window, which is spoken with over a pipe (Chrome DevTools Protocol)."""

    def __init__(self, program: str) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, self._to = os.pipe()
        self._from, from_browser = os.pipe()
        # The browser reads from 3 and writes to 4.
        script = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        command = ["bash", "-c", script, "browser", program, "--headless=new", "--no-sandbox", "--disable-gpu"]
        command += ["--remote-debugging-pipe", f"--user-data-dir={self._folder.name}", "about:blank"]
        self._process = subprocess.Popen(
            command, stderr=subprocess.DEVNULL, pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL
        )
        os.close(to_browser)
        os.close(from_browser)
        self._number = 0
        self._rest = b""
        self._asked: list[str] = []

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._process.terminate()
        self._process.wait(WAIT)
        os.close(self._to)
        os.close(self._from)
        self._folder.cleanup()

    def open(self, page: pathlib.Path) -> tuple[float, int]:
        """Open a page. Return after how many seconds it is painted, and how many other things it has asked for."""
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self._call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for method in ("Page.enable", "Network.enable", "Runtime.enable"):
            self._call(method, {}, session)
        self._call("Page.addScriptToEvaluateOnNewDocument", {"source": PROBE}, session)
        self._call("Page.navigate", {"url": page.as_uri()}, session)
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            answer = self._call("Runtime.evaluate", {"expression": "window.painted"}, session)
            if "value" in answer["result"]:
                others = [url for url in self._asked if url != page.as_uri()]
                return float(answer["result"]["value"]) / 1000, len(others)
            time.sleep(0.1)
        sys.exit(f"The browser has not painted {page.name} within {WAIT} seconds.")

    def _call(self, method: str, parameters: dict[str, Any], session: str = "") -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        os.write(self._to, json.dumps({**message, **({"sessionId": session} if session else {})}).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("method") == "Network.requestWillBeSent":
                self._asked.append(answer["params"]["request"]["url"])
            if answer.get("id") == self._number:
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            data = os.read(self._from, 1 << 16)
            if not data:
                sys.exit("The browser has ended.")
            self._rest += data
        line, _zero, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes what the demo and the tests put on this machine: hosts, images, our own engine with its data.

An engine that was there before keeps everything that is not ours, and our own stays where another clone of the
repository has hosts on it. Packages stay installed.
"""

from __future__ import annotations

import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "hosts"))

import engine  # noqa: E402  found through the path set above
import hosts  # noqa: E402


def main() -> None:
    ours = not engine.answers(None) and engine.DATA.exists()
    if ours:
        # An engine that was killed is started once more: only it can take its containers and mounts away.
        engine.reach_our_own()
        engine.start()
    left = hosts.purge() if ours or engine.answers(None) else ""
    shutil.rmtree(ROOT / ".cache" / "demo", ignore_errors=True)
    gone = "The demos' hosts and images are gone" if left else "The demos' hosts, images and engine are gone"
    print(f"{gone}; still there are packages that it installed{f', and {left}' if left else ''}.")


if __name__ == "__main__":
    main()

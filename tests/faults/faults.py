# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injects faults for real, on real engines, and prints a table: what `make faults` runs.

    faults.py SUBJECT [SUITE ...] [--only TEXT] [--without TEXT] [--small] [--seed N] [--changes N]

SUBJECT is "daemon", "daemon-files", "daemon-random", "data", "harbor", "images", "registry", "stack" or "wiring".
SUITES are Debian releases and engines, for "registry" versions of Docker Distribution; those of the subject if none is
named. They run side by side. The last line is "N of N held".
"""

from __future__ import annotations

import argparse
import concurrent.futures
import importlib
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "hosts"), str(HERE.parent / "harbor")]

import table  # noqa: E402

SUBJECTS = ("daemon", "daemon-files", "daemon-random", "data", "harbor", "images", "registry", "stack", "wiring")
PACKAGES = {"data": "data_ways", "images": "image_ways"}  # tests/hosts has a module of that name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument(
        "suites", nargs="*", metavar="SUITE", help="of bookworm, trixie, sid, engine29, engine29-upgraded; of 2.8, 3"
    )
    parser.add_argument("--only", default="", help='only faults with this text in their name, or with one of "a|b"')
    parser.add_argument("--without", metavar="TEXT", help="not the faults with this text in their name")
    parser.add_argument("--small", action="store_true", help="few of a kind, and kills at few moments")
    parser.add_argument("--seed", type=int, help="of a random run, which prints it")
    parser.add_argument("--changes", type=int, default=200, help="of a random run, over all suites")
    arguments = parser.parse_args()
    package = PACKAGES.get(arguments.subject, arguments.subject.replace("-", "_"))
    subject = importlib.import_module(f"{package}.subject")
    for suite in arguments.suites:
        if suite not in subject.SUITES:
            parser.error(f"{arguments.subject} has no suite {suite}; it has {', '.join(subject.SUITES)}")

    def wanted(fault: str) -> bool:
        return any(text in fault for text in arguments.only.split("|")) and not (
            arguments.without and arguments.without in fault
        )

    result = table.Table()
    suites = arguments.suites or list(subject.DEFAULT)
    if hasattr(subject, "draw"):
        subject.draw(arguments.seed, -(-arguments.changes // len(suites)))
    with concurrent.futures.ThreadPoolExecutor(len(suites)) as pool:
        for done in [pool.submit(subject.run, suite, wanted, arguments.small, result) for suite in suites]:
            done.result()
    sys.exit(0 if result.finish() else 1)


if __name__ == "__main__":
    main()

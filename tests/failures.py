# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What failed, as the log of a step says it: tasks of Ansible, faults that did not hold, tests of pytest, linters.

The end of a log rarely shows it: a target that failed is cleaned up after, and other targets follow.
"""

from __future__ import annotations

import re

TASK = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(.*)\] \*+$")
RESULT = re.compile(r"^(?:fatal|failed): \[")
RECAP = re.compile(r"^PLAY RECAP \*+$")
COUNTS = re.compile(r"^\S+ +: ok=.* (?:unreachable|failed)=[1-9]")
TARGET = re.compile(r"^=== (\S+) on \S+$")
# Of everything else: a row of a table of faults, a test, a line of a linter or of mypy, the last line of a session.
OTHERS = re.compile(r"^(?:BROKEN |FAILED |ERROR |ERROR: |Failed: |=== \S+ failed)|^\S+:\d+: error: |^nox > .* failed")
RESULTS = 4  # of one run of Ansible; earlier ones may be of tasks that were rescued
LINES = 12  # of one result
WIDTH = 500  # characters of one line


def found(log: str) -> list[str]:
    """Return what failed, each with its lines, in the order of the log."""
    failures: list[str] = []
    results: list[str] = []  # of the run of ansible-playbook that is being read
    target = task = ""
    lines = log.splitlines()
    for number, line in enumerate(lines):
        if match := TASK.match(line):
            task = match.group(1)
        elif RESULT.match(line):
            result = _result(lines, number)
            results += [f"{target}{task}\n{result}"] if result else []
        elif RECAP.match(line):
            failures += results[-RESULTS:] if _any_failed(lines, number + 1) else []
            results = []
        elif match := TARGET.match(line):
            failures += results[-RESULTS:]  # of a run that was killed
            results, target = [], f"{match.group(1)}: "
        elif OTHERS.match(line):
            failures.append("\n".join(_shortened([line, *_indented(lines, number + 1)])))
    return failures + results[-RESULTS:]


def _any_failed(lines: list[str], number: int) -> bool:
    """Return whether the counts from a line on, one line for each host, have failures."""
    end = next((later for later in range(number, len(lines)) if not lines[later].strip()), len(lines))
    return any(COUNTS.match(line) for line in lines[number:end])


def _result(lines: list[str], number: int) -> str:
    """Return a result that failed; nothing if its task ignores failures."""
    after = number + 1
    while after < len(lines) and (not lines[after].strip() or lines[after].startswith((" ", "failed: ", "ok: "))):
        after += 1
    if after < len(lines) and lines[after] == "...ignoring":
        return ""
    own = [lines[number], *_indented(lines, number + 1)]
    # The keys are sorted, and a long one may come before the message.
    message = [line for line in own[LINES:] if line.startswith(("    msg:", "    stderr:"))]
    return "\n".join(_shortened(own) + _shortened(message))


def _indented(lines: list[str], number: int) -> list[str]:
    """Return the indented lines from one on, without the empty ones between them."""
    end = next((later for later in range(number, len(lines)) if lines[later].strip() and lines[later][0] != " "), None)
    return [line for line in lines[number:end] if line.strip()]


def _shortened(lines: list[str]) -> list[str]:
    return [line[:WIDTH] for line in lines[:LINES]]

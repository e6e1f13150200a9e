# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check every file of the repository for words that are not used, and tasks for names that are not imperative.

    words.py [FILE ...]

The list of words is the table below the heading "Words that are not used" in CONTRIBUTING.md, and the verbs with which
the name of a task in roles and playbooks begins are in verbs.txt beside this file. There are no other exceptions than
the column of that table.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
HEADING = "### Words that are not used"
VERBS = pathlib.Path(__file__).resolve().parent / "verbs.txt"
# Texts that are not ours.
FOREIGN = ("LICENSE", "LICENSES/")
# Where the words of a phrase are on two lines, the second may begin as a comment, a quotation or an item of a list.
GAP = r"(?:\s|\n\s*[#>*-])+"
# A job log shows the name alone, where nobody sees what a pronoun stands for.
PRONOUNS = re.compile(r"\b(?:it|they|them|those|what)\b", re.IGNORECASE)
TEMPLATE = re.compile(r"\{\{.*?\}\}")
TASKS = ("tasks", "handlers", "block", "rescue", "always", "pre_tasks", "post_tasks")


@dataclasses.dataclass(frozen=True)
class Word:
    """A row of the table: what is not used, what is used instead, and the phrases in which it is fine."""

    forms: tuple[str, ...]
    instead: str
    fine: tuple[str, ...]

    def found_in(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield the position and the form of each use that is not fine."""
        fine = [match.span() for phrase in self.fine for match in _pattern(phrase).finditer(text)]
        for form in self.forms:
            for match in _pattern(form).finditer(text):
                if not any(begin <= match.start() and match.end() <= end for begin, end in fine):
                    yield match.start(), form


def _pattern(phrase: str) -> re.Pattern[str]:
    return re.compile(rf"\b{GAP.join(map(re.escape, phrase.split()))}\b", re.IGNORECASE)


def read_words(text: str) -> tuple[list[Word], str]:
    """Return the table, and the text without it."""
    if HEADING not in text:
        raise SystemExit(f"CONTRIBUTING.md has no heading {HEADING!r}, below which the words are.")
    before, after = text.split(HEADING, 1)
    lines = after.splitlines(keepends=True)
    table = [number for number, line in enumerate(lines) if line.startswith("|")]
    if not table:
        raise SystemExit(f"CONTRIBUTING.md has no table below {HEADING!r}.")
    rows = [[cell.strip() for cell in lines[number].strip().strip("|").split("|")] for number in table[2:]]
    words = [Word(_phrases(row[0]), row[1], _phrases(row[2])) for row in rows]
    rest = "".join("\n" if number in table else line for number, line in enumerate(lines))
    return words, before + HEADING + rest


def _phrases(cell: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in cell.split(",") if phrase.strip())


def complaints_about_words(path: pathlib.Path, words: list[Word]) -> Iterator[str]:
    """Yield a line for each use of a word that is not used."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:  # an archive or a picture
        return
    if path == CONTRIBUTING:
        text = read_words(text)[1]
    for position, form, instead in sorted(
        (position, form, word.instead) for word in words for position, form in word.found_in(text)
    ):
        yield f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, position) + 1}: not {form!r}, but {instead}"


def tasks_of(content: Any) -> Iterator[dict[str, Any]]:
    """Yield each task of a loaded file of tasks or plays, also those in blocks."""
    for item in content if isinstance(content, list) else []:
        if not isinstance(item, dict):
            continue
        if "hosts" not in item and "ansible.builtin.import_playbook" not in item:
            yield item
        for key in TASKS:
            yield from tasks_of(item.get(key))


def complaints_about_tasks(path: pathlib.Path, verbs: frozenset[str]) -> Iterator[str]:
    """Yield a line for each task whose name does not begin with a verb, or has a pronoun in place of a noun."""
    for task in tasks_of(yaml.load(path.read_text(encoding="utf-8"), _Loader)):
        name = str(task.get("name", ""))
        # ansible-lint wants the name of the file before that of a task in a file that is included.
        first = (name.rsplit(" | ", 1)[-1].split() or [""])[0].rstrip(",")
        if name and first not in verbs:
            yield f"{path.relative_to(ROOT)}: the task {name!r} does not begin with a verb of tests/style/verbs.txt"
        if pronoun := PRONOUNS.search(TEMPLATE.sub("", name)):
            yield f"{path.relative_to(ROOT)}: the task {name!r} does not name what {pronoun[0]!r} is"


class _Loader(yaml.SafeLoader):
    """Takes Ansible's own tags (!unsafe, !vault) for plain values."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: loader.construct_scalar(node))


def files() -> list[pathlib.Path]:
    """Return every file of the repository, also those that are not committed yet."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in listed if name and not name.startswith(FOREIGN) and (ROOT / name).is_file()]


def is_for_operators(path: pathlib.Path) -> bool:
    """Return whether a file has tasks that an operator reads the names of."""
    name = str(path.relative_to(ROOT))
    return bool(re.fullmatch(r"(roles/\w+/(tasks|handlers)/.*|playbooks/.*)\.yml", name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=pathlib.Path, metavar="FILE", help="all of the repository if none")
    arguments = parser.parse_args()
    words, _rest = read_words(CONTRIBUTING.read_text(encoding="utf-8"))
    verbs = frozenset(line for line in VERBS.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    found: list[str] = []
    for path in [path.resolve() for path in arguments.files] or files():
        found += complaints_about_words(path, words)
        if is_for_operators(path):
            found += complaints_about_tasks(path, verbs)
    if found:
        print("\n".join(found))
        sys.exit(f"{len(found)} found. See {HEADING[4:]!r} in CONTRIBUTING.md.")


if __name__ == "__main__":
    main()

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of words and task names (tests/style/words.py), on a small repository with a list of its own."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys

import pytest

STYLE = pathlib.Path(__file__).resolve().parent.parent / "style"
CONTRIBUTING = """\
# Working on pots

### Words that are not used

| Not used | Instead | Fine in |
|---|---|---|
| glub, glubs, glub off | boil | glub soup |
| blim over | spill, run over | |

After the table.
"""
TASKS = """\
- name: Write the label
  when: true
  block:
    - name: inner.yml | Ask the pot
      ansible.builtin.debug:
        msg: !unsafe "{{ x }}"
"""


@pytest.fixture
def repository(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "tests" / "style").mkdir(parents=True)
    for file in ("words.py", "verbs.txt"):
        shutil.copy(STYLE / file, tmp_path / "tests" / "style")
    (tmp_path / "CONTRIBUTING.md").write_text(CONTRIBUTING)
    (tmp_path / "LICENSE").write_text("It glubs.\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff glub \xff")
    (tmp_path / "roles/pot/tasks").mkdir(parents=True)
    (tmp_path / "roles/pot/tasks/main.yml").write_text(TASKS)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def check(repository: pathlib.Path, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, str(repository / "tests/style/words.py"), *arguments]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_repository_without_such_words_passes(repository: pathlib.Path) -> None:
    assert check(repository) == (0, "", "")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("one\nIt Glubs.\n", "a.md:2: not 'glubs', but boil\n"),
        ("pots blim over\n", "a.md:1: not 'blim over', but spill, run over\n"),
        ("pots blim\nover\n", "a.md:1: not 'blim over', but spill, run over\n"),
        ("    # pots blim\n    # over\n", "a.md:1: not 'blim over', but spill, run over\n"),
        ("glub soup, and glub\n", "a.md:1: not 'glub', but boil\n"),
    ],
)
def test_a_word_is_found(repository: pathlib.Path, text: str, complaint: str) -> None:
    (repository / "a.md").write_text(text)
    assert check(repository) == (1, complaint, "1 found. See 'Words that are not used' in CONTRIBUTING.md.\n")
    assert check(repository, "CONTRIBUTING.md") == (0, "", "")
    assert check(repository, "a.md")[:2] == (1, complaint)


@pytest.mark.parametrize("text", ["Glub soup", "aglub glubber _glub glub_", "blim. Over"])
def test_what_only_looks_like_it_is_no_complaint(repository: pathlib.Path, text: str) -> None:
    (repository / "a.md").write_text(text)
    assert check(repository) == (0, "", "")


def test_the_rest_of_contributing_is_checked(repository: pathlib.Path) -> None:
    (repository / "CONTRIBUTING.md").write_text(CONTRIBUTING + "It glubs.\n")
    assert check(repository)[1] == "CONTRIBUTING.md:11: not 'glubs', but boil\n"


def test_a_list_that_is_missing_is_an_error(repository: pathlib.Path) -> None:
    (repository / "CONTRIBUTING.md").write_text("# Working on pots\n")
    assert "has no heading '### Words that are not used'" in check(repository)[2]
    (repository / "CONTRIBUTING.md").write_text("### Words that are not used\n")
    assert "has no table" in check(repository)[2]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("roles/pot/tasks/main.yml", "Write the label"),
        ("roles/pot/tasks/main.yml", "inner.yml | Ask the pot"),
        ("roles/pot/handlers/main.yml", "Write the label"),
        ("roles/pot/tasks/inner/deep.yml", "Write the label"),
    ],
)
def test_a_task_name_without_a_verb_is_found(repository: pathlib.Path, file: str, name: str) -> None:
    (repository / file).parent.mkdir(parents=True, exist_ok=True)
    (repository / file).write_text(TASKS.replace(name, "The pot is full"))
    complaint = f"{file}: the task 'The pot is full' does not begin with a verb of tests/style/verbs.txt\n"
    assert check(repository)[:2] == (1, complaint)


@pytest.mark.parametrize(
    ("name", "pronoun"),
    [("Continue with it", "it"), ("Install those that are missing", "those"), ("Put back what was there", "what")],
)
def test_a_task_name_without_a_noun_is_found(repository: pathlib.Path, name: str, pronoun: str) -> None:
    file = "roles/pot/tasks/main.yml"
    (repository / file).write_text(TASKS.replace("Write the label", name))
    assert check(repository)[:2] == (1, f"{file}: the task {name!r} does not name what {pronoun!r} is\n")
    (repository / file).write_text(TASKS.replace("Write the label", "Issue {{ it.what }}"))
    assert check(repository)[:2] == (0, "")


def test_a_play_has_a_name_of_its_own_and_its_tasks_have_verbs(repository: pathlib.Path) -> None:
    (repository / "playbooks").mkdir()
    play = "- name: Pots\n  hosts: all\n  tasks:\n    - name: It is full\n      ansible.builtin.ping:\n"
    (repository / "playbooks/pots.yml").write_text(play)
    assert check(repository)[1].startswith("playbooks/pots.yml: the task 'It is full' does not")

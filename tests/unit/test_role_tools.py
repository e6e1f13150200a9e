# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools for roles (tests/roles), run as the checks run them, on a role that is right and then made wrong."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

TOOLS = pathlib.Path(__file__).resolve().parent.parent / "roles"
SPECS = """
argument_specs:
  main:
    short_description: Pots on the shelf
    description: [Puts pots there., "Sets O(pot_size)."]
    options:
      pot_size:
        description: [How large., "V(0\\\\)) is small | flat."]
        type: int
        default: 1
      pot_kinds:
        description: [Which.]
        type: list
        elements: dict
        default: []
        options:
          colour:
            description: [What it looks like.]
            type: str
            choices: [red, blue]
            required: true
"""
TASKS = """
- name: Make the pots
  ansible.builtin.set_fact:
    pot_result: "{{ pot_kinds | somefilter(__pot_x) }}"
  when: pot_size > 0 and __pot_ready
  tags: [pot]
"""
META = """
galaxy_info: {author: Potters, license: GPL-3.0-or-later, min_ansible_version: "2.17", platforms: [{name: Debian}]}
"""
FILES = {
    "meta/argument_specs.yml": SPECS,
    "meta/main.yml": META,
    "defaults/main.yml": "pot_size: 1\npot_kinds: []\n",
    "tasks/main.yml": TASKS,
}


@pytest.fixture
def role(tmp_path: pathlib.Path) -> pathlib.Path:
    for name, content in FILES.items():
        (tmp_path / "pot" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pot" / name).write_text(content)
    return tmp_path / "pot"


def run(tool: str, role: pathlib.Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, str(TOOLS / f"{tool}.py"), "--folder", str(role.parent), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_role_that_is_right(role: pathlib.Path) -> None:
    assert run("defaults", role) == (0, "")


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("defaults/main.yml", "pot_size: 1", "pot_size: 2", "pot: pot_size is 2 in defaults/main.yml and 1 in main of"),
        ("defaults/main.yml", "pot_size: 1", "pot_size: true", "pot: pot_size is True in defaults/main.yml and 1 in"),
        (
            "defaults/main.yml",
            "pot_size: 1\n",
            "",
            "pot: pot_size has a default in main of meta/argument_specs.yml and",
        ),
        ("defaults/main.yml", "pot_size", "pot_sise", "pot: pot_sise is in defaults/main.yml and not in"),
        (
            "meta/argument_specs.yml",
            "default: 1",
            "required: false",
            "pot: pot_size has a default in defaults/main.yml",
        ),
        (
            "meta/argument_specs.yml",
            "default: 1",
            "default: 1\n        required: true",
            "is required and has a default",
        ),
        ("meta/argument_specs.yml", "      pot_size:", "      size:", "pot: size of main does not start with pot_"),
        ("meta/argument_specs.yml", "description: [Which.]", "", "pot: pot_kinds of main has no description"),
        ("meta/argument_specs.yml", "  main:", "  other:", "pot: meta/argument_specs.yml has no entry point main"),
        ("tasks/main.yml", "pot_size > 0", "pot_sise > 0", "pot: pot_sise, used in tasks/main.yml, is not in"),
        ("tasks/main.yml", "pot_size > 0", "true", "pot: pot_size is in meta/argument_specs.yml and used nowhere"),
    ],
)
def test_a_role_that_is_wrong(role: pathlib.Path, file: str, old: str, new: str, complaint: str) -> None:
    content = (role / file).read_text()
    assert old in content
    (role / file).write_text(content.replace(old, new, 1))
    code, said = run("defaults", role)
    assert code == 1
    assert complaint in said


def test_entry_point_without_tasks(role: pathlib.Path) -> None:
    with (role / "meta/argument_specs.yml").open("a") as specs:
        specs.write("  backup:\n    short_description: Pots in the cellar\n")
    assert "pot: the entry point backup has no tasks/backup.yml" in run("defaults", role)[1]


def test_templates_and_variables_count(role: pathlib.Path) -> None:
    (role / "templates").mkdir()
    (role / "templates/pot.j2").write_text("{% for kind in pot_colours %}{{ kind }}{% endfor %}")
    (role / "vars").mkdir()
    (role / "vars/main.yml").write_text('__pot_x: "{{ pot_glaze }}"\n')
    said = run("defaults", role)[1]
    assert "pot_colours, used in templates/pot.j2, is not in" in said
    assert "pot_glaze, used in vars/main.yml, is not in" in said


def test_an_unknown_role_is_refused(role: pathlib.Path) -> None:
    code, said = run("defaults", role, "pan")
    assert (code, "has no role pan" in said) == (1, True)


def test_readme_is_written_and_checked(role: pathlib.Path) -> None:
    code, said = run("readme", role, "--check")
    assert (code, "README.md is not what the role says about itself: pot." in said) == (1, True)
    assert run("readme", role)[0] == 0
    assert run("readme", role, "--check") == (0, "")
    text = (role / "README.md").read_text()
    assert "# dockyard.ops.pot\n" in text
    assert "Sets `pot_size`.\n" in text
    assert "| `pot_size` | int | `1` | How large. `0)` is small \\| flat. |\n" in text
    assert "| `pot_kinds[].colour` | str: `red`, `blue` | *required* | What it looks like. |\n" in text
    assert "| `pot` | Make the pots | none |\n" in text
    (role / "README.md").write_text(text + "by hand\n")
    assert run("readme", role, "--check")[0] == 1


def test_readme_has_one_table_of_the_variables_of_all_entry_points(role: pathlib.Path) -> None:
    text = (role / "meta/argument_specs.yml").read_text()
    (role / "meta/argument_specs.yml").write_text(
        text.replace("pot_size:", "pot_size: &size").replace("pot_kinds:", "pot_kinds: &kinds")
        + "  backup: {short_description: Pots in the cellar, options: {pot_size: *size, pot_kinds: *kinds}}\n"
        + "  glaze: {short_description: Shine, description: [Makes them shine.], options: {pot_size: *size}}\n"
        + "  smash:\n    short_description: No pots\n"
        + "    options: {pot_kinds: {description: [Only these.], type: list, elements: dict, default: []}}\n"
    )
    assert run("readme", role)[0] == 0
    text = (role / "README.md").read_text()
    size = "| `pot_size` | all but `smash` | int | `1` | How large. `0)` is small \\| flat. |\n"
    assert text.count("| `pot_size`") == text.count(size) == 1
    assert "| `pot_kinds` | `main`, `backup` | list of dict | `[]` | Which. |\n| `pot_kinds[].colour` |  | str" in text
    assert "| `pot_kinds` | `smash` | list of dict | `[]` | Only these. |\n" in text
    assert "### `glaze`\n\nMakes them shine.\n" in text


def test_readme_takes_what_the_docs_folder_says(role: pathlib.Path) -> None:
    (role / "docs").mkdir()
    (role / "docs/readme.yml").write_text(
        "requirements: [A shelf]\n"
        "facts: {pot_result: What O(pot_kinds) became}\n"
        "tags: {pot: {does: Everything, triggers: the kiln}}\n"
        "promises: {idempotent: 'Yes', atomic: 'No', rollback: 'No'}\n"
    )
    (role / "docs/intro.md").write_text("About pots.\n")
    (role / "docs/example.yml").write_text("# Header\n# Licence\n---\n- name: Pots\n  hosts: all\n")
    assert run("readme", role)[0] == 0
    text = (role / "README.md").read_text()
    for part in (
        "- A shelf\n",
        "| `pot_result` | What `pot_kinds` became |\n",
        "| `pot` | Everything | the kiln |\n",
        "| Idempotent | Yes |\n",
        "About pots.\n",
        "```yaml\n---\n- name: Pots\n  hosts: all\n```\n",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("facts: {pot_lost: x}", "describes facts that no task sets: pot_lost"),
        ("tags: {lost: {triggers: x}}", "describes tags that no task has: lost"),
    ],
)
def test_readme_refuses_what_is_not_so(role: pathlib.Path, said: str, complaint: str) -> None:
    (role / "docs").mkdir()
    (role / "docs/readme.yml").write_text(said)
    code, text = run("readme", role)
    assert (code, complaint in text) == (1, True)

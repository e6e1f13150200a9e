# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compatibility table (tests/matrix.yml) against what the tests really use, and its page against the table."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
MATRIX = yaml.safe_load((ROOT / "tests" / "matrix.yml").read_text(encoding="utf-8"))
ROWS = [(part["part"], row) for part in MATRIX["parts"] for row in part["rows"]]
PROVEN = [(part, row) for part, row in ROWS if row["state"] == "proven"]
# Parts that a test host has by its suite.
OF_HOSTS = ("engine", "python", "distribution")


def _python(folder: str, code: str) -> str:
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT / folder)!r}); {code}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


ARGUMENTS = json.loads(
    _python("tests", "import everything, json; print(json.dumps({s.name: s.arguments for s in everything.STEPS}))")
)
STEPS = json.loads(
    _python("tests", "import everything, json; print(json.dumps({s.name: s.parts for s in everything.STEPS}))")
)
PARTS = set(_python("tests/parts", "import provide; print(*provide.PARTS)").split())
SUITES = _python("tests/hosts", "import images; print(*images.SUITES)").split()


def suites_of(step: str) -> set[str]:
    """Return the suites of the hosts that a step of `make test` runs on."""
    kind, _dash, rest = step.partition("-")
    if kind == "engines":
        return {argument.partition("-")[0] for argument in ARGUMENTS[step]}
    if kind == "integration":
        return {rest or "trixie"}
    if kind not in ("scenario", "faults"):
        return set()
    name, default = rest.rsplit("-", 1)
    if kind == "faults":
        return {default}
    molecule = yaml.safe_load((ROOT / "extensions" / "molecule" / name / "molecule.yml").read_text(encoding="utf-8"))
    return {platform.get("suite", default) for platform in molecule["platforms"]}


def identify(value: Any) -> str:
    return f"{value['version']} {value.get('note', '')}".strip() if isinstance(value, dict) else str(value)


@pytest.mark.parametrize(("part", "row"), ROWS, ids=identify)
def test_a_row_has_what_its_state_needs(part: str, row: dict[str, Any]) -> None:
    needs = {"proven": {"by"}, "expected": set(), "refused": {"file", "message"}}[row["state"]]
    assert set(row) - {"version", "state", "note"} == needs
    assert all(row[key] for key in needs)


@pytest.mark.parametrize(("part", "row"), PROVEN, ids=identify)
def test_what_is_proven_is_proven_by_steps_of_make_test(part: str, row: dict[str, Any]) -> None:
    assert set(row["by"]) <= set(STEPS)


@pytest.mark.parametrize(("part", "row"), [row for row in PROVEN if row[0] in OF_HOSTS], ids=identify)
def test_what_hosts_have_is_proven_on_hosts_that_have_it(part: str, row: dict[str, Any]) -> None:
    having = {suite for suite, facts in MATRIX["suites"].items() if facts[part] == row["version"]}
    for step in row["by"]:
        if step == "python-imports":
            assert part == "python" and row["version"] in ARGUMENTS[step]
            continue
        assert having & suites_of(step), f"{step} runs on {suites_of(step)}, and {row['version']} is on {having}"


def test_what_needs_a_part_is_left_out_with_it() -> None:
    """An engine of tests/parts on a step's hosts is among what the step says that it needs."""
    for step, parts in STEPS.items():
        wanted = {suite.partition("-")[0] for suite in suites_of(step)} & PARTS
        assert wanted <= set(parts), step


def test_the_suites_are_those_of_the_test_hosts() -> None:
    assert sorted(MATRIX["suites"]) == sorted(SUITES)
    for suite, facts in MATRIX["suites"].items():
        for part in OF_HOSTS:
            assert (part, facts[part]) in [(part, row["version"]) for part, row in PROVEN], suite


def test_the_proven_ansible_cores_are_the_pinned_one_and_those_with_a_step() -> None:
    pinned = re.search(r"^ansible-core==(\d+\.\d+)", (ROOT / "tests" / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned
    others = [step.removeprefix("core-") for step in STEPS if step.startswith("core-")]
    assert sorted(row["version"] for part, row in PROVEN if part == "ansible_core") == sorted([pinned[1], *others])


def test_the_oldest_ansible_core_is_the_one_that_the_collection_asks_for() -> None:
    oldest = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["requires_ansible"]
    assert oldest == f">={next(row['version'] for part, row in ROWS if part == 'ansible_core')}.0"


def test_the_oldest_python_is_the_one_of_the_sanity_tests() -> None:
    oldest = yaml.safe_load((ROOT / "tests" / "config.yml").read_text())["modules"]["python_requires"]
    assert oldest == f">={next(row['version'] for part, row in ROWS if part == 'python')}"


def test_the_proven_registries_are_the_one_of_the_role_and_the_one_of_the_parts() -> None:
    image = yaml.safe_load((ROOT / "roles" / "registry" / "defaults" / "main.yml").read_text())["registry_image"]
    part = _python("tests/parts", "import provide; print(provide.PARTS['distribution'].version)").strip()
    proven = [row["version"] for name, row in PROVEN if name == "registry"]
    for version, used in zip(proven, (image.split(":")[-1], part), strict=True):
        assert used.startswith(f"{version}.")


def test_what_is_refused_is_refused_with_that_message() -> None:
    for _part, row in ROWS:
        if row["state"] == "refused":
            text = " ".join((ROOT / row["file"]).read_text(encoding="utf-8").split())
            assert row["message"] in text, row["file"]


def test_the_page_is_made_from_the_table() -> None:
    command = [sys.executable, str(ROOT / "docs" / "compatibility.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

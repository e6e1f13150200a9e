# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of role docker_engine as surveys and --extra-vars have them: lists and dictionaries that are strings."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from typing import Any

import pytest
import yaml

NAMES = (
    *("users", "packages", "extra_packages", "python_packages"),
    *("repository_components", "registries_engines", "logins_later"),
)
SHOWN = {
    **{name: f"{{{{ __docker_engine_{name} }}}}" for name in NAMES},
    "config": "{{ __docker_engine_daemon_config }}",
}


def run(folder: pathlib.Path, variables: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
    """Return how the checks of the role end, what is printed, and the variables as its tasks use them."""
    shown = folder / "shown.json"
    role = {"name": "dockyard.ops.docker_engine", "public": True}
    tasks: list[dict[str, Any]] = [
        {"ansible.builtin.include_role": {**role, "tasks_from": tasks_from}}
        for tasks_from in ("common/check_lists", "daemon/check_levels")
    ]
    tasks.append({"ansible.builtin.copy": {"content": "{{ shown | to_json }}", "dest": str(shown)}})
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"shown": SHOWN},
        "tasks": tasks,
    }
    playbook = folder / "play.yml"
    playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")
    command = ["ansible-playbook", "-i", "localhost,", str(playbook), "-e", json.dumps(variables)]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(shown.read_text(encoding="utf-8")) if shown.exists() else {}
    return done.returncode, " ".join((done.stdout + done.stderr).split()), found


def test_texts_of_names_are_lists(tmp_path: pathlib.Path) -> None:
    given = {f"docker_engine_{name}": "first, second" for name in NAMES}
    returncode, printed, found = run(tmp_path, {**given, "docker_engine_daemon_config": ' {"debug": true}'})
    assert returncode == 0, printed
    assert found == {**dict.fromkeys(NAMES, ["first", "second"]), "config": {"debug": True}}


def test_lists_stay_lists(tmp_path: pathlib.Path) -> None:
    given = {f"docker_engine_{name}": ["a,b"] for name in NAMES}
    returncode, printed, found = run(tmp_path, {**given, "docker_engine_users": "", "docker_engine_daemon_config": {}})
    assert returncode == 0, printed
    assert found == {**dict.fromkeys(NAMES, ["a,b"]), "users": [], "config": {}}


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        (
            {"docker_engine_registries": '{"registry": "a"}', "docker_engine_logins": "registry=a"},
            "docker_engine_registries and docker_engine_logins of localhost are a string, and must be a list of"
            " dictionaries; write it as one (with --extra-vars as JSON). Nothing was changed.",
        ),
        (
            {"docker_engine_daemon_config": "debug=true", "docker_engine_daemon_config_all": '{"debug": true}'},
            "docker_engine_daemon_config_all and docker_engine_daemon_config of localhost are not a dictionary of"
            " keys of daemon.json; write it as one, or remove it ({} declares nothing).",
        ),
    ],
)
def test_texts_that_are_refused(tmp_path: pathlib.Path, variables: dict[str, Any], says: str) -> None:
    returncode, printed, _found = run(tmp_path, variables)
    assert returncode != 0
    assert says in printed

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module does with its arguments."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils import basic
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module


def test_a_list_from_one_text_has_no_blanks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line 13 of the registry: strings of a survey for lists. A tag that was protected by one was deleted."""
    given = {"tags": "latest, v1.0 ", "rules": [{"paths": "/a , /b", "text": " as it is "}], "text": " as it is "}
    inner = {"paths": {"type": "list", "elements": "path"}, "text": {"type": "str"}}
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)

    def run(call: ModuleCall) -> dict[str, object]:
        return {"found": call.params}

    with pytest.raises(SystemExit):
        run_module(
            run,
            argument_spec={
                "tags": {"type": "list", "elements": "str"},
                "rules": {"type": "list", "elements": "dict", "options": inner},
                "text": {"type": "str"},
                "absent": {"type": "list", "elements": "str"},
            },
        )
    assert json.loads(capsys.readouterr().out)["found"] == {
        "tags": ["latest", "v1.0"],
        "rules": [{"paths": ["/a", "/b"], "text": " as it is "}],
        "text": " as it is ",
        "absent": None,
    }

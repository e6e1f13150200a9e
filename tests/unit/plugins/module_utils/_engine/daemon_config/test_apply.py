# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about the host after a change that fails, on real files and an engine that is stopped.

Running engines are in tests/faults and in the integration targets.
"""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import state
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.apply import DaemonConfigUpdate
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.document import DesiredConfig
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.host_state import HostState
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.options import DaemonOptions
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.planned_change import Plan
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.rollback import (
    RolledBack,
    SetAttributes,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.state import SavedState
from ansible_collections.dockyard.ops.plugins.module_utils._engine.service import Unit
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import state_dir

OLD, NEW = b"{}\n", b'{"debug": true}\n'


@pytest.fixture
def saved_in(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(state_dir, "ROOT", str(tmp_path / "state"))
    return tmp_path / "state" / "docker_daemon"


@pytest.fixture
def daemon_json(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "daemon.json"
    path.write_bytes(OLD)
    return path


def update(path: pathlib.Path, set_attributes: SetAttributes) -> DaemonConfigUpdate:
    desired = DesiredConfig({"debug": True})
    options = DaemonOptions(str(path), desired, "when_idle", "fail", backup=True, timeout=1, lock_timeout=1)
    host = HostState(OLD, {}, None, Unit("stopped", []), "stopped")
    return DaemonConfigUpdate(options, Plan(host, {"debug": True}, NEW, ["debug"]), SavedState(), set_attributes)


def saved_file(folder: pathlib.Path) -> pathlib.Path:
    (found,) = folder.iterdir()
    return found


def test_a_change_that_succeeds(daemon_json: pathlib.Path, saved_in: pathlib.Path) -> None:
    done = update(daemon_json, lambda path: None)
    done.run()
    assert daemon_json.read_bytes() == NEW
    assert done.backup_file is not None and pathlib.Path(done.backup_file).read_bytes() == OLD
    assert state.read(str(daemon_json)).change is None


def test_before_the_file_is_swapped_nothing_is_changed(daemon_json: pathlib.Path, saved_in: pathlib.Path) -> None:
    def changed_by_others(temporary: str) -> None:
        daemon_json.write_bytes(b'{"icc": false}')

    with pytest.raises(DockyardError) as caught:
        update(daemon_json, changed_by_others).run()
    assert caught.value.message == (
        f"Another process has changed {daemon_json} in the meantime; run again to take its change into account."
    )
    assert (caught.value.code, caught.value.changed) == ("daemon_file_changed_by_others", False)
    assert sorted(path.name for path in daemon_json.parent.iterdir()) == ["daemon.json", "state"]
    assert state.read(str(daemon_json)).change is None


def test_after_the_file_is_swapped_it_is_not_said_that_nothing_was_changed(
    daemon_json: pathlib.Path, saved_in: pathlib.Path
) -> None:
    def spoil_saved_state(temporary: str) -> None:
        path = saved_file(saved_in)
        path.unlink()
        path.mkdir()

    with pytest.raises(DockyardError) as caught:
        update(daemon_json, spoil_saved_state).run()
    assert daemon_json.read_bytes() == NEW
    assert (caught.value.code, caught.value.changed) == ("daemon_change_incomplete", True)
    assert caught.value.message.startswith(f"The change of {daemon_json} is not complete: Can't read ")
    assert caught.value.message.endswith(" The next run completes it.")


def test_the_end_of_ansible_before_the_swap_leaves_nothing(daemon_json: pathlib.Path, saved_in: pathlib.Path) -> None:
    def can_not_set_the_owner(temporary: str) -> None:
        raise SystemExit(1)  # as AnsibleModule.fail_json() does

    with pytest.raises(SystemExit):
        update(daemon_json, can_not_set_the_owner).run()
    assert daemon_json.read_bytes() == OLD
    assert sorted(path.name for path in daemon_json.parent.iterdir()) == ["daemon.json", "state"]
    assert state.read(str(daemon_json)).change is None


def test_a_folder_that_was_made_for_the_file_goes_with_it(tmp_path: pathlib.Path, saved_in: pathlib.Path) -> None:
    def can_not_set_the_owner(temporary: str) -> None:
        raise SystemExit(1)

    done = update(tmp_path / "docker" / "daemon.json", can_not_set_the_owner)
    done.host.content = None
    with pytest.raises(SystemExit):
        done.run()
    assert not (tmp_path / "docker").exists()


@pytest.mark.parametrize("complete", [True, False])
def test_a_rollback_never_says_that_nothing_was_changed(complete: bool) -> None:
    error = RolledBack("The Docker Engine did not start.", complete)
    assert error.changed
    assert error.code == ("daemon_rolled_back" if complete else "daemon_rollback_incomplete")
    assert error.returned() == {"rolled_back": complete, "changed": not complete}

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A corrected declaration repairs what an earlier run has brought, and a message says what only the file has.

dockerd is a program that refuses files in which certain words are, with dockerd's own words.
"""

from __future__ import annotations

import json
import pathlib

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import service
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.document import Config, DesiredConfig
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.host_state import (
    EngineState,
    HostState,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.options import DaemonOptions
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.plan import build_plan
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.planned_change import Plan
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

PATH = "/etc/docker/daemon.json"
PROXIES = {"proxies": {"http-proxy": "http://proxy:3128"}}
DOCKERD = """#!/bin/sh
case $1 in
--version) echo Docker version 20.10.24, build 1; exit;;
esac
if grep -q '"mtu": "' "${1#--config-file=}"; then
  echo "json: cannot unmarshal string into Go struct field Config.CommonConfig.mtu of type int" >&2
  exit 1
fi
grep -q http-proxy "${1#--config-file=}" || exit 0
echo "unable to configure: the following directives don't match any configuration option: http-proxy" >&2
exit 1
"""


@pytest.fixture
def dockerd(tmp_path: pathlib.Path) -> str:
    program = tmp_path / "dockerd"
    program.write_text(DOCKERD)
    program.chmod(0o755)
    return str(program)


def plan(dockerd: str, file: Config, declared: Config, brought: set[str], engine: EngineState = "failed") -> Plan:
    host = HostState(json.dumps(file).encode(), file, None, service.Unit("failed", [dockerd], [dockerd]), engine)
    host.brought = frozenset(brought)
    options = DaemonOptions(PATH, DesiredConfig(declared), "when_idle", "fail", backup=False, timeout=1, lock_timeout=1)
    return build_plan(options, host)


@pytest.mark.parametrize("engine", ["failed", "stopped"])
def test_what_an_earlier_run_brought_and_the_engine_does_not_know_goes(dockerd: str, engine: EngineState) -> None:
    made = plan(dockerd, {"labels": ["a=1"], **PROXIES}, {"debug": True}, {"proxies"}, engine)
    assert made.target == {"labels": ["a=1"], "debug": True}
    assert made.warnings == [
        f"proxies came into {PATH} by an earlier run, no engine has started with it since, and it is not declared any"
        " more: removed."
    ]


def test_what_nobody_of_us_brought_is_refused_with_the_way_out(dockerd: str) -> None:
    with pytest.raises(DockyardError) as caught:
        plan(dockerd, PROXIES, {"debug": True}, set())
    assert caught.value.message == (
        "The Docker Engine of this host refuses this configuration: unable to configure: the following directives don't"
        " match any configuration option: http-proxy. proxies is in /etc/docker/daemon.json and not declared:"
        " declare it as wanted, or remove it (remove: [proxies])."
    )


def test_of_a_wrong_type_in_the_file_it_is_said_which_one_it_must_have(dockerd: str) -> None:
    with pytest.raises(DockyardError) as caught:
        plan(dockerd, {"mtu": "1400"}, {"debug": True}, set())
    assert caught.value.message == (
        'mtu must be a whole number, and is the string "1400"; change it. mtu is in /etc/docker/daemon.json and not'
        " declared: declare it as wanted, or remove it (remove: [mtu])."
    )


def test_what_is_declared_is_refused_without_it(dockerd: str) -> None:
    with pytest.raises(DockyardError) as caught:
        plan(dockerd, PROXIES, PROXIES, {"proxies"})
    assert caught.value.message.endswith("option: http-proxy.")


def test_what_only_a_start_shows_goes_from_an_engine_that_is_down(dockerd: str) -> None:
    file = {"log-driver": "nonsense", "data-root": "/srv/docker"}
    assert plan(dockerd, file, {"debug": True}, {*file}).target == {"data-root": "/srv/docker", "debug": True}
    assert plan(dockerd, file, {"debug": True}, {*file}, "stopped").target == {**file, "debug": True}


@pytest.mark.parametrize("engine", ["absent", "other_file"])
def test_nothing_goes_where_no_engine_has_tried_it(dockerd: str, engine: EngineState) -> None:
    file = {"log-driver": "nonsense"}
    assert plan(dockerd, file, {"debug": True}, {*file}, engine).target == {**file, "debug": True}

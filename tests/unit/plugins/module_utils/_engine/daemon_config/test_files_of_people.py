# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that people have: encodings, and mistakes that can be read past, so that no key is lost."""

from __future__ import annotations

import codecs
import pathlib

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import service
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.document import (
    DesiredConfig,
    InvalidDaemonConfig,
    parse,
    read_past_mistakes,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.host_state import (
    EngineState,
    HostState,
    inspect_host,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.options import DaemonOptions
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.plan import build_plan
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.planned_change import Plan
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.state import SavedState
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

PATH = "/etc/docker/daemon.json"
KEYS = {"data-root": "/srv/docker", "insecure-registries": ["reg:5000"]}
JSON = '{"data-root": "/srv/docker", "insecure-registries": ["reg:5000"]}'
COMMA = b'{\n  "data-root": "/srv/docker",\n  "insecure-registries": ["reg:5000",],\n}\n'


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + JSON.encode(),
        codecs.BOM_UTF16_LE + JSON.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + JSON.encode("utf-16-be"),
        f"{JSON}\u00a0\n".encode(),
        f"\u00a0\n{JSON}".encode(),
    ],
)
def test_what_newer_engines_read_is_read(content: bytes) -> None:
    assert parse(content, PATH) == KEYS


def test_the_line_of_a_mistake_behind_white_space() -> None:
    with pytest.raises(InvalidDaemonConfig, match=r"daemon\.json, line 3: not valid JSON"):
        parse("\u00a0\n{\n'icc': 1}".encode(), PATH)


@pytest.mark.parametrize(
    "content",
    [
        COMMA,
        b'{"data-root": "/srv/docker",, "insecure-registries": ["reg:5000" , , ] ,,\n}',
        b'{\n// moved // twice\n"data-root": "/srv/docker", # here\n/* a, */"insecure-registries": ["reg:5000"]}',
        '{\u00a0"data-root":\u2003"/srv/docker", "insecure-registries": ["reg:5000"],}'.encode(),
        codecs.BOM_UTF8 + COMMA,
    ],
)
def test_what_can_be_read_past_a_mistake(content: bytes) -> None:
    with pytest.raises(InvalidDaemonConfig):
        parse(content, PATH)
    assert read_past_mistakes(content, PATH) == KEYS


def test_nothing_is_looked_for_in_strings() -> None:
    content = b'{"labels": ["a=http://x/,]", "b=/*,}*/", "c=\\",]#"],}'
    assert read_past_mistakes(content, PATH) == {"labels": ["a=http://x/,]", "b=/*,}*/", 'c=",]#']}


@pytest.mark.parametrize(
    "content",
    [
        b'{"debug": true "icc": false}',
        b"{'debug': true}",
        b'{"debug": true',
        b'{"debug": true}{"icc": false}',
        b'{"debug": true, "debug": false,}',
        b"debug: true",
        b'{"labels": ["\xff"]}',
        b"[1,]",
    ],
)
def test_what_is_not_certain_is_not_read(content: bytes) -> None:
    assert read_past_mistakes(content, PATH) is None


def options(desired: DesiredConfig) -> DaemonOptions:
    return DaemonOptions(PATH, desired, "when_idle", "fail", backup=False, timeout=1, lock_timeout=1)


def planned(content: bytes, engine: EngineState, desired: DesiredConfig) -> Plan:
    try:
        current, invalid = parse(content, PATH), None
    except InvalidDaemonConfig as error:
        current, invalid = None, error
    host = HostState(content, current, invalid, service.Unit("failed", []), engine)
    host.readable = read_past_mistakes(content, PATH) if invalid else None
    return build_plan(options(desired), host)


def test_an_engine_that_is_down_by_a_comma_keeps_all_other_keys() -> None:
    plan = planned(COMMA, "failed", DesiredConfig({"debug": True}))
    assert plan.target == {**KEYS, "debug": True}
    assert plan.warnings[0] == (
        f"{PATH}, line 3: not valid JSON (a comma before the closing bracket); what else is in the file was read and"
        " kept."
    )
    assert (plan.writes, plan.action) == (True, "start")


def test_a_removal_alone_repairs_no_file() -> None:
    with pytest.raises(InvalidDaemonConfig, match="fix that line, or move the file away"):
        planned(COMMA, "failed", DesiredConfig({}, {"data-root": None}))


def test_a_file_that_can_not_be_read_is_only_replaced() -> None:
    content = b'{\n"data-root": "/srv/docker"\n"debug": true}'
    with pytest.raises(DockyardError) as caught:
        planned(content, "failed", DesiredConfig({"debug": True}))
    assert caught.value.message == (
        f"{PATH}, line 3: not valid JSON (expecting ',' delimiter, column 1), and what else is in the file can't be"
        " read, so that its other keys would be lost; fix it, or declare all that the file is to hold with state:"
        " replaced (a copy of the broken file is kept)."
    )
    assert caught.value.code == "daemon_file_invalid"
    assert planned(content, "failed", DesiredConfig(KEYS, owned=None)).target == KEYS


@pytest.mark.parametrize("engine", ["running", "stopped"])
def test_a_broken_file_is_refused_where_the_engine_is_not_down_by_it(engine: EngineState) -> None:
    with pytest.raises(InvalidDaemonConfig):
        planned(COMMA, engine, DesiredConfig({"debug": True}))


def test_an_engine_that_runs_is_not_left_without_a_way_back() -> None:
    with pytest.raises(InvalidDaemonConfig):
        planned(COMMA, "running", DesiredConfig(KEYS, owned=None))


@pytest.mark.parametrize(
    "content", [codecs.BOM_UTF8 + JSON.encode(), b"", b" \n", f"\u00a0{JSON}".encode(), codecs.BOM_UTF16_LE + b"\n\0"]
)
def test_a_form_goes_that_no_engine_is_known_to_read(content: bytes) -> None:
    plan = planned(content, "absent", DesiredConfig({}))
    assert plan.writes
    assert plan.new is not None
    assert plan.new.startswith(b"{")


def test_a_form_that_every_engine_reads_stays() -> None:
    assert not planned(b" \n{}\r\n", "absent", DesiredConfig({})).writes


@pytest.mark.parametrize("below", ["daemon.json", "sub/daemon.json"])
def test_a_folder_that_is_none_is_refused_before_anything_is_done(tmp_path: pathlib.Path, below: str) -> None:
    folder = tmp_path / "docker"
    folder.symlink_to("/nowhere/docker")
    with pytest.raises(DockyardError) as caught:
        inspect_host(str(folder / below), SavedState())
    assert (caught.value.code, caught.value.changed) == ("daemon_file_unsafe", False)
    assert caught.value.message == (
        f"{folder} is a symbolic link to /nowhere/docker, which is no folder; make that folder, or remove the link."
    )
    folder.unlink()
    folder.write_text("")
    with pytest.raises(DockyardError, match="docker is no folder; move it away"):
        inspect_host(str(folder / below), SavedState())

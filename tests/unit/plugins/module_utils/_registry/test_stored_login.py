# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The login that docker login has stored, in its file and with a credential helper."""

from __future__ import annotations

import base64
import json
import pathlib

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._http.auth import Login
from ansible_collections.dockyard.ops.plugins.module_utils._registry.stored_login import stored

REGISTRY = "registry.example.com:5000"


def write(folder: pathlib.Path, content: object) -> None:
    (folder / "config.json").write_text(json.dumps(content))


def test_no_login(tmp_path: pathlib.Path) -> None:
    assert stored(REGISTRY, str(tmp_path)) is None
    contents: tuple[object, ...] = (
        {},
        {"auths": None},
        {"auths": {"other": {"auth": "eDp5"}}},
        {"auths": {REGISTRY: {}}},
    )
    for content in contents:
        write(tmp_path, content)
        assert stored(REGISTRY, str(tmp_path)) is None


def test_a_login_in_the_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"auths": {REGISTRY: {"auth": base64.b64encode(b"ci:a:b\xc3\xa9").decode()}}})
    assert stored(REGISTRY, str(tmp_path)) == Login("ci", "a:b\u00e9")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert stored(REGISTRY) == Login("ci", "a:b\u00e9")


@pytest.mark.parametrize("content", ["{", "[]", '{"auths": {"registry.example.com:5000": {"auth": "%"}}}'])
def test_a_file_that_can_not_be_read(tmp_path: pathlib.Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(DockyardError, match="config.json can't be read .*; correct it, or give username and password"):
        stored(REGISTRY, str(tmp_path))


@pytest.mark.parametrize("configuration", [{"credsStore": "test"}, {"credHelpers": {REGISTRY: "test"}}])
def test_a_login_of_a_helper(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, configuration: dict[str, object]
) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text(
        f'#!/bin/sh\nread -r server\n[ "$1 $server" = "get {REGISTRY}" ] || {{ echo credentials not found; exit 1; }}\n'
        'echo \'{"ServerURL": "x", "Username": "ci", "Secret": "s3cret"}\'\n'
    )
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")  # the helper is found there
    write(tmp_path, configuration)
    assert stored(REGISTRY, str(tmp_path)) == Login("ci", "s3cret")
    assert stored("other", str(tmp_path)) is None

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._host import sysctl

FORWARD = ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding")


def test_now() -> None:
    assert sysctl.now("kernel.ostype") == "Linux"
    assert sysctl.now("net.ipv4.no_such_thing") is None


@pytest.mark.parametrize(
    ("files", "value"),
    [
        ({}, None),
        ({"etc/10.conf": "net.ipv4.ip_forward=1"}, "1"),
        ({"etc/10.conf": "# net.ipv4.ip_forward=1\n; net.ipv4.ip_forward = 1\nnet.ipv4.ip_forward"}, None),
        ({"etc/10.conf": "-net/ipv4/ip_forward = 1 "}, "1"),
        ({"etc/10.conf": "net.ipv4.conf.all.forwarding = 1"}, "1"),
        # The last assignment counts, by the names of the files.
        ({"etc/10.conf": "net.ipv4.ip_forward=1", "lib/99.conf": "net.ipv4.ip_forward=0"}, "0"),
        ({"etc/10.conf": "net.ipv4.ip_forward=0\nnet.ipv4.ip_forward=1"}, "1"),
        # A file of the same name is replaced by that of the administrator.
        ({"lib/50.conf": "net.ipv4.ip_forward=1", "etc/50.conf": ""}, None),
        ({"etc/README": "net.ipv4.ip_forward=1"}, None),
    ],
)
def test_at_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], value: str | None) -> None:
    folders = [tmp_path / name for name in ("etc", "run", "lib")]
    for folder in folders[::2]:
        folder.mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(sysctl, "_FOLDERS", tuple(map(str, folders)))
    assert sysctl.at_boot(*FORWARD) == value


def test_a_dangling_link_sets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "99-sysctl.conf").symlink_to("../sysctl.conf")
    monkeypatch.setattr(sysctl, "_FOLDERS", (str(tmp_path),))
    assert sysctl.at_boot(*FORWARD) is None


def test_a_part_of_a_name_with_a_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sysctl.now("kernel/ostype") == "Linux"
    assert sysctl.write("net/ipv4/no.such/thing", "1") is False

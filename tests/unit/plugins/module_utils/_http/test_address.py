# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._http import address
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        ("reg.test:5443", ("reg.test", 5443)),
        ("reg.test", ("reg.test", None)),
        ("REG.Test:443", ("REG.Test", 443)),
        ("reg", ("reg", None)),
        ("a-b.c1:1", ("a-b.c1", 1)),
        ("10.0.0.1:65535", ("10.0.0.1", 65535)),
        ("[fd00::1]:5443", ("fd00::1", 5443)),
        ("[::1]", ("::1", None)),
        ("docker.io", ("docker.io", None)),
    ],
)
def test_accepted(registry: str, expected: tuple[str, int | None]) -> None:
    assert address.split(registry) == expected


@pytest.mark.parametrize(
    ("registry", "message"),
    [
        ("https://reg.test", "registry 'https://reg.test' has a scheme; write host[:port] alone"),
        ("reg.test/", "registry 'reg.test/' has a path; write host[:port] alone"),
        ("../etc", "registry '../etc' has a path;"),
        ("alice@reg.test", "registry '...@reg.test' has a user name in it;"),
        ("alice:secret@reg.test", "registry '...@reg.test' has a user name in it;"),
        ("https://alice:se@cret@reg.test/x", "registry 'https://...@reg.test/x' has a scheme;"),
        ("fd00::1", "registry 'fd00::1' looks like IPv6 without brackets; write it like [fd00::1]:5000"),
        ("fd00::1:5443", "registry 'fd00::1:5443' looks like IPv6 without brackets;"),
        ("[fd00::12345]", "registry '[fd00::12345]' is not a valid IP address ("),
        ("[10.0.0.1]:5000", "registry '[10.0.0.1]:5000' is not a valid IP address ("),
        ("[10.0.0.1]:5000:1", "registry '[10.0.0.1]:5000:1' is not a registry's address;"),
        ("999.1.1.1:5000", "registry '999.1.1.1:5000' is not a valid IP address ("),
        ("", "registry '' is not a registry's address; write it like registry.example.com,"),
        (
            "b\u00fccher.example:5000",
            "registry 'b\u00fccher.example:5000' is not a registry's address; write an international",
        ),
        ("..", "registry '..' is not a registry's address;"),
        ("reg..test", "registry 'reg..test' is not a registry's address;"),
        ("reg.test.", "registry 'reg.test.' is not a registry's address;"),
        ("-reg.test", "registry '-reg.test' is not a registry's address;"),
        ("reg_test:5000", "registry 'reg_test:5000' is not a registry's address;"),
        ("reg.test:", "registry 'reg.test:' is not a registry's address;"),
        ("reg.test:http", "registry 'reg.test:http' is not a registry's address;"),
        ("reg.test\n", "registry 'reg.test\n' is not a registry's address;"),
        ("rég.test", "registry 'rég.test' is not a registry's address;"),
        ("reg.test:0", "registry 'reg.test:0' has no valid port; use one from 1 to 65535."),
        ("reg.test:65536", "registry 'reg.test:65536' has no valid port;"),
    ],
)
def test_refused(registry: str, message: str) -> None:
    with pytest.raises(DockyardError) as caught:
        address.split(registry)
    assert caught.value.message.startswith(message)
    assert_explained(caught.value)


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback(host: str) -> None:
    assert address.is_loopback(host)


@pytest.mark.parametrize("host", ["reg.test", "10.0.0.1", "fd00::1", "localhost.example.com"])
def test_not_loopback(host: str) -> None:
    assert not address.is_loopback(host)


@pytest.mark.parametrize(
    ("registry", "expected"),
    [("reg", True), ("reg:5000", False), ("reg.test", False), ("localhost", False), ("Reg", False), ("[::2]", False)],
)
def test_short_names_are_docker_hub(registry: str, expected: bool) -> None:
    assert address.is_short(*address.split(registry)) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [("registry.example.com", "registry.example.com"), ("10.0.0.1", "10.0.0.1"), ("fd00::1", "[fd00::1]"), ("", "")],
)
def test_a_host_in_front_of_a_port(host: str, expected: str) -> None:
    assert address.bracketed(host) == expected

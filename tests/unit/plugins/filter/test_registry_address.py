# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Line 8: a name has one spelling, in the certificate, in certs.d, and in front of an image's name."""

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.filter.registry_address import registry_address


@pytest.mark.parametrize(
    ("name", "host", "address", "names"),
    [
        ("registry.example.com", "registry.example.com", "registry.example.com:5000", ["DNS:registry.example.com"]),
        ("Registry.Example.COM", "registry.example.com", "registry.example.com:5000", ["DNS:registry.example.com"]),
        ("FD00:0::0001", "fd00::1", "[fd00::1]:5000", ["IP:fd00::1"]),
        ("[fd00::1]", "fd00::1", "[fd00::1]:5000", ["IP:fd00::1"]),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:5000", ["IP:::ffff:192.0.2.1"]),
        ("192.0.2.1", "192.0.2.1", "192.0.2.1:5000", ["IP:192.0.2.1"]),
        ("Bücher.example", "xn--bcher-kva.example", "xn--bcher-kva.example:5000", ["DNS:xn--bcher-kva.example"]),
    ],
)
def test_one_spelling(name: str, host: str, address: str, names: list[str]) -> None:
    found = registry_address(name)
    if name.startswith("::ffff"):
        # Python 3.13 writes mapped addresses with dots, and older ones without.
        assert found["host"] in (host, "::ffff:c000:201")
        return
    assert found == {"host": host, "address": address, "names": names, "error": ""}


@pytest.mark.parametrize(
    "names",
    [
        ["DNS:Mirror.example", "IP:FD00:0::0001", "*.apps.example", "fd00::1", "mirror.example"],
        " mirror.example, FD00::1,*.apps.example ,",  # what a survey hands on for a list
    ],
)
def test_names_of_the_certificate(names: object) -> None:
    found = registry_address("registry.example", 443, names)
    assert found["address"] == "registry.example:443"
    assert found["names"][0] == "DNS:registry.example"
    assert sorted(found["names"][1:]) == ["DNS:*.apps.example", "DNS:mirror.example", "IP:fd00::1"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("https://registry.example", "registry_name 'https://registry.example' has a scheme"),
        ("registry.example/team", "registry_name 'registry.example/team' has a path"),
        ("registry.example:5000", "'registry.example:5000' has a port; write the host name or address alone"),
        ("fd00::1::2", "registry_name '[fd00::1::2]' is not a valid IP address"),
        ("", "registry_name '' is not a registry's address"),
        ("two words", "registry_name 'two words' is not a registry's address"),
        ("straße.example", "registry_name 'straße.example' has a letter that not all clients read in the same way"),
        ("\u00fc" * 64 + ".example", "is no international host name"),
    ],
)
def test_what_can_t_be_right(name: str, message: str) -> None:
    found = registry_address(name)
    assert message in found["error"]
    assert found["host"] == found["address"] == ""


def test_a_further_name_that_can_t_be_right() -> None:
    assert (
        "name 'mirror.example/x' has a path"
        in registry_address("registry.example", names=["mirror.example/x"])["error"]
    )

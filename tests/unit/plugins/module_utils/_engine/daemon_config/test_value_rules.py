# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that engines refuse at their start alone, by the text of the refusal and generation by generation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import value_rules
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.value_rules import complaints
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained
from hypothesis import given, settings
from hypothesis import strategies as st

OLD, NEW = (20, 10, 24), (26, 1, 5)


def said(config: dict[str, Any], version: tuple[int, ...] | None = NEW) -> list[str]:
    return [complaint.error.message for complaint in complaints(config, version)]


SIX, FOUR = {"base": "fd00:77::/48", "size": 64}, {"base": "10.99.0.0/16", "size": 24}


def test_pools_out_of_which_docker0_gets_no_network_of_ipv4() -> None:
    """An engine that has pools of IPv6 alone does not start."""
    first = (
        "default-address-pools begins with a network of IPv6, which this engine would give docker0 in place of one of"
        " IPv4, so that it would not start; put a pool of IPv4 first, or declare bip."
    )
    alone = (
        "default-address-pools has networks of IPv6 alone, and docker0 needs one of IPv4, so that it would not start;"
        " put a pool of IPv4 first, or declare bip."
    )
    for version in (OLD, NEW, None):
        assert said({"default-address-pools": [SIX]}, version) == [alone]
        assert said({"default-address-pools": [FOUR, SIX]}, version) == []
        for other in ({"bip": "10.88.0.1/24"}, {"bridge": "none"}, {"bridge": "br0"}):
            assert said({"default-address-pools": [SIX], **other}, version) == []
        for flag in ("bip", "bridge"):
            assert list(complaints({"default-address-pools": [SIX]}, version, {flag})) == []
    assert said({"default-address-pools": [SIX, FOUR], "bridge": "docker0"}, OLD) == [first]
    assert said({"default-address-pools": [SIX, FOUR]}, NEW) == []
    (complaint,) = complaints({"default-address-pools": [SIX]}, OLD)
    assert complaint.at_start
    assert_explained(complaint.error)


@pytest.mark.parametrize(
    "config, message",
    [
        ({"dns": ["10.0.0.53", "dns.example.com"]}, 'dns: "dns.example.com" is no IP address; change it.'),
        ({"ip": "eth0"}, 'ip: "eth0" is no IP address; change it.'),
        (
            {"registry-mirrors": ["mirror.example.com"]},
            'registry-mirrors: "mirror.example.com" is no URL; write it like https://mirror.example.com.',
        ),
        (
            {"registry-mirrors": ["https://"]},
            'registry-mirrors: "https://" is no URL; write it like https://mirror.example.com.',
        ),
        (
            {"insecure-registries": ["http://registry.example.com:5000"]},
            'insecure-registries: "http://registry.example.com:5000" is a URL, and must be host:port or a network;'
            " remove what is before the host.",
        ),
        (
            {"insecure-registries": ["reg:5000/"]},
            'insecure-registries: "reg:5000/" is no host:port and no network, and no engine starts with it;'
            " write it like reg:5000.",
        ),
        (
            {"registry-mirrors": ["https://m.example.com/?a=b"]},
            'registry-mirrors: "https://m.example.com/?a=b" has a query or a fragment, and no engine takes that;'
            " remove it.",
        ),
        (
            {"registry-mirrors": ["https://me:horse@m.example.com"]},
            "registry-mirrors: the mirror at m.example.com has a user name in its URL, and no engine takes that.",
        ),
        (
            {"storage-opts": ["overlay2.override_kernel_check=true"]},
            "storage-opts: overlay2.override_kernel_check is no option of engines from 24 on, and they do not start"
            " with it; remove it, as it has had no effect for years.",
        ),
        (
            {"storage-driver": "devicemapper"},
            "storage-driver: engines from 25 on do not have devicemapper, and do not start with it; use overlay2.",
        ),
        (
            {"log-driver": "journald", "log-opts": {"max-size": "10m", "max-file": "3"}},
            "log-opts: max-file and max-size are for json-file and local, and an engine with log-driver: journald does"
            " not start with them; remove them.",
        ),
        (
            {"log-driver": "syslog", "log-opts": {"max-size": "10m", "tag": "x"}},
            "log-opts: max-size is for json-file and local, and an engine with log-driver: syslog does not start with"
            " it; remove it.",
        ),
        (
            {"log-opts": {"max-size": "10x"}},
            'log-opts: max-size is "10x", and must be a size such as 10m; with it no container would start.'
            " Correct it.",
        ),
        (
            {"log-driver": "local", "log-opts": {"max-file": "0"}},
            'log-opts: max-file is "0", and must be a number from 1 on; with it no container would start. Correct it.',
        ),
        (
            {"tls": True, "tlscert": "/nowhere/cert.pem", "tlscacert": "/nowhere/ca.pem", "tlskey": "/dev/null"},
            "tlscert is /nowhere/cert.pem, which is not on the host, and no engine starts without it; put it there"
            " first.",
        ),
        (
            {"default-runtime": "nvidia"},
            "default-runtime is nvidia, which runtimes does not name, and no engine takes that; add it there.",
        ),
        (
            {"default-runtime": "nvidia", "runtimes": {"nvidia": {"path": "/nowhere/nvidia-container-runtime"}}},
            "default-runtime is nvidia, and its program /nowhere/nvidia-container-runtime is not on the host, so that"
            " no container would start; install it first.",
        ),
    ],
)
def test_a_value_that_no_engine_starts_with(config: dict[str, Any], message: str) -> None:
    assert said(config) == [message]


def test_a_mirror_with_a_path_on_an_engine_before_25() -> None:
    config = {"registry-mirrors": ["https://m.example.com/docker"]}
    assert said(config, NEW) == said(config, None) == []
    assert said(config, OLD) == [
        'registry-mirrors: "https://m.example.com/docker" has a path, and an engine before 25 does not start with it;'
        " remove it."
    ]


def test_an_init_that_is_not_there() -> None:
    assert said({"init-path": "/no/such/init"}) == [
        "init-path is /no/such/init, which is not on the host, so that no container with an init would start; install"
        " it first."
    ]
    assert said({"init-path": "/bin/sh"}) == said({"init-path": ""}) == []


def test_a_storage_driver_on_an_engine_that_has_it() -> None:
    assert said({"storage-driver": "devicemapper"}, OLD) == []


def test_a_runtime_that_a_flag_names() -> None:
    assert list(complaints({"default-runtime": "nvidia"}, NEW, {"runtimes"})) == []


def test_the_kernel_check_on_an_engine_that_knows_it() -> None:
    assert said({"storage-opts": ["overlay2.override_kernel_check=true"]}, OLD) == []


@pytest.mark.parametrize(
    "value, taken",
    [
        ("http://reg:5000", True),
        ("HTTPS://reg.example.com", True),
        ("http://10.0.0.0/8", True),
        ("http://reg:5000/", False),
        ("ftp://reg:5000", False),
    ],
)
def test_of_an_insecure_registry_the_engine_takes_only_the_scheme_away(value: str, taken: bool) -> None:
    assert [complaint.taken for complaint in complaints({"insecure-registries": [value]}, NEW)] == [taken]


@pytest.mark.parametrize(
    "config",
    [
        {"dns": ["10.0.0.53", "fd00::53"], "ip": "0.0.0.0"},
        {"ip": ""},
        {"registry-mirrors": ["https://mirror.example.com", "http://10.0.0.1:5000/"]},
        {
            "insecure-registries": [
                "registry:5000",
                "10.0.0.0/8",
                "[fd00::1]:5000",
                "fd00::1",
                "fd00::/8",
                "reg",
                "10.0.0.1/8",
            ]
        },
        {"storage-opts": ["overlay2.size=1G"], "storage-driver": "overlay2"},
        {"log-driver": "json-file", "log-opts": {"max-size": "10m"}},
        {"log-driver": "journald", "log-opts": {"tag": "x"}},
        {"log-opts": {"max-size": "10m"}},
        *({"log-opts": {"max-size": size}} for size in ("-1", "10", "1.5g", "10 MB", "20MiB", "5K")),
        {"default-runtime": "sh", "runtimes": {"sh": {"path": "/bin/sh"}, "nvidia": {"path": "/nowhere"}}},
        {"default-runtime": "io.containerd.runsc.v1"},
        {"default-runtime": ""},
        {"tlscert": "/nowhere/cert.pem"},
    ],
)
def test_values_that_engines_take(config: dict[str, Any]) -> None:
    assert said(config) == []


@settings(max_examples=70, deadline=None)
@given(st.text("0123456789./:abcdef[]@?#%x -", max_size=20) | st.text(max_size=8))
def test_any_text_is_taken_or_refused_in_one_sentence(word: str) -> None:
    config = {"dns": [word], "ip": word, "registry-mirrors": [word, f"http://{word}"], "insecure-registries": [word]}
    assert all(message.endswith((".", "host.")) for message in said(config))


def test_a_name_server_that_is_the_container_itself() -> None:
    (warning,) = value_rules.warnings({"dns": ["192.0.2.53", "127.0.0.53"]})
    assert warning == (
        "dns: 127.0.0.53 is a loopback address, under which a container on docker0 reaches itself and no name server;"
        " give the address of a server that it can reach."
    )


def test_features_that_nobody_knows() -> None:
    (warning,) = value_rules.warnings({"features": {"nope": True, "buildkit": True}})
    assert warning == (
        "features: nope is not known here, and an engine takes any name without a word; look whether it is spelled"
        " right."
    )
    assert list(value_rules.warnings({"features": {"cdi": True}})) == list(value_rules.warnings({})) == []


@pytest.mark.parametrize(
    ("wanted", "speaks", "refused"),
    [
        ("1.52", "1.51", True),
        ("1.51", "1.51", False),
        ("1.9", "1.51", False),
        ("nonsense", "1.51", False),
        ("1.52", "", False),
    ],
)
def test_an_api_version_that_the_program_of_the_host_does_not_speak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, speaks: str, refused: bool
) -> None:
    """Imitated is the program docker, as far as it is asked for its version."""
    program = tmp_path / "docker"
    program.write_text(f"#!/bin/sh\necho '{speaks}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = list(complaints({"min-api-version": wanted}, None))
    assert [complaint.error.code for complaint in found] == (["daemon_client_too_old"] if refused else [])
    for complaint in found:
        assert_explained(complaint.error)
        assert complaint.error.message == (
            "min-api-version is 1.52, and the docker program of this host speaks 1.51 at most, so that the engine would"
            " refuse it; update the program first, or lower the version."
        )

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Harbor's migration would damage is found, and comes through it unharmed.

The migration here is a stand-in for Harbor's own, made from what is documented of it: a template without quotes, that
leaves some keys out, has the values of others in it, and ends with an error for the lack of some.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.config.document import (
    differences,
    fragile_values,
    protect_values,
    put_back,
    restore_values,
)
from hypothesis import given, settings
from hypothesis import strategies as st

runs = settings(max_examples=150, deadline=None)

CONFIG: dict[str, Any] = {
    "hostname": "reg.example.com",
    "http": {"port": 80},
    "https": {"port": 443, "certificate": "/data/cert/c.crt", "private_key": "/data/cert/c.key"},
    "harbor_admin_password": "Harbor12345",
    "database": {"password": "root123", "max_idle_conns": 100, "max_open_conns": 900, "conn_max_lifetime": "5m"},
    "data_volume": "/data",
    "trivy": {"ignore_unfixed": False, "github_token": "ghp_x"},
    "jobservice": {"max_job_workers": 10, "job_loggers": ["STD_OUTPUT", "FILE"]},
    "notification": {"webhook_job_max_retry": 3},
    "log": {"level": "info", "local": {"rotate_count": 50, "rotate_size": "200M", "location": "/var/log/harbor"}},
    "_version": "2.8.0",
    "proxy": {"http_proxy": None, "https_proxy": None, "no_proxy": None, "components": ["core", "jobservice"]},
}


def with_(path: str, value: Any) -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    *folders, name = path.split(".")
    inner = config
    for folder in folders:
        inner = inner.setdefault(folder, {})
    inner[name] = value
    return config


def migrated(config: dict[str, Any]) -> dict[str, Any]:
    """Return what the stand-in makes of a configuration. Raise yaml.YAMLError if nobody could read it."""
    lines: list[str] = []

    def write(value: Any, indent: str, path: tuple[str, ...]) -> None:
        for key, inner in value.items():
            place = (*path, key)
            if place in (("external_redis", "sentinel_master_set"), ("mine",)):
                continue
            if place == ("external_redis", "trivy_db_index"):
                inner = 5
            if place == ("proxy", "components") and not inner:
                raise yaml.YAMLError("'NoneType' object is not iterable")
            if isinstance(inner, dict) and not (path[:1] == ("storage_service",) and len(path) == 2):
                lines.append(f"{indent}{key}:")
                write(inner, indent + "  ", place)
            elif isinstance(inner, list) and path[:1] != ("storage_service",):
                lines.append(f"{indent}{key}:")
                lines.extend(f"{indent}  - {item}" for item in inner)
            elif inner is None and path[:1] in (("storage_service",), ("proxy",)):
                lines.append(f"{indent}{key}:")
            else:
                lines.append(f"{indent}{key}: {inner}")

    for key in ("max_idle_conns", "max_open_conns"):
        if key not in config["database"]:
            raise yaml.YAMLError("'dict object' has no attribute " + key)
    write(config, "", ())
    found = yaml.safe_load("\n".join(lines) + "\n")
    assert isinstance(found, dict)
    return found


# Value, and what the documentation and the issue threads say becomes of it.
KNOWN = [
    ("pa ss #1", "the text 'pa ss'"),
    ("0123", "the number 83"),
    ("no", "false, which is no text"),
    ("YES", "true, which is no text"),
    ("null", "nothing"),
    ("", "nothing"),
    ("443", "the number 443"),
    ("12:30:45", "the number 45045"),
    ("1.5", "the number 1.5"),
    ("2024-01-01", "the date 2024-01-01"),
    (" blank", "the text 'blank'"),
    ("blank ", "the text 'blank'"),
    ("'quoted'", "the text 'quoted'"),
    ("{a: b}", "several values"),
    ("[a]", "several values"),
    ("two\nlines", "an error: the migration can't go on"),
    ("two\n  lines", "an error: the migration can't go on"),
    ("p: q", "an error: the migration can't go on"),
    ("ends:", "an error: the migration can't go on"),
    ("@at", "an error: the migration can't go on"),
    ("`tick", "an error: the migration can't go on"),
    ("%per", "an error: the migration can't go on"),
    ("*star", "an error: the migration can't go on"),
    ("!tag", "an error: the migration can't go on"),
    ("&and", "nothing"),
    ("- a", "an error: the migration can't go on"),
    ("=", "an error: the migration can't go on"),
    ("2024-99-99", "an error: the migration can't go on"),
    ("\x07", "an error: the migration can't go on"),
    ("| x", "an error: the migration can't go on"),
    ("x\n  other: y", "the text 'x'"),
]


@pytest.mark.parametrize(("value", "becomes"), KNOWN)
@pytest.mark.parametrize("path", ["external_url", "log.local.location", "trace.otel.endpoint"])
def test_values_that_the_template_damages(value: str, becomes: str, path: str) -> None:
    if value or path != "trace.otel.endpoint":
        assert (path, value, becomes) in fragile_values(with_(path, value))


@pytest.mark.parametrize(("value", "becomes"), KNOWN)
def test_nothing_of_a_secret_is_reported(value: str, becomes: str) -> None:
    found = {path: (what, says) for path, what, says in fragile_values(with_("database.password", value))}
    assert found["database.password"][0] == value
    says = found["database.password"][1]
    assert says == becomes or says in ("another text", "a number", "a date")
    assert len(value) < 3 or value.strip() not in says


@pytest.mark.parametrize(
    "value",
    [
        "Harbor12345",
        "a'b\"c",
        "p@ss",
        "x#y",
        "a:b",
        "1e3",
        "ünï",
        "http://u:p@h:3128",
        "[::1",
        "a, b",
        "x\\y",
        "-x",
        "~x",
    ],
)
def test_values_that_come_through(value: str) -> None:
    rows = fragile_values(with_("harbor_admin_password", value))
    # An open bracket does not.
    assert rows == (
        [] if value != "[::1" else [("harbor_admin_password", value, "an error: the migration can't go on")]
    )


def test_a_usual_configuration_has_nothing_fragile() -> None:
    assert fragile_values(CONFIG) == []
    assert protect_values(CONFIG) == (CONFIG, {})


@pytest.mark.parametrize(
    ("path", "value", "row"),
    [
        ("external_url", None, ("external_url", None, "the text 'None'")),
        ("proxy.components", ["core", "no", "a:b"], ("proxy.components.1", "no", "false, which is no text")),
        (
            "storage_service.s3.secretkey",
            "a: b",
            ("storage_service.s3.secretkey", "a: b", "an error: the migration can't go on"),
        ),
        # Written in one line as Python shows it, where a backslash doubles.
        ("storage_service.s3.list", ["a\\b"], ("storage_service.s3.list.0", "a\\b", "the text 'a\\\\\\\\b'")),
        ("proxy.components", [], ("proxy.components", [], "nothing")),
        ("log.level", 1e16, ("log.level", 1e16, "the text '1e+16'")),
        ("mine", {"a": 1}, ("mine", {"a": 1}, "nothing: the migration leaves it out")),
        ("https.mine", 1, ("https.mine", 1, "nothing: the migration leaves it out")),
        (
            "https.strong_ssl_ciphers",
            True,
            ("https.strong_ssl_ciphers", True, "false: the migration always writes that"),
        ),
    ],
)
def test_damage_by_place(path: str, value: Any, row: tuple[str, Any, str]) -> None:
    assert fragile_values(with_(path, value)) == [row]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("https.strong_ssl_ciphers", False),
        ("proxy.http_proxy", None),
        ("proxy.http_proxy", ""),
        ("storage_service.s3.list", []),
        ("storage_service.ca_bundle", None),
        ("storage_service.s3.region", None),
        ("storage_service.s3.list", ["a: b", "no", 8, True]),
        ("mine", None),
        ("redis", None),
        ("trace.attributes", {"k8s.pod": "x"}),
        ("external_database.notary_signer", {"host": "db"}),
        ("chart", {"absolute_url": "disabled"}),
    ],
)
def test_no_damage_by_place(path: str, value: Any) -> None:
    assert [row for row in fragile_values(with_(path, value)) if row[2] != "an error: the migration can't go on"] == []


def test_what_is_dropped_overwritten_or_missing_beside_an_external_redis() -> None:
    redis = {
        "host": "redis:6379",
        "password": None,
        "registry_db_index": 1,
        "jobservice_db_index": 2,
        "trivy_db_index": 7,
        "idle_timeout_seconds": 30,
        "sentinel_master_set": "mymaster",
        "harbor_db_index": 6,
    }
    assert fragile_values(with_("external_redis", redis)) == [
        ("external_redis.password", None, "another text"),
        ("external_redis.trivy_db_index", 7, "5: the migration always writes that"),
        ("external_redis.sentinel_master_set", "mymaster", "nothing: the migration leaves it out"),
        ("external_redis.harbor_db_index", 6, "an error: the migration can't go on"),
    ]


def test_lifetimes_of_connections_to_an_external_database() -> None:
    names = ("db_name", "host", "max_idle_conns", "max_open_conns", "password", "port", "ssl_mode", "username")
    database = {**dict.fromkeys(names, "x"), "conn_max_lifetime": "5m", "conn_max_idle_time": 0}
    assert fragile_values(with_("external_database.harbor", database)) == [
        (f"external_database.harbor.{key}", database[key], "nothing: the migration leaves it out")
        for key in ("conn_max_lifetime", "conn_max_idle_time")
    ]


def test_a_key_that_the_template_can_not_do_without() -> None:
    config = copy.deepcopy(CONFIG)
    del config["database"]["max_open_conns"]
    del config["log"]["local"]["location"]
    with pytest.raises(yaml.YAMLError):
        migrated(config)
    assert fragile_values(config) == [
        ("database.max_open_conns", None, "an error: the migration can't go on"),
        ("log.local.location", None, "an error: the migration can't go on"),
    ]
    safe, values = protect_values(config)
    assert restore_values(migrated(safe), values) == config


def test_nothing_of_what_the_newest_release_brings_is_fragile() -> None:
    newest = {
        **CONFIG,
        "database": {**CONFIG["database"], "conn_max_idle_time": 0},
        "trivy": {
            **{"ignore_unfixed": False, "skip_update": False, "skip_java_db_update": False, "offline_scan": False},
            **{"db_repository": "ghcr.io/aquasecurity/trivy-db", "security_check": "vuln", "insecure": False},
            **{"java_db_repository": "ghcr.io/aquasecurity/trivy-java-db", "timeout": "5m0s"},
        },
        "jobservice": {
            **{"max_job_workers": 10, "max_job_duration_hours": 24, "logger_sweeper_duration": 1},
            "job_loggers": ["STD_OUTPUT", "FILE"],
        },
        "notification": {"webhook_job_max_retry": 3, "webhook_job_http_client_timeout": 3},
        "network": {"allow_private_network_access": True},
        "metric": {"enabled": False, "port": 9090, "path": "/metrics"},
        "upload_purging": {"enabled": True, "age": "168h", "interval": "24h", "dryrun": False},
        "cache": {"enabled": False, "expire_hours": 24},
        "core": {"quota_update_provider": "redis"},
        "internal_tls": {"enabled": True, "dir": "/etc/harbor/tls/internal"},
        "ip_family": {"ipv6": {"enabled": False}, "ipv4": {"enabled": True}},
        "trace": {"enabled": True, "sample_rate": 0.5, "namespace": "x", "attributes": {"application": "harbor"}},
        "redis": {"registry_db_index": 1, "harbor_db_index": 6},
        "_version": "2.15.0",
    }
    assert fragile_values(newest) == []


def test_1_8_has_fewer_keys() -> None:
    assert fragile_values({"_version": "1.8.0", "database": {"password": "root123"}, "proxy": {}}) == []


def test_harbor_cfg_is_not_made_from_a_template_of_yaml() -> None:
    config = {"ui_url_protocol": "https", "db_password": "a: b", "mine": "x"}
    assert fragile_values(config) == []
    assert protect_values(config) == (config, {})


def test_placeholders_are_words_that_nobody_uses_yet() -> None:
    config = with_("database.password", "0123")
    config["external_url"] = "no"
    config["hostname"] = "dockyard-value-1"
    config["harbor_admin_password"] = "xdockyard-value-12y"
    safe, values = protect_values(config)
    assert safe["hostname"] == "dockyard-value-1"
    assert values == {"dockyard-value-2": "0123", "dockyard-value-3": "no"}
    assert (safe["database"]["password"], safe["external_url"]) == ("dockyard-value-2", "dockyard-value-3")
    assert restore_values(safe, values) == config
    assert config["database"]["password"] == "0123"


def test_a_placeholder_within_a_text_is_replaced_too() -> None:
    config = with_("external_redis", {"host": "no", "port": 6379})
    safe, values = protect_values(config)
    safe["external_redis"]["host"] += ":6379"
    assert restore_values(safe, values)["external_redis"]["host"] == "no:6379"


def test_a_placeholder_ten_is_not_placeholder_one() -> None:
    config = with_("proxy.components", ["no"] * 12)
    safe, values = protect_values(config)
    assert len(values) == 12 and len(set(safe["proxy"]["components"])) == 12
    assert restore_values(safe, values) == config


awkward = st.sampled_from([value for value, _becomes in KNOWN]) | st.text(st.characters(codec="utf-8"), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-9, 9999) | st.floats(allow_nan=False) | awkward
LEAVES = [
    *("hostname", "external_url", "harbor_admin_password", "database.password", "log.local.location", "uaa.ca_file"),
    *("https.certificate", "trivy.github_token", "proxy.http_proxy", "storage_service.s3.secretkey"),
    *("external_redis.password", "external_redis.trivy_db_index", "external_redis.sentinel_master_set", "mine"),
    *("external_redis.harbor_db_index", "database.max_open_conns", "redis.registry_db_index"),
]
wishes = st.dictionaries(st.sampled_from(LEAVES), scalars, max_size=8)
lists = st.lists(awkward, max_size=4)


def made(wish: dict[str, Any], components: list[str], drop: set[str]) -> dict[str, Any]:
    config = with_("proxy.components", components)
    for path, value in wish.items():
        *folders, name = path.split(".")
        inner = config
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[name] = value
    for key in drop:
        config["database"].pop(key, None)
    return config


drops = st.sets(st.sampled_from(["max_open_conns", "max_idle_conns", "conn_max_lifetime"]))


@runs
@given(wishes, lists, drops)
def test_what_was_shielded_is_unshielded(wish: dict[str, Any], components: list[str], drop: set[str]) -> None:
    config = made(wish, components, drop)
    before = copy.deepcopy(config)
    safe, values = protect_values(config)
    assert config == before
    assert restore_values(safe, json.loads(json.dumps(values))) == config
    assert all(row[2].startswith(("nothing: ", "5: ")) for row in fragile_values(safe))


@runs
@given(wishes, lists, drops)
def test_every_value_survives_the_migration(wish: dict[str, Any], components: list[str], drop: set[str]) -> None:
    config = made(wish, components, drop)
    safe, values = protect_values(config)
    new = restore_values(migrated(safe), values)
    different = differences(config, new, ())
    result = put_back(config, new, different)
    assert differences(config, result, ()) == []
    # Every difference that is left had been foretold.
    assert {difference.path for difference in different} <= {path for path, _value, _becomes in fragile_values(config)}

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""harbor.yml: read, written as it is read back, shown without secrets, and what it says."""

from __future__ import annotations

import datetime
import os
import pathlib
import re
from typing import Any

import pytest
import yaml
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.config import document
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.config.document import (
    Endpoint,
    certificate_files,
    data_volume,
    endpoint,
    files_to_keep,
    hostname,
    merge,
    misread_data_volume,
    parse,
    read,
    render,
    with_placeholders,
)
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders
from hypothesis import given, settings
from hypothesis import strategies as st

PATH = "/opt/harbor/harbor.yml"
runs = settings(max_examples=150, deadline=None)

# What YAML reads otherwise when it is there bare, and what else people have in passwords and addresses.
AWKWARD = [
    *("0123", "no", "Yes", "pa ss #1", "@at", "p: q", "null", "~", "", " lead", "trail ", "1e3", "1_000", "12:30:45"),
    *(
        "2024-01-01",
        "=",
        "<<",
        "*star",
        "&and",
        "!tag",
        "%per",
        "`tick",
        "'single'",
        '"double"',
        "{a}",
        "[b]",
        "- item",
    ),
    *(
        "tab\there",
        "two\nlines",
        "\\back\\slash",
        "ünïcödé",
        "日本語",
        "a,b",
        "|",
        ">",
        "?",
        "# all",
        "x:",
        ":y",
        "\u2028",
    ),
    *("\x00", "\x85", "\ufeff", "💥", "very long " * 40, "redis://:p@ss/w:rd@host:6379/0", "http://[::1]:3128"),
]
texts = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(AWKWARD)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
keys = st.sampled_from(["hostname", "https", "password", "storage_service", "s3", "a.b", "log"]) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
configs = st.dictionaries(keys, values, max_size=5)


@runs
@given(configs, texts)
def test_what_is_written_is_read_back(config: dict[str, Any], comment: str) -> None:
    config.pop("ui_url_protocol", None)
    text = render(config, comment)
    found = parse(text, PATH)
    assert found == config
    assert list(found) == list(config)
    assert render(found, comment) == text


@pytest.mark.parametrize("value", AWKWARD)
def test_a_text_stays_a_text(value: str) -> None:
    config = {"harbor_admin_password": value, "list": [value, {"deep": value}], "data_volume": "/data"}
    text = render(config, "2.12.4")
    assert parse(text, PATH) == config
    assert "\ndata_volume: /data\n" in text
    # No value is folded onto a second line, which whoever searches in the text would cut.
    assert len(text.splitlines()) <= len(yaml.safe_load(text)) + 5 or "\n" in value or value == "\u2028"


def test_a_comment_of_two_lines_stands_at_the_top() -> None:
    lines = render({"hostname": "reg"}, "2.12.4 of\nto-day").split("\n")
    assert lines == [
        "# Configuration file of Harbor 2.12.4 of",
        "# to-day",
        "# Written by dockyard.ops: comments are not kept.",
        "hostname: reg",
        "",
    ]
    assert len(render({}, "2.12.4").splitlines()) == 3


def test_parts_that_an_anchor_shares_are_written_out() -> None:
    config = parse("a: &x {b: [1]}\nc: *x\n", PATH)
    config["a"]["b"].append(2)
    assert config == {"a": {"b": [1, 2]}, "c": {"b": [1]}}
    config["c"] = config["a"]
    assert "&" not in render(config, "2.12.4")


def test_dates_and_numbers_stay_what_they_are() -> None:
    config = {"date": datetime.date(2024, 1, 1), "float": 1.0, "large": 1e300, "int": 8, "octal": "010"}
    assert parse(render(config, "2.12.4"), PATH) == config


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ("a: b: c\n", f"Line 1 of {PATH}", "mapping values are not allowed here"),
        ("hostname: reg\npassword: @top\n", f"Line 2 of {PATH}", "found character '@' that cannot start any token"),
        ("a: *secret\n", f"Line 1 of {PATH}", "found undefined alias ..."),
        ("a: !secret x\n", f"Line 1 of {PATH}", "could not determine a constructor for the tag ..."),
        ("a: \x01\n", PATH, "it can't be read"),
        ("a: 2024-99-99\n", PATH, "it can't be read"),
        ("a: &a [*a]\n", PATH, "it can't be read"),
    ],
)
def test_what_is_no_yaml(text: str, where: str, why: str) -> None:
    with pytest.raises(DockyardError) as problem:
        parse(text, PATH)
    assert problem.value.message == (
        f"{where} is no valid YAML ({why}); fix it, for instance with quotes around a value with special characters,"
        " and run again."
    )
    assert "secret" not in problem.value.message


@pytest.mark.parametrize("text", ["", "# only a comment\n", "[1, 2]\n", "text\n", "---\n"])
def test_what_has_no_settings(text: str) -> None:
    with pytest.raises(DockyardError) as problem:
        parse(text, PATH)
    assert problem.value.message == (
        f"{PATH} has no settings in it, which would be lines of the form key: value; fix it and run again."
    )


def test_reading_a_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "harbor.yml"
    with pytest.raises(DockyardError) as problem:
        read(str(path))
    assert problem.value.message == (
        f"There is no {path}; put Harbor's configuration there, or give the folder that Harbor is installed in."
    )
    path.write_bytes("\ufeffhostname: régistry\r\n".encode())
    assert read(str(path)) == {"hostname": "régistry"}
    path.write_bytes(b"hostname: reg\npassword: p\xe4ss\n")
    with pytest.raises(DockyardError) as problem:
        read(str(path))
    assert problem.value.message == (f"Line 2 of {path} is not in UTF-8; save the file in that encoding and run again.")
    os.unlink(path)
    path.mkdir()
    with pytest.raises(DockyardError, match="there is a folder in its place"):
        read(str(path))


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("data_volume: /data", None),
        ("data_volume:   /srv/harbor/  ", None),
        ("data_volume: /data # fast disk", "disk"),
        ('data_volume: "/data"', '"/data"'),
        ("data_volume: '/my data'", "data'"),
        ("# data_volume: /old\ndata_volume: /data", None),
        ("x:\n  data_volume: /other\ndata_volume: /data", "/data"),
        ("hostname: reg", None),
        ("data_volume:\n  /data", ""),
    ],
)
def test_what_prepare_reads_as_the_data_volume(line: str, taken: str | None) -> None:
    assert misread_data_volume(f"hostname: reg\n{line}\nlog: {{}}\n") == taken
    written = render(parse(line, PATH), "2.12.4")
    if "\n  data" not in line and " data" not in line.split(": ", 1)[-1]:
        assert misread_data_volume(written) is None


SECRETS = {
    "harbor_admin_password": "S3cret-admin",
    "database": {"password": "S3cret-db", "max_open_conns": 900},
    "external_database": {"harbor": {"password": "S3cret-ext", "host": "db"}},
    "external_redis": {"password": 12345678, "host": "redis:6379"},
    "storage_service": {
        "s3": {"accesskey": "S3cret-ak", "secretkey": "S3cret-sk", "region": "eu", "keyid": "alias"},
        "azure": {"accountkey": "S3cret-ac", "accountname": "acme"},
        "oss": {"accesskeyid": "S3cret-id", "accesskeysecret": "S3cret-ks"},
        "swift": {"password": "S3cret-sw", "authurl": "https://keystone/v3"},
    },
    "trivy": {"github_token": "S3cret-gh"},
    "trace": {"jaeger": {"password": "S3cret-ja", "username": "u"}},
    "proxy": {
        "http_proxy": "http://user:S3cret/p@ss:w@proxy:3128",
        "https_proxy": "user@corp:S3cret-x@proxy:3128",
        "no_proxy": "localhost,.example.com",
    },
    "redis_url": "redis://:S3cret@h:6379/0",
    "secrets": ["S3cret-1", {"x": "S3cret-2"}],
    "registry_storage_provider_config": "accesskey: S3cret-k",
    "uaa_clientsecret": "S3cret-u",
    "ldap_search_pwd": "S3cret-l",
}


def test_no_secret_is_shown() -> None:
    shown = with_placeholders(SECRETS, Placeholders())
    text = render(shown, "2.12.4")
    assert "S3cret" not in text and "12345678" not in text
    assert shown["harbor_admin_password"] == "(secret 1)"
    assert re.fullmatch(r"http://user:\(secret \d+\)@proxy:3128", shown["proxy"]["http_proxy"])
    assert re.fullmatch(r"redis://:\(secret \d+\)@h:6379/0", shown["redis_url"])
    assert SECRETS["database"] == {"password": "S3cret-db", "max_open_conns": 900}


def test_what_is_no_secret_is_shown_as_it_is() -> None:
    config = {
        "https": {"private_key": "/data/cert/k.key", "certificate": "/data/cert/c.crt", "port": 443},
        "secretkey_path": "/data",
        "token_expiration": 30,
        "external_url": "https://reg.example.com:8433",
        "proxy": {"http_proxy": "http://proxy:3128", "https_proxy": None, "components": ["core"]},
        "database": {"password": None, "max_idle_conns": 100},
        "external_redis": {"password": "", "host": "a:26379,b:26379"},
    }
    assert with_placeholders(config, Placeholders()) == config


def test_equal_secrets_have_one_placeholder_before_and_after() -> None:
    placeholders = Placeholders()
    before = with_placeholders(
        {"harbor_admin_password": "Harbor12345", "database": {"password": "root123"}}, placeholders
    )
    after = with_placeholders({"harbor_admin_password": "Harbor12345", "database": {"password": "other"}}, placeholders)
    assert before["harbor_admin_password"] == after["harbor_admin_password"]
    assert before["database"] != after["database"]


@given(st.dictionaries(st.sampled_from(["harbor_admin_password", "uaa_clientsecret"]), st.text(min_size=1), min_size=1))
def test_nothing_of_a_secret_can_be_learned(config: dict[str, str]) -> None:
    """Two configurations whose secrets are equal in the same places look the same."""
    other = {name: f"another {value}" for name, value in config.items()}
    assert with_placeholders(config, Placeholders()) == with_placeholders(other, Placeholders())


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=6, max_size=20))
def test_no_password_in_a_url_is_shown(password: str) -> None:
    shown = with_placeholders({"http_proxy": f"http://user:{password}@proxy.example.com:3128"}, Placeholders())
    assert shown == {"http_proxy": "http://user:(secret 1)@proxy.example.com:3128"}


@pytest.mark.parametrize(
    ("said", "found"), [(None, "/data"), ("/srv/x/", "/srv/x"), ("/", "/"), ("/a//b/../c", "/a/c")]
)
def test_the_data_volume(said: str | None, found: str) -> None:
    assert data_volume({"data_volume": said}) == found
    assert data_volume({}) == "/data"


@pytest.mark.parametrize("said", ["data", "", 8, ["/data"], "~/data"])
def test_no_data_volume(said: Any) -> None:
    with pytest.raises(DockyardError) as problem:
        data_volume({"data_volume": said})
    assert problem.value.message == (
        f"data_volume in harbor.yml is {said!r}, which is no absolute path; give the folder with Harbor's data there"
        " and run again."
    )


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"http": {"port": 8080}}, ("http", 8080)),
        ({"http": {"port": 80}, "https": {"port": "8443"}}, ("https", 8443)),
        ({"https": {}}, ("https", 443)),
        ({"http": None, "https": None}, ("http", 80)),
        ({}, ("http", 80)),
    ],
)
def test_where_the_proxy_listens(config: dict[str, Any], found: tuple[str, int]) -> None:
    assert endpoint({"hostname": "reg", **config}) == Endpoint(found[0], "reg", found[1])


@pytest.mark.parametrize("port", ["http", 0, 65536, True, 80.5, [80], ""])
def test_no_port(port: Any) -> None:
    with pytest.raises(DockyardError) as problem:
        endpoint({"hostname": "reg", "https": {"port": port}})
    assert problem.value.message == (
        f"https.port in harbor.yml is {port!r}, which is no port; give a number from 1 to 65535 there and run again."
    )


@pytest.mark.parametrize("name", [None, "", "  ", 5])
def test_no_hostname(name: Any) -> None:
    with pytest.raises(DockyardError) as problem:
        hostname({"hostname": name})
    assert problem.value.message == (
        "Harbor's configuration has no hostname; give the name or address that clients reach it by, and run again."
    )


@pytest.mark.parametrize("written", ["https://harbor.example.com", "harbor.example.com/registry"])
def test_an_address_is_no_hostname(written: str) -> None:
    with pytest.raises(DockyardError) as caught:
        document.hostname({"hostname": written})
    assert caught.value.message == (
        f"hostname in harbor.yml is {written!r}, which is an address and no name; give the name alone, and another"
        " address that clients reach it by as external_url, and run again."
    )


def test_password_database_redis_and_files() -> None:
    assert document.admin_password({"harbor_admin_password": 123}) == "123"
    assert document.admin_password({"harbor_admin_password": ""}) is None
    assert document.external_database({}) is None
    assert document.external_database({"external_database": {"harbor": {"host": "db"}}}) == {"host": "db"}
    assert document.external_database({"external_database": {"host": "db"}}) == {"host": "db"}
    assert document.external_redis({"external_redis": {"host": "r:1"}}) == {"host": "r:1"}
    assert document.external_redis({"external_redis": None}) is None
    config = {
        "https": {"certificate": "/c.crt", "private_key": "/c.key"},
        "storage_service": {"ca_bundle": "/ca.pem"},
        "uaa": {"ca_file": "relative"},
        "external_redis": {"tlsOptions": {"rootCA": "/r.pem"}},
        "internal_tls": {"dir": "/etc/harbor/tls"},
    }
    assert certificate_files(config) == ["/c.crt", "/ca.pem", "/r.pem"]
    assert files_to_keep(config) == ["/c.crt", "/ca.pem", "/r.pem", "/c.key", "/etc/harbor/tls"]
    assert certificate_files({"https": None}) == []


def test_merging_a_wish_onto_a_template() -> None:
    template = {"hostname": "x", "https": {"port": 443, "certificate": "/your"}, "log": {"local": {"a": 1}}, "l": [1]}
    wish = {"hostname": "reg", "https": None, "log": {"local": {"b": 2}}, "l": [2], "new": {"c": {"d": 3, "e": None}}}
    assert merge(template, wish) == {
        "hostname": "reg",
        "log": {"local": {"a": 1, "b": 2}},
        "l": [2],
        "new": {"c": {"d": 3}},
    }
    assert template["https"] == {"port": 443, "certificate": "/your"}
    assert merge({"http": 1}, {"http": {"port": 80}}) == {"http": {"port": 80}}


@runs
@given(configs, configs)
def test_merging_twice_changes_nothing_more(template: dict[str, Any], wish: dict[str, Any]) -> None:
    once = merge(template, wish)
    assert merge(once, wish) == once
    assert merge(template, {}) == template

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""harbor.cfg of 1.5 to 1.7: read and written, what it says, and compared with the harbor.yml that 1.8 makes of it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.config import document
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.config.document import (
    Endpoint,
    certificate_files,
    data_volume,
    differences,
    endpoint,
    external_database,
    external_redis,
    files_to_keep,
    parse,
    put_back,
    render,
    with_placeholders,
)
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.releases import removed_keys
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.version import Version
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders
from hypothesis import given, settings
from hypothesis import strategies as st

PATH = "/opt/harbor/harbor.cfg"
TEXT = """\
## Configuration file of Harbor

_version = 1.7.0
hostname = reg.example.com
ui_url_protocol = https
max_job_workers = 10
ssl_cert = /data/cert/server.crt
ssl_cert_key = /data/cert/server.key
secretkey_path = /data
admiral_url = NA
log_rotate_count = 50
log_rotate_size = 200M
http_proxy =
no_proxy = 127.0.0.1,localhost,core,registry
#ldap_searchdn = uid=searchuser
email_from = admin <sample_admin@mydomain.com>
email_password = abc
harbor_admin_password = Harbor=1:2 #3
auth_mode = db_auth
token_expiration = 30
db_host = postgresql
db_password = root123
db_port = 5432
db_user = postgres
redis_host = redis
redis_port = 6379
redis_password =
redis_db_index = 1,2,3
clair_db_host = postgresql
clair_updaters_interval = 12
registry_storage_provider_name = s3
registry_storage_provider_config = accesskey: AK, region: eu-1, secure: true
registry_custom_ca_bundle =
"""
CFG = parse(TEXT, PATH)

# What the migrator of 1.8 makes of it, from its documentation.
YML: dict[str, Any] = {
    "hostname": "reg.example.com",
    "http": {"port": 80},
    "https": {"port": 443, "certificate": "/data/cert/server.crt", "private_key": "/data/cert/server.key"},
    "harbor_admin_password": "Harbor=1:2 #3",
    "database": {"password": "root123"},
    "data_volume": "/data",
    "storage_service": {"ca_bundle": None, "s3": {"accesskey": "AK", "region": "eu-1", "secure": True}},
    "clair": {
        "updaters_interval": 12,
        "http_proxy": None,
        "https_proxy": None,
        "no_proxy": "127.0.0.1,localhost,core,registry",
    },
    "jobservice": {"max_job_workers": 10},
    "log": {"level": "info", "rotate_count": 50, "rotate_size": "200M", "location": "/var/log/harbor"},
    "_version": "1.8.0",
}
GONE = removed_keys(Version(1, 7, 0), Version(1, 8, 0))


def test_reading() -> None:
    assert CFG["harbor_admin_password"] == "Harbor=1:2 #3"
    assert (CFG["http_proxy"], CFG["db_port"], CFG["_version"]) == ("", "5432", "1.7.0")
    assert "ldap_searchdn" not in CFG and len(CFG) == 30
    assert parse("Key: value\n; comment\nnext = a\n  b\n\n  other = c\n", PATH) == {
        "key": "value",
        "next": "a\nb",
        "other": "c",
    }


def test_what_is_no_setting() -> None:
    with pytest.raises(DockyardError) as problem:
        parse("hostname = reg\n\nS3cret\n", PATH)
    assert problem.value.message == (
        f"Line 3 of {PATH} is neither a comment nor of the form key = value; fix it and run again."
    )
    with pytest.raises(DockyardError) as problem:
        parse("# nothing\n", PATH)
    assert problem.value.message == (f"{PATH} has no setting in it; put Harbor's configuration there and run again.")


def test_writing() -> None:
    text = render(CFG, "1.7.6")
    assert text.startswith("# Configuration file of Harbor 1.7.6\n# Written by dockyard.ops: comments are not kept.\n")
    assert "\nhttp_proxy =\n" in text
    assert parse(text, PATH) == CFG
    assert "x = None" not in render({**CFG, "x": None}, "1.7.6")


names = st.from_regex(r"[a-z_][a-z_0-9]{0,10}", fullmatch=True)
words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
lines = st.lists(words, max_size=3).map(" ".join)
entries = st.dictionaries(names, st.lists(lines, min_size=1, max_size=2).map("\n".join), max_size=6)


@settings(max_examples=150, deadline=None)
@given(entries)
def test_what_is_written_is_read_back(config: dict[str, str]) -> None:
    whole = {"ui_url_protocol": "http", **{key: plain(value) for key, value in config.items()}}
    assert parse(render(whole, "1.7.6"), PATH) == whole


def plain(value: str) -> str:
    """Return the value without second lines that are empty or look like comments, which this format can't hold."""
    return "\n".join(
        line for number, line in enumerate(value.split("\n")) if not number or line.strip(" #;") == line and line
    )


def test_what_it_says() -> None:
    assert data_volume(CFG) == "/data"
    assert endpoint(CFG) == Endpoint("https", "reg.example.com", 443)
    assert certificate_files(CFG) == ["/data/cert/server.crt"]
    assert files_to_keep(CFG) == ["/data/cert/server.crt", "/data/cert/server.key"]
    assert certificate_files({**CFG, "ui_url_protocol": "http"}) == []
    assert document.admin_password(CFG) == "Harbor=1:2 #3"
    assert (external_database(CFG), external_redis(CFG)) == (None, None)


@pytest.mark.parametrize(
    ("protocol", "hostname", "found"),
    [
        ("http", "reg", ("http", "reg", 80)),
        ("http", "reg:8080", ("http", "reg", 8080)),
        ("https", "10.0.0.1:8443", ("https", "10.0.0.1", 8443)),
        ("https", "[fd00::1]:8443", ("https", "[fd00::1]", 8443)),
        ("https", "fd00::1", ("https", "fd00::1", 443)),
    ],
)
def test_a_port_that_only_the_host_name_bears(protocol: str, hostname: str, found: tuple[str, str, int]) -> None:
    assert endpoint({"ui_url_protocol": protocol, "hostname": hostname}) == Endpoint(*found)


def test_no_hostname() -> None:
    with pytest.raises(DockyardError, match="has no hostname"):
        endpoint({"ui_url_protocol": "http", "hostname": ""})


EXTERNAL = {
    **CFG,
    **{"db_host": "db.example.com", "db_password": "p: q", "redis_host": "10.0.0.2", "redis_password": "0123"},
}


def test_external_services() -> None:
    assert external_database(EXTERNAL) == {
        "host": "db.example.com",
        "port": "5432",
        "username": "postgres",
        "password": "p: q",
    }
    assert external_redis(EXTERNAL) == {
        "host": "10.0.0.2",
        "port": "6379",
        "password": "0123",
        "registry_db_index": "1",
        "jobservice_db_index": "2",
        "chartmuseum_db_index": "3",
    }


def test_secrets() -> None:
    shown = render(with_placeholders(EXTERNAL, Placeholders()), "1.7.6")
    for secret in ("Harbor=1", "abc", "p: q", "0123", "AK"):
        assert f"= {secret}" not in shown and f": {secret}" not in shown
    assert "secretkey_path = /data\n" in shown and "token_expiration = 30\n" in shown


def test_the_harbor_yml_that_1_8_makes_of_it_is_no_different() -> None:
    assert differences(CFG, YML, GONE) == []


def test_what_1_8_damages_is_found_and_put_back() -> None:
    new = copy.deepcopy(YML)
    new["harbor_admin_password"] = "Harbor12345"
    new["storage_service"]["s3"]["accesskey"] = 12
    del new["clair"]["no_proxy"]
    found = differences({**CFG, "mine": "x"}, new, GONE)
    assert {(one.path, one.kind) for one in found} == {
        ("harbor_admin_password", "altered"),
        ("storage_service.s3.accesskey", "altered"),
        ("clair.no_proxy", "lost"),
        ("mine", "lost"),
    }
    result = put_back(CFG, new, [one for one in found if one.path != "mine"])
    assert result == YML
    assert differences(CFG, result, GONE) == []


def test_external_services_in_harbor_yml() -> None:
    new = copy.deepcopy(YML)
    del new["database"]
    new["external_database"] = {
        "harbor": {"host": "db.example.com", "port": 5432, "username": "postgres", "password": "p: q", "db_name": "r"}
    }
    new["external_redis"] = {"host": "10.0.0.2", "port": 6379, "password": "0123"}
    new["external_redis"].update(registry_db_index=1, jobservice_db_index=2, chartmuseum_db_index=3)
    assert differences(EXTERNAL, new, GONE) == []
    new["external_redis"]["password"] = 83
    assert [one.path for one in differences(EXTERNAL, new, GONE)] == ["external_redis.password"]


def test_from_harbor_cfg_to_harbor_cfg() -> None:
    assert differences({**CFG, "_version": "1.6.0"}, CFG, ()) == []
    assert [one.path for one in differences(CFG, {**CFG, "db_password": "x"}, ())] == ["db_password"]


def test_http_has_no_certificates() -> None:
    new = {key: value for key, value in YML.items() if key != "https"}
    assert differences({**CFG, "ui_url_protocol": "http"}, new, GONE) == []

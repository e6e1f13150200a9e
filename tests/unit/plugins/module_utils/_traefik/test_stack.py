# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of the stack, and what it refuses."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.filter.traefik_stack import FilterModule, traefik_stack
from ansible_collections.dockyard.ops.plugins.filter.traefik_stack_error import traefik_stack_error
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack import compose
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._traefik import releases, routes, socket_rules, stack

SETTINGS: dict[str, Any] = {
    "name": "edge",
    "host": "apps.example.com",
    "directory": "/srv/edge",
    "node": "node1",
    "images": {
        "traefik": "docker.io/library/traefik:v3.7.15",
        "socket_proxy": "haproxy:3.2",
        "portainer": "portainer/portainer-ce:2.33.5",
        "agent": "portainer/agent:2.33.5",
        "registry": "registry:2.8.3",
    },
    "logging": {"driver": "json-file", "options": {}},
    "traefik_version": "",
    "traefik_options": {},
    "traefik_constraints": ["node.role == manager"],
    "publish": "host",
    "http_port": 80,
    "https_port": 443,
    "read_timeout": 3600,
    "refresh_seconds": 5,
    "retries": 2,
    "trusted_proxies": [],
    "hsts": 0,
    "middlewares": {},
    "dashboard": False,
    "dashboard_users": [],
    "tls": "own_ca",
    "certificate": "cert",
    "privatekey": "key",
    "acme_email": "",
    "acme_server": "",
    "acme_challenge": "http",
    "acme_ca": "",
    "portainer": True,
    "portainer_path": "/portainer",
    "portainer_password": "portainer-secret",
    "portainer_arguments": [],
    "portainer_trusted_origins": [],
    "agent_secret": "agent-secret",
    "registry": True,
    "registry_access": "published",
    "registry_host": "",
    "registry_port": 5000,
    "registry_delete_enabled": True,
    "services": [],
}
SHOP = {"name": "shop", "image": "shop:1", "port": 8080, "path_prefix": "/shop"}


def made(**other: Any) -> dict[str, Any]:
    return stack.definition({**SETTINGS, **other})


def static(**other: Any) -> Any:
    return json.loads(made(**other)["configs"]["static"]["content"])


def dynamic(**other: Any) -> Any:
    return json.loads(made(**other)["configs"]["dynamic"]["content"])


ALICE = "alice:$apr1$a9sR3wF1$e3LQVq0Bq4Ww7nGJvYzjK."


def refusal(**other: Any) -> str:
    with pytest.raises(DockyardError) as caught:
        made(**other)
    return str(caught.value)


def test_it_is_known_to_ansible() -> None:
    assert FilterModule().filters() == {"traefik_stack": traefik_stack}
    assert traefik_stack(SETTINGS) == made()
    with pytest.raises(AnsibleFilterError, match=r"no host name; correct it\. Nothing was changed\."):
        traefik_stack({**SETTINGS, "host": "a b"})
    with pytest.raises(AnsibleFilterError, match="takes the role's variables, and not list"):
        traefik_stack([])


def test_the_filter_that_gives_the_reason() -> None:
    assert not traefik_stack_error(SETTINGS)
    assert traefik_stack_error({**SETTINGS, "host": "a b"}).endswith(
        "is no host name; correct it. Nothing was changed."
    )
    with pytest.raises(AnsibleFilterError, match="traefik_stack_error takes the role's variables, and not list"):
        traefik_stack_error([])


@pytest.mark.parametrize("tls", ["own_ca", "acme"])
def test_it_is_a_stack_that_the_module_takes(tls: str) -> None:
    definition = made(tls=tls, registry_access="routed", registry_host="registry.example.com", services=[SHOP])
    parsed = compose.parse("edge", definition, variables={})
    assert list(parsed.services) == ["socket_proxy", "traefik", "agent", "portainer", "registry", "shop"]
    assert parsed.ignored == {}


def test_only_the_filter_and_the_agent_have_the_socket() -> None:
    having = [name for name, service in made()["services"].items() if stack.SOCKET in str(service.get("volumes"))]
    assert having == ["socket_proxy", "agent"]


def test_nothing_starts_beside_its_predecessor() -> None:
    for service in made()["services"].values():
        assert service["deploy"]["update_config"]["order"] == "stop-first"


def test_parts_can_be_left_out() -> None:
    definition = made(portainer=False, registry=False, portainer_password="")
    assert list(definition["services"]) == ["socket_proxy", "traefik"]
    assert list(definition["networks"]) == ["proxy", "socket"]
    assert list(definition["secrets"]) == ["tls.key"]


@pytest.mark.parametrize(
    ("given", "takes"),
    [
        ("http://a/portainer", "http://a/portainer/"),
        ("https://a/portainer?x=1", "https://a/portainer/?x=1"),
        ("https://a/portainer/x", ""),
        ("https://a/portainerfoo", ""),
    ],
)
def test_the_slash_that_is_missing(given: str, takes: str) -> None:
    labels = made()["services"]["portainer"]["deploy"]["labels"]
    regex = labels["traefik.http.middlewares.edge-portainer-slash.redirectregex.regex"]
    replacement = labels["traefik.http.middlewares.edge-portainer-slash.redirectregex.replacement"]
    found = re.search(regex, given)
    # Go writes ${1} what Python writes \g<1>.
    assert (found.expand(re.sub(r"\$\{(\d)\}", r"\\g<\1>", replacement)) if found else "") == takes


def test_the_rule_of_a_path() -> None:
    labels = made()["services"]["portainer"]["deploy"]["labels"]
    assert labels["traefik.http.routers.edge-portainer.rule"] == (
        "Host(`apps.example.com`) && (Path(`/portainer`) || PathPrefix(`/portainer/`))"
    )
    assert labels["traefik.http.services.edge-portainer.loadbalancer.server.port"] == "9000"


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "is empty, and nobody could log in"),
        ("\n", "has a line break"),
        ("portainer-secret\r\n", "has a line break or another control character"),
        ("short", "has 5 bytes, and must have from 12 to 72"),
        ("x" * 73, "has 73 bytes"),
        ("ä" * 37, "has 74 bytes"),
    ],
)
def test_passwords_with_which_nobody_could_log_in(password: str, why: str) -> None:
    assert why in refusal(portainer_password=password)


def test_a_registry_by_itself_has_tls_and_users() -> None:
    definition = made()
    content = json.loads(definition["configs"]["registry"]["content"])
    assert content["http"]["tls"] == {"certificate": "/etc/stack-tls/tls.crt", "key": "/run/secrets/tls.key"}
    assert content["auth"] == {"htpasswd": {"realm": "registry", "path": "/auth/htpasswd"}}
    assert definition["services"]["registry"]["ports"][0]["mode"] == "host"
    assert "labels" not in definition["services"]["registry"]["deploy"]


def test_a_registry_behind_traefik_takes_slow_pushes() -> None:
    definition = made(registry_access="routed", registry_host="registry.example.com")
    assert "ports" not in definition["services"]["registry"]
    assert "tls" not in json.loads(definition["configs"]["registry"]["content"])["http"]
    transport = static()["entryPoints"]["websecure"]["transport"]
    assert transport["respondingTimeouts"] == {"readTimeout": "3600s"}


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"name": "Edge!"}, "has the name 'Edge!'"),
        ({"host": "https://a.test/"}, "traefik_stack_host has the host 'https://a.test/', which is no host name"),
        ({"portainer_path": "portainer"}, "has the path prefix 'portainer'"),
        ({"registry_access": "routed"}, "registry_host is none of its own"),
        ({"tls": "acme"}, "has no certificate of its own with ACME"),
        ({"dashboard": True}, "has no users in traefik_stack_dashboard_users and would be open"),
        ({"dashboard": True, "dashboard_users": [ALICE, "bob:secret"]}, "as entry 2 no line that htpasswd makes"),
        ({"dashboard": True, "dashboard_users": [ALICE.replace("$", "$$")]}, "and a $ where compose files have two"),
        ({"services": [{**SHOP, "port": None}]}, "has no port, without which Traefik answers 404"),
        ({"services": [{**SHOP, "port": "http"}]}, "The service shop has the port http, which is no number"),
        ({"services": [{**SHOP, "rule": "Host(`a`)"}]}, "give one or the other"),
        ({"services": [{**SHOP, "path_prefix": ""}]}, "would take all requests"),
        ({"services": [{**SHOP, "path_prefix": "", "rule": "Host(`a`"}]}, "in which a ( or a ) is missing"),
        ({"services": [{**SHOP, "path_prefix": "", "rule": "Host(`a)"}]}, "in which a ` or a ` is missing"),
        ({"services": [{**SHOP, "image": ""}]}, "has no image"),
        ({"services": [{**SHOP, "lables": {}}]}, "has lables, which this role does not know"),
        ({"services": [{**SHOP, "name": "traefik"}]}, "has the name of one of the role's own"),
        ({"services": [SHOP, SHOP]}, "is there twice"),
        ({"services": [{**SHOP, "middlewares": ["x"]}]}, "names the middleware x"),
        ({"services": [{**SHOP, "path_prefix": "", "rule": "Hosts(`a`)"}]}, "with Hosts, which Traefik does not know"),
        (
            {"services": [{**SHOP, "path_prefix": "", "rule": "Host(`a`, `b`)"}]},
            "has the rule Host(`a`, `b`), in which Host has 2 values, and Traefik 3 takes 1; join conditions",
        ),
        ({"services": [SHOP, {**SHOP, "name": "shop2"}]}, "The service shop2 has the rule Host("),
        ({"services": [SHOP, {**SHOP, "name": "shop2"}]}, ", and so has shop; correct it"),
        ({"traefik_options": {"providers": {}}}, "providers is made by this role from other variables"),
        ({"traefik_options": {"acessLog": {}}}, "acessLog is no option of Traefik"),
    ],
)
def test_what_is_refused(other: dict[str, Any], why: str) -> None:
    assert why in refusal(**other)


def test_services_of_a_user() -> None:
    service = made(services=[{**SHOP, "middlewares": ["m"], "replicas": "3"}], middlewares={"m": {"compress": {}}})
    shop = service["services"]["shop"]
    assert shop["deploy"]["replicas"] == 3
    assert (
        shop["deploy"]["labels"]["traefik.http.routers.edge-shop.middlewares"]
        == "m@file,edge-shop-slash,edge-shop-strip,stack-retry@file"
    )
    once = made(services=[SHOP], retries=0)
    assert "retry" not in once["services"]["shop"]["deploy"]["labels"]["traefik.http.routers.edge-shop.middlewares"]
    assert "stack-retry" not in once["configs"]["dynamic"]["content"]
    assert dynamic()["http"]["middlewares"]["stack-retry"]["retry"]["attempts"] == 3
    assert static()["serversTransport"]["forwardingTimeouts"]["dialTimeout"] == "3s"
    # A host that has no inotify instance left would have a Traefik without certificates and middlewares.
    assert static()["providers"]["file"]["watch"] is False
    kept = routes.further("edge", {**SHOP, "strip_prefix": False}, "apps.example.com", "acme")
    assert "traefik.http.routers.edge-shop.middlewares" not in kept
    assert kept["traefik.http.routers.edge-shop.tls.certresolver"] == "acme"


def test_no_part_of_an_entry_point_is_empty() -> None:
    # Traefik does not start with such a one.
    older = static(images={**SETTINGS["images"], "traefik": "traefik:v3.6.15"})["entryPoints"]["websecure"]
    assert "http" not in older
    assert static()["entryPoints"]["websecure"]["http"] == {"aliasHeadersStrategy": "delete"}


def test_certificates_by_acme() -> None:
    options = {"tls": "acme", "registry": False, "acme_email": "a@example.com"}
    found = static(**options, acme_server="https://acme.example.com/dir")["certificatesResolvers"]["acme"]["acme"]
    assert found == {
        "email": "a@example.com",
        "storage": "/acme/acme.json",
        "caServer": "https://acme.example.com/dir",
        "httpChallenge": {"entryPoint": "web"},
    }
    assert "tlsChallenge" in str(static(**options, acme_challenge="tls"))
    traefik = made(**options)["services"]["traefik"]
    assert traefik["deploy"]["placement"] == {"constraints": ["node.id == node1"]}
    assert traefik["deploy"]["mode"] == made()["services"]["traefik"]["deploy"]["mode"] == "global"
    assert "tls" not in dynamic(**options)
    assert "acme_ca" not in made(**options)["configs"]
    own = made(**options, acme_ca="-----BEGIN")
    assert own["configs"]["acme_ca"] == {"content": "-----BEGIN"}
    target = own["services"]["traefik"]["configs"][-1]
    assert target["source"] == "acme_ca"
    known = json.loads(own["configs"]["static"]["content"])["certificatesResolvers"]["acme"]["acme"]
    assert known["caCertificates"] == [target["target"]]


@pytest.mark.parametrize(
    ("tag", "written"), [("2.33.5", "a.test,b.test:8443"), ("2.41.0-alpine", "https://a.test,https://b.test:8443")]
)
def test_trusted_origins_are_written_as_the_version_wants_them(tag: str, written: str) -> None:
    images = {**SETTINGS["images"], "portainer": f"docker.io/portainer/portainer-ce:{tag}"}
    names = ["a.test", "b.test:8443"]
    command = made(images=images, portainer_trusted_origins=names)["services"]["portainer"]["command"]
    assert command[-2:] == ["--trusted-origins", written]
    assert "--trusted-origins" not in made(images=images)["services"]["portainer"]["command"]


def test_trusted_origins_that_can_not_be_written() -> None:
    images = {**SETTINGS["images"], "portainer": "portainer-ce:lts"}
    assert "the tag of portainer-ce:lts does not say" in refusal(images=images, portainer_trusted_origins=["a.test"])
    assert "has https://a.test, which is no host name" in refusal(portainer_trusted_origins=["https://a.test"])


def test_the_dashboard_is_behind_a_login_that_goes_no_further() -> None:
    found = dynamic(dashboard=True, dashboard_users=[ALICE])["http"]
    assert found["routers"]["dashboard"]["middlewares"] == ["dashboard-login"]
    assert found["middlewares"]["dashboard-login"] == {"basicAuth": {"users": [ALICE], "removeHeader": True}}
    assert "api" not in static()
    assert "insecure" not in static(dashboard=True, dashboard_users=[ALICE])["api"]


def test_headers_of_proxies_and_of_hsts() -> None:
    found = static(trusted_proxies=["10.0.0.0/8"], hsts=600)["entryPoints"]
    assert found["web"]["forwardedHeaders"] == {"trustedIPs": ["10.0.0.0/8"]}
    assert found["websecure"]["http"]["middlewares"] == ["hsts@file"]
    assert dynamic(hsts=600)["http"]["middlewares"]["hsts"]["headers"]["stsSeconds"] == 600


@pytest.mark.parametrize(
    ("image", "declared", "version"),
    [
        ("docker.io/library/traefik:v3.7.15", "", (3, 7, 15)),
        ("traefik:3.6.25-trixie@sha256:0", "", (3, 6, 25)),
        ("registry:5000/traefik:v3.7", "", (3, 7, 999)),
        ("registry:5000/traefik:mine", "3.5.1", (3, 5, 1)),
    ],
)
def test_the_version_of_an_image(image: str, declared: str, version: releases.Version) -> None:
    assert releases.version_of(image, declared) == version


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("traefik", "traefik_version_unknown"),
        ("registry:5000/traefik", "traefik_version_unknown"),
        ("traefik:latest", "traefik_version_unknown"),
        ("traefik:v2.11.57", "traefik_version_unsupported"),
        ("traefik:v3.5.0", "traefik_version_unsupported"),
    ],
)
def test_images_whose_options_are_not_known(image: str, code: str) -> None:
    with pytest.raises(DockyardError) as caught:
        releases.version_of(image)
    assert caught.value.code == code


def test_options_that_come_with_a_version() -> None:
    configuration = {"entryPoints": {"web": {"http": {"aliasHeadersStrategy": "drop"}}, "other": {}}}
    releases.check_known(configuration, (3, 7, 12))
    with pytest.raises(
        DockyardError, match=r"entryPoints\.web\.http\.aliasHeadersStrategy is known from Traefik 3\.7\.12 on"
    ):
        releases.check_known(configuration, (3, 7, 11))


@pytest.mark.parametrize("path", ["/_ping", "/v1.41/services", "/nodes/abc123", *socket_rules.ASKED])
def test_the_filter_lets_through(path: str) -> None:
    assert re.search(_filter(), path)


@pytest.mark.parametrize("path", [path for method, path in socket_rules.REFUSED if method == "GET"])
def test_the_filter_refuses(path: str) -> None:
    assert not re.search(_filter(), path)


def _filter() -> str:
    found = re.search(r"path_reg (\S+)", socket_rules.configuration())
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("version", "newest", "oldest", "why"),
    [
        (
            (3, 6, 0),
            "1.51",
            "1.44",
            "asks the engine in version 1.24 of its API, and this engine knows none before 1.44",
        ),
        ((3, 6, 0), "1.51", "1.24", ""),
        ((3, 6, 1), "1.51", "1.44", ""),
        ((3, 6, 16), "1.39", "1.12", "wants version 1.40 of the engine's API, and this engine knows none after 1.39"),
        ((3, 6, 15), "1.39", "1.12", ""),
        ((3, 7, 15), "1.41", "1.12", ""),
    ],
)
def test_the_engine_of_a_version(version: releases.Version, newest: str, oldest: str, why: str) -> None:
    if not why:
        releases.check_engine(version, newest, oldest)
        return
    with pytest.raises(DockyardError, match=why):
        releases.check_engine(version, newest, oldest)

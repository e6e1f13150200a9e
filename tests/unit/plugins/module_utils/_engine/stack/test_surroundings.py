# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is compared with the Swarm before anything is deployed: networks, ports, names; logins and images."""

from __future__ import annotations

import base64
import json
import pathlib
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack import (
    checks,
    compose,
    images,
    logins,
    networks,
    plan,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack.logins import LABEL, Logins
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack.objects import Objects
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack.steps import Plan
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack.survey import Survey
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

OURS = {"com.docker.stack.namespace": "s"}


def network(name: str = "s_default", **options: Any) -> dict[str, Any]:
    return {
        "Id": f"id-{name}",
        "Name": name,
        "Scope": "swarm",
        "Driver": "overlay",
        "IPAM": {"Driver": "default", "Config": [{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1"}]},
        "Options": {"com.docker.network.driver.overlay.vxlanid_list": "4097"},
        "Labels": OURS,
        **options,
    }


def service(name: str, target: str = "", ports: list[dict[str, Any]] | None = None, **labels: str) -> dict[str, Any]:
    template = {"ContainerSpec": {"Image": "x"}, "Networks": [{"Target": target}] if target else []}
    spec = {"Name": name, "Labels": labels, "TaskTemplate": template, "EndpointSpec": {"Ports": ports or []}}
    return {"ID": f"id-{name}", "Spec": {**spec, "Mode": {"Replicated": {"Replicas": 1}}}}


def survey(*found: dict[str, Any], services: tuple[dict[str, Any], ...] = ()) -> Survey:
    return Survey(
        cluster="c",
        networks={each["Name"]: each for each in found},
        services={each["Spec"]["Name"]: each for each in services},
    )


def planned(content: dict[str, Any], around: Survey) -> Plan:
    definition = compose.parse("s", {"services": {"web": {"image": "x"}}, **content})
    objects = Objects(definition, "c")
    checks.require_external(objects, around)
    found = plan.build(definition, objects, around, None, False, Logins())
    plan.add_removals(found, definition, around, False)
    checks.require_free_ports(found, around)
    checks.require_free_subnets(found, around)
    checks.require_unused_networks(found, around)
    return found


def refusal(content: dict[str, Any], around: Survey) -> tuple[str, str]:
    with pytest.raises(DockyardError) as caught:
        planned(content, around)
    return caught.value.code, caught.value.message


def declared(**options: Any) -> dict[str, Any]:
    return {"networks": {"default": options}}


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"driver": "bridge"}, "driver (overlay, declared is bridge)"),
        ({"ipam": {"config": [{"subnet": "10.0.2.0/24"}]}}, "subnet (10.0.1.0/24, declared is 10.0.2.0/24)"),
        ({"internal": True}, "internal"),
        ({"attachable": True}, "attachable"),
        ({"driver_opts": {"encrypted": ""}}, "driver_opts.encrypted"),
        ({"labels": {"a": "b"}}, "labels.a"),
    ],
)
def test_a_network_that_differs(options: dict[str, Any], difference: str) -> None:
    user = service("other_web", "id-s_default")
    assert refusal(declared(**options), survey(network(), services=(user,))) == (
        "stack_network_differs",
        f"The network s_default differs in {difference}, which a Swarm can't change, and other_web uses it; declare a"
        " network"
        " of another name in its place, or remove the stack first.",
    )
    (step,) = planned(declared(**options), survey(network())).networks
    assert (step.action, step.differences) == ("replaced", [difference])


def test_a_network_that_does_not_differ() -> None:
    same = declared(ipam={"config": [{"subnet": "10.0.1.0/24"}]})
    for content in (same, {}):
        (step,) = planned(content, survey(network())).networks
        assert step.action == "none"


def test_a_network_that_is_not_ours() -> None:
    assert refusal({}, survey(network(Labels={}))) == (
        "stack_name_taken",
        "There is a network s_default that is not of the stack s; choose another name, or declare it with external:"
        " true.",
    )


def test_subnets_that_overlap() -> None:
    wanted = declared(ipam={"config": [{"subnet": "10.0.1.128/25"}]})
    assert refusal(wanted, survey(network("other"))) == (
        "stack_subnet_taken",
        "The subnet 10.0.1.128/25 of the network s_default overlaps the network other (10.0.1.0/24); choose another.",
    )
    code, message = refusal(declared(ipam={"config": [{"subnet": "10.0.1.1/24"}]}), survey())
    assert (code, message) == (
        "stack_value_invalid",
        "The network s_default has the subnet 10.0.1.1/24, which is none (10.0.1.1/24 has host bits set); correct it.",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"networks": {"default": {"external": True, "name": "prxy"}}},
            "networks.default is external, and the Swarm has no network prxy (it has local, proxy); create it, or"
            " correct"
            " the name.",
        ),
        (
            {"networks": {"default": {"external": True, "name": "local"}}},
            "networks.default names local, which is a network of this host alone; create one with the driver overlay.",
        ),
        (
            {"secrets": {"pw": {"external": True}}},
            "secrets.pw is external, and the Swarm has no secret pw (it has none); create it, or correct the name.",
        ),
        (
            {"configs": {"conf": {"external": {"name": "old"}}}},
            "configs.conf is external, and the Swarm has no config old (it has none); create it, or correct the name.",
        ),
    ],
)
def test_what_is_external_must_be_there(content: dict[str, Any], message: str) -> None:
    around = survey(network("proxy", Labels={}), network("local", Scope="local"))
    assert refusal(content, around)[1] == message


def test_networks_of_the_engine_are_always_there() -> None:
    planned({"networks": {"default": {"external": True, "name": "host"}}}, survey())


def test_ports_that_another_service_has() -> None:
    port = {"PublishedPort": 80, "Protocol": "tcp", "PublishMode": "ingress"}
    content = {"services": {"web": {"image": "x", "ports": ["80:8080"]}}}
    assert refusal(content, survey(services=(service("other", ports=[port]),))) == (
        "stack_port_taken",
        "s_web publishes port 80/tcp, which other has on all nodes; choose another.",
    )
    planned(content, survey(services=(service("other", ports=[{**port, "PublishMode": "host"}]),)))
    planned(content, survey(services=(service("other", ports=[{**port, "Protocol": "udp"}]),)))
    twice = {"services": {"a": {"image": "x", "ports": ["80:1"]}, "b": {"image": "x", "ports": ["80:2"]}}}
    assert refusal(twice, survey())[1] == "s_b publishes port 80/tcp, which s_a has on all nodes; choose another."


def test_a_service_that_is_not_ours() -> None:
    assert refusal({}, survey(services=(service("s_web"),))) == (
        "stack_name_taken",
        "The Swarm has a service s_web that is not of the stack s; choose another name, or remove that service.",
    )


@pytest.mark.parametrize(
    "broken",
    [
        {"environment": 5},
        {"deploy": {"placement": {"preferences": ["a"]}}},
        {"ulimits": ["a"]},
        {"logging": {"options": "x"}},
    ],
)
def test_values_of_another_type_are_refused_and_no_traceback(broken: dict[str, Any]) -> None:
    code, message = refusal({"services": {"web": {"image": "x", **broken}}}, survey())
    assert code == "stack_value_invalid"
    assert message.startswith("services.web")


def test_networks_of_old_services_are_seen() -> None:
    old = service("other")
    old["Spec"]["Networks"] = [{"Target": "s_default"}]
    assert networks.users_of(network(), survey(services=(old,))) == ["other"]


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("nginx", "https://index.docker.io/v1/"),
        ("library/nginx:1", "https://index.docker.io/v1/"),
        ("docker.io/library/nginx", "https://index.docker.io/v1/"),
        ("r.test/nginx", "r.test"),
        ("localhost/nginx", "localhost"),
        ("r:5000/nginx:1", "r:5000"),
    ],
)
def test_registries_of_images(image: str, registry: str) -> None:
    assert logins.registry_of(image) == registry


def test_logins(tmp_path: pathlib.Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps(
            {
                "auths": {"t.test": {"identitytoken": "tok"}, "x.test": {"auth": "%"}, "h.test": {}},
                "credsStore": "desktop",
            }
        )
    )
    given = [{"registry": "docker.io", "username": "u", "password": "p"}]
    known = logins.collect(given, str(config))

    def login(image: str) -> Any:
        header = known.headers(image).get("X-Registry-Auth")
        return json.loads(base64.urlsafe_b64decode(header)) if header else None

    assert login("nginx") == {"username": "u", "password": "p", "serveraddress": "https://index.docker.io/v1/"}
    assert login("t.test/x") == {"identitytoken": "tok", "serveraddress": "t.test"}
    assert login("h.test/x") is None
    assert (known.out_of_reach("h.test/x"), known.out_of_reach("nginx"), known.out_of_reach("n.test/x")) == (
        "desktop",
        "",
        "",
    )
    with pytest.raises(DockyardError, match="The login of x.test in login_config can't be read"):
        login("x.test/x")
    config.write_text("[]")
    with pytest.raises(DockyardError, match="can't be read .it is no JSON object.; correct login_config."):
        logins.collect([], str(config))
    assert logins.collect([], str(tmp_path / "none")) == logins.Logins()


@pytest.mark.parametrize(
    ("image", "tagged"),
    [("x", "x:latest"), ("r:5000/x", "r:5000/x:latest"), ("x:1", "x:1"), ("x@sha256:1", "x@sha256:1")],
)
def test_tags(image: str, tagged: str) -> None:
    assert images.with_tag(image) == tagged


@pytest.mark.parametrize(
    ("running", "declared_as"),
    [("x:1@sha256:1", "x:1"), ("x:latest@sha256:1", "x:latest"), ("x", "x:latest"), ("x@sha256:1", "x@sha256:1")],
)
def test_the_declared_part_of_an_image(running: str, declared_as: str) -> None:
    assert images.declared_part(running) == declared_as


def test_another_login_is_an_update_by_a_label() -> None:
    definition = compose.parse("s", {"services": {"web": {"image": "registry.test/web:1"}, "other": {"image": "x"}}})
    marks = []
    for password in ("one", "one", "two"):
        given = logins.collect([{"registry": "registry.test", "username": "a", "password": password}], "/none")
        steps = plan.build(definition, Objects(definition, "c"), survey(), None, False, given).services
        labels = {step.name: step.spec["Labels"] for step in steps}
        assert LABEL not in labels["s_other"]
        assert password not in labels["s_web"][LABEL]
        marks.append(labels["s_web"][LABEL])
    assert marks[0] == marks[1] != marks[2]
    # Another Swarm has another one.
    assert given.mark("registry.test/web:1", "d") != marks[2]

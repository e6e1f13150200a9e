# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that have to reach what runs, and the revision before; and what the role can be other than by default."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Any, Callable

from stack_cluster import CA, HELLO, HOST, REGISTRY, Cluster

from stack.nodes import ask

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "traefik"))
import traefik  # noqa: E402

_REGISTRY = "docker ps --quiet --no-trunc --filter label=com.docker.swarm.service.name=edge_registry"
_LOGIN = "curl -s -o /dev/null -w '%{{http_code}}' --cacert {ca} --resolve {name}:443:127.0.0.1 --user alice:{password} https://{name}/v2/"
_STATUS = "curl -s -o /dev/null -w '%{{http_code}}' --cacert {ca} --resolve {name}:{port}:{address} {options} https://{name}:{port}{path}"
_ANOTHER: dict[str, Any] = {"traefik_stack_registry_users": [{"name": "alice", "password": "alice-Xoo5ahph"}]}
_TRUST = """
mkdir -p /etc/docker/certs.d/{name} && cp /root/ca.crt /etc/docker/certs.d/{name}/ca.crt
grep -q {name} /etc/hosts || echo 127.0.0.1 {name} >> /etc/hosts
"""
_DASHBOARD_USER = "admin:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="  # its password is "password"


def faults() -> list[tuple[str, Callable[[Cluster], tuple[str, list[str]]]]]:
    return [
        ("changed config", changed_config),
        ("changed user of the registry", changed_user),
        ("changed password of a service, fresh node", changed_login),
        ("revision before", revision_before),
        ("drift", drift),
        ("dashboard behind a login", dashboard),
        ("published registry", published),
        ("ports of the routing mesh", ingress),
        ("certificate that is supplied, and renewed", supplied),
        ("Traefik 3.6", older_traefik),
    ]


def status(
    cluster: Cluster, name: str, path: str, port: int = 443, options: str = "", address: str = "127.0.0.1"
) -> str:
    return cluster.first.run(
        _STATUS.format(ca=CA, name=name, path=path, port=port, options=options, address=address)
    ).stdout


def _back(cluster: Cluster) -> list[str]:
    answer = cluster.entry("main")
    return [f"not back: {answer['msg']}"] if answer["failed"] else []


def _actions(answer: dict[str, Any]) -> dict[str, str]:
    services = answer["facts"].get("traefik_stack_result", {}).get("services", {})
    return {name: service["action"] for name, service in services.items() if service["action"] != "none"}


def changed_config(cluster: Cluster) -> tuple[str, list[str]]:
    """Change what is in a config: a Swarm can't do that, and another one goes out under another name."""
    answer = cluster.entry("main", traefik_stack_hsts=600)
    broken = [answer["msg"]] if answer["failed"] else []
    touched = _actions(answer)
    broken += [f"touched: {touched}"] if touched != {"edge_traefik": "updated"} else []
    header = cluster.first.run(
        f"curl -s -I --cacert {CA} --resolve {HOST}:443:127.0.0.1 https://{HOST}/hello/ | grep -i strict-transport"
    ).stdout
    broken += [] if "max-age=600" in header else [f"the header is not sent: {header}"]
    return f"only Traefik was updated, and sends {' '.join(header.split())}", broken + _back(cluster)


def changed_user(cluster: Cluster) -> tuple[str, list[str]]:
    container = cluster.first.must(_REGISTRY)
    answer = cluster.entry("main", **_ANOTHER)
    broken = [answer["msg"]] if answer["failed"] else []
    broken += ["the registry was restarted"] if cluster.first.must(_REGISTRY) != container else []
    for password, expected in (("alice-Xoo5ahph", "200"), ("alice-Loh5eeng", "401")):
        found = cluster.first.run(_LOGIN.format(ca=CA, name=REGISTRY, password=password)).stdout
        broken += [f"{password} is answered with {found}"] if found != expected else []
    return "the new password is taken, the old one refused, by the same container", broken + _back(cluster)


def changed_login(cluster: Cluster) -> tuple[str, list[str]]:
    """Change the password with which nodes pull: one that never had the image has to get it with the new one."""
    first, fresh = cluster.first, cluster.nodes[2]
    ca = first.must(f"cat {CA}") + "\n"
    for node in cluster.nodes:
        node.write(ca, "/root/ca.crt")
        node.must(_TRUST.format(name=REGISTRY))
    image = f"{REGISTRY}/team/app:1"
    first.must(f"echo alice-Loh5eeng | docker login -u alice --password-stdin {REGISTRY} 2>/dev/null >/dev/null")
    first.must(f"docker tag scenario/hello:1 {image}; docker push -q {image} && docker image rm {image}")
    service = {"name": "app", "image": image, "path_prefix": "/app", "port": 8080}
    on_first = {**service, "constraints": [f"node.hostname == {first.must('hostname')}"]}

    def run(password: str, declared: dict[str, Any]) -> dict[str, Any]:
        return cluster.entry(
            "main",
            traefik_stack_services=[HELLO, declared],
            traefik_stack_registry_users=[{"name": "alice", "password": password}],
            traefik_stack_logins=[{"registry": REGISTRY, "username": "alice", "password": password}],
        )

    answer = run("alice-Loh5eeng", on_first)
    broken = [f"first: {answer['msg']}"] if answer["failed"] else []
    container = first.must("docker ps -q --filter label=com.docker.swarm.service.name=edge_app")
    answer = run("alice-Xoo5ahph", on_first)
    broken += [f"changed: {answer['msg']}"] if answer["failed"] else []
    now = first.must("docker ps -q --filter label=com.docker.swarm.service.name=edge_app")
    broken += ["the other password restarted the service"] if now != container else []
    # The Swarm itself moves it, without another run.
    first.must(
        f"docker service update --detach --constraint-rm 'node.hostname == {first.must('hostname')}'"
        f" --constraint-add 'node.hostname == {fresh.must('hostname')}' edge_app >/dev/null"
    )
    seconds = cluster.until("docker ps -q --filter label=com.docker.swarm.service.name=edge_app | grep -q .", 90, fresh)
    return f"pulled by a node that never had it after {seconds:.0f} s", broken + _back(cluster)


def revision_before(cluster: Cluster) -> tuple[str, list[str]]:
    """Change, roll back to the revision before, and forth again."""
    answer = cluster.entry("main", traefik_stack_services=[{**HELLO, "path_prefix": "/other", "replicas": 2}])
    broken = [answer["msg"]] if answer["failed"] else []
    found = []
    for expected in ("/hello/", "/other/"):
        answer = cluster.entry("rollback")
        broken += [answer["msg"]] if answer["failed"] else []
        found.append(f"{expected} {status(cluster, HOST, expected)}")
    broken += [f"answers: {found}"] if [one[-3:] for one in found] != ["200", "200"] else []
    return "back to the revision before, proven, and forth again", broken + _back(cluster)


def drift(cluster: Cluster) -> tuple[str, list[str]]:
    """Change things behind the role's back, and have them reported without a change."""
    rows = cluster.entry("drift")["facts"]["traefik_stack_drift"]
    broken = [f"nothing was changed, and it reports {rows}"] if any(row["drift"] for row in rows) else []
    cluster.first.must(
        "docker service update --detach --env-add X=1 edge_hello >/dev/null; docker service rm edge_agent >/dev/null;"
        " docker network create --driver overlay --label com.docker.stack.namespace=edge edge_extra >/dev/null"
    )
    rows = cluster.entry("drift")["facts"]["traefik_stack_drift"]
    keys = {row["key"] for row in rows if row["drift"]}
    expected = {"service edge_hello", "service edge_agent", "network edge_extra"}
    broken += [f"reported: {sorted(keys)}"] if not expected <= keys else []
    return f"reported: {', '.join(sorted(expected))}", broken + _back(cluster)


def dashboard(cluster: Cluster) -> tuple[str, list[str]]:
    answer = cluster.entry("main", traefik_stack_dashboard=True, traefik_stack_dashboard_users=[_DASHBOARD_USER])
    broken = [answer["msg"]] if answer["failed"] else []
    for what, options, expected in (("no login", "", "401"), ("a login", "--user admin:password", "200")):
        found = status(cluster, HOST, "/dashboard/", options=options)
        broken += [f"with {what} it answers {found}"] if found != expected else []
    return "401 without a login, 200 with it", broken + _back(cluster)


def published(cluster: Cluster) -> tuple[str, list[str]]:
    answer = cluster.entry("main", traefik_stack_registry_access="published")
    broken = [answer["msg"]] if answer["failed"] else []
    found = status(cluster, HOST, "/v2/", 5000, "--user alice:alice-Loh5eeng")
    broken += [f"on its port it answers {found}"] if found != "200" else []
    gone = status(cluster, REGISTRY, "/v2/")
    broken += [f"by its host name it still answers {gone}"] if gone != "404" else []
    return "on port 5000 with TLS of its own, and no more by its host name", broken + _back(cluster)


def ingress(cluster: Cluster) -> tuple[str, list[str]]:
    """Where the kernel has no IPVS, the mesh itself can't answer; what is published is seen, and it comes back."""
    answer = cluster.entry("main", traefik_stack_publish="ingress", traefik_stack_prove=False)
    broken = [answer["msg"]] if answer["failed"] else []
    ports = cluster.first.must("docker service inspect edge_traefik --format '{{json .Endpoint.Ports}}'")
    broken += [] if ports.count('"PublishMode":"ingress"') == 2 else [f"published: {ports}"]
    broken += _back(cluster)
    found = ask(cluster, 6, 10, cluster.nodes)
    return "published on all nodes", broken + ([f"lost afterwards: {found}"] if found["lost"] else [])


_ISSUE = """
cd /root && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days {days} -subj /CN={name} \
    -addext subjectAltName=DNS:{name},DNS:{other} -keyout own.key -out own.crt 2>/dev/null
cat own.crt && echo == && cat own.key
"""
_FINGERPRINT = "openssl x509 -noout -fingerprint -sha256"
_SERVED = f"echo | openssl s_client -connect 127.0.0.1:443 -servername {{name}} 2>/dev/null | {_FINGERPRINT}"


def supplied(cluster: Cluster) -> tuple[str, list[str]]:
    """Bring a certificate, and one that takes its place: what is served is the new one."""
    broken: list[str] = []
    served = []
    for days in (30, 60):
        certificate, _mark, key = cluster.first.must(_ISSUE.format(days=days, name=HOST, other=REGISTRY)).partition(
            "==\n"
        )
        answer = cluster.entry(
            "main",
            traefik_stack_tls="supplied",
            traefik_stack_tls_certificate_content=certificate,
            traefik_stack_tls_privatekey_content=key + "\n",
            traefik_stack_tls_ca_content=certificate,
        )
        broken += [answer["msg"]] if answer["failed"] else []
        found = cluster.first.run(_SERVED.format(name=HOST)).stdout.strip()
        expected = cluster.first.must(f"{_FINGERPRINT} -in /root/own.crt")
        broken += [f"served is {found}, and not {expected}"] if found != expected else []
        served.append(found)
    broken += ["both times the same one"] if served[0] == served[1] else []
    return "the one that is supplied is served, and after it the new one", broken + _back(cluster)


def older_traefik(cluster: Cluster) -> tuple[str, list[str]]:
    """Go back to Traefik 3.6, whose options are others, and forth again; every node gets its image."""
    version, path = "3.6.15", "/root/traefik-3.6"
    for node in cluster.nodes:
        program = str(traefik.ensure(version))
        subprocess.run(["docker", "cp", "-q", program, f"{node.container}:{path}"], check=True)
    answer = cluster.deploy(
        traefik_stack_traefik_image=f"docker.io/library/traefik:v{version}",
        images_traefik_program=path,
        images_traefik_version=version,
    )
    broken = [answer["msg"]] if answer["failed"] else []
    proven = answer["facts"].get("traefik_stack_result", {}).get("proven", [])
    containers = "docker ps -q --filter label=com.docker.swarm.service.name=edge_traefik"
    found = cluster.first.run(f"docker exec $({containers}) traefik version | grep ^Version").stdout.split()
    broken += [f"what runs is {found}"] if found[-1:] != [version] else []
    lost = ask(cluster, 9, 10, cluster.nodes)
    broken += [f"lost: {lost}"] if lost["lost"] else []
    return f"{version} on every node, proven: {len(proven)}", broken + _back(cluster)

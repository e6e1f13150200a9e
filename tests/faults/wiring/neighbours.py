# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other engines beside Docker, and Docker without root: what is said is right, or plainly marked."""

from __future__ import annotations

from wiring.host import IMAGE, SCRIPTS, Host, Row, by_name

_PODMAN = f"""
set -eu
printf '[storage]\\ndriver="vfs"\\nrunroot="/run/containers/storage"\\ngraphroot="/var/lib/containers/storage"\\n' \
    >/etc/containers/storage.conf
# Test hosts have no controller of cgroups for the number of processes, and crun of Debian 12 does not start there.
printf '[containers]\\npids_limit=0\\n[engine]\\nruntime="runc"\\n' >/etc/containers/containers.conf
docker save --output /tmp/image.tar {IMAGE}
image=$(podman load --quiet --input /tmp/image.tar | sed 's/.*: //')
docker network create --subnet 10.87.0.0/24 shop >/dev/null
docker run --detach --name web --network shop --publish 8080:80 {IMAGE} sleep 100000 >/dev/null
podman network create --subnet 10.77.7.0/24 other >/dev/null
run() {{ podman run --detach --name "$1" "$2" "$3" "$image" sleep 100000 >/dev/null; }}
run podweb --network other
run podhost --network host
run podjoined --network "ns:/proc/$(docker inspect --format '{{{{.State.Pid}}}}' web)/ns/net"
docker create --name late --publish 8099:80 {IMAGE} sleep 1 >/dev/null
podman run --detach --name podport --network other --publish 8099:80 "$image" sleep 100000 >/dev/null
ctr --namespace mine images import /tmp/image.tar >/dev/null
ctr --namespace mine run --detach --cpu-shares 0 docker.io/{IMAGE} ctrweb sleep 100000
"""
_PODMAN_ENDS = """
podman rm --all --force --time 0; podman network prune --force
ctr --namespace mine task kill --signal KILL ctrweb; sleep 1; ctr --namespace mine container rm ctrweb
"""
_USER = "rootless"
_ROOTLESS = f"""
set -eu
id {_USER} >/dev/null 2>&1 || useradd --create-home {_USER}
run=/run/user/$(id --user {_USER})
mkdir -p $run /sys/fs/cgroup/{_USER}/init
chown {_USER} $run
chown -R {_USER} /sys/fs/cgroup/{_USER}
# A user without root may mount sysfs only where nothing of it is covered.
if mountpoint --quiet /sys/firmware; then umount /sys/firmware; fi
cat >/home/{_USER}/start.sh <<END
export XDG_RUNTIME_DIR=$run PATH=/usr/sbin:/sbin:$PATH:/usr/share/docker.io/contrib
export DOCKERD_ROOTLESS_ROOTLESSKIT_NET=slirp4netns
cd
exec dockerd-rootless.sh --storage-driver=vfs --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent=/{_USER} \
    >/tmp/rootless.log 2>&1
END
echo $$ >/sys/fs/cgroup/{_USER}/init/cgroup.procs
setsid --fork su {_USER} --command 'sh /home/{_USER}/start.sh' </dev/null >/dev/null 2>&1
export DOCKER_HOST=unix://$run/docker.sock
timeout 60 sh -c 'until docker info >/dev/null 2>&1; do sleep 0.3; done'
docker load --quiet --input /tmp/rootless.tar >/dev/null
docker network create --subnet 10.87.0.0/24 own >/dev/null
docker network create --opt com.docker.network.bridge.enable_icc=false --subnet 10.89.0.0/24 apart >/dev/null
docker run --detach --name web --network own --publish 8090:80 {IMAGE} ping -q -i 0.3 -p d0cc0001a5 10.87.0.1 >/dev/null
docker run --detach --name side --network container:web {IMAGE} sleep 100000 >/dev/null
docker run --detach --name onhost --network host {IMAGE} sleep 100000 >/dev/null
docker run --detach --name without --network none {IMAGE} sleep 100000 >/dev/null
docker run --detach --name alone --network apart {IMAGE} sleep 100000 >/dev/null
cat $run/docker.pid
"""
_ROOTLESS_ENDS = f"""
docker -H unix:///run/user/$(id --user {_USER})/docker.sock rm --force web side onhost without alone
kill $(cat /run/user/$(id --user {_USER})/docker.pid)
"""


def podman(host: Host) -> tuple[str, list[str]]:
    """Podman's and containerd's containers, one of them in the network of Docker's."""
    host.install("podman", "netavark", "aardvark-dns")
    host.engine_answers()
    host.empty()
    try:
        host.must(_PODMAN)
        topology = host.topology()
        silent = host.topology(socket="/run/nosuch.sock")
        joined = host.must("podman inspect --format '{{.Id}}' podjoined")
        web = host.must("docker inspect --format '{{.Id}}' web")
    finally:
        host.run(_PODMAN_ENDS)
        host.empty()
    rows = by_name(topology)
    broken = _unequal(
        ("other engines", topology["host"]["other_engines"], ["containerd (mine)", "podman"]),
        ("Docker's containers", sorted(rows), ["late", "web"]),
        ("who shares the network of web", rows["web"]["namespace"]["shared_with"], [f"libpod {joined[:12]}"]),
        ("interfaces of web", [one["interface"] for one in rows["web"]["endpoints"]], ["eth0"]),
        ("uplinks", [one["name"] for one in topology["host"]["uplinks"]], ["eth0"]),
        ("strays", topology["stray_links"], []),
        ("findings", [one["kind"] for one in topology["findings"]], ["port_conflict"]),
        ("containers without the engine", [one["id"] for one in silent["containers"]], [web]),
        ("web without the engine", _wire(silent["containers"][0]), _wire(rows["web"])),
    )
    return f"{', '.join(topology['host']['other_engines'])} beside Docker, which has {len(rows)} containers", broken


def rootless(host: Host) -> tuple[str, list[str]]:
    """Docker without root, beside the host's own: as root with all of its wires, as its user with what is hidden."""
    host.install("rootlesskit", "uidmap", "slirp4netns", "iproute2")
    host.engine_answers()
    host.empty()
    try:
        host.must(f"docker save --output /tmp/rootless.tar {IMAGE} && chmod 644 /tmp/rootless.tar")
        # The host's own engine has a network of the same addresses.
        host.must("docker network create --subnet 10.87.0.0/24 same >/dev/null")
        pid = host.must(_ROOTLESS).splitlines()[-1]
        run = f"/run/user/{host.must(f'id --user {_USER}')}"
        topology = host.topology(socket=f"{run}/docker.sock")
        plain = host.topology(socket=f"{run}/docker.sock", as_user=_USER)
        own = host.topology()
        heard = host.must(f"nsenter --net=/proc/{pid}/ns/net python3 {SCRIPTS}/truth.py 2")
    finally:
        host.run(_ROOTLESS_ENDS)
        host.empty()
    rows, networks = by_name(topology), by_name(topology, "networks")
    web = rows["web"]["endpoints"][0]
    veth = (web["peer"] or {}).get("name")
    broken = _unequal(
        ("the veth that web was heard on", f'"0001": ["{veth}"]' in heard, True),
        ("web's bridge", web["bridge"], networks["own"]["bridge"]),
        (
            "web's carrier",
            [bool(port["rules"]) for port in rows["web"]["ports"] if port["host_ip"] == "0.0.0.0"],
            [True],
        ),
        (
            "web's proxy",
            [bool(port["proxy_pid"]) for port in rows["web"]["ports"] if port["host_ip"] == "0.0.0.0"],
            [True],
        ),
        ("what is not known of web", _fields(rows["web"]), []),
        ("ICC of own", networks["own"]["icc"]["in_force"], True),
        ("ICC of apart", networks["apart"]["icc"]["in_force"], False),
        ("masquerading of own", networks["own"]["masquerade"]["in_force"], True),
        ("own network of onhost", rows["onhost"]["isolation"]["net"], False),
        ("own network of side", rows["side"]["isolation"]["net"], False),
        ("own network of without", rows["without"]["isolation"]["net"], True),
        ("who shares web's", rows["web"]["namespace"]["shared_with"], ["side"]),
        ("uplinks", [one["name"] for one in topology["host"]["uplinks"]], ["tap0"]),
        ("findings", topology["findings"], []),
        ("other engines of it", topology["host"]["other_engines"], ["docker (user root)"]),
        ("other engines of the host's", own["host"]["other_engines"], [f"docker (user {_USER})"]),
        ("the host's own containers", own["containers"], []),
        ("the host's own findings", own["findings"], []),
    )
    seen = by_name(plain, "networks")["own"]
    broken += _unequal(
        ("bridge's index for the user", seen["bridge_index"], None),
        ("ICC for the user", seen["icc"]["in_force"], None),
        ("findings for the user", plain["findings"], []),
    )
    hidden = {"bridge_index", "icc.in_force", "masquerade.in_force"} - set(_fields(seen))
    hidden |= {"uplinks", "firewall", "forwarding"} - set(_fields(plain["host"]))
    hidden |= {"endpoints.peer", "endpoints.interface", "isolation"} - set(_fields(by_name(plain)["web"]))
    if hidden:
        broken.append(f"not marked as unseen for the user: {', '.join(sorted(hidden))}")
    return (
        f"{len(rows)} containers, one heard on {veth} in the engine's namespace; what its user can't see is named",
        broken,
    )


def _unequal(*facts: tuple[str, object, object]) -> list[str]:
    """Return what is not as it must be. facts: what it is about, what is said, and what is true."""
    return [f"{what}: {said} and not {true}" for what, said, true in facts if said != true]


def _wire(row: Row) -> list[tuple[str, str]]:
    return [(one["interface"], one["peer"]["name"]) for one in row["endpoints"]]


def _fields(row: Row) -> list[str]:
    """Return what is not known of a row. Test hosts have no controllers of cgroups."""
    return [one["field"] for one in row["unknown"] if not one["field"].startswith("cgroup.")]

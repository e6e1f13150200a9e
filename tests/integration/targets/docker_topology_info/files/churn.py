# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start and remove containers at a steady rate, or as fast as the engine can, and print how many that were.

churn.py IMAGE SECONDS [--rate N] [--joined NAME] [--runtime NAME --groups N]

A container's name says its network, address and MAC: churn-K-N-I is in netK with 10.81.K.N and 02:81:K:N:I:I. It pings
its gateway, so that the bridge learns behind which veth that MAC is. With --joined, most have no network of their own
and are in the one of that container, which costs the engine half as much; they are called churn-0-0-I.

The record of what was started has, for each start of a container, its identifier, process, namespace, MAC, and the veth
that the bridge has learned: read here from the engine's answer, /proc and /sys.
"""

import argparse
import http.client
import json
import os
import pathlib
import socket
import struct
import threading
import time

WORKERS = 48
ALIVE = 0.8  # seconds, at least
NETWORKS = 5
ON_BRIDGE = 10  # one in this many containers has a network of its own, if others are joined
RESTARTED = 3  # and one in this many of these starts again
LEARNING = 0.5  # seconds


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/run/docker.sock")


class Engine:
    """Asks the engine; each thread over a connection of its own."""

    def __init__(self):
        self._own = threading.local()

    def ask(self, method, path, body=None):
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = Connection("docker", timeout=60)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content.strip() else None


class Churn:
    def __init__(self, options):
        self.options = options
        self.engine = Engine()
        self.record = []
        self.errors = []
        self.removed = self.in_time = 0
        self._next = 0
        self._lock = threading.Lock()
        self._bridges = {
            number: f"br-{self.engine.ask('GET', f'/networks/net{number}')[1]['Id'][:12]}"
            for number in range(1, NETWORKS + 1)
        }

    def run(self):
        self._begin = time.monotonic()
        threads = [threading.Thread(target=self._work) for _worker in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - self._begin

    def _work(self):
        while True:
            with self._lock:
                number, self._next = self._next, self._next + 1
            due = number / self.options.rate
            if max(due, time.monotonic() - self._begin) >= self.options.seconds:
                return
            time.sleep(max(0.0, self._begin + due - time.monotonic()))
            try:
                self._one(number)
            except Exception as error:
                self.errors.append(f"{type(error).__name__}: {error}")

    def _one(self, number):
        """Start a container, let it be for a moment, and remove it."""
        joined = self.options.joined if number % ON_BRIDGE else ""
        network, address, mac = 0, 0, ""
        if not joined:
            own = number // ON_BRIDGE if self.options.joined else number
            network, address = own % NETWORKS + 1, 100 + own // NETWORKS % 150
            mac = f"02:81:{network:02x}:{address:02x}:{number // 256 % 256:02x}:{number % 256:02x}"
        name = f"churn-{network}-{address}-{number}"
        status, answer = self.engine.ask(
            "POST", f"/containers/create?name={name}", self._settings(number, joined, network, address, mac)
        )
        if status != 201:
            raise RuntimeError(answer)
        status, answer = self.engine.ask("POST", f"/containers/{name}/start")
        if status == 204:
            self._note(name, network, mac)
            if not joined and number // ON_BRIDGE % RESTARTED == 0:
                self.engine.ask("POST", f"/containers/{name}/restart?t=0")
                self._note(name, network, mac)
        else:
            self.errors.append(f"start of {name}: {answer}")
        time.sleep(ALIVE)
        status, answer = self.engine.ask("DELETE", f"/containers/{name}?force=1")
        if status != 204:
            raise RuntimeError(answer)
        self.removed += 1
        self.in_time += time.monotonic() - self._begin <= self.options.seconds

    def _settings(self, number, joined, network, address, mac):
        settings = {"Image": self.options.image, "HostConfig": {"LogConfig": {"Type": "none"}, "IpcMode": "none"}}
        if self.options.runtime:
            # One shim for many containers. It lives as long as the container that it was started with.
            group = {"io.containerd.runc.v2.group": f"churn{number % self.options.groups}"}
            settings["HostConfig"].update({"Runtime": self.options.runtime, "Annotations": group})
        if joined:
            settings["HostConfig"]["NetworkMode"] = f"container:{joined}"
            return {**settings, "Cmd": ["sleep", "1000"]}
        settings["HostConfig"]["NetworkMode"] = f"net{network}"
        endpoint = {"IPAMConfig": {"IPv4Address": f"10.81.{network}.{address}"}, "MacAddress": mac}
        settings["NetworkingConfig"] = {"EndpointsConfig": {f"net{network}": endpoint}}
        # Engines of old take the address there.
        return {**settings, "MacAddress": mac, "Cmd": ["ping", "-q", "-i", "0.2", f"10.81.{network}.1"]}

    def _note(self, name, network, mac):
        """Note what is there now, without the module that is tested."""
        details = self.engine.ask("GET", f"/containers/{name}/json")[1]
        pid = details["State"]["Pid"]
        inode = os.stat(f"/proc/{pid}/ns/net").st_ino
        veth = self._learned(self._bridges[network], mac) if mac else None
        self.record.append(
            {"name": name, "id": details["Id"], "pid": pid, "inode": inode, "mac": mac or None, "veth": veth}
        )

    def _learned(self, bridge, mac):
        """Return the port behind which a bridge has seen an address."""
        folder = pathlib.Path("/sys/class/net") / bridge
        end = time.monotonic() + LEARNING
        while time.monotonic() < end:
            table = (folder / "brforward").read_bytes()
            for place in range(0, len(table), 16):
                # struct __fdb_entry of linux/if_bridge.h
                address, low, _local, _age, high = struct.unpack_from("=6sBBIB", table, place)
                if ":".join(f"{byte:02x}" for byte in address) == mac:
                    return self._port(folder, high << 8 | low)
            time.sleep(0.02)
        return None

    def _port(self, folder, number):
        for port in folder.glob("brif/*/port_no"):
            try:
                if int(port.read_text(), 16) == number:
                    return port.parent.name
            except OSError:  # it has gone
                continue
        return None


def idle_seconds():
    """Return for how long the machine's processors have had nothing to do, all together."""
    return int(pathlib.Path("/proc/stat").read_text().split()[4]) / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("image")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--joined", default="")
    parser.add_argument("--runtime", default="")
    parser.add_argument("--groups", type=int, default=1)
    parser.add_argument("--record", type=pathlib.Path, help="file for what was started")
    churn = Churn(parser.parse_args())
    idle = idle_seconds()
    seconds = churn.run()
    free = (idle_seconds() - idle) / seconds / os.cpu_count()
    if churn.options.record:
        churn.options.record.write_text(json.dumps(churn.record))
    print(
        json.dumps(
            {
                "started": len(churn.record),
                "removed": churn.removed,
                "in_time": churn.in_time,
                "bridged": sum(one["mac"] is not None for one in churn.record),
                "seconds": round(seconds, 1),
                "free": round(free, 2),
                "processors": os.cpu_count(),
                "errors": churn.errors[:3],
            }
        )
    )


main()

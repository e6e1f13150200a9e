# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start and remove containers as fast as the engine can, up to 20 a second, and print how many that were.

churn.py IMAGE SECONDS

A container's name says its network, address and MAC: churn-K-N-I is in netK with 10.81.K.N and 02:81:00:00:K:N.
"""

import http.client
import json
import socket
import sys
import threading
import time

PER_SECOND = 20
WORKERS = 8


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/run/docker.sock")


def ask(method, path, body=None):
    connection = Connection("docker", timeout=60)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, json.loads(content) if content.strip() else None


def one(image, worker, number):
    """Start a container, let it be for a moment, and remove it."""
    network, address = worker % 5 + 1, 100 + worker * 10 + number % 10
    mac = f"02:81:00:00:{network:02x}:{address:02x}"
    endpoint = {"IPAMConfig": {"IPv4Address": f"10.81.{network}.{address}"}, "MacAddress": mac}
    body = {
        "Image": image,
        "Cmd": ["sleep", "1000"],
        "MacAddress": mac,  # engines of old take it here
        "HostConfig": {"NetworkMode": f"net{network}"},
        "NetworkingConfig": {"EndpointsConfig": {f"net{network}": endpoint}},
    }
    name = f"churn-{network}-{address}-{number}"
    status, answer = ask("POST", f"/v1.41/containers/create?name={name}", body)
    if status != 201:
        raise RuntimeError(answer)
    status, answer = ask("POST", f"/containers/{name}/start")
    if status == 204 and number % 3 == 0:
        ask("POST", f"/containers/{name}/restart?t=0")
    time.sleep(0.1)
    ask("DELETE", f"/containers/{name}?force=1")
    return status == 204


def work(image, worker, end, started, errors):
    number = 0
    while time.monotonic() < end:
        begin = time.monotonic()
        try:
            started[worker] += one(image, worker, number)
        except Exception as error:
            errors.append(str(error))
        number += 1
        time.sleep(max(0.0, WORKERS / PER_SECOND - (time.monotonic() - begin)))


image, seconds = sys.argv[1], float(sys.argv[2])
started, errors = [0] * WORKERS, []
begin = time.monotonic()
threads = [
    threading.Thread(target=work, args=(image, worker, begin + seconds, started, errors)) for worker in range(WORKERS)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"started": sum(started), "seconds": round(time.monotonic() - begin, 1), "errors": errors[:3]}))

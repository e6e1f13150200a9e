# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imitates Portainer and its agent, whose images can be had only from Docker Hub.

    portainer.py portainer [OPTION ...]    PORTAINER_VERSION is the version that is imitated
    portainer.py                           the agent

Imitated, as it was seen on the real Portainer and agent 2.23.0, and read in the source of newer ones: the lock of the
database and its timeout; the administrator from a file, with all of its traps; an agent that is not there at the first
start; login with its answers, the limit of logins, and the check of origins by version; the time in which an
administrator must be made; the setup token of newer versions; the agent's TLS, /ping and signed calls, and that a wrong
secret shows only in a call that reads.

Real are HTTP and TLS, the files in /data, the socket of the engine behind the agent, and what that engine answers.
Not imitated: the pages, users beside the administrator, every other call of the API.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import secrets
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

DATA = "/data/portainer.db"
VERSION = tuple(int(part) for part in os.environ.get("PORTAINER_VERSION", "2.33.5").split("."))
SETUP_TOKEN = secrets.token_hex(16) if VERSION >= (2, 39, 4) else ""
STARTED = time.monotonic()
WITH_VALUE = ("-H", "--admin-password-file", "--admin-password", "--trusted-origins", "--base-url", "--data")
ALONE = ("--tlsskipverify", "--http-disabled", "--no-analytics")
LOGINS_A_SECOND = 10
ADMIN_WITHIN = 300


def fail(message: str) -> None:
    print(f"FTL {message}", flush=True)
    sys.exit(1)


def read_options(arguments: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name in WITH_VALUE:
            found[name] = value if equals else rest.pop(0) if rest else ""
        elif name in ALONE:
            found[name] = "true"
        else:
            fail(f"unknown flag {name}")
    if "--admin-password-file" in found and "--admin-password" in found:
        fail("cannot use --admin-password with --admin-password-file")
    for origin in filter(None, found.get("--trusted-origins", "").split(",")):
        if ("://" in origin) != (VERSION >= (2, 41)):
            fail(f"trusted origin {origin} has the wrong form for this version")
    return found


class Store:
    """The database: one file, which only one process may have open."""

    def __init__(self) -> None:
        self._file = open(DATA, "a+", encoding="utf-8")  # noqa: SIM115
        deadline = time.monotonic() + 1
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    fail("failed opening store: timeout")
                time.sleep(0.1)
        self._file.seek(0)
        self.content = json.loads(self._file.read() or "{}")

    def save(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps(self.content))
        self._file.flush()
        os.fsync(self._file.fileno())


def hashed(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def make_administrator(store: Store, path: str) -> None:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            password = file.read().removesuffix("\n")
    except OSError as error:
        fail(f"failed getting admin password file: {error}")
    if len(password.encode()) > 72:
        fail("bcrypt: password length exceeds 72 bytes")
    if "admin" not in store.content:
        # An empty one makes an administrator whom nobody can log in as.
        store.content["admin"] = hashed(password) if password else ""
        store.save()


def ask_agent(url: str, method: str, path: str) -> tuple[int, bytes]:
    host, _colon, port = url.removeprefix("tcp://").partition(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(host, int(port), timeout=5, context=context)
    try:
        connection.request(method, path, headers={"X-PortainerAgent-Signature": signature()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def signature() -> str:
    return hmac.new(os.environ.get("AGENT_SECRET", "").encode(), b"Portainer-App", "sha256").hexdigest()


def make_environment(store: Store, url: str) -> None:
    if "started" in store.content:
        return
    store.content.update(started=True, environments=[])
    store.save()
    try:
        if ask_agent(url, "GET", "/ping")[0] != 204:
            fail("unable to retrieve the agent's platform")
    except OSError as error:
        fail(f"failed initializing environment: {error}")
    store.content["environments"] = [{"Id": 1, "Name": "primary", "URL": url, "Status": 1, "Type": 2}]
    store.save()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def reply(self, status: int, body: object = None, **headers: str) -> None:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def body(self) -> dict[str, str]:
        length = int(self.headers.get("Content-Length") or 0)
        return json.loads(self.rfile.read(length) or b"{}")

    def do_HEAD(self) -> None:  # noqa: N802
        self.reply(405)


class Portainer(Handler):
    store: Store
    trusted: tuple[str, ...] = ()
    tokens: set[str] = set()  # noqa: RUF012
    attempts: dict[str, list[float]] = {}  # noqa: RUF012
    banned: dict[str, float] = {}  # noqa: RUF012

    def handle_any(self) -> None:
        path = urllib.parse.urlsplit(self.path).path
        content = self.store.content
        timed_out = "admin" not in content and time.monotonic() - STARTED > ADMIN_WITHIN
        if path.startswith("/api/") and timed_out and path not in ("/api/status", "/api/settings/public"):
            self.reply(303, None, redirect_reason="AdminInitTimeout")
        elif not self.origin_fits():
            self.reply(403, {"message": "Forbidden - origin invalid"})
        elif self.command == "GET" and path in ("/api/system/status", "/api/status"):
            self.reply(200, {"Version": ".".join(map(str, VERSION)), "InstanceID": "stand-in"})
        elif path == "/api/users/admin/check":
            self.reply(204 if "admin" in content else 404)
        elif self.command == "POST" and path == "/api/users/admin/init":
            self.make_first()
        elif self.command == "POST" and path == "/api/auth":
            self.log_in()
        elif not path.startswith("/api/"):
            self.reply(200, b"<!doctype html><title>Portainer (stand-in)</title>", Content_Type="text/html")
        elif (self.headers.get("Authorization") or "").removeprefix("Bearer ") not in self.tokens:
            self.reply(401, {"message": "Unauthorized"})
        elif path == "/api/endpoints" and self.command == "POST":
            self.make_environment()
        elif path == "/api/endpoints":
            self.reply(200, content.get("environments") or [])
        elif path.startswith("/api/endpoints/1/docker/") and content.get("environments"):
            try:
                rest = path.removeprefix("/api/endpoints/1/docker")
                status, answer = ask_agent(content["environments"][0]["URL"], self.command, rest)
                self.reply(status, answer)
            except OSError as error:
                self.reply(502, {"message": str(error)})
        else:
            self.reply(404, {"message": "not found"})

    do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

    def origin_fits(self) -> bool:
        origin = self.headers.get("Origin")
        if self.command == "GET" or not origin or VERSION < (2, 27, 7):
            return True
        own = f"https://{self.headers.get('Host')}"
        if VERSION >= (2, 41):
            return self.headers.get("Sec-Fetch-Site") in ("same-origin", "none") or origin in (own, *self.trusted)
        return origin == own or origin.removeprefix("https://") in self.trusted

    def make_environment(self) -> None:
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        fields = dict(re.findall(r'name="(\w+)"\r\n\r\n(.*?)\r\n', form))
        if fields.get("EndpointCreationType") != "2" or not fields.get("Name"):
            self.reply(400, {"message": "Invalid request payload"})
            return
        try:
            status = ask_agent(fields["URL"], "GET", "/ping")[0]
        except OSError as error:
            self.reply(500, {"message": f"Unable to get environment type: {error}"})
            return
        made = {"Id": 1, "Name": fields["Name"], "URL": fields["URL"], "Status": 1, "Type": 2}
        if status == 204:
            self.store.content["environments"] = [made]
            self.store.save()
        self.reply(200 if status == 204 else 500, made)

    def make_first(self) -> None:
        given = self.body()
        if SETUP_TOKEN and self.headers.get("X-Setup-Token") != SETUP_TOKEN:
            self.reply(403, {"message": "setup token"})
        elif "admin" in self.store.content:
            self.reply(409, {"message": "An administrator user already exists"})
        elif len(given.get("Password") or "") < 12:
            self.reply(400, {"message": "Invalid password"})
        else:
            self.store.content["admin"] = hashed(given["Password"])
            self.store.save()
            self.reply(200, {"Id": 1, "Username": "admin", "Role": 1})

    def log_in(self) -> None:
        given, peer, now = self.body(), self.client_address[0], time.monotonic()
        recent = [then for then in self.attempts.get(peer, []) if now - then < 1] + [now]
        self.attempts[peer] = recent
        if len(recent) > LOGINS_A_SECOND:
            self.banned[peer] = now + 3600
        if self.banned.get(peer, 0) > now:
            self.reply(403, {"message": "Access denied"})
        elif given.get("Username") != "admin" or hashed(given.get("Password") or "") != self.store.content.get("admin"):
            self.reply(422, {"message": "Invalid credentials"})
        else:
            token = secrets.token_hex(32)
            self.tokens.add(token)
            cookie = f"portainer_api_key={token}; Path=/; HttpOnly; SameSite=Strict"
            self.reply(200, {"jwt": token}, Set_Cookie=cookie)


class Agent(Handler):
    def do_GET(self) -> None:  # noqa: N802
        if self.path == "/ping":
            self.reply(204)
            return
        # Without a secret, the first Portainer that asks wins.
        if self.headers.get("X-PortainerAgent-Signature") != signature():
            self.reply(403, {"message": "Unauthorized"})
            return
        engine = http.client.HTTPConnection("docker", timeout=10)
        engine.sock = socket.socket(socket.AF_UNIX)
        engine.sock.connect("/var/run/docker.sock")
        engine.request("GET", self.path)
        answer = engine.getresponse()
        self.reply(answer.status, answer.read())


def run_portainer(arguments: list[str]) -> None:
    options = read_options(arguments)
    store = Store()
    if "--admin-password-file" in options:
        make_administrator(store, options["--admin-password-file"])
    if "-H" in options:
        make_environment(store, options["-H"])
    if SETUP_TOKEN and "admin" not in store.content:
        print(f"setup token {SETUP_TOKEN}", flush=True)
    Portainer.store = store
    Portainer.trusted = tuple(filter(None, options.get("--trusted-origins", "").split(",")))
    http.server.ThreadingHTTPServer(("", 9000), Portainer).serve_forever()


def run_agent() -> None:
    pair = "/tmp/agent.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*command, "-subj", "/CN=agent", "-keyout", pair, "-out", f"{pair}.crt"], check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{pair}.crt", pair)
    server = http.server.ThreadingHTTPServer(("", 9001), Agent)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    if "--version" in sys.argv:
        print(".".join(map(str, VERSION)))
    elif sys.argv[1:2] == ["portainer"]:
        run_portainer(sys.argv[2:])
    else:
        run_agent()

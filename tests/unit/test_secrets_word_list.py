# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a list of 10,000 common passwords against every diff, result, message and warning of modules that see a secret.

Each module runs for real, with a word of the list as its secret, and what it returns is taken before Ansible itself
masks anything in it. Then it is searched for the word, and for the digests of all words of the list, whole or
truncated. The words come from zxcvbn; Harbor12345, the password that Harbor's own template has, is added.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib
import itertools
import json
import pathlib
import random
import re
import shutil
from collections.abc import Iterable, Iterator
from typing import Any, Callable, NoReturn

import pytest
from ansible.module_utils import basic
from ansible_collections.dockyard.ops.plugins.module_utils._engine import service
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.config import document
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade import job_store
from ansible_collections.dockyard.ops.plugins.module_utils._host import state_dir
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders
from ansible_collections.dockyard.ops.plugins.module_utils._registry import password_hash
from ansible_collections.dockyard.ops.tests.unit.helpers import harbor_docker, harbor_server, pki
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_servers import Reply, Request, serve

# By its name, since there are no types for it.
_LISTS = importlib.import_module("zxcvbn.frequency_lists").FREQUENCY_LISTS
WORDS: list[str] = [*_LISTS["passwords"][:10_000], "Harbor12345"]
# Found whole words and digests of the secret itself from this length on, and those of all other words, which may be
# in a long random number by chance, from twice that length on.
SHORTEST = 8
DIGESTS = ("md5", "sha1", "sha256", "sha512")
REFERENCE = "vZ3#xQ9!kLw7"
MODULES = "ansible_collections.dockyard.ops.plugins.modules"


def encodings(word: str, length: int) -> set[str]:
    """Return the beginnings of all digests of a word, in lower case, as they may be printed."""
    found = set()
    for name in DIGESTS:
        for data in (word.encode(), word.encode() + b"\n"):
            digest = hashlib.new(name, data, usedforsecurity=False).digest()
            found.add(digest.hex()[:length])
            found.add(base64.b64encode(digest).decode()[:length].lower())
            found.add(base64.urlsafe_b64encode(digest).decode()[:length].lower())
    found.add(base64.b64encode(word.encode()).decode().rstrip("=")[: max(length, 6)].lower())
    return found


OF_ALL_WORDS = {begin: word for word in WORDS for begin in encodings(word, 2 * SHORTEST) if len(begin) == 2 * SHORTEST}


def attack(output: str, secret: str) -> list[str]:
    """Return what the word list finds in an output."""
    lower = output.lower()
    found = [f"{secret} in plain"] if secret.lower() in lower else []
    found += [f"{secret} as {begin}" for begin in encodings(secret, SHORTEST) if begin in lower]
    for token in re.findall(r"[0-9a-z+/_-]{16,}", lower):
        for place in range(len(token) - 2 * SHORTEST + 1):
            word = OF_ALL_WORDS.get(token[place : place + 2 * SHORTEST])
            if word is not None:
                found.append(f"{word} as {token}")
    if re.search(r"\$(2[abxy]|apr1|1|5|6|y|argon2\w*)\$", output):
        found.append("a hash that passwords can be tried on")
    return found


class _Ended(Exception):
    """What a module returns, before anything is masked in it."""


class Run:
    """Runs modules in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: pathlib.Path) -> None:
        self.folder = folder
        self._warnings: list[str] = []

        def end(module: basic.AnsibleModule, msg: str = "", **result: Any) -> NoReturn:
            raise _Ended({"msg": msg, **result})

        monkeypatch.setattr(basic.AnsibleModule, "exit_json", end)
        monkeypatch.setattr(basic.AnsibleModule, "fail_json", end)
        monkeypatch.setattr(basic.AnsibleModule, "warn", lambda module, warning, **_options: self._warn(warning))
        monkeypatch.setattr(basic.AnsibleModule, "log", lambda *_arguments, **_options: None)
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        self._monkeypatch = monkeypatch

    def _warn(self, warning: str) -> None:
        self._warnings.append(warning)

    @contextlib.contextmanager
    def without_engine(self) -> Iterator[None]:
        """Make this a host without a Docker Engine, whatever it is."""
        programs = self.folder / "ip"
        programs.mkdir(exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (programs / "ip").symlink_to(shutil.which("ip") or "/sbin/ip")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(service, "booted_by_systemd", lambda: False)
            patch.setattr(service, "DEFAULT_ENGINE_SOCKET", str(self.folder / "none.sock"))
            patch.setattr(state_dir, "ROOT", str(self.folder / "state"))
            patch.setenv("PATH", str(programs))
            yield

    @contextlib.contextmanager
    def with_harbor(self, folder: pathlib.Path, data: pathlib.Path, password: str) -> Iterator[None]:
        """Install a Harbor 2.8.6, which runs and answers; its containers are stand-ins."""
        with pytest.MonkeyPatch.context() as patch, harbor_server.serve(harbor_server.Harbor()) as server:
            patch.setattr(harbor_server, "PASSWORD", password)
            patch.setattr(job_store, "FOLDER", str(self.folder / "jobs"))
            docker = harbor_docker.Docker(self.folder, patch)
            harbor_docker.install(folder, data, port=server.port)
            docker.start(str(folder))
            yield

    def __call__(self, name: str, check_mode: bool = False, **params: Any) -> str:
        """Return all that a module says, as one string."""
        arguments = {**params, "_ansible_check_mode": check_mode, "_ansible_diff": True}
        arguments["_ansible_remote_tmp"] = str(self.folder)
        self._warnings.clear()
        self._monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
        with pytest.raises(_Ended) as ended:
            importlib.import_module(f"{MODULES}.{name}").main()
        return json.dumps([*ended.value.args, self._warnings], ensure_ascii=False)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Run:
    return Run(monkeypatch, tmp_path)


CA = pki.issue("The CA", ca=True)
CLIENT = pki.issue("client", CA)


def docker_certs(run: Run, secret: str) -> Iterable[str]:
    base = run.folder / "certs.d"
    registry = base / "reg.test:5000"
    registry.mkdir(parents=True, exist_ok=True)
    common: dict[str, Any] = {"directory": str(base), "ca_content": CA.pem.decode()}
    for login in (f"alice:{secret}@reg.test", f"https://alice:{secret}@reg.test/v2", f"{secret}@reg.test"):
        yield run("docker_certs", registry=login, **common)
        yield run("docker_certs", registry="reg.test", probe=True, probe_address=login, **common)
    client = {"name": "client", "certificate_content": CLIENT.pem.decode()}
    for key in (secret, f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n"):
        pair = {**client, "private_key_content": key}
        yield run("docker_certs", registry="reg.test:5000", client_certs=[pair], **common)
    for name in ("client.key", "client.cert", "other.crt", "notes.key"):
        (registry / name).write_text(secret)
    yield run("docker_certs", registry="reg.test:5000", **common)
    good = [{**client, "private_key_content": CLIENT.key.decode()}]
    for check_mode in (True, False, False):
        yield run("docker_certs", check_mode, registry="reg.test:5000", client_certs=good, purge=True, **common)
    (registry / "client.key").write_bytes(CLIENT.key + secret.encode())
    yield run("docker_certs", registry="reg.test:5000", client_certs=good, **common)
    yield run("docker_certs", registry="reg.test:5000", state="absent", directory=str(base))


def registry_htpasswd(run: Run, secret: str) -> Iterable[str]:
    path = run.folder / "htpasswd"
    sha1 = base64.b64encode(hashlib.sha1(secret.encode(), usedforsecurity=False).digest()).decode()
    user = {"name": "alice", "password": secret}
    for content in (f"# {secret}\nalice:{secret}\nbob:{{SHA}}{sha1}\n", f"alice:x\n{secret}\n", f"alice {secret}\n"):
        path.write_text(content)
        for check_mode in (True, False, False):
            yield run("registry_htpasswd", check_mode, path=str(path), users=[user], cost=4)
    path.write_text(f"alice:{password_hash.library().hash(secret, 4)}\n")
    for other in (user, {"name": "alice", "password": "another one"}, {"name": "alice", "state": "absent"}):
        yield run("registry_htpasswd", path=str(path), users=[other], cost=4, backup=True)
    for wrong in (f"{secret}\n", secret * 20, f"{secret}\0"):
        yield run("registry_htpasswd", path=str(path), users=[{"name": "alice", "password": wrong}])
    yield run("registry_htpasswd", path=str(path), users=[user, {"name": "alice", "password": "another one"}])


def registry_info(run: Run, secret: str) -> Iterable[str]:
    right = f"Basic {base64.b64encode(f'alice:{secret}'.encode()).decode()}"

    def basic_login(request: Request) -> Reply:
        if request.headers.get("authorization") != right:
            return Reply(401, {"errors": []}, {"WWW-Authenticate": 'Basic realm="x"'})
        return Reply(body={"repositories": ["app"], "tags": ["1"]})

    def answers(port: int) -> list[Callable[[Request], Reply]]:
        token = f'Bearer realm="http://alice:{secret}@127.0.0.1:{port}/token?account={secret}",service="x"'
        return [
            basic_login,
            lambda request: Reply(401, {"errors": []}, {"WWW-Authenticate": 'Basic realm="x"'}),
            lambda request: Reply(401 if "/v2/" in request.path else 403, {}, {"WWW-Authenticate": token}),
            lambda request: Reply(302, {}, {"Location": f"http://u:{secret}@127.0.0.1:{port}/?token={secret}"}),
            lambda request: Reply(302, {}, {"Location": f"ftp://u:{secret}@127.0.0.1:{port}/{''}?token={secret}"}),
            lambda request: Reply(503),
        ]

    login: dict[str, Any] = {"username": "alice", "password": secret, "plain_http": True, "timeout": 5}
    for number in range(6):
        with contextlib.ExitStack() as stack:
            chosen: list[Callable[[Request], Reply]] = []
            server = stack.enter_context(serve(lambda request, chosen=chosen: chosen[0](request)))  # type: ignore[misc]
            chosen.append(answers(server.port)[number])
            output = run("registry_info", registry=server.address, use_proxy=False, **login)
            yield output.replace(str(server.port), "PORT")
    for registry in (f"alice:{secret}@127.0.0.1:1", f"http://alice:{secret}@127.0.0.1:1/"):
        yield run("registry_info", registry=registry, **login)
    for proxy in (f"http://u:{secret}@127.0.0.1:1", f"socks5://u:{secret}@127.0.0.1:1", f"http://u:{secret}@[::1]:x"):
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("http_proxy", proxy)
            environment.delenv("no_proxy", raising=False)
            yield run("registry_info", registry="reg.invalid:1", **login)


def docker_daemon(run: Run, secret: str) -> Iterable[str]:
    path = run.folder / "daemon.json"
    before = {
        "log-opts": {"splunk-token": secret, "tag": "x"},
        "proxies": {"http-proxy": f"http://u:{secret}@proxy.invalid:1", "no-proxy": "localhost"},
        "registry-mirrors": [f"https://u:{secret}@mirror.invalid/"],
    }
    configs: list[dict[str, Any]] = [
        {"log-opts": {"splunk-token": "another one"}, "proxies": {"https-proxy": f"http://u:{secret}@proxy.invalid:1"}},
        {"log-opts": {"splunk-token": secret, "gelf-address": f"udp://u:{secret}@log.invalid:1"}},
        {"log-opts": secret},
        {"log-opts": {"splunk-token": [secret]}},
        {"proxies": f"http://u:{secret}@proxy.invalid:1"},
        {"registry-mirrors": f"https://u:{secret}@mirror.invalid/"},
    ]
    with run.without_engine():
        for config in configs:
            for content in (json.dumps(before), f'{{"log-opts": {{"splunk-token": "{secret}" "tag"}}}}', "{}"):
                path.write_text(content)
                for check_mode in (True, False):
                    yield run("docker_daemon", check_mode, path=str(path), config=config)
        path.write_text(json.dumps(before))
        yield run("docker_daemon", path=str(path), config={"icc": False}, state="replaced")
        yield run("docker_bridge", path=str(path), icc=True)


HARBOR_YML = """
external_database:
  harbor: {{host: db.invalid, port: 5432, db_name: registry, username: harbor, password: '{secret}'}}
external_redis:
  host: redis.invalid:6379
  password: '{secret}'
storage_service:
  s3: {{accesskey: '{secret}', secretkey: '{secret}', region: x, bucket: y}}
proxy:
  http_proxy: http://u:{secret}@proxy.invalid:1
metric: {{enabled: false}}
"""


def harbor(run: Run, secret: str) -> Iterable[str]:
    folder, data = run.folder / "opt" / "harbor", run.folder / "data"
    logins: tuple[dict[str, Any], ...] = ({"admin_password": secret}, {})
    archives: list[dict[str, Any]] = [
        {"src": str(run.folder / "harbor-offline-installer-v2.10.3.tgz")},
        {"url": f"http://u:{secret}@127.0.0.1:1/harbor-offline-installer-v2.10.3.tgz?token={secret}"},
    ]
    with run.with_harbor(folder, data, secret):
        config = folder / "harbor.yml"
        plain = config.read_text().replace("first-start", secret).replace("db-secret", secret)
        broken = (f"{plain}external_redis: [{secret}", f"{plain}\t{secret}: x\n", f"{plain}{secret}\n")
        for content, login in (
            *itertools.product((plain, plain + HARBOR_YML.format(secret=secret)), logins),
            *((content, logins[0]) for content in broken),
        ):
            config.write_text(content)
            yield run("harbor_info", path=str(folder), target=["2.10.3"], timeout=5, **login)
            for archive in archives:
                options = {"path": str(folder), "archives": [archive], "timeout": 60, **login}
                yield run("harbor_upgrade", True, **options)
                yield run("harbor_upgrade", state="planned", **options)


def harbor_configurations(run: Run, secret: str) -> Iterable[str]:
    """Yield what an upgrade shows as its diff, as its step for the configuration makes it."""
    text = f"hostname: h\nharbor_admin_password: '{secret}'\n{HARBOR_YML.format(secret=secret)}"
    before = document.parse(text, "harbor.yml")
    after = document.parse(text.replace(f"password: '{secret}'", "password: 'another one'", 1), "harbor.yml")
    placeholders = Placeholders()
    for config in (before, after):
        yield document.render(document.with_placeholders(config, placeholders), "2.10.3")


# With how many words of the list each is run: those with a Harbor take long.
SCENARIOS = [
    (docker_certs, 10),
    (registry_htpasswd, 10),
    (registry_info, 10),
    (docker_daemon, 5),
    (harbor, 2),
    (harbor_configurations, 10),
]


@pytest.mark.parametrize(("scenario", "count"), SCENARIOS)
def test_no_password_of_the_list_can_be_found(
    scenario: Callable[[Run, str], Iterable[str]], count: int, run: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    reference = list(scenario(run, REFERENCE))
    assert all(REFERENCE not in output for output in reference)
    plain = "".join(reference).lower()
    # Words that are in the output anyway, such as "password", tell nothing.
    usable = [word for word in WORDS if len(word) >= 5 and word.lower() not in plain]
    assert len(usable) > 5_000
    for secret in ["Harbor12345", *random.Random(12345).sample(usable, count - 1)]:
        run.folder = tmp_path_factory.mktemp("run")
        outputs = list(scenario(run, secret))
        assert len(outputs) == len(reference)
        assert [hit for output in outputs for hit in attack(output, secret)] == []


def test_the_list_finds_what_is_to_be_found() -> None:
    assert len(set(WORDS)) > 10_000
    hexadecimal = hashlib.sha256(b"Harbor12345").hexdigest()
    assert attack(f"(sha256 {hexadecimal[:8]})", "Harbor12345")
    assert attack(f"xx{hexadecimal[:16]}", REFERENCE) == [f"Harbor12345 as xx{hexadecimal[:16]}"]
    assert attack("the password is Harbor12345.", "Harbor12345") == ["Harbor12345 in plain"]
    sha1 = base64.b64encode(hashlib.sha1(b"password1", usedforsecurity=False).digest()).decode()
    assert attack(f"bob:{{SHA}}{sha1}", "password1")
    assert attack("bob:$2y$05$abcdefghijklmnopqrstuv", "password1")
    assert attack("alice: bcrypt cost 8 (secret 1)", "password1") == []

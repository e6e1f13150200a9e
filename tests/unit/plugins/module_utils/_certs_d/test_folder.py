# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._certs_d import folder as certs_d_folder
from ansible_collections.dockyard.ops.plugins.module_utils._certs_d import options
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.file_set import Attributes
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders
from ansible_collections.dockyard.ops.plugins.module_utils._pki import x509
from ansible_collections.dockyard.ops.tests.unit.helpers import pki
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

OURS = Attributes(os.geteuid(), os.getegid())
CA = pki.issue("The CA", ca=True)
NEW_CA = pki.issue("The next CA", ca=True)
CLIENT = pki.issue("client", CA, usages=(pki.CLIENT,), ends=30.5)
RENEWED = pki.issue("client", CA, usages=(pki.CLIENT,), ends=90.5)
EXPIRED = pki.issue("expired", CA, ends=-0.5)
EARLY = pki.issue("early", CA, starts=1)
SERVER_ONLY = pki.issue("server", CA, usages=(pki.SERVER,))
REGISTRY = "reg.test:5443"


def pair(issued: pki.Issued = CLIENT, name: str = "client", **other: Any) -> dict[str, Any]:
    contents = {"certificate_content": issued.pem.decode(), "private_key_content": issued.key.decode()}
    return {"name": name, **contents, **other}


def entry(registry: str = REGISTRY, ca: pki.Issued | None = CA, *pairs: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {
        "registry": registry,
        "ca_content": ca and ca.pem.decode(),
        "client_certs": list(pairs),
        "purge": False,
        "probe": False,
        "state": "present",
        **other,
    }


def run(base: Path, *entries: dict[str, Any], min_days_left: int = 0) -> list[certs_d_folder.Plan]:
    now = x509.now()
    return certs_d_folder.apply(options.desired_trusts(entries, str(base), min_days_left, now), str(base), OURS, now)


def plan(base: Path, one: dict[str, Any]) -> certs_d_folder.Plan:
    now = x509.now()
    return certs_d_folder.build_plan(options.desired_trusts([one], str(base), 0, now)[0], OURS, now)


def modes(folder: Path) -> dict[str, str]:
    return {path.name: f"{stat.S_IMODE(path.lstat().st_mode):04o}" for path in sorted(folder.iterdir())}


def snapshot(folder: Path) -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(folder))] = (content, status.st_ino, status.st_mode, status.st_uid, status.st_gid)
    return found


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "docker" / "certs.d"


@pytest.fixture
def folder(base: Path) -> Path:
    """Return the folder of a registry that is trusted already."""
    run(base, entry(REGISTRY, CA, pair()))
    return base / REGISTRY


def test_new_folder_and_nothing_to_do_after(base: Path) -> None:
    os.umask(0o077)
    try:
        (first,) = run(base, entry(REGISTRY, CA, pair(), pair(RENEWED, "zweite")))
    finally:
        os.umask(0o022)
    assert first.changed
    assert modes(base / REGISTRY) == {
        "ca.crt": "0644",
        "client.cert": "0644",
        "client.key": "0600",
        "zweite.cert": "0644",
        "zweite.key": "0600",
    }
    assert modes(base) == {REGISTRY: "0755"}
    assert modes(base.parent) == {"certs.d": "0755"}
    assert (base / REGISTRY / "client.key").read_bytes() == CLIENT.key
    before = snapshot(base)
    (again,) = run(base, entry(REGISTRY, CA, pair(), pair(RENEWED, "zweite")))
    assert not again.changed
    assert snapshot(base) == before


def test_paths_are_read_on_this_host(base: Path, tmp_path: Path) -> None:
    for name, content in {"ca.pem": CA.pem + NEW_CA.pem, "c.pem": CLIENT.pem + CA.pem, "c.key": CLIENT.key}.items():
        (tmp_path / name).write_bytes(content.rstrip())
    by_path = {
        "name": "client",
        "certificate_path": str(tmp_path / "c.pem"),
        "private_key_path": str(tmp_path / "c.key"),
    }
    run(base, entry(REGISTRY, None, by_path, ca_path=str(tmp_path / "ca.pem")))
    assert (base / REGISTRY / "ca.crt").read_bytes() == CA.pem + NEW_CA.pem
    assert (base / REGISTRY / "client.cert").read_bytes() == CLIENT.pem + CA.pem


def test_renewal_changes_only_what_differs(folder: Path) -> None:
    ca = (folder / "ca.crt").stat().st_ino
    (changed,) = run(folder.parent, entry(REGISTRY, CA, pair(RENEWED)))
    assert changed.write == ["client.key", "client.cert"]
    assert (folder / "client.key").read_bytes() == RENEWED.key
    assert (folder / "ca.crt").stat().st_ino == ca


@pytest.mark.parametrize(
    "drift",
    [
        lambda folder: (folder / "client.key").chmod(0o644),
        lambda folder: (folder / "ca.crt").chmod(0o600),
        lambda folder: folder.chmod(0o700),
        lambda folder: os.chown(folder / "client.cert", 12345, -1),
        lambda folder: os.chown(folder, -1, 12345),
    ],
    ids=["key readable", "ca unreadable", "folder closed", "owner", "folder's group"],
)
def test_drift_of_modes_and_owners_is_corrected(folder: Path, drift: Any) -> None:
    wanted = snapshot(folder.parent)
    drift(folder)
    assert run(folder.parent, entry(REGISTRY, CA, pair()))[0].changed
    without_inodes = [(entry[0], *entry[2:]) for entry in snapshot(folder.parent).values()]
    assert without_inodes == [(entry[0], *entry[2:]) for entry in wanted.values()]
    assert not run(folder.parent, entry(REGISTRY, CA, pair()))[0].changed


def test_a_link_is_replaced_and_its_target_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "shared.pem").write_bytes(CA.pem)
    (folder / "ca.crt").unlink()
    (folder / "ca.crt").symlink_to(tmp_path / "shared.pem")
    run(folder.parent, entry(REGISTRY, NEW_CA, pair()))
    assert not (folder / "ca.crt").is_symlink()
    assert (folder / "ca.crt").read_bytes() == NEW_CA.pem
    assert (tmp_path / "shared.pem").read_bytes() == CA.pem


def test_a_linked_folder_is_followed(folder: Path) -> None:
    (folder.parent / "reg.test").symlink_to(folder.name)
    run(folder.parent, entry("reg.test", NEW_CA, pair()))
    assert (folder / "ca.crt").read_bytes() == NEW_CA.pem
    run(folder.parent, entry("reg.test", state="absent"))
    assert not (folder.parent / "reg.test").is_symlink()
    assert (folder / "ca.crt").exists()


def test_purge_removes_what_the_engine_reads_and_nothing_else(folder: Path) -> None:
    for name in ("README.txt", "hosts.toml", "old.key", "junk.crt", "old.pem"):
        (folder / name).write_bytes(b"junk")
    (changed,) = run(folder.parent, entry(REGISTRY, CA, pair(RENEWED, "other"), purge=True))
    assert sorted(changed.remove) == ["client.cert", "client.key", "junk.crt", "old.key"]
    assert sorted(modes(folder)) == ["README.txt", "ca.crt", "hosts.toml", "old.pem", "other.cert", "other.key"]
    assert not run(folder.parent, entry(REGISTRY, CA, pair(RENEWED, "other"), purge=True))[0].changed


def test_what_a_killed_run_left_behind_is_removed(folder: Path) -> None:
    (folder / ".ansible.abcd_123").write_bytes(CLIENT.key)
    (folder.parent / ".ansible.abcd_456").mkdir()
    (folder.parent / ".ansible.abcd_456" / "client.key").write_bytes(CLIENT.key)
    assert run(folder.parent, entry(REGISTRY, CA, pair()))[0].changed
    assert sorted(modes(folder)) == ["ca.crt", "client.cert", "client.key"]
    assert sorted(modes(folder.parent)) == [REGISTRY]


def test_absent(folder: Path) -> None:
    assert run(folder.parent, entry(REGISTRY, None, state="absent"))[0].changed
    assert list(folder.parent.iterdir()) == []
    assert not run(folder.parent, entry(REGISTRY, None, state="absent"))[0].changed


def test_absent_keeps_files_of_others(folder: Path) -> None:
    (folder / "README.txt").write_bytes(b"hello")
    (changed,) = run(folder.parent, entry(REGISTRY, state="absent"))
    assert modes(folder) == {"README.txt": "0644"}
    assert certs_d_folder.warnings(changed, "docker") == [f"{folder} stays, because it holds README.txt."]
    assert not run(folder.parent, entry(REGISTRY, state="absent"))[0].changed


def test_absent_makes_no_folder(base: Path) -> None:
    assert not run(base, entry(REGISTRY, state="absent"))[0].changed
    assert not base.parent.exists()


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (
            entry(ca=None),
            "registry 'reg.test:5443' is to be present with neither a CA nor a client certificate;",
        ),
        (entry("https://reg.test"), "registry 'https://reg.test' has a scheme;"),
        (entry(probe_address="http://x"), "probe_address 'http://x' has a scheme;"),
        (entry(ca_path="/x"), "registry 'reg.test:5443' has both ca_content and ca_path; keep one of them."),
        (entry(ca_content="x"), "ca_content of registry 'reg.test:5443' is not PEM:"),
        (entry(ca_content=""), "ca_content of registry 'reg.test:5443' is empty;"),
        (entry(ca_content=None, ca_path="ca.pem"), "ca_path 'ca.pem' of registry 'reg.test:5443' is not absolute;"),
        (
            entry(ca_content=None, ca_path="/nonexistent/ca.pem"),
            "/nonexistent/ca.pem (ca_path of registry 'reg.test:5443') does not exist on the managed host;",
        ),
        (entry(ca_content=None, ca_path="/etc"), "Can't read /etc: there is a folder in its place; move it away"),
        (
            entry(ca_content=pki.issue("old", ca=True, ends=-1).pem.decode()),
            "ca_content of registry 'reg.test:5443' (CN=old) has expired at 2",
        ),
        (
            entry(REGISTRY, CA, pair(private_key_content=RENEWED.key.decode())),
            "private_key_content of client certificate 'client' of registry 'reg.test:5443' does not match"
            " certificate_content of client certificate 'client' of registry 'reg.test:5443' (CN=client);",
        ),
        (
            entry(REGISTRY, CA, pair(private_key_content=None)),
            "client certificate 'client' of registry 'reg.test:5443' has a certificate without its private key,"
            " which would break every pull from there; set private_key_content or private_key_path.",
        ),
        (
            entry(REGISTRY, CA, pair(certificate_content=None)),
            "client certificate 'client' of registry 'reg.test:5443' has a private key without its certificate,"
            " which would break every pull from there; set certificate_content or certificate_path.",
        ),
        (
            entry(REGISTRY, CA, pair(certificate_content=None, private_key_content=None)),
            "client certificate 'client' of registry 'reg.test:5443' has neither a certificate nor a private key;",
        ),
        (
            entry(REGISTRY, CA, pair(certificate_path="/x")),
            "client certificate 'client' of registry 'reg.test:5443' has both certificate_content and certificate_path",
        ),
        (
            entry(REGISTRY, CA, pair(private_key_path="/x")),
            "client certificate 'client' of registry 'reg.test:5443' has both private_key_content and private_key_path",
        ),
        *(
            (
                entry(REGISTRY, CA, pair(name=f"client{suffix}")),
                f"client certificate 'client{suffix}' of registry 'reg.test:5443' is named like a file;"
                " leave the ending away: 'client' gives",
            )
            for suffix in (".crt", ".cert", ".key")
        ),
        *(
            (
                entry(REGISTRY, CA, pair(name=name)),
                f"client certificate '{name}' of registry 'reg.test:5443' can't become",
            )
            for name in ("", "a/b", "..", ".hidden", "a b", "ä", "x" * 101)
        ),
        (
            entry(REGISTRY, CA, pair(), pair()),
            "client certificate 'client' of registry 'reg.test:5443' is listed twice;",
        ),
        (
            entry(REGISTRY, CA, pair(EXPIRED)),
            "certificate_content of client certificate 'client' of registry 'reg.test:5443' (CN=expired) has expired",
        ),
        (
            entry(REGISTRY, CA, pair(EARLY)),
            "certificate_content of client certificate 'client' of registry 'reg.test:5443' (CN=early) is not yet",
        ),
        (
            entry(REGISTRY, CA, pair(private_key_content=pki.key_pem(CLIENT.private_key, password=b"x").decode())),
            "private_key_content of client certificate 'client' of registry 'reg.test:5443' is encrypted",
        ),
        (
            entry(REGISTRY, CA, pair(private_key_content="secret")),
            "private_key_content of client certificate 'client' of registry 'reg.test:5443' is not PEM",
        ),
    ],
)
def test_bad_input_is_refused_and_nothing_changes(folder: Path, one: dict[str, Any], message: str) -> None:
    before = snapshot(folder.parent)
    with pytest.raises(DockyardError) as caught:
        # One that is fine comes first: all are checked before any is written.
        run(folder.parent, entry("fine.test"), one)
    assert caught.value.message.startswith(message)
    assert_explained(caught.value)
    assert caught.value.message.endswith(".")
    assert "secret" not in caught.value.message
    assert snapshot(folder.parent) == before


def test_min_days_left(base: Path) -> None:
    run(base, entry(REGISTRY, CA, pair()), min_days_left=30)
    with pytest.raises(DockyardError, match=r"in 30 days and so sooner than min_days_left=31 allows"):
        run(base, entry(REGISTRY, CA, pair()), min_days_left=31)
    with pytest.raises(DockyardError, match=r"^min_days_left is -1; use 0 or more days\.$"):
        run(base, entry(REGISTRY, CA, pair()), min_days_left=-1)


def test_one_folder_twice(folder: Path) -> None:
    with pytest.raises(DockyardError, match=r"^registry 'reg.test:5443' is listed twice; leave one of them out\.$"):
        run(folder.parent, entry(), entry())
    (folder.parent / "reg.test").symlink_to(folder.name)
    with pytest.raises(DockyardError, match=r"^registry 'reg.test' is listed and 'reg.test:5443' share one folder;"):
        run(folder.parent, entry(), entry("reg.test"))


CAN_NOT = "; 'reg.test:5443' can't be used with this file in its folder, which this task has not put there:"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"old.key": CLIENT.key}, "{}/old.key is a private key without its certificate old.cert" + CAN_NOT),
        ({"old.cert": CLIENT.pem}, "{}/old.cert is a client certificate without its private key old.key" + CAN_NOT),
        (
            {"ca.cert": CA.pem},
            "{}/ca.cert is a client certificate without its private key ca.key, and as a CA it would have to be"
            " named .crt" + CAN_NOT,
        ),
        ({"a.cert": b"", "a.key": CLIENT.key}, "{}/a.cert is empty" + CAN_NOT),
        ({"a.cert": CLIENT.pem, "a.key": b"junk"}, "{}/a.key is not PEM: it has no -----BEGIN line" + CAN_NOT),
        (
            {"a.cert": CLIENT.pem, "a.key": RENEWED.key},
            "{0}/a.key does not match {0}/a.cert (CN=client)" + CAN_NOT,
        ),
        (
            {"a.cert": CLIENT.pem, "a.key": pki.key_pem(CLIENT.private_key, password=b"x")},
            "{}/a.key is encrypted, and nobody is there to be asked for its passphrase" + CAN_NOT,
        ),
        ({"a.cert": EXPIRED.pem, "a.key": EXPIRED.key}, "{}/a.cert (CN=expired) has expired at "),
    ],
)
def test_files_of_others_that_break_every_pull(folder: Path, files: dict[str, bytes], message: str) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    before = snapshot(folder.parent)
    with pytest.raises(DockyardError) as caught:
        run(folder.parent, entry(REGISTRY, NEW_CA, pair(RENEWED)))
    assert caught.value.message.startswith(message.format(folder))
    assert_explained(caught.value)
    assert caught.value.code == "certs_foreign_file"
    assert caught.value.message.endswith(" fix it, remove it, or set purge=true.")
    assert snapshot(folder.parent) == before
    run(folder.parent, entry(REGISTRY, NEW_CA, pair(RENEWED), purge=True))
    assert sorted(modes(folder)) == ["ca.crt", "client.cert", "client.key"]


def test_files_of_others_that_work_are_kept(folder: Path) -> None:
    for name, content in {"more.crt": NEW_CA.pem, "a.cert": CLIENT.pem, "a.key": CLIENT.key}.items():
        (folder / name).write_bytes(content)
    (unchanged,) = run(folder.parent, entry(REGISTRY, CA, pair()))
    assert not unchanged.changed
    report = certs_d_folder.report(unchanged, x509.now(), None)
    assert report["kept_files"] == ["a.cert", "a.key", "more.crt"]


def concerns(plan: certs_d_folder.Plan) -> list[str]:
    return certs_d_folder.warnings(plan, "docker")


@pytest.mark.parametrize(
    ("files", "warning"),
    [
        ({"domain.crt": CLIENT.pem}, None),
        ({"old.crt": pki.issue("old", ca=True, ends=-1).pem}, None),
        ({"junk.crt": b"junk"}, "{}/junk.crt is not PEM: it has no -----BEGIN line"),
        ({"ca.der.crt": CA.der}, "{}/ca.der.crt is not PEM: it has no -----BEGIN line"),
    ],
)
def test_files_that_docker_takes_are_no_reason_to_refuse(
    folder: Path, files: dict[str, bytes], warning: str | None
) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (plan,) = run(folder.parent, entry(REGISTRY, CA, pair()))
    if warning is None:
        assert concerns(plan) == []
        return
    (message,) = concerns(plan)
    assert message == (
        f"{warning.format(folder)}: Docker ignores this file, but with the containerd image store every pull from"
        " 'reg.test:5443' fails with it; remove it, or set purge=true."
    )
    (purged,) = run(folder.parent, entry(REGISTRY, CA, pair(), purge=True))
    assert concerns(purged) == []


@pytest.mark.parametrize(
    ("options", "warning"),
    [
        (
            entry(ca=CLIENT),
            "ca_content of registry 'reg.test:5443' (CN=client) is no CA, its basicConstraints lack CA:TRUE",
        ),
        (
            entry(ca_content=(CA.pem + pki.issue("old", ca=True, ends=-1).pem).decode()),
            "ca_content of registry 'reg.test:5443' holds a CA that does not count now (CN=old)",
        ),
        (
            entry(REGISTRY, CA, pair(SERVER_ONLY)),
            "certificate_content of client certificate 'client' of registry 'reg.test:5443' (CN=server) is not for",
        ),
    ],
)
def test_what_docker_takes_is_written_with_a_warning(folder: Path, options: dict[str, Any], warning: str) -> None:
    (plan,) = run(folder.parent, options)
    (message,) = concerns(plan)
    assert message.startswith(warning)
    assert (folder / "ca.crt").read_bytes() == plan.trust.files["ca.crt"]


def test_an_orphan_that_this_task_completes_is_no_orphan(folder: Path) -> None:
    (folder / "client.key").unlink()
    run(folder.parent, entry(REGISTRY, CA, pair()))
    assert (folder / "client.key").read_bytes() == CLIENT.key


def test_a_link_that_leads_nowhere(folder: Path) -> None:
    (folder / "old.crt").symlink_to("/nonexistent")
    with pytest.raises(
        DockyardError, match=r"old\.crt is a link that leads nowhere; fix it, remove it, or set purge=true"
    ):
        run(folder.parent, entry(REGISTRY, CA, pair()))
    run(folder.parent, entry(REGISTRY, CA, pair(), purge=True))
    assert not (folder / "old.crt").is_symlink()


@pytest.mark.parametrize("purge", [False, True])
@pytest.mark.parametrize("name", ["ca.crt", "x.crt", "client.key"])
def test_a_folder_in_the_place_of_a_file(folder: Path, name: str, purge: bool) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).mkdir()
    before = snapshot(folder.parent)
    with pytest.raises(DockyardError) as caught:
        run(folder.parent, entry(REGISTRY, CA, pair(), purge=purge))
    assert caught.value.message == (
        f"{folder / name} is a folder in a file's place, which breaks every pull from 'reg.test:5443'; move it away."
    )
    assert snapshot(folder.parent) == before


def test_a_file_in_the_place_of_the_folder(base: Path) -> None:
    base.mkdir(parents=True)
    (base / REGISTRY).write_bytes(b"")
    with pytest.raises(
        DockyardError, match=r"reg\.test:5443 is not a folder, and its registry needs one there; move it away"
    ):
        run(base, entry())
    with pytest.raises(
        DockyardError, match=r"is not a folder, and registries' folders belong into one; move it away\.$"
    ):
        run(base / REGISTRY, entry())


def test_a_failure_between_two_registries_puts_the_first_one_back(folder: Path) -> None:
    class Slow(Attributes):
        """Put a folder where the last file is about to go, as another process could."""

        def apply(self, path: str, destination: str, mode: int) -> None:
            super().apply(path, destination, mode)
            if destination.endswith("z.test/ca.crt"):
                (folder.parent / "z.test" / "ca.crt").unlink()
                (folder.parent / "z.test" / "ca.crt").mkdir()

    run(folder.parent, entry("z.test"))
    before = snapshot(folder)
    now = x509.now()
    entries = [entry(REGISTRY, NEW_CA, pair(RENEWED)), entry("new.test"), entry("z.test", NEW_CA)]
    trusts = options.desired_trusts(entries, str(folder.parent), 0, now)
    with pytest.raises(DockyardError, match=r"Can't write .*z\.test/ca\.crt: there is a folder in its place"):
        certs_d_folder.apply(trusts, str(folder.parent), Slow(os.geteuid(), os.getegid()), now)
    assert snapshot(folder) == before
    assert sorted(modes(folder.parent)) == [REGISTRY, "z.test"]


def test_readers_never_see_a_new_folder_half_done(base: Path) -> None:
    base.mkdir(parents=True)
    names = [f"reg{number}.test" for number in range(20)]
    complete = ["ca.crt", "client.cert", "client.key"]
    stop = threading.Event()
    seen: list[list[str]] = []

    def read() -> None:
        while not stop.is_set():
            seen.extend(sorted(os.listdir(base / name)) for name in names if (base / name).exists())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for name in names:
            run(base, entry(name, CA, pair()))
    finally:
        stop.set()
        reader.join()
    assert seen
    assert all(names == complete for names in seen)


def _hold(base: str, ready: Any, release: Any) -> None:
    with atomic_file.locked(base):
        ready.set()
        release.wait(20)


def test_two_runs_wait_for_each_other(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(str(folder.parent), ready, release))
    other.start()
    try:
        assert ready.wait(20)
        mine = threading.Thread(target=run, args=(folder.parent, entry(REGISTRY, NEW_CA, pair())))
        mine.start()
        mine.join(0.5)
        assert mine.is_alive()
        assert (folder / "ca.crt").read_bytes() == CA.pem
        release.set()
        mine.join(20)
        assert (folder / "ca.crt").read_bytes() == NEW_CA.pem
    finally:
        release.set()
        other.join(20)


@pytest.mark.parametrize(
    ("registry", "engine", "expected"),
    [
        ("localhost:5000", "docker", "Docker takes 'localhost:5000' for an insecure registry"),
        ("127.0.0.1:5000", "rootless", "Docker takes '127.0.0.1:5000' for an insecure registry"),
        ("[::1]:5000", "docker", "Docker takes '[::1]:5000' for an insecure registry"),
        ("reg", "docker", "Docker takes 'reg/image' for an image on Docker Hub"),
        ("localhost:5000", "containers", None),
        ("reg.test", "docker", None),
    ],
)
def test_warnings_about_names(base: Path, registry: str, engine: options.Engine, expected: str | None) -> None:
    found = certs_d_folder.warnings(plan(base, entry(registry)), engine)
    assert [warning.startswith(expected or "") for warning in found] == ([] if expected is None else [True])


@pytest.mark.parametrize(
    ("content", "engine", "count"), [(b"server = ''\n", "docker", 1), (b" \n", "docker", 0), (b"x", "containers", 0)]
)
def test_warning_about_hosts_toml(folder: Path, content: bytes, engine: options.Engine, count: int) -> None:
    (folder / "hosts.toml").write_bytes(content)
    found = certs_d_folder.warnings(plan(folder.parent, entry(REGISTRY, CA, pair())), engine)
    assert [warning.startswith(f"{folder} holds a hosts.toml:") for warning in found] == [True] * count


def test_description_has_fingerprints_and_no_keys(folder: Path) -> None:
    (folder / "junk.crt").write_bytes(b"junk")
    before, after = certs_d_folder.describe(
        plan(folder.parent, entry(REGISTRY, CA, pair(RENEWED), purge=True)), OURS, Placeholders()
    )
    shown = json.dumps([before, after])
    for issued in (CLIENT, RENEWED):
        assert not any(line in shown for line in issued.key.decode().splitlines())
        assert not any(line in shown for line in issued.pem.decode().splitlines())
    assert before["ca.crt"] == after["ca.crt"]
    assert sorted(set(before) - set(after)) == ["junk.crt"]
    keys = [side["client.key"] for side in (before, after)]
    assert [key["content"] for key in keys] == ["(secret 1)", "(secret 3)"]  # type: ignore[index]
    assert before["junk.crt"] == {"content": "(secret 2)", "mode": "0644", "owner": f"{OURS.uid}:{OURS.gid}"}
    for key, issued in zip(keys, (CLIENT, RENEWED)):
        public = x509.load_private_key(issued.key, "").public_key
        assert key["public_key_sha256"] == hashlib.sha256(public).hexdigest()  # type: ignore[index]
        assert hashlib.sha256(issued.key).hexdigest() not in shown
    assert after["client.key"]["mode"] == "0600"  # type: ignore[index]
    old, new = (x509.load_certificates(issued.pem, "")[0] for issued in (CLIENT, RENEWED))
    for side, certificate in ((before, old), (after, new)):
        assert side["client.cert"]["certificates"] == [  # type: ignore[index]
            {
                "fingerprint_sha256": certificate.fingerprint,
                "subject": "CN=client",
                "not_valid_after": x509.format_time(certificate.not_after),
            }
        ]


def test_the_description_after_is_the_description_before_of_the_next_run(folder: Path) -> None:
    (folder / "client.key").chmod(0o644)
    (folder / "README").write_bytes(b"")
    one = entry(REGISTRY, NEW_CA, pair(RENEWED, "new"), purge=True)
    placeholders = Placeholders()
    after = certs_d_folder.describe(plan(folder.parent, one), OURS, placeholders)[1]
    run(folder.parent, one)
    assert certs_d_folder.describe(plan(folder.parent, one), OURS, placeholders) == (after, after)


def test_report(folder: Path) -> None:
    report = certs_d_folder.report(plan(folder.parent, entry(REGISTRY, CA, pair())), x509.now(), None)
    assert (report["expires_in_days"], report["directory"]) == (30, str(folder))
    assert report["files"] == ["ca.crt", "client.key", "client.cert"]
    certificates: Any = report["certificates"]
    assert [(one["file"], one["subject"]) for one in certificates] == [
        ("ca.crt", "CN=The CA"),
        ("client.cert", "CN=client"),
    ]


@pytest.mark.parametrize(
    ("engine", "directory", "xdg", "expected"),
    [
        ("docker", None, "/xdg", "/etc/docker/certs.d"),
        ("containers", None, "/xdg", "/etc/containers/certs.d"),
        ("rootless", None, "/xdg", "/xdg/docker/certs.d"),
        ("rootless", None, None, os.path.expanduser("~/.config/docker/certs.d")),
        ("rootless", None, "relative", os.path.expanduser("~/.config/docker/certs.d")),
        ("docker", "/other/certs.d/", "/xdg", "/other/certs.d"),
    ],
)
def test_certs_folder(
    monkeypatch: pytest.MonkeyPatch, engine: options.Engine, directory: str | None, xdg: str | None, expected: str
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    if xdg is not None:
        monkeypatch.setenv("XDG_CONFIG_HOME", xdg)
    assert options.certs_folder(engine, directory) == expected


def test_directory_has_to_be_absolute() -> None:
    with pytest.raises(DockyardError, match=r"^directory 'certs\.d' is not absolute; write the whole path"):
        options.certs_folder("docker", "certs.d")

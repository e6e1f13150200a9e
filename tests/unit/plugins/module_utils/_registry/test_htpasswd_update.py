# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run all of it on real files with real bcrypt, and with others who write to the same file at the same time."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import threading
import time
from collections.abc import Iterator
from typing import Any, Callable

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._registry import password_hash
from ansible_collections.dockyard.ops.plugins.module_utils._registry.htpasswd import Change, Reason, User
from ansible_collections.dockyard.ops.plugins.module_utils._registry.htpasswd_update import (
    DesiredUsers,
    Outcome,
    Update,
    _differ_in_time,
    cost_warning,
)
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained
from hypothesis import given, settings
from hypothesis import strategies as st

LIBRARY = password_hash.library()
ALICE, BOB, CARL = (User(name, f"{name}-secret", True) for name in ("alice", "bob", "carl"))
HASH = {name: LIBRARY.hash(f"{name}-secret", 4) for name in ("alice", "bob", "carl", "eve")}


def absent(user: User) -> User:
    return user._replace(present=False)


def line(name: str, secret: str | None = None) -> str:
    return f"{name}:{secret or HASH[name]}\n"


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "htpasswd"


def update(
    path: pathlib.Path,
    *users: User,
    check_mode: bool = False,
    set_attributes: Callable[[str], object] | None = None,
    **options: Any,
) -> Outcome:
    return Update(
        DesiredUsers(**{"path": str(path), "users": users, "cost": 4, **options}), check_mode, set_attributes
    ).run()


def entries(path: pathlib.Path) -> dict[str, str]:
    return dict(row.split(":", 1) for row in path.read_text().splitlines())


def let_in(path: pathlib.Path, *users: User) -> bool:
    found = entries(path)
    return sorted(found) == sorted(user.name for user in users) and all(
        LIBRARY.verify(user.password, found[user.name]) for user in users
    )


def test_check_run_again_check(path: pathlib.Path) -> None:
    for check_mode, changes in ((True, True), (False, True), (False, False), (True, False)):
        outcome = update(path, ALICE, BOB, absent(CARL), check_mode=check_mode)
        assert outcome.plan.changes_something == changes
        assert outcome.plan.added == (["alice", "bob"] if changes else [])
        assert path.exists() == (not (check_mode and changes))
    assert let_in(path, ALICE, BOB)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "old, options, reason",
    [
        (LIBRARY.hash("other", 4), {}, "password"),
        (LIBRARY.hash("alice-secret", 5), {}, "cost"),
        (HASH["alice"].replace("$2y$", "$2b$"), {}, "scheme"),
        ("$apr1$abcdefgh$abcdefghijklmnopqrstuv", {}, "scheme"),
        (LIBRARY.hash("other", 4), {"always": False}, None),
        (LIBRARY.hash("alice-secret", 5), {"always": False}, None),
        (HASH["alice"], {}, None),
    ],  # Hashes differ from run to run.
    ids=["password", "cost", "variant", "scheme", "kept password", "kept cost", "right"],
)
def test_drift_is_repaired(path: pathlib.Path, old: str, options: dict[str, Any], reason: Reason | None) -> None:
    path.write_text(line("alice", old))
    for check_mode in (True, False):
        outcome = update(path, ALICE, check_mode=check_mode, **options)
        assert outcome.plan.updated == ([Change("alice", reason)] if reason else [])
    if reason is None:
        assert path.read_text() == line("alice", old)
    else:
        assert let_in(path, ALICE)
        assert password_hash.kind_of(entries(path)["alice"]) == ("2y", 4)
    assert not update(path, ALICE, **options).plan.changes_something


def test_a_file_that_is_right_is_not_touched(path: pathlib.Path) -> None:
    path.write_text(f"\n{line('alice')}  # no line feed at the end")
    before = path.stat()
    update(path, ALICE, absent(BOB), backup=True)
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )
    assert os.listdir(path.parent) == ["htpasswd"]


def test_on_create_warns_of_a_hash_that_locks_the_user_out(path: pathlib.Path) -> None:
    path.write_text(line("alice", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=") + line("bob"))
    assert update(path, ALICE, BOB, always=False).warnings == [
        f"A registry refuses these users of {path}, because their hash is not bcrypt: alice."
        " List them with a password and update_password: always to give them one that works."
    ]
    assert update(path, ALICE, BOB).warnings == []


def test_many_locked_out_users_are_counted(path: pathlib.Path) -> None:
    path.write_text("".join(line(f"u{number:02}", "x") for number in range(13)))
    (warning,) = update(path, ALICE, check_mode=True).warnings
    assert "not bcrypt: u00, u01, u02, u03, u04, u05, u06, u07, u08, u09 and 3 more. List" in warning


def test_purge(path: pathlib.Path) -> None:
    path.write_text(f"# ours\n{line('eve')}{line('alice')}")
    assert not update(path, ALICE).plan.changes_something
    assert update(path, ALICE, purge=True, check_mode=True).plan.removed == ["eve"]
    assert update(path, ALICE, purge=True).plan.removed == ["eve"]
    assert path.read_text() == f"# ours\n{line('alice')}"
    with pytest.raises(DockyardError, match="would remove every user from"):
        update(path, purge=True)


def test_absent_users_make_no_file(path: pathlib.Path) -> None:
    assert not update(path, absent(ALICE)).plan.changes_something
    assert not path.exists()


def test_a_backup_is_the_old_file(path: pathlib.Path) -> None:
    assert update(path, ALICE, backup=True).backup_file is None
    old = path.read_bytes()
    assert update(path, ALICE, BOB, backup=True, check_mode=True).backup_file is None
    backup_file = update(path, ALICE, BOB, backup=True).backup_file
    assert backup_file is not None
    assert pathlib.Path(backup_file).read_bytes() == old
    assert update(path, ALICE, BOB, backup=True).backup_file is None
    assert len(os.listdir(path.parent)) == 2


@pytest.mark.parametrize("content", [b"alice\n", "alice:x".encode("utf-16"), b"x" * 70_000])
def test_a_malformed_file_is_never_overwritten(path: pathlib.Path, content: bytes) -> None:
    path.write_bytes(content)
    for check_mode in (True, False):
        with pytest.raises(DockyardError, match=rf"Line 1 of {path} .*; correct or delete that line and run again"):
            update(path, ALICE, purge=True, check_mode=check_mode)
    assert path.read_bytes() == content
    assert os.listdir(path.parent) == ["htpasswd"]


def test_bytes_that_are_not_utf8_survive(path: pathlib.Path) -> None:
    path.write_bytes(b"# caf\xe9\nren\xe9:x\n")
    outcome = update(path, ALICE)
    assert path.read_bytes().startswith(b"# caf\xe9\nren\xe9:x\nalice:$2y$04$")
    assert outcome.before == "ren\\xe9: not a bcrypt hash, which a registry refuses\n"
    assert update(path, ALICE, purge=True).plan.removed == ["ren\\xe9"]


def test_a_missing_folder(path: pathlib.Path) -> None:
    below = path.parent / "none" / "htpasswd"
    with pytest.raises(DockyardError) as problem:
        update(below, ALICE)
    assert_explained(problem.value)
    assert str(problem.value) == (
        f"The folder {below.parent} does not exist; create it (ansible.builtin.file with state: directory)"
        " and run again."
    )
    outcome = update(below, ALICE, check_mode=True)
    assert outcome.plan.added == ["alice"]
    assert outcome.warnings == [
        f"The folder {below.parent} does not exist yet; a run fails unless an earlier task creates it."
    ]


def test_a_folder_in_its_place(path: pathlib.Path) -> None:
    path.mkdir()
    with pytest.raises(
        DockyardError, match=f"Can't read {path}: there is a folder in its place; move it away and run again"
    ):
        update(path, ALICE)


def test_a_link_is_followed(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    path.symlink_to(tmp_path / "elsewhere" / "users")
    update(path, ALICE)
    assert path.is_symlink()
    assert let_in(tmp_path / "elsewhere" / "users", ALICE)


def test_the_diff_shows_no_secret(path: pathlib.Path) -> None:
    path.write_text(line("alice", LIBRARY.hash("other", 4)) + line("bob", "plaintext"))
    planned = update(path, ALICE, BOB, CARL, check_mode=True)
    done = update(path, ALICE, BOB, CARL)
    assert planned.before == done.before
    assert planned.after == "".join(
        f"{name}: bcrypt cost 4, hash not computed yet\n" for name in ("alice", "bob", "carl")
    )
    rows = done.after.splitlines()
    assert rows == [
        f"{name}: bcrypt cost 4 (secret {number + 2})" for number, name in enumerate(("alice", "bob", "carl"))
    ]
    assert done.before.splitlines()[0] == "alice: bcrypt cost 4 (secret 1)"
    shown = planned.before + planned.after + done.after
    for secret in (*entries(path).values(), "plaintext", ALICE.password):
        assert secret not in shown


@pytest.mark.parametrize("back", [0, 5 * 10**9])
def test_the_time_of_the_file_differs_after_each_write(path: pathlib.Path, back: int) -> None:
    path.write_text(line("alice"))
    old = time.time_ns() - back
    os.utime(path, ns=(old, old))
    # As if the clock had stopped, or had been set back to the very same moment.
    update(path, ALICE, BOB, set_attributes=lambda temporary: os.utime(temporary, ns=(old, old)))
    assert path.stat().st_mtime_ns != old


def test_a_time_that_differs_is_left_alone(path: pathlib.Path) -> None:
    path.write_text("")
    new = path.with_name("new")
    new.write_text("")
    os.utime(new, ns=(1, 1))
    _differ_in_time(str(new), str(path))
    assert new.stat().st_mtime_ns == 1


def once(act: Callable[[], object]) -> Callable[[str], None]:
    left = [act]

    def set_attributes(_temporary: str) -> None:
        if left:
            left.pop()()

    return set_attributes


def test_a_user_added_meanwhile_is_kept(path: pathlib.Path) -> None:
    path.write_text(line("bob"))
    computed: list[str] = []

    def add_eve() -> None:
        computed.extend(update_under_test._hashes.values())
        with path.open("a") as file:
            file.write(line("eve"))

    update_under_test = Update(DesiredUsers(str(path), [ALICE, BOB], cost=4, backup=True), set_attributes=once(add_eve))
    outcome = update_under_test.run()
    assert path.read_text().startswith(line("bob") + line("eve") + "alice:")
    assert [entries(path)["alice"]] == computed  # the hash was not computed again
    assert outcome.plan.added == ["alice"]
    assert outcome.before.startswith("bob: ") and "eve: " in outcome.before
    assert outcome.backup_file is not None
    assert pathlib.Path(outcome.backup_file).read_text() == line("bob") + line("eve")
    assert len(os.listdir(path.parent)) == 2  # no copy of the version in between


def test_a_file_that_appears_meanwhile_is_kept(path: pathlib.Path) -> None:
    outcome = update(path, ALICE, set_attributes=once(lambda: path.write_text(line("eve"))))
    assert sorted(entries(path)) == ["alice", "eve"]
    assert outcome.existed


def test_a_file_that_goes_away_meanwhile(path: pathlib.Path) -> None:
    path.write_text(line("eve"))
    update(path, ALICE, set_attributes=once(path.unlink))
    assert sorted(entries(path)) == ["alice"]


def test_a_password_changed_meanwhile_is_put_right(path: pathlib.Path) -> None:
    path.write_text(line("bob"))
    stranger = line("bob", LIBRARY.hash("stranger", 4))
    outcome = update(path, ALICE, BOB, set_attributes=once(lambda: path.write_text(stranger)))
    assert outcome.plan.updated == [Change("bob", "password")]
    assert let_in(path, ALICE, BOB)


def test_when_another_did_the_work_nothing_is_left_to_do(path: pathlib.Path) -> None:
    outcome = update(path, ALICE, set_attributes=once(lambda: path.write_text(line("alice"))))
    assert not outcome.plan.changes_something
    assert path.read_text() == line("alice")


def test_a_file_broken_meanwhile_is_not_overwritten(path: pathlib.Path) -> None:
    with pytest.raises(DockyardError, match="Line 1 of .* has no colon"):
        update(path, ALICE, set_attributes=once(lambda: path.write_text("broken\n")))
    assert path.read_text() == "broken\n"
    assert os.listdir(path.parent) == ["htpasswd"]


def test_one_who_never_stops_writing_is_named(path: pathlib.Path) -> None:
    path.write_text(line("bob"))

    def comment(_temporary: str) -> None:
        with path.open("a") as file:
            file.write("# again\n")

    with pytest.raises(DockyardError) as problem:
        update(path, ALICE, set_attributes=comment, backup=True)
    assert_explained(problem.value)
    assert str(problem.value) == (
        f"Another program changed {path} 10 times while it was about to be replaced;"
        " stop that program and run again."
    )
    assert path.read_text() == line("bob") + "# again\n" * 10
    assert os.listdir(path.parent) == ["htpasswd"]


@contextlib.contextmanager
def in_background(act: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_a_line_that_is_half_written_is_read_again(path: pathlib.Path) -> None:
    path.write_text("ev")

    def finish() -> None:
        time.sleep(0.03)
        path.write_text(line("eve"))

    with in_background(finish):
        update(path, ALICE)
    assert sorted(entries(path)) == ["alice", "eve"]


def test_a_lock_held_by_another_run(path: pathlib.Path) -> None:
    with atomic_file.locked(str(path.parent)):
        with pytest.raises(
            DockyardError, match="Another run holds the lock on .* for more than 0.1 seconds; wait until it has"
        ):
            update(path, ALICE, lock_timeout=0.1)
        assert os.listdir(path.parent) == []
        # Neither check mode nor a run with nothing to do waits for it.
        update(path, ALICE, lock_timeout=0.1, check_mode=True)
        update(path, absent(ALICE), lock_timeout=0.1)


def test_runs_at_the_same_time_lose_nobody(path: pathlib.Path) -> None:
    users = [User(f"user{number}", "secret", True) for number in range(12)]
    with contextlib.ExitStack() as threads:
        for user in users:
            threads.enter_context(in_background(lambda user=user: update(path, user)))  # type: ignore[misc]
    assert let_in(path, *users)


@pytest.mark.parametrize(
    "cost, text",
    [
        (11, "at cost 11 that takes about 124 milliseconds each time"),
        (12, "at cost 12 that takes about 248 milliseconds each time"),
        (15, "at cost 15 that takes about 2.0 seconds each time"),
        (31, "at cost 31 that takes about 2,167 minutes each time"),
    ],
)
def test_a_high_cost_is_told(cost: int, text: str) -> None:
    assert text in cost_warning(cost)


def test_a_byte_order_mark_is_warned_of_until_it_is_gone(path: pathlib.Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + line("alice").encode())
    for check_mode in (True, False):
        assert update(path, ALICE, always=False, check_mode=check_mode).warnings == [
            f"A byte order mark at the beginning of {path} is a part of its first line for a registry: the user of that"
            " line can't log in, and if it has none, nobody can; it is taken away."
        ]
    assert update(path, ALICE, always=False).warnings == []


def test_only_a_high_cost_is_told(path: pathlib.Path) -> None:
    assert update(path, ALICE, cost=10, check_mode=True).warnings == []
    (warning,) = update(path, ALICE, cost=11, check_mode=True).warnings
    assert warning == (
        "The registry computes bcrypt on every request, and at cost 11 that takes about 124 milliseconds each time"
        " (16 milliseconds at cost 8, 2 at cost 5); one push makes about 50 requests."
        " Choose 8 for passwords that people make up, 5 for long generated ones."
    )


NAMES = st.sampled_from(["a", "b", "c", "d"])
STATES = st.dictionaries(NAMES, st.sampled_from(["one", "two", None]), min_size=1)


@settings(max_examples=40, deadline=None)
@given(first=STATES, second=STATES, purge=st.booleans())
def test_one_run_brings_any_file_to_any_list(
    tmp_path_factory: pytest.TempPathFactory, first: dict[str, str | None], second: dict[str, str | None], purge: bool
) -> None:
    path = tmp_path_factory.mktemp("any") / "htpasswd"
    expected: dict[str, str] = {}
    for wanted, purging in ((first, False), (second, purge and any(second.values()))):
        users = [User(name, password or "", password is not None) for name, password in wanted.items()]
        planned = update(path, *users, purge=purging, check_mode=True)
        done = update(path, *users, purge=purging)
        again = update(path, *users, purge=purging)
        expected = {} if purging else {name: value for name, value in expected.items() if name not in wanted}
        expected.update({user.name: user.password for user in users if user.present})
        assert planned.plan[1:] == done.plan[1:]
        assert not again.plan.changes_something
        assert path.exists() or not expected
        if path.exists():
            assert let_in(path, *(User(name, password, True) for name, password in expected.items()))


def test_a_backup_is_kept_if_the_disk_does_not_confirm_the_change(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(line("bob"))
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}") == str(path.parent):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(DockyardError) as caught:
        update(path, ALICE, backup=True)
    assert_explained(caught.value, changed=True)
    assert sorted(entries(path)) == ["alice", "bob"]
    (backup_file,) = (name for name in os.listdir(path.parent) if name != "htpasswd")
    assert path.with_name(backup_file).read_text() == line("bob")

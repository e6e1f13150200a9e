# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders
from ansible_collections.dockyard.ops.plugins.module_utils._registry import htpasswd
from ansible_collections.dockyard.ops.plugins.module_utils._registry.htpasswd import Change, User
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained
from hypothesis import given
from hypothesis import strategies as st

AGAIN = " and run again."
REST = "abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
GOOD = f"$2y$08${REST}"


def user(name: str, password: str = "secret", present: bool = True) -> User:
    return User(name, password, present)


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("", "The name of user number 2 in the list is empty; give it one"),
        (
            "a:b",
            "The user name 'a:b' contains a colon, which ends the name in a user file and in a login;"
            " choose a name without it",
        ),
        (
            "a\nb",
            r"The user name 'a\nb' contains a control character, which no login can carry; choose a name without it",
        ),
        (
            "a\x7f",
            r"The user name 'a\x7f' contains a control character, which no login can carry; choose a name without it",
        ),
        (
            "a\0",
            r"The user name 'a\x00' contains a control character, which no login can carry; choose a name without it",
        ),
        (
            "\udcff",
            r"The user name '\udcff' contains a control character, which no login can carry; choose a name without it",
        ),
        (" a", "The user name ' a' begins or ends with white space, which the registry does not read; remove it"),
        (
            "a\u00a0",
            "The user name 'a\u00a0' begins or ends with white space, which the registry does not read; remove it",
        ),
        (
            "#a",
            "The user name '#a' begins with '#', which makes its line a comment;"
            " choose a name that begins with something else",
        ),
        ("ä" * 128, f"The user name '{'ä' * 40}…' is longer than 255 bytes; choose a shorter one"),
    ],
)
@pytest.mark.parametrize("present", [True, False])
def test_names_that_no_registry_can_use_are_refused(name: str, sentence: str, present: bool) -> None:
    with pytest.raises(DockyardError) as problem:
        htpasswd.check_users([user("fine"), user(name, present=present)])
    assert_explained(problem.value)
    assert str(problem.value) == sentence + AGAIN


@pytest.mark.parametrize(
    "password, sentence",
    [
        ("", "is empty; give them one, or list them with state absent,"),
        ("a\0b", "contains a NUL character, which bcrypt can't hash; choose one without it"),
        (
            "ab\n",
            "contains a control character (a line break at its end?), which no login can carry; choose one without it",
        ),
        (
            "\ud800",
            "contains a control character (a line break at its end?), which no login can carry; choose one without it",
        ),
        (
            "x" * 73,
            "is 73 bytes long and bcrypt ignores all after the first 72"
            " (a character outside ASCII takes 2 to 4 of them); choose a shorter one",
        ),
        (
            "ä" * 37,
            "is 74 bytes long and bcrypt ignores all after the first 72"
            " (a character outside ASCII takes 2 to 4 of them); choose a shorter one",
        ),
    ],
)
def test_passwords_that_bcrypt_or_a_login_can_not_carry_are_refused(password: str, sentence: str) -> None:
    with pytest.raises(DockyardError) as problem:
        htpasswd.check_users([user("alice", password)])
    assert_explained(problem.value)
    assert str(problem.value) == f"The password of user 'alice' {sentence}{AGAIN}"
    assert not password or password not in str(problem.value)


@pytest.mark.parametrize("name", ["a", "a b", "a#", "ünï", "a@b.example", "x" * 255])
@pytest.mark.parametrize("password", ["x", "x" * 72, "ä" * 36, " ", "a:b#c"])
def test_what_a_registry_can_use_is_taken(name: str, password: str) -> None:
    assert htpasswd.check_users([user(name, password)]) == [user(name, password)]


def test_an_absent_user_needs_no_password() -> None:
    assert htpasswd.check_users([user("a", "", False), user("a", "x" * 100, False)]) == [user("a", "", False)]


def test_a_user_listed_twice_alike_is_one() -> None:
    assert htpasswd.check_users([user("a"), user("b"), user("a")]) == [user("a"), user("b")]


def test_a_user_with_two_passwords_is_refused() -> None:
    with pytest.raises(DockyardError) as problem:
        htpasswd.check_users([user("b"), user("a", "one1"), user("c"), user("a", "two2")])
    assert_explained(problem.value)
    assert str(problem.value) == (
        "User 'a' is listed twice with different passwords (numbers 2 and 4); keep the one that is meant" + AGAIN
    )


def test_a_user_both_present_and_absent_is_refused() -> None:
    with pytest.raises(DockyardError) as problem:
        htpasswd.check_users([user("a"), user("a", present=False)])
    assert_explained(problem.value)
    assert str(problem.value) == (
        "User 'a' is listed twice, once present and once absent (numbers 1 and 2); keep the one that is meant" + AGAIN
    )


@pytest.mark.parametrize("users", [[], [user("a", present=False)]])
def test_a_purge_that_would_lock_everybody_out_is_refused(users: list[User]) -> None:
    with pytest.raises(DockyardError) as problem:
        htpasswd.check_purge(users, "/x")
    assert_explained(problem.value)
    assert str(problem.value) == (
        "purge with a list that has no present user would remove every user from /x;"
        " list at least one, or delete the file itself," + AGAIN
    )
    htpasswd.check_purge([*users, user("b")], "/x")


LOCKED_OUT = (
    ", and a registry that starts with such a line refuses every user, while one that runs goes on with the users that"
    " it has read before"
)


HASH = "$2y$08$" + "." * 53


@pytest.mark.parametrize("rest", [" # the night shift", ":1000:1000:more", " "])
def test_what_is_behind_a_hash_does_not_count(rest: str) -> None:
    (line,) = htpasswd.parse(f"alice:{HASH}{rest}\n".encode(), "/x")
    assert (line.name, line.secret) == ("alice", HASH)
    assert htpasswd.drift(line.secret, 8) is None
    plan = htpasswd.build_plan([line], [user("alice")], {}, False)
    assert not plan.changes_something
    assert plan.content() == f"alice:{HASH}{rest}\n".encode()


@pytest.mark.parametrize("first", [f"alice:{HASH}\n", f"# users\nalice:{HASH}\n", f"\nalice:{HASH}\n"])
def test_a_byte_order_mark_locks_nobody_out(first: str) -> None:
    """A registry takes it for a part of the first name, or for a line without a colon."""
    lines = htpasswd.parse(b"\xef\xbb\xbf" + first.encode(), "/x")
    assert list(htpasswd.current(lines)) == ["alice"]
    plan = htpasswd.build_plan(lines, [user("alice")], {}, False)
    assert plan.changes_something
    assert plan.unmarked
    assert plan.content() == first.encode()


@pytest.mark.parametrize(
    "content, number, what",
    [
        (b"a:b\n\n# c\nalice\n", 4, f"has no colon between user name and hash{LOCKED_OUT}"),
        (b"\xff\xfe\n", 1, f"has no colon between user name and hash{LOCKED_OUT}"),
        (b"a:b\n :hash\n", 2, "has no user name before its colon"),
        ("alice:x\n".encode("utf-16"), 1, "contains a NUL byte, as a binary file or one in UTF-16 does"),
        (b"a:b\na:" + b"x" * 65534 + b"\n", 2, f"is longer than 64 KiB{LOCKED_OUT}"),
        (b"#" * 65536, 1, f"is longer than 64 KiB{LOCKED_OUT}"),
    ],
)
def test_a_malformed_line_is_reported_with_its_number(content: bytes, number: int, what: str) -> None:
    with pytest.raises(DockyardError) as problem:
        htpasswd.parse(content, "/srv/htpasswd")
    assert_explained(problem.value)
    assert str(problem.value) == f"Line {number} of /srv/htpasswd {what}; correct or delete that line{AGAIN}"


def test_lines_are_read_as_the_registry_reads_them() -> None:
    lines = htpasswd.parse(b"# c:d\n\n  a:1\r\n \t# e\na:2:3\n\xe9:4", "/x")
    assert [(line.name, line.secret) for line in lines if line.name is not None] == [
        ("a", "1"),
        ("a", "2:3"),
        ("\udce9", "4"),
    ]
    assert htpasswd.current(lines) == {"a": "2:3", "\udce9": "4"}


@given(st.lists(st.one_of(st.binary(max_size=30).map(lambda text: b"u:" + text), st.just(b""), st.just(b"# c"))))
def test_what_is_not_asked_for_keeps_its_bytes(texts: list[bytes]) -> None:
    content = b"".join(text.replace(b"\n", b"").replace(b"\0", b"") + b"\n" for text in texts)
    plan = htpasswd.build_plan(htpasswd.parse(content, "/x"), [], {}, purge=False)
    assert plan.content() == content
    assert not plan.changes_something


@pytest.mark.parametrize(
    "secret, cost, expected",
    [
        (GOOD, 8, None),
        (GOOD, 5, "cost"),
        (GOOD.replace("2y", "2b"), 8, "scheme"),
        (GOOD.replace("2y", "2a"), 8, "scheme"),
        (GOOD.replace("$08$", "$99$"), 8, "scheme"),
        (GOOD[:-1], 8, "scheme"),
        (GOOD + "x", 8, "scheme"),
        (GOOD + ":comment", 8, "scheme"),
        ("$apr1$abcdefgh$abcdefghijklmnopqrstuv", 8, "scheme"),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", 8, "scheme"),
        ("", 8, "scheme"),
    ],
)
def test_drift_is_seen_in_the_hash(secret: str, cost: int, expected: str | None) -> None:
    assert htpasswd.drift(secret, cost) == expected


FILE = b"# head\nold:x\nalice:1\n\n  bob:2\nalice:3\nlast:4"


@pytest.mark.parametrize(
    "users, renewed, purge, content, added, updated, removed",
    [
        ([user("carl")], {"carl": ("new", "N")}, False, FILE + b"\ncarl:N\n", ["carl"], [], []),
        (
            [user("bob")],
            {"bob": ("cost", "N")},
            False,
            b"# head\nold:x\nalice:1\n\nbob:N\nalice:3\nlast:4\n",
            [],
            [Change("bob", "cost")],
            [],
        ),
        (
            [user("alice")],
            {},
            False,
            b"# head\nold:x\n\n  bob:2\nalice:3\nlast:4\n",
            [],
            [Change("alice", "duplicate")],
            [],
        ),
        (
            [user("alice")],
            {"alice": ("password", "N")},
            True,
            b"# head\n\nalice:N\n",
            [],
            [Change("alice", "password")],
            ["old", "bob", "last"],
        ),
        (
            [user("alice", present=False), user("nobody", present=False)],
            {},
            False,
            b"# head\nold:x\n\n  bob:2\nlast:4\n",
            [],
            [],
            ["alice"],
        ),
    ],
)
def test_plan(
    users: list[User],
    renewed: dict[str, tuple[htpasswd.Reason, str]],
    purge: bool,
    content: bytes,
    added: list[str],
    updated: list[Change],
    removed: list[str],
) -> None:
    plan = htpasswd.build_plan(htpasswd.parse(FILE, "/x"), users, renewed, purge)
    assert plan.content() == content
    assert (plan.added, plan.updated, plan.removed) == (added, updated, removed)
    assert plan.changes_something


def test_a_duplicate_of_another_user_is_left_alone() -> None:
    plan = htpasswd.build_plan(htpasswd.parse(FILE, "/x"), [user("bob")], {}, purge=False)
    assert not plan.changes_something


@pytest.mark.parametrize(
    "secret, shown",
    [
        (GOOD, "bcrypt cost 8 (secret 1)"),
        (GOOD.replace("2y", "2b"), "bcrypt $2b$ cost 8 (secret 1)"),
        (htpasswd.pending(8), "bcrypt cost 8, hash not computed yet"),
        ("$apr1$abcdefgh$abcdefghijklmnopqrstuv", "Apache MD5, which a registry refuses"),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "SHA-1, which a registry refuses"),
        ("plaintext", "not a bcrypt hash, which a registry refuses"),
        ("", "not a bcrypt hash, which a registry refuses"),
    ],
)
def test_a_hash_is_described_and_not_shown(secret: str, shown: str) -> None:
    described = htpasswd.describe(secret, Placeholders())
    assert described == shown
    assert not secret or secret not in described


def test_a_summary_shows_neither_hashes_nor_comments() -> None:
    lines = htpasswd.parse(f"# old {GOOD}\n\xff:{GOOD}\nb:plain\n".encode("latin-1"), "/x")
    summary = htpasswd.summarize(lines, Placeholders())
    assert REST not in summary
    assert summary.splitlines()[0] == r"\xff: bcrypt cost 8 (secret 1)"
    assert summary.splitlines()[1] == "b: not a bcrypt hash, which a registry refuses"

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both ways to compute bcrypt, against each other. The distributions' own versions are in the integration target."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._registry import password_hash

WAYS = {"passlib": password_hash._passlib, "bcrypt": password_hash._package}


def way(name: str) -> password_hash.Library:
    library = WAYS[name]()
    assert library is not None and library.name == name
    return library


@pytest.mark.parametrize("cost", [4, 5])
@pytest.mark.parametrize("password", ["x", "ä" * 36, "x" * 72, "with space and $"])
@pytest.mark.parametrize("maker", WAYS)
@pytest.mark.parametrize("judge", WAYS)
def test_one_accepts_what_the_other_makes(maker: str, judge: str, password: str, cost: int) -> None:
    secret = way(maker).hash(password, cost)
    assert password_hash.kind_of(secret) == ("2y", cost)
    assert way(judge).verify(password, secret)
    assert not way(judge).verify(password[:-1] + "!", secret)


# Made by Apache's htpasswd -B, and one from the test vectors of crypt_blowfish.
@pytest.mark.parametrize(
    "password, secret",
    [
        ("alice-secret", "$2y$05$1GUGzrVcabY4aLIUPqFyCeL2m.ueBuphN.kQi0jOyw4NwOhkMyG.q"),
        ("U*U*", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ],
)
@pytest.mark.parametrize("judge", WAYS)
def test_hashes_of_other_programs_verify(judge: str, password: str, secret: str) -> None:
    assert way(judge).verify(password, secret)


@pytest.mark.parametrize("name", WAYS)
def test_all_cores_answer_in_order(name: str) -> None:
    passwords = [f"password {number}" for number in range(20)]
    hashes = password_hash.hash_all(way(name), passwords, 4)
    assert len(set(hashes)) == 20
    assert password_hash.verify_all(way(name), zip(passwords, hashes)) == [True] * 20
    assert password_hash.verify_all(way(name), [(passwords[0], hashes[0]), (passwords[1], hashes[0])]) == [True, False]


def test_cores_are_those_that_this_process_may_use() -> None:
    code = (
        "from ansible_collections.dockyard.ops.plugins.module_utils._registry import password_hash;"
        " print(password_hash.cores())"
    )
    one = min(os.sched_getaffinity(0))
    assert run(["taskset", "-c", str(one), sys.executable, "-c", code]).stdout == "1\n"


def run(command: list[str], *paths: pathlib.Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, paths), *sys.path])}
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)


ASK = """
from ansible_collections.dockyard.ops.plugins.module_utils._registry import password_hash
try:
    library = password_hash.library()
except password_hash.MissingBcrypt as error:
    print("none:", error)
else:
    secret = library.hash("x", 4)
    print(library.name, secret[:7], library.verify("x", secret), library.verify("y", secret))
"""
GONE = "raise ImportError('no such module')\n"
# What passlib 1.7.4 does with bcrypt 5 when it is first used, and what it does without any bcrypt.
CRASHES = "raise ValueError('password cannot be longer than 72 bytes, truncate manually if necessary')\n"
WITHOUT = """
class hash:
    class bcrypt:
        @staticmethod
        def get_backend(): raise RuntimeError("bcrypt: no backends available")
import sys
sys.modules["passlib.hash"] = hash
"""


@pytest.mark.parametrize(
    "packages, answer",
    [
        ({}, "passlib $2y$04$ True False\n"),
        ({"passlib": GONE}, "bcrypt $2y$04$ True False\n"),
        ({"passlib": CRASHES}, "bcrypt $2y$04$ True False\n"),
        ({"passlib": WITHOUT}, "bcrypt $2y$04$ True False\n"),
        ({"bcrypt": GONE, "passlib": GONE}, "none: no such module\n"),
    ],
)
def test_the_best_way_that_there_is(tmp_path: pathlib.Path, packages: dict[str, str], answer: str) -> None:
    for name, code in packages.items():
        (tmp_path / f"{name}.py").write_text(code)
    done = run([sys.executable, "-c", ASK], tmp_path)
    assert (done.stdout, done.stderr) == (answer, "")

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image's file system: what is written never leaves it, and the same tree makes the same archive."""

from __future__ import annotations

import os
import pathlib
import tarfile

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._images.programs import Budget
from ansible_collections.dockyard.ops.plugins.module_utils._images.recipe import Recipe
from ansible_collections.dockyard.ops.plugins.module_utils._images.tree import Tree


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> Tree:
    return Tree(tmp_path / "build" / "root")


def test_links_are_followed_inside(tree: Tree, tmp_path: pathlib.Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tree.root / "var").mkdir()
    (tree.root / "var/run").symlink_to("/run")
    (tree.root / "out").symlink_to(str(outside))
    (tree.root / "up").symlink_to("../../../..")
    for path, place in (
        ("/var/run/a", "run/a"),
        ("/bin/b", "usr/bin/b"),
        ("/out/c", str(outside).lstrip("/") + "/c"),
        ("/up/d", "d"),
    ):
        tree.write(path, "x", "0600")
        assert (tree.root / place).read_text() == "x"
        assert (tree.root / place).stat().st_mode & 0o777 == 0o600
    assert list(outside.iterdir()) == []


def test_a_link_in_the_place_of_a_file_is_replaced(tree: Tree, tmp_path: pathlib.Path) -> None:
    (tmp_path / "secret").write_text("kept")
    (tree.root / "a").symlink_to(str(tmp_path / "secret"))
    tree.write("/a", "x")
    assert (tree.root / "a").read_text() == "x"
    assert (tmp_path / "secret").read_text() == "kept"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/round/a", "has the path '/round', whose links go round in circles; correct it."),
        ("/file/a", "has the path '/file', but file is a file there; correct it."),
        ("/usr", "has the path '/usr', which is a folder in a package; correct it."),
    ],
)
def test_paths_that_can_not_be(tree: Tree, path: str, message: str) -> None:
    (tree.root / "round").symlink_to("round")
    (tree.root / "file").touch()
    with pytest.raises(DockyardError) as error:
        tree.write(path, "x")
    assert message in str(error.value)
    assert error.value.code == "image_recipe_invalid"


def test_what_no_container_needs_goes_and_nothing_outside(tree: Tree, tmp_path: pathlib.Path) -> None:
    outside = tmp_path / "outside" / "gconv"
    outside.mkdir(parents=True)
    for name in ("usr/share/man/man1", "usr/share/doc/a/examples", "etc/apt", "usr/share/ca-certificates/mozilla"):
        (tree.root / name).mkdir(parents=True)
    (tree.root / "usr/share/doc/a/copyright").write_text("free")
    (tree.root / "usr/share/doc/a/README").write_text("long")
    (tree.root / "usr/share/ca-certificates/mozilla/one.crt").write_text("CA\n")
    (tree.root / "usr/lib/linked").symlink_to(str(outside.parent))
    (tree.root / "usr/share/info").symlink_to(str(outside.parent))
    recipe = Recipe.from_options(
        {
            "packages": ["a1"],
            "check_command": ["true"],
            "directories": ["/srv/deep"],
            "files": [{"path": "/etc/motd", "content": "hi", "mode": "600"}],
            "links": {"/etc/other": "motd"},
        }
    )
    tree.finish(recipe, Budget(10))
    gone = ("usr/share/man", "etc/apt", "usr/share/ca-certificates", "usr/share/doc/a/README", "usr/share/info")
    assert [name for name in gone if os.path.lexists(tree.root / name)] == []
    assert outside.is_dir()
    assert (tree.root / "usr/share/doc/a/copyright").exists()
    assert (tree.root / "etc/ssl/certs/ca-certificates.crt").read_text() == "CA\n"
    assert (tree.root / "etc/other").read_text() == "hi"
    assert (tree.root / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert (tree.root / "srv/deep").is_dir()
    assert "nobody:x:65534" in (tree.root / "etc/passwd").read_text()


def test_the_same_tree_makes_the_same_archive_with_no_path_twice(tmp_path: pathlib.Path) -> None:
    checksums = set()
    for number in (1, 2):
        tree = Tree(tmp_path / str(number) / "root")
        for name in ("b", "a", "c") if number == 1 else ("c", "a", "b"):
            tree.write(f"/srv/{name}", name)
        os.link(tree.root / "srv/a", tree.root / "srv/linked")
        os.utime(tree.root / "srv/a", (number, number))
        archive = tmp_path / f"{number}.tar"
        checksums.add(tree.pack(archive))
        with tarfile.open(archive) as packed:
            names = packed.getnames()
        assert len(names) == len(set(names))
        assert {"srv/a", "srv/linked", "bin", "usr/bin"} <= set(names)
    assert len(checksums) == 1


def test_authorities_of_ones_own_are_trusted_besides(tree: Tree) -> None:
    tree.write("/usr/share/ca-certificates/mozilla/a.crt", "-----BEGIN A\n")
    recipe = Recipe.from_options(
        {
            "packages": ["base-files"],
            "check_command": ["true"],
            "files": [{"path": "/usr/local/share/ca-certificates/own.crt", "content": "-----BEGIN OWN"}],
        }
    )
    tree.finish(recipe, Budget(60))
    assert (tree.root / "etc/ssl/certs/ca-certificates.crt").read_text() == "-----BEGIN A\n-----BEGIN OWN\n"


def test_files_of_the_host_are_copied(tree: Tree, tmp_path: pathlib.Path) -> None:
    (tmp_path / "program").write_bytes(b"\x7fELF\x00")
    options = {"packages": ["base-files"], "check_command": ["true"], "home": "/home/x"}
    options["user"] = f"{os.geteuid()}:{os.getegid()}"
    file = {"path": "/usr/bin/program", "src": str(tmp_path / "program"), "mode": "0755"}
    tree.finish(Recipe.from_options({**options, "files": [file]}), Budget(60))
    copied = tree.root / "usr/bin/program"
    assert copied.read_bytes() == b"\x7fELF\x00" and copied.stat().st_mode & 0o777 == 0o755
    assert (tree.root / "home/x").stat().st_uid == os.geteuid()
    with pytest.raises(DockyardError, match="but there is no /none on this host to copy there"):
        tree.copy("/a", "/none", "0644")

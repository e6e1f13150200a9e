# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image is made of: the recipe's defaults and refusals, its key, and the configuration that becomes of it."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._images.recipe import Recipe, Target, check_name

BASE: dict[str, Any] = {"packages": ["busybox", "base-files"], "check_command": ["true"]}
# As image_build has it, in which every option is there
FULL: dict[str, Any] = {
    **BASE,
    "main_package": None,
    "dependencies": ["*"],
    "files": [],
    "links": {},
    "directories": [],
    "entrypoint": [],
    "command": [],
    "environment": {},
    "volumes": [],
    "ports": [],
    "user": None,
    "working_directory": None,
    "labels": {},
    "home": None,
    "version": None,
}


def target(recipe: dict[str, Any], **others: str) -> Target:
    values: dict[str, Any] = {"name": "dockyard/x", "suite": "trixie", "architecture": "amd64", **others}
    return Target(recipe=Recipe.from_options(recipe), **values)


def test_what_is_missing_and_what_has_its_default_are_the_same() -> None:
    assert target(BASE).key() == target(FULL).key()
    assert Recipe.from_options(BASE).main_package == "busybox"


@pytest.mark.parametrize(
    "change",
    [
        {"packages": ["busybox"]},
        {"check_command": ["false"]},
        {"main_package": "base-files"},
        {"dependencies": ["libc6"]},
        {"files": [{"path": "/a", "content": "1"}]},
        {"links": {"/a": "b"}},
        {"directories": ["/a"]},
        {"entrypoint": ["a"]},
        {"command": ["a"]},
        {"environment": {"A": "1"}},
        {"volumes": ["/a"]},
        {"ports": ["1"]},
        {"user": "a"},
        {"working_directory": "/a"},
        {"labels": {"a": "1"}},
        {"version": "2"},
        {"home": "/a", "user": "1"},
    ],
)
def test_every_option_of_a_recipe_makes_another_image(change: dict[str, Any]) -> None:
    assert target({**FULL, **change}).key() != target(FULL).key()


@pytest.mark.parametrize("change", [{"suite": "sid"}, {"architecture": "arm64"}, {"name": "dockyard/y"}])
def test_suite_architecture_and_name_make_another_image(change: dict[str, str]) -> None:
    assert target(BASE, **change).key() != target(BASE).key()


def test_a_file_of_the_host_makes_another_image_when_it_changes(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "program"
    keys = set()
    for content in (None, b"1", b"2"):
        if content is not None:
            source.write_bytes(content)
        keys.add(target({**BASE, "files": [{"path": "/a", "content": None, "src": str(source)}]}).key())
    assert len(keys) == 3
    assert target({**BASE, "files": [{"path": "/a", "content": "2"}]}).key() in keys


def test_keys_of_images_from_before_are_the_same() -> None:
    assert not {"version", "home"} & set(Recipe.from_options(FULL).definition())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"home": "/a"}, "has a home and the user '', which has to be numbers like 1000 or 1000:1000"),
        ({"home": "/a", "user": "nobody"}, "has a home and the user 'nobody', which has to be numbers"),
        ({"home": "a", "user": "1"}, "has the path 'a', which has to be absolute"),
        ({"version": "1+2"}, "has the version '1+2', which can be no tag"),
    ],
)
def test_homes_and_versions_that_can_not_be_right(change: dict[str, Any], says: str) -> None:
    with pytest.raises(DockyardError) as problem:
        Recipe.from_options({**BASE, **change})
    assert says in problem.value.message


def test_the_contents_and_modes_of_files_make_another_image() -> None:
    keys = {
        target({**BASE, "files": [{"path": "/a", **file}]}).key()
        for file in ({"content": "1"}, {"content": "2"}, {"content": "1", "mode": "0600"})
    }
    assert len(keys) == 3
    assert target({**BASE, "files": [{"path": "/a", "content": "1", "mode": "644"}]}).key() in keys


def test_where_packages_come_from_and_the_tag_make_no_other_image() -> None:
    assert target(BASE, mirror="http://mirror.test", tag="x").key() == target(BASE).key()


def test_the_key_is_what_it_was() -> None:
    """Hosts would build all their images again if it changed: raise REVISION if that is meant, and correct this."""
    assert target(BASE).key() == "830e05a0aa9595b25cc14bdaf9abd76a1dade09aaa2b36d1c208291d08f99bf3"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"packages": []}, "The recipe has no packages; correct it."),
        ({"check_command": []}, "The recipe has no check_command; correct it."),
        ({"size": 1}, "The recipe has size, which is no part of a recipe; correct it."),
        ({"packages": ["-o"]}, "names '-o' in packages, which is no package's name"),
        ({"main_package": "other"}, "has the main_package 'other', which is not in packages"),
        ({"files": [{"path": "/a", "content": "", "mode": "rwx"}]}, "with the mode '0rwx', which is no octal number"),
        ({"files": [{"path": "a", "content": ""}]}, "has the path 'a', which has to be absolute and without '..'"),
        ({"links": {"/a/../b": "c"}}, "has the path '/a/../b', which has to be absolute"),
        ({"directories": ["/"]}, "has the path '/', which has to be absolute"),
        ({"volumes": ["data"]}, "has the path 'data', which has to be absolute"),
        ({"files": [{"path": "/a", "content": ""}], "links": {"/a": "b"}}, "has /a twice in files and links"),
        ({"ports": ["http"]}, "has the port 'http', which is none like 5000 or 5000/tcp"),
        ({"environment": {"A B": "1"}}, "has 'A B' in environment, which is no variable's name"),
    ],
)
def test_what_a_recipe_refuses(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DockyardError) as error:
        Recipe.from_options({**BASE, **change})
    assert message in str(error.value)
    assert (error.value.code, error.value.changed) == ("image_recipe_invalid", False)


def test_the_configuration_has_what_is_given_and_no_more() -> None:
    recipe = Recipe.from_options(
        {**BASE, "environment": {"A": 'x$y"'}, "ports": ["1", "2/udp"], "volumes": ["/d"], "user": "nobody"}
    )
    assert recipe.configuration({"a": "1"}) == {
        "Env": ['A=x$y"'],
        "Volumes": {"/d": {}},
        "ExposedPorts": {"1/tcp": {}, "2/udp": {}},
        "User": "nobody",
        "Labels": {"a": "1"},
    }


@pytest.mark.parametrize("name", ["busybox", "dockyard/registry", "mirror.test:5000/a/b-c_d", "localhost/x"])
def test_names(name: str) -> None:
    check_name(name, "1.0-trixie")


@pytest.mark.parametrize("name", ["Upper/case", "a:1", "a@sha256:0", "/a", "a//b", "a/", "", "-a"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(DockyardError, match="is no name of an image without tag; give one in lower case"):
        check_name(name)


@pytest.mark.parametrize("tag", ["a b", "-a", "a/b", "x" * 129])
def test_tags_that_are_none(tag: str) -> None:
    with pytest.raises(DockyardError, match="is no tag of an image; give letters"):
        check_name("a", tag)

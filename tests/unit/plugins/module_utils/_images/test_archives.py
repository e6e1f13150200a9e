# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archives: the one that is written for the engine, and those that are read before it gets them."""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
import tarfile

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._images import archive, image_file
from ansible_collections.dockyard.ops.plugins.module_utils._images.tree import checksum


def written(folder: pathlib.Path, architecture: str = "amd64") -> pathlib.Path:
    layer = folder / "layer.tar"
    with tarfile.open(layer, "w") as packed:
        packed.addfile(tarfile.TarInfo("a"), io.BytesIO())
    image_file.write(folder / "image.tar", layer, checksum(layer), {"User": "é"}, architecture, 1_700_000_000)
    return folder / "image.tar"


def test_the_image_is_complete_and_has_no_name(tmp_path: pathlib.Path) -> None:
    with tarfile.open(written(tmp_path, "armhf")) as packed:
        contents = {name: packed.extractfile(name).read() for name in packed.getnames()}  # type: ignore[union-attr]
    (manifest,) = json.loads(contents["manifest.json"])
    config = json.loads(contents[manifest["Config"]])
    assert manifest["RepoTags"] is None
    assert manifest["Config"] == f"{hashlib.sha256(contents[manifest['Config']]).hexdigest()}.json"
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(contents[manifest['Layers'][0]]).hexdigest()}"]
    assert config["created"] == "2023-11-14T22:13:20Z"
    assert config["config"] == {"User": "é"}
    assert (config["os"], config["architecture"], config["variant"]) == ("linux", "arm", "v7")
    assert len(config["history"]) == len(manifest["Layers"]) == 1


@pytest.mark.parametrize(
    ("debian", "docker"), [("amd64", "linux/amd64"), ("armhf", "linux/arm/v7"), ("i386", "linux/386")]
)
def test_platforms(debian: str, docker: str) -> None:
    assert image_file.platform(debian) == docker


def test_an_archive_is_read_without_docker(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path)
    found = archive.inspect(str(path), "x")
    assert found.checksum == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert found.names == []
    with tarfile.open(path, "w:gz") as packed:
        content = json.dumps([{"RepoTags": ["a:1", "b/c:2"]}, {"RepoTags": None}]).encode()
        member = tarfile.TarInfo("manifest.json")
        member.size = len(content)
        packed.addfile(member, io.BytesIO(content))
    assert archive.inspect(str(path), "x").names == ["a:1", "b/c:2"]


@pytest.mark.parametrize("manifest", [None, b"{", b"[1]", b"{}"])
def test_what_only_docker_can_read(tmp_path: pathlib.Path, manifest: bytes | None) -> None:
    path = tmp_path / "image.tar"
    with tarfile.open(path, "w") as packed:
        member = tarfile.TarInfo("manifest.json" if manifest else "index.json")
        member.size = len(manifest or b"")
        packed.addfile(member, io.BytesIO(manifest or b""))
    names = archive.inspect(str(path), "x").names
    assert names == ([] if manifest == b"{}" else None)


def test_what_is_no_archive(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_text("no archive")
    assert archive.inspect(str(tmp_path / "x"), "x").names is None
    with pytest.raises(
        DockyardError, match=r"^The archive shown can't be read \(No such file or directory\); check"
    ) as error:
        archive.inspect(str(tmp_path / "none"), "shown")
    assert error.value.code == "image_archive_unreadable"


GOOD = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("names", "checksum_wanted", "image", "code", "message"),
    [
        (
            [],
            "md5:1",
            None,
            "image_archive_incomplete",
            "The checksum of the archive x is 'md5:1'; give sha256: and 64",
        ),
        ([], f"sha256:{'b' * 64}", None, "image_archive_checksum", f"x has the checksum {GOOD} and not sha256:bb"),
        (["a:1"], GOOD, "b", "image_archive_without_image", "The archive x holds a:1 and not b:latest; correct the"),
        ([], GOOD, "b", "image_archive_without_image", "The archive x holds no named image and not b:latest"),
    ],
)
def test_archives_that_are_not_the_right_ones(
    names: list[str], checksum_wanted: str, image: str | None, code: str, message: str
) -> None:
    with pytest.raises(DockyardError) as error:
        archive.verify(archive.Archive(GOOD, names), "x", checksum_wanted, image)
    assert message in str(error.value)
    assert error.value.code == code


def test_archives_that_are_the_right_ones() -> None:
    archive.verify(archive.Archive(GOOD, ["a:1"]), "x", GOOD, "docker.io/library/a:1")
    archive.verify(archive.Archive(GOOD, None), "x", GOOD, "b")
    archive.verify(archive.Archive(GOOD, ["a:1"]), "x", None, None)

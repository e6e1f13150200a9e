# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blobs on their way, bundles on the disk, and which images are chosen.

Registries are servers on loopback. Copies between a true registry, bundles and an engine are in the integration targets
image_copy and image_load.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import errno
import hashlib
import io
import json
import pathlib
import tarfile
import time
import types
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._registry import (
    bundle,
    copy,
    copy_ends,
    load,
    options,
    transfer,
)
from ansible_collections.dockyard.ops.plugins.module_utils._registry.api import Manifest
from ansible_collections.dockyard.ops.plugins.modules import image_copy
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_servers import Reply, Request, serve

CONTENT = bytes(range(256)) * 4000


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def connect(address: str) -> transfer.Transfer:
    given = {name: spec.get("default") for name, spec in options.ARGUMENT_SPEC.items()}
    return options.connect_as(transfer.Transfer, {**given, "registry": address, "plain_http": True, "use_proxy": False})


def refused(action: Callable[[], object], changed: bool = False) -> str:
    with pytest.raises(DockyardError) as caught:
        action()
    assert_explained(caught.value, changed)
    return caught.value.message


def ranges(request: Request) -> Reply:
    """Answer as a registry that knows ranges."""
    start = int(request.headers.get("range", "bytes=0-")[6:-1])
    return Reply(206 if start else 200, CONTENT[start:])


# ---- blobs ----


@pytest.mark.parametrize("start", [0, 1000])
def test_a_blob_is_read_from_where_it_is_wanted(start: int) -> None:
    taken = io.BytesIO()
    with serve(ranges) as server:
        assert connect(server.address).read_blob("team/app", digest(CONTENT), taken.write, start)
    assert taken.getvalue() == CONTENT[start:]


def test_a_full_disk_is_no_failure_of_the_registry() -> None:
    def full(part: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with serve(ranges) as server:
        registry = connect(server.address)
        with pytest.raises(OSError, match="No space left"):
            registry.read_blob("team/app", digest(CONTENT), full)
        taken = io.BytesIO()
        assert registry.read_blob("team/app", digest(CONTENT), taken.write)
    assert taken.getvalue() == CONTENT


def test_a_registry_without_ranges_gives_nothing_of_a_rest() -> None:
    taken = io.BytesIO()
    with serve(lambda request: Reply(200, CONTENT)) as server:
        assert not connect(server.address).read_blob("team/app", digest(CONTENT), taken.write, 1000)
    assert taken.getvalue() == b""


def test_a_registry_gives_nothing_behind_the_end() -> None:
    with serve(lambda request: Reply(416)) as server:
        assert not connect(server.address).read_blob("team/app", digest(CONTENT), print, len(CONTENT))


def test_a_blob_that_is_missing_is_named() -> None:
    with serve(lambda request: Reply(404)) as server:
        message = refused(lambda: connect(server.address).read_blob("team/app", digest(CONTENT), print))
    assert f"has no {digest(CONTENT)} in team/app, which belongs to an image there" in message


def test_a_blob_is_written_in_parts_at_the_place_that_the_registry_names() -> None:
    def answer(request: Request) -> Reply:
        if request.method == "POST":
            return Reply(202, headers={"Location": "http://inside.test/v2/team/app/blobs/uploads/1?state=a"})
        return Reply(201)

    with serve(answer) as server:
        connect(server.address).write_blob(
            "team/app", digest(CONTENT), len(CONTENT), lambda: [CONTENT[:9], CONTENT[9:]]
        )
    last = server.requests[-1]
    assert (last.method, last.body) == ("PUT", CONTENT)
    assert last.path == f"/v2/team/app/blobs/uploads/1?state=a&digest={digest(CONTENT).replace(':', '%3A')}"


def test_a_registry_that_begins_no_upload_is_not_healthy() -> None:
    with serve(lambda request: Reply(200)) as server:
        message = refused(lambda: connect(server.address).write_blob("team/app", digest(b""), 0, lambda: []))
    assert "begins no upload into team/app" in message


def test_a_manifest_has_the_digest_by_which_it_was_asked_for() -> None:
    manifest = Manifest(digest(CONTENT), "x", {}, CONTENT)
    assert transfer.checked(manifest, "1.0", "app:1.0") is manifest
    assert "app has the digest" in refused(lambda: transfer.checked(manifest, digest(b"other"), "app"))


# ---- a bundle ----


def folder(path: pathlib.Path) -> bundle.Folder:
    made = bundle.Folder(str(path))
    made.create()
    return made


def slices(content: bytes, starts: list[int]) -> Callable[[Callable[[bytes], object], int], bool]:
    def fetch(take: Callable[[bytes], object], start: int) -> bool:
        starts.append(start)
        take(content[start:])
        return True

    return fetch


def test_an_interrupted_blob_goes_on_where_it_ended(tmp_path: pathlib.Path) -> None:
    made = folder(tmp_path)
    target = tmp_path / bundle.blob_name(digest(CONTENT))

    def interrupted(take: Callable[[bytes], object], start: int) -> bool:
        take(CONTENT[:5000])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.take_blob(digest(CONTENT), interrupted)
    assert not target.exists()
    starts: list[int] = []
    made.take_blob(digest(CONTENT), slices(CONTENT, starts))
    assert starts == [5000]
    assert target.read_bytes() == CONTENT


def test_a_beginning_that_is_whole_is_not_read_again(tmp_path: pathlib.Path) -> None:
    made = folder(tmp_path)
    target = tmp_path / bundle.blob_name(digest(CONTENT))
    target.with_name(f"{target.name}.part").write_bytes(CONTENT)
    starts: list[int] = []
    made.take_blob(digest(CONTENT), slices(CONTENT, starts))
    assert starts == []
    assert target.read_bytes() == CONTENT


def test_a_wrong_beginning_is_thrown_away(tmp_path: pathlib.Path) -> None:
    made = folder(tmp_path)
    target = tmp_path / bundle.blob_name(digest(CONTENT))
    target.with_name(f"{target.name}.part").write_bytes(b"wrong")
    starts: list[int] = []
    made.take_blob(digest(CONTENT), slices(CONTENT, starts))
    assert starts == [5, 0]
    assert target.read_bytes() == CONTENT


def test_a_wrong_blob_is_never_kept(tmp_path: pathlib.Path) -> None:
    made = folder(tmp_path)
    message = refused(lambda: made.take_blob(digest(b"right"), slices(b"wrong", [])))
    assert f"The blob {digest(b'right')} has the digest {digest(b'wrong')}" in message
    assert list((tmp_path / "blobs/sha256").iterdir()) == []


@pytest.mark.parametrize("name", ["sha256:../../../etc/passwd", "md5:1", f"sha256:{'A' * 64}"])
def test_nothing_is_written_outside(tmp_path: pathlib.Path, name: str) -> None:
    assert "is no digest, so that nothing is read or written by that name" in refused(
        lambda: folder(tmp_path).take_blob(name, slices(b"", []))
    )


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "blobs/../../x"])
def test_nothing_is_read_outside(tmp_path: pathlib.Path, name: str) -> None:
    made = folder(tmp_path)
    made.finish({"version": 1, "images": []})
    assert "which is outside of it" in refused(lambda: bundle.Bundle(str(tmp_path)).open(name))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{", "its bundle.json is none of a bundle"),
        (b"[]", "its bundle.json is none of a bundle"),
        (b'{"images": []}', "its bundle.json is none of a bundle"),
        (b'{"version": 2, "images": []}', "its version is 2, and this one is 1"),
    ],
)
def test_what_is_no_bundle(tmp_path: pathlib.Path, content: bytes, expected: str) -> None:
    (tmp_path / "bundle.json").write_bytes(content)
    assert expected in refused(lambda: bundle.Bundle(str(tmp_path)))
    assert "name another folder" in refused(lambda: bundle.Folder(str(tmp_path)).read())


def test_what_is_no_archive(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "x.tar"
    with tarfile.open(file, "w") as archive:
        for name in ("a", "b"):
            member = tarfile.TarInfo(name)
            member.size = 2000
            archive.addfile(member, io.BytesIO(bytes(2000)))
    file.write_bytes(file.read_bytes()[:1500])
    assert "the tar archive is damaged or not complete" in refused(lambda: bundle.Bundle(str(file)))
    file.write_bytes(b"none")
    assert "neither a folder nor a tar archive" in refused(lambda: bundle.Bundle(str(file)))
    assert "No such file" in refused(lambda: bundle.Bundle(str(tmp_path / "none")))


@pytest.mark.parametrize("packed", [False, True])
def test_a_bundle_is_read_as_it_was_written(tmp_path: pathlib.Path, packed: bool) -> None:
    made = folder(tmp_path / "bundle")
    made.take_blob(digest(CONTENT), slices(CONTENT, []))
    checksum = made.finish({"version": 1, "images": [], "files": []})
    path = tmp_path / "bundle"
    if packed:
        path = tmp_path / "bundle.tar"
        with tarfile.open(path, "w") as archive:
            for one in sorted((tmp_path / "bundle").rglob("*")):
                archive.add(one, f"./{one.relative_to(tmp_path / 'bundle')}", recursive=False)
    read = bundle.Bundle(str(path), checksum)
    assert read.checksum == checksum
    assert read.size(digest(CONTENT)) == len(CONTENT)
    assert b"".join(read.parts(digest(CONTENT))()) == CONTENT
    read.verify(bundle.blob_name(digest(CONTENT)), digest(CONTENT))
    assert "has the checksum" in refused(lambda: read.verify("oci-layout", digest(b"")))
    assert "and not sha256:0" in refused(lambda: bundle.Bundle(str(path), f"sha256:{'0' * 64}"))


# ---- what is copied ----


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["*"], ["1.0", "1.1", "2.0-rc"]),
        (["1.*"], ["1.0", "1.1"]),
        (["!*-rc"], ["1.0", "1.1"]),
        (["1.*", "2.*", "!1.1", "!*-rc"], ["1.0"]),
        (["3.*"], []),
    ],
)
def test_tags_by_pattern(patterns: list[str], expected: list[str]) -> None:
    assert copy.select(["2.0-rc", "1.1", "1.0"], patterns) == expected


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        ("linux/amd64", [], True),
        ("linux/arm/v7", ["linux/amd64", "linux/arm"], True),
        ("linux/arm64", ["linux/arm"], False),
    ],
)
def test_platforms(found: str, wanted: list[str], expected: bool) -> None:
    assert copy.fits(found, wanted) is expected


class Memory:
    """A source whose content is in dictionaries."""

    def __init__(self) -> None:
        self.manifests: dict[str, Manifest] = {}
        self.blobs: dict[str, bytes] = {}

    def add(self, content: dict[str, Any], kind: str, tag: str = "") -> str:
        body = json.dumps(content).encode()
        made = Manifest(digest(body), f"application/vnd.oci.image.{kind}.v1+json", content, body)
        self.manifests[made.digest] = made
        if tag:
            self.manifests[tag] = made
        return made.digest

    def blob(self, content: bytes) -> dict[str, Any]:
        self.blobs[digest(content)] = content
        return {"digest": digest(content), "mediaType": "application/vnd.oci.image.layer.v1.tar", "size": len(content)}

    def image(self, architecture: str, tag: str = "") -> str:
        config = self.blob(json.dumps({"os": "linux", "architecture": architecture}).encode())
        foreign = {"digest": digest(b"elsewhere"), "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar"}
        return self.add({"config": config, "layers": [self.blob(architecture.encode()), foreign]}, "manifest", tag)

    def digest(self, repository: str, reference: str) -> str | None:
        return self.manifests[reference].digest if reference in self.manifests else None

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        return self.manifests.get(reference)

    def read_blob(self, repository: str, digest: str, take: Callable[[bytes], object], start: int = 0) -> bool:
        take(self.blobs[digest][start:])
        return True


@pytest.fixture
def source() -> Memory:
    made = Memory()
    children = [
        {"digest": made.image(architecture), "platform": {"os": "linux", "architecture": architecture}}
        for architecture in ("amd64", "arm64")
    ]
    attested = {
        "digest": made.image("unknown"),
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {"vnd.docker.reference.digest": children[0]["digest"]},
    }
    made.add({"manifests": [*children, attested]}, "index", "1")
    return made


ITEM = copy_ends.Item("app:1", "docker.io/library/app", "1", "docker.io/library/app", "1")


def into(
    path: pathlib.Path, source: copy_ends.Source, platforms: list[str]
) -> tuple[copy_ends.Copied, copy_ends.FolderTarget]:
    target = copy_ends.FolderTarget(folder(path))
    copied = copy.prepare(source, target, ITEM, platforms, True, False)
    if copied.error:
        raise copied.error
    if copied.changed:
        target.record(copied)
        target.folder.finish(target.document)
    return copied, target


def test_one_platform_with_what_is_attested_of_it(tmp_path: pathlib.Path, source: Memory) -> None:
    copied, target = into(tmp_path, source, ["linux/amd64"])
    assert (copied.platforms, copied.whole) == (["linux/amd64"], False)
    there = {one.name for one in (tmp_path / "blobs/sha256").iterdir()}
    # the index, and manifest, configuration and layer of two images; nothing of arm64, nothing that is elsewhere
    assert len(there) == 7
    assert digest(b"amd64")[7:] in there
    assert digest(b"arm64")[7:] not in there
    assert not into(tmp_path, source, ["linux/amd64"])[0].changed
    more = into(tmp_path, source, ["linux/arm64"])[0]
    assert (more.changed, more.platforms) == (True, ["linux/amd64", "linux/arm64"])
    assert into(tmp_path, source, [])[0].whole
    assert not into(tmp_path, source, [])[0].changed


def test_a_platform_that_there_is_not(tmp_path: pathlib.Path, source: Memory) -> None:
    message = refused(lambda: into(tmp_path, source, ["linux/s390x"]))
    assert "app:1 is for linux/amd64, linux/arm64, unknown/unknown, and not for linux/s390x" in message


def test_an_image_of_one_platform_is_of_one_that_is_wanted(tmp_path: pathlib.Path, source: Memory) -> None:
    source.image("arm64", "1")
    message = refused(lambda: into(tmp_path, source, ["linux/amd64", "linux/arm"]))
    assert "app:1 is for linux/arm64, and not for linux/amd64, linux/arm; correct platforms" in message
    assert into(tmp_path, source, ["linux/arm64"])[0].whole


def test_an_image_whose_part_is_missing(tmp_path: pathlib.Path, source: Memory) -> None:
    child = source.manifests["1"].content["manifests"][1]["digest"]
    del source.manifests[child]
    assert f"app:1 has no {child} where it is to be copied from" in refused(lambda: into(tmp_path, source, []))
    assert not (tmp_path / "bundle.json").exists()


def test_what_is_stored_beside_comes_along(tmp_path: pathlib.Path, source: Memory) -> None:
    signature = f"{source.manifests['1'].digest.replace(':', '-')}.sig"
    source.image("signature", signature)
    copied, target = into(tmp_path, source, [])
    assert [one["tag"] for one in copied.attached] == [signature]
    read = copy_ends.BundleSource(bundle.Bundle(str(tmp_path)))
    assert read.digest("docker.io/library/app", signature) == source.manifests[signature].digest


def test_a_bundle_of_one_platform_is_offered_as_that_image(tmp_path: pathlib.Path, source: Memory) -> None:
    into(tmp_path, source, ["linux/arm64"])
    read = copy_ends.BundleSource(bundle.Bundle(str(tmp_path)), reduced=True)
    arm = source.manifests["1"].content["manifests"][1]["digest"]
    assert read.digest("docker.io/library/app", "1") == arm
    found = read.manifest("docker.io/library/app", "1")
    assert found is not None
    assert found.media_type == "application/vnd.oci.image.manifest.v1+json"
    assert copy_ends.BundleSource(bundle.Bundle(str(tmp_path))).digest("docker.io/library/app", "1") != arm
    assert read.digest("docker.io/library/app", "2") is None


def test_a_bundle_for_some_platforms_is_no_source_for_a_registry(tmp_path: pathlib.Path, source: Memory) -> None:
    children = [
        {"digest": source.image(name), "platform": {"os": "linux", "architecture": name}}
        for name in ("amd64", "arm64", "s390x")
    ]
    source.add({"manifests": children}, "index", "1")
    into(tmp_path, source, ["linux/amd64", "linux/arm64"])
    made = bundle.Bundle(str(tmp_path))
    assert made.images[0]["platforms"] == ["linux/amd64", "linux/arm64"]
    message = refused(lambda: copy_ends.BundleSource(made, reduced=True).digest("docker.io/library/app", "1"))
    assert "for linux/amd64 and linux/arm64 and not for all of its platforms" in message


# ---- what is loaded ----


def nothing(names: list[str]) -> dict[str, str]:
    """Answer as an engine without images."""
    return {}


def archive_of(made: bundle.Bundle, group: list[load.Loaded]) -> io.BytesIO:
    with contextlib.ExitStack() as files:
        parts = load.pieces(made, group, files)
        return io.BytesIO(b"".join(one if isinstance(one, bytes) else one.read() for one in parts))


def planned_for(made: bundle.Bundle, platform: str) -> load.Loaded:
    order = load.Order(made.images[0], "app:1", "docker.io/library/app:1")
    return load.plan(made, [order], platform, nothing)[0]


def test_the_archive_that_an_engine_gets(tmp_path: pathlib.Path, source: Memory) -> None:
    for one in [one for one in source.manifests.values() if "layers" in one.content]:
        one.content["layers"].pop()
    source.manifests = {}
    amd64 = source.image("amd64")
    source.add({"manifests": [{"digest": amd64, "platform": {"os": "linux", "architecture": "amd64"}}]}, "index", "1")
    source.blobs[digest(b"elsewhere")] = b"elsewhere"
    into(tmp_path, source, [])
    (tmp_path / bundle.blob_name(digest(b"elsewhere"))).write_bytes(b"elsewhere")
    made = bundle.Bundle(str(tmp_path))
    planned = planned_for(made, "linux/amd64")
    assert (planned.changed, planned.error, planned.platform) == (True, None, "linux/amd64")
    load.verify(made, [planned])
    assert planned.error is None
    stream = archive_of(made, [planned])
    with tarfile.open(fileobj=stream) as archive:
        names = archive.getnames()
        content = {name: archive.extractfile(name).read() for name in names}  # type: ignore[union-attr]
    listed = json.loads(content["manifest.json"])[0]
    assert listed["RepoTags"] == ["app:1"]
    assert all(name in names for name in [listed["Config"], *listed["Layers"]])
    first = json.loads(content["index.json"])["manifests"][0]
    assert first["digest"] == source.manifests["1"].digest
    assert first["annotations"]["io.containerd.image.name"] == "docker.io/library/app:1"
    for name in names[3:]:
        assert digest(content[name]) == f"sha256:{name.rpartition('/')[2]}"


def test_a_platform_that_is_not_in_the_bundle_is_not_loaded(tmp_path: pathlib.Path, source: Memory) -> None:
    into(tmp_path, source, ["linux/arm64"])
    made = bundle.Bundle(str(tmp_path))
    planned = planned_for(made, "linux/amd64")
    assert planned.error is not None
    assert_explained(planned.error)
    assert "for linux/arm64 and not for linux/amd64" in planned.error.message
    assert not planned.changed
    assert planned_for(made, "linux/arm64").changed


def test_what_images_have_in_common_is_verified_and_loaded_once(tmp_path: pathlib.Path, source: Memory) -> None:
    config = source.blob(json.dumps({"os": "linux", "architecture": "amd64"}).encode())
    source.add({"config": config, "layers": [source.blob(b"one"), source.blob(b"two")]}, "manifest", "1")
    into(tmp_path, source, [])
    made = bundle.Bundle(str(tmp_path))
    orders = [load.Order(made.images[0], f"app:{tag}", f"docker.io/library/app:{tag}") for tag in "123"]
    planned = load.plan(made, orders, "linux/amd64", nothing)
    verified: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made, "verify", lambda name, digest: verified.append(digest))
        load.verify(made, planned)
    assert sorted(verified) == sorted(set(planned[0].layers))
    assert list(load.groups(made, planned)) == [planned]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "_GROUP", 1)
        assert list(load.groups(made, planned)) == [[one] for one in planned]
    stream = archive_of(made, planned)
    with tarfile.open(fileobj=stream) as archive:
        names = archive.getnames()
    assert sorted(set(names)) == sorted(names)


def test_an_engine_that_has_an_image_gets_it_not_again(tmp_path: pathlib.Path, source: Memory) -> None:
    into(tmp_path, source, [])
    made = bundle.Bundle(str(tmp_path))
    orders = [load.Order(made.images[0], f"app:{tag}", f"docker.io/library/app:{tag}") for tag in "12"]
    config = planned_for(made, "linux/amd64").config
    done = load.plan(made, orders, "linux/amd64", lambda names: {"app:1": config, "app:2": "sha256:other"})
    assert [(one.id, one.changed) for one in done] == [(config, False), ("", True)]


@pytest.mark.parametrize(
    ("said", "code"), [("no space left on device", "image_no_space"), ("odd.", "bundle_refused_by_engine")]
)
def test_an_engine_that_refuses_is_quoted(tmp_path: pathlib.Path, said: str, code: str) -> None:
    planned = load.Loaded(load.Order({}, "app:1", "app:1"), config="sha256:1")
    other = load.Loaded(load.Order({}, "app:2", "app:2"), config="sha256:2")
    load.load(bundle_of(tmp_path), [other, planned], lambda names: {"app:2": "sha256:2"}, lambda parts: said)
    assert (other.id, other.error) == ("sha256:2", None)
    assert planned.error is not None
    assert planned.error.code == code
    assert_explained(planned.error)


def test_an_image_that_the_engine_does_not_have_afterwards(tmp_path: pathlib.Path) -> None:
    planned = load.Loaded(load.Order({}, "app:1", "app:1"), config="sha256:1")
    load.load(bundle_of(tmp_path), [planned], nothing, lambda parts: "")
    assert planned.error is not None
    assert_explained(planned.error, changed=True)


def bundle_of(path: pathlib.Path) -> bundle.Bundle:
    made = folder(path / "empty")
    made.finish({"version": 1, "images": []})
    return bundle.Bundle(str(path / "empty"))


def test_what_two_images_share_arrives_once(tmp_path: pathlib.Path, source: Memory) -> None:
    target = copy_ends.FolderTarget(folder(tmp_path))
    items = [dataclasses.replace(ITEM, name=f"app:{number}") for number in range(16)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        done = list(pool.map(lambda item: copy.prepare(source, target, item, [], True, False), items))
    assert [one.error for one in done] == [None] * 16
    assert len(target.folder.arrived) == len(list((tmp_path / "blobs/sha256").iterdir()))


def test_what_two_images_have_in_common_is_pushed_once() -> None:
    """Let the module copy four tags of one image at the same time, to a server that is slow to take anything."""
    layer, config = b"a layer", b"{}"
    described = [{"digest": digest(one), "size": len(one)} for one in (config, layer)]
    body = json.dumps({"schemaVersion": 2, "config": described[0], "layers": described[1:]}).encode()
    name, kind = digest(body), "application/vnd.oci.image.manifest.v1+json"
    there: dict[str, bytes] = {f"/v2/team/app/blobs/{digest(one)}": one for one in (config, layer)}
    there |= {f"/v2/team/app/manifests/{reference}": body for reference in (name, "1", "2", "3", "4")}
    puts: list[str] = []

    def slow(request: Request) -> Reply:
        path = request.path.partition("?")[0]
        if request.method == "POST":
            return Reply(202, headers={"Location": path})
        if request.method == "PUT":
            wanted = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query).get("digest", [""])[0]
            puts.append(f"{path}{wanted}")
            time.sleep(0.2)
            there[f"{path.replace('/uploads/', '/')}{wanted}"] = {digest(layer): layer, digest(config): config}.get(
                wanted, body
            )
            return Reply(201)
        headers = {"Docker-Content-Digest": name, "Content-Type": kind} if "/manifests/" in path else {}
        return Reply(200, there[path], headers) if path in there else Reply(404)

    parameters = {
        "registry": "mirror",
        "platforms": [],
        "attachments": False,
        "all_or_nothing": True,
        "parallel": 4,
        "keep_overwritten": True,
        "path": None,
    }
    items = [copy_ends.Item(f"team/app:{tag}", "- team/app", tag, "mirror/team/app", tag) for tag in "1234"]
    with serve(slow) as server:
        connections: Any = types.SimpleNamespace(to=lambda _registry: connect(server.address))
        call: Any = types.SimpleNamespace(params=parameters, check_mode=False, diff_mode=False)
        answer = image_copy.copy_all(call, items, connections, None, None)
    assert [one["error"] for one in answer["images"]] == [""] * 4
    pushed = [f"/v2/mirror/team/app/blobs/uploads/{digest(one)}" for one in (config, layer)]
    pushed += [f"/v2/mirror/team/app/manifests/{reference}" for reference in (name, "1", "2", "3", "4")]
    assert sorted(puts) == sorted(pushed)

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registry's tags need, and what the collector's output says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._registry import collector_report, garbage, needed
from ansible_collections.dockyard.ops.plugins.module_utils._registry.container import Container
from ansible_collections.dockyard.ops.plugins.module_utils._registry.needed import Need, Needed, Survey
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_docker import RegistryDocker
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_servers import Reply, Request, connect, serve

INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


class Store:
    """Manifests and blobs of repositories, which answers as a registry does."""

    def __init__(self) -> None:
        self.manifests: dict[str, dict[str, dict[str, Any]]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.blobs: set[str] = set()
        # What the beginning of an upload is answered with.
        self.upload = 405

    def put(self, repository: str, content: dict[str, Any], tag: str = "") -> str:
        """Add a manifest, and return its digest."""
        digest = f"sha256:{hashlib.sha256(json.dumps(content).encode()).hexdigest()}"
        self.manifests.setdefault(repository, {})[digest] = content
        self.tags.setdefault(repository, {})
        if tag:
            self.tags[repository][tag] = digest
        return digest

    def image(self, repository: str, layer: str, tag: str = "", **more: Any) -> str:
        self.blobs.add(layer)
        return self.put(repository, {"mediaType": IMAGE, "layers": [{"digest": layer}], **more}, tag)

    def index(self, repository: str, children: list[str], tag: str = "") -> str:
        return self.put(repository, {"mediaType": INDEX, "manifests": [{"digest": child} for child in children]}, tag)

    def answer(self, request: Request) -> Reply:
        path = request.path.partition("?")[0]
        if request.method == "POST":
            assert path == "/v2/dockyard-proof/blobs/uploads/"
            return Reply(self.upload, headers={"Location": f"{path}1?_state=x"})
        if request.method == "DELETE":
            assert request.path == "/v2/dockyard-proof/blobs/uploads/1?_state=x"
            return Reply(204)
        if path == "/v2/":
            return Reply()
        if path == "/v2/_catalog":
            return Reply(body={"repositories": sorted(self.tags)})
        repository, kind, name = path[len("/v2/") :].rsplit("/", 2)
        if kind == "tags":
            return Reply(body={"tags": sorted(self.tags[repository]) or None})
        if kind == "blobs":
            assert request.headers["range"] == "bytes=0-0"
            return Reply(206, "x") if name in self.blobs else Reply(404)
        found = self.manifests[repository].get(self.tags[repository].get(name, name))
        return Reply(body=found) if found else Reply(404)

    def survey(self, untagged: list[tuple[str, str]] | None = None) -> tuple[Needed, list[str]]:
        with serve(self.answer) as server:
            survey = Survey(connect(server.address, plain_http=True))
            found = survey.read([])
            survey.keep_artifacts(found, untagged or [])
            return found, server.paths


def test_an_index_needs_its_children_at_any_depth() -> None:
    store = Store()
    child, attestation = store.image("app", A), store.image("app", B)
    inner = store.index("app", [child, attestation])
    outer = store.index("app", [inner], tag="latest")
    rubbish = store.image("app", C)

    found, _paths = store.survey()

    assert found.manifests == {
        "app": {
            outer: Need("tag", "latest"),
            inner: Need("index", outer),
            attestation: Need("index", inner),
            child: Need("index", inner),
        }
    }
    assert set(found.blobs["app"]) == {A, B}
    assert found.why("app", rubbish) is None
    assert (found.tags, found.indexes, found.count()) == (1, 2, (4, 2))


def test_an_artifact_is_kept_with_what_it_refers_to_and_so_is_what_refers_to_the_artifact() -> None:
    store = Store()
    signed, unsigned = store.image("app", A, tag="1"), store.image("app", B)
    signature = store.image("app", B, subject={"digest": signed})
    countersignature = store.image("app", C, subject={"digest": signature})
    other = store.image("app", C, subject={"digest": unsigned})

    # The one that depends on the other comes first.
    found, _paths = store.survey([("app", digest) for digest in (other, countersignature, unsigned, signature)])

    assert found.why("app", signature) == Need("subject", signed)
    assert found.why("app", countersignature) == Need("subject", signature)
    assert found.why("app", other) is None and found.why("app", unsigned) is None


def test_the_same_manifest_is_needed_in_one_repository_only() -> None:
    store = Store()
    digest = store.image("app", A, tag="1")
    store.image("copy", A)

    found, _paths = store.survey()

    assert found.why("app", digest) and not found.why("copy", digest)


def test_an_index_may_list_blobs_and_what_is_gone_is_named() -> None:
    store = Store()
    store.blobs.add(A)
    index = store.index("cache", [A, B], tag="build")

    found, _paths = store.survey()

    assert found.blobs == {"cache": {A: Need("index", index)}}
    assert [str(missing) for missing in found.missing] == [f"cache@{B} (needed by the index {index})"]


def test_layers_that_are_elsewhere_are_not_asked_for() -> None:
    store = Store()
    foreign = {"digest": B, "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"}
    store.blobs.add(A)
    store.put("app", {"mediaType": IMAGE, "layers": [{"digest": A}, foreign], "config": {"digest": C}}, tag="1")

    assert set(store.survey()[0].blobs["app"]) == {A, C}


def test_each_manifest_is_asked_for_once() -> None:
    store = Store()
    shared = store.image("app", A)
    for number in range(5):
        store.index("app", [shared, store.image("app", B, annotations={"n": number})], tag=str(number))

    _found, paths = store.survey()

    # The catalog, the tags, five tags, five children and the one that all have.
    assert len(paths) == 2 + 5 + 6


def test_what_is_lost_is_found() -> None:
    store = Store()
    image = store.image("app", A, tag="1")
    found, _paths = store.survey()
    store.blobs.clear()
    del store.manifests["app"][image]

    with serve(store.answer) as server:
        lost = list(needed.lost(connect(server.address, plain_http=True), found))

    assert [(missing.digest, missing.need.by) for missing in lost] == [(image, "1"), (A, image)]


def test_the_output_of_distribution_2() -> None:
    report = collector_report.parse(
        f"team/app\nteam/app: marking manifest {A} \nteam/app: marking blob {B}\nmanifest eligible for deletion: {C}\n"
        f"other\nmanifest eligible for deletion: {A}\n\n"
        f"13 blobs marked, 2 blobs and 2 manifests eligible for deletion\n"
        f"blob eligible for deletion: {C}\nblob eligible for deletion: {B}\n"
    )

    assert report.repositories == ["team/app", "other"]
    assert report.manifests == [("team/app", C), ("other", A)]
    assert (report.marked, report.blobs) == (13, {B, C})


def test_the_output_of_distribution_3() -> None:
    report = collector_report.parse(
        f"team/app\nteam/app: marking manifest {A} \nother\n"
        f"manifest eligible for deletion: {{team/app {C} [1 latest]}}\n\n"
        f"4 blobs marked, 1 blobs and 1 manifests eligible for deletion\nblob eligible for deletion: {B}\n"
        f"team/app: layer link eligible for deletion: {B}\n"
    )

    assert report.repositories == ["team/app", "other"]
    assert report.manifests == [("team/app", C)]
    assert report.blobs == {B}


# ---- a whole collection: what the collector says is imitated, the registry's answers and the files are real ones ----


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RegistryDocker:
    docker = RegistryDocker(tmp_path, monkeypatch)
    docker.config.write_text("storage:\n  filesystem: {}\n")
    return docker


def said(untagged: list[str], blobs: list[str], tagged: list[str]) -> dict[str, Any]:
    lines = ["app", *(f"app: marking manifest {digest} " for digest in tagged)]
    lines += [*(f"manifest eligible for deletion: {digest}" for digest in untagged), ""]
    lines += [f"3 blobs marked, {len(blobs)} blobs and {len(untagged)} manifests eligible for deletion"]
    lines += [f"blob eligible for deletion: {digest}" for digest in blobs]
    return {"rc": 0, "out": "\n".join(lines) + "\n", "err": ""}


def collector(
    docker: RegistryDocker,
    untagged: list[str],
    blobs: list[str],
    swept: list[str] | None = None,
    tagged: list[str] | None = None,
) -> None:
    """Let the collector find these untagged manifests of the repository app, and these blobs.

    swept: the blobs that it finds without its option for what is untagged, none if it is None.
    tagged: the manifests that it finds with a tag.
    """
    without = said([], swept or [], tagged or [])
    version = {"rc": 0, "out": "registry github.com/docker/distribution v2.8.2+ds1\n", "err": ""}
    answers = {"garbage-collect": without, "garbage-collect --dry-run": without, "--version": version}
    for option in ("--dry-run --delete-untagged", "--delete-untagged"):
        answers[f"garbage-collect {option}"] = said(untagged, blobs, tagged or [])
    docker.change(exec=answers)


def collect(store: Store, check_mode: bool = False, untagged: bool = True) -> dict[str, Any]:
    with serve(store.answer) as server:
        registry = connect(server.address, plain_http=True)
        request = garbage.Request(Container("registry"), registry, delete_untagged=untagged, start_timeout=5)
        return garbage.Collection(request).run(check_mode)


def revision(docker: RegistryDocker, digest: str) -> Path:
    """Make the link of a manifest as the registry's storage has it."""
    root = docker.base / "data/docker/registry/v2/repositories/app/_manifests/revisions/sha256"
    folder = root / digest.partition(":")[2]
    folder.mkdir(parents=True)
    (folder / "link").write_text(digest)
    return folder


def options(docker: RegistryDocker) -> list[str]:
    """Return the options with which the collector was run, one entry for each run."""
    runs = [call.split("garbage-collect ")[1] for call in docker.calls if "garbage-collect" in call]
    return [run.removesuffix("/etc/registry/config.yml").strip() for run in runs]


def test_the_children_of_an_index_are_kept_and_only_what_nothing_needs_is_unlinked(docker: RegistryDocker) -> None:
    store = Store()
    child, rubbish = store.image("app", A), store.image("app", C)
    index = store.index("app", [child], tag="latest")
    links = {digest: revision(docker, digest) for digest in (child, rubbish, index)}
    collector(docker, [child, rubbish], [child, rubbish, A, C], swept=[], tagged=[index])

    checked = collect(store, check_mode=True)
    assert all(link.exists() for link in links.values())
    assert options(docker) == ["--dry-run --delete-untagged", "--dry-run"]
    found = collect(store)

    for result in (checked, found):
        assert result["protected"] == [{"repository": "app", "digest": child, "needed_by": index, "kind": "index"}]
        assert (result["manifests_eligible"], result["blobs_eligible"], result["version"]) == (1, 2, "2.8.2")
    assert not links[rubbish].exists() and links[child].exists() and links[index].exists()
    # What loses nothing is done without the option that would.
    assert options(docker)[2:] == [*["--dry-run --delete-untagged", "--dry-run"] * 2, ""]
    assert found["changed"] and found["window_seconds"] > 0


def test_a_link_is_removed_though_nothing_is_to_be_protected(docker: RegistryDocker) -> None:
    store = Store()
    rubbish = store.image("app", C)
    link = revision(docker, rubbish)
    collector(docker, [rubbish], [rubbish, C])

    # The collector's own option leaves the link in a repository that never had a tag.
    assert collect(store)["protected"] == [] and not link.exists()
    assert options(docker)[4:] == [""]


def test_what_was_pushed_again_since_it_was_missing_is_needed() -> None:
    store = Store()
    child = store.image("app", A)
    index = store.index("app", [child], tag="latest")
    content = store.manifests["app"].pop(child)
    with serve(store.answer) as server:
        survey = Survey(connect(server.address, plain_http=True))
        assert survey.read([]).why("app", child) is None
        store.manifests["app"][child] = content
        assert survey.read([]).why("app", child) == Need("index", index)


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("shown", [False, True])
def test_another_registry_than_that_of_the_container_is_refused(
    docker: RegistryDocker, shown: bool, elsewhere: bool
) -> None:
    if elsewhere:
        docker.config.write_text("storage:\n  s3: {bucket: images}\n")
    store, other = Store(), Store()
    child = store.image("app", A)
    index = store.index("app", [child], tag="latest")
    other.image("app", B, tag="latest" if shown else "")
    collector(docker, [child], [child, A], tagged=[index])

    with pytest.raises(DockyardError) as caught:
        collect(other)

    assert caught.value.code == "registry_gc_other_registry" and not caught.value.changed
    assert caught.value.message.startswith(
        f"The storage of the registry in the container registry has a tag in app for {index}, and the registry at the"
        " given address does not show it; check that registry is the address of this container"
    )
    assert "restart registry" not in docker.calls
    if not elsewhere:
        assert not collect(store)["changed"]


def test_an_empty_proxy_makes_no_mirror(docker: RegistryDocker) -> None:
    docker.config.write_text("storage: {filesystem: {}}\nproxy: {remoteurl: ''}\n")
    store = Store()
    child = store.image("app", A)
    store.index("app", [child], tag="latest")
    collector(docker, [child], [child, A])
    assert [entry["digest"] for entry in collect(store, check_mode=True)["protected"]] == [child]


def test_elsewhere_what_was_gone_before_is_no_loss(docker: RegistryDocker) -> None:
    docker.config.write_text("storage:\n  s3: {bucket: images}\n")
    store = Store()
    store.image("app", A, tag="1")
    rubbish = store.image("app", C)
    store.blobs.remove(A)
    collector(docker, [rubbish], [rubbish, C])

    found = collect(store)

    assert found["warnings"][0].startswith("1 manifests and blobs that tags need were gone before: app@")
    assert options(docker) == ["--dry-run --delete-untagged", "--dry-run --delete-untagged", "--delete-untagged"]


def test_nothing_to_collect_opens_no_window(docker: RegistryDocker) -> None:
    store = Store()
    child = store.image("app", A)
    store.index("app", [child], tag="latest")
    collector(docker, [child], [child, A])

    found = collect(store)

    assert not found["changed"] and found["window_seconds"] == 0
    assert "restart registry" not in docker.calls


def test_what_is_not_on_this_host_is_refused_with_names_and_counts(docker: RegistryDocker) -> None:
    docker.config.write_text("storage:\n  s3: {bucket: images}\n")
    store = Store()
    child = store.image("app", A)
    index = store.index("app", [child], tag="latest")
    collector(docker, [child], [child, A])

    with pytest.raises(DockyardError) as caught:
        collect(store)

    assert caught.value.code == "registry_gc_would_lose"
    assert caught.value.message == (
        f"The registry in the container registry would lose 2 manifests and blobs that its tags need, among them"
        f" app@{A} (needed by the index {child}), app@{child} (needed by the index {index}); nothing was deleted:"
        " collect garbage without delete_untagged, or with Docker Distribution 3 or newer, which keeps what an index"
        " lists."
    )
    assert not caught.value.changed and "restart registry" not in docker.calls


def test_what_is_lost_all_the_same_is_said(docker: RegistryDocker) -> None:
    store = Store()
    image, rubbish = store.image("app", A, tag="1"), store.image("app", C)
    data = docker.base / "data/docker/registry/v2/blobs/sha256/aa" / ("a" * 64) / "data"
    data.parent.mkdir(parents=True)
    data.touch()
    collector(docker, [rubbish], [rubbish, C])
    real = store.answer

    def answer(request: Request) -> Reply:
        # The collector has run when the window is closed.
        gone = docker.calls.count("restart registry") == 2 and "/blobs/" in request.path
        if gone:
            data.unlink(missing_ok=True)
        return Reply(404) if gone else real(request)

    store.answer = answer  # type: ignore[method-assign]
    with pytest.raises(DockyardError) as caught:
        collect(store)

    assert caught.value.code == "registry_gc_lost"
    assert caught.value.message == (
        f"After the garbage collection of the registry registry 1 manifests and blobs that its tags need are not there:"
        f" app@{A} (needed by the index {image}); restore the latest backup, and report this."
    )
    assert caught.value.changed


def test_a_collector_that_fails_changes_nothing(docker: RegistryDocker) -> None:
    error = "failed to garbage collect: failed to mark: invalid checksum digest format"
    docker.change(exec={"garbage-collect": {"rc": 1, "out": "app\n", "err": f"{error}\n"}})
    with pytest.raises(DockyardError) as caught:
        collect(Store())
    assert caught.value.code == "registry_gc_failed"
    assert caught.value.message == f"The garbage collector of the registry registry fails. It said: {error}"
    assert not caught.value.changed and "restart registry" not in docker.calls


def test_a_registry_without_any_push_is_empty(docker: RegistryDocker) -> None:
    error = "failed to garbage collect: failed to mark: filesystem: Path not found: /docker/registry/v2/repositories"
    docker.change(exec={"garbage-collect": {"rc": 1, "out": "", "err": f"{error}\n"}})
    assert not collect(Store())["changed"]


def test_untagged_manifests_are_not_deleted_blindly(docker: RegistryDocker) -> None:
    request = garbage.Request(Container("registry"), None, delete_untagged=True)
    with pytest.raises(DockyardError) as caught:
        garbage.Collection(request).run(check_mode=False)
    assert caught.value.code == "registry_gc_blind"
    assert "can't be asked for without access to its API, and delete_untagged may delete that" in caught.value.message


# ---- what the collector is about to delete is compared with what is needed, right before ----


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("untagged", [True, False])
def test_a_collector_that_would_delete_what_a_tag_needs_is_not_run(
    docker: RegistryDocker, untagged: bool, check_mode: bool
) -> None:
    store = Store()
    image, rubbish = store.image("app", A, tag="1"), store.image("app", C)
    link = revision(docker, rubbish)
    collector(docker, [rubbish], [rubbish, C], swept=[A, C], tagged=[image])

    with pytest.raises(DockyardError) as caught:
        collect(store, check_mode, untagged)

    assert caught.value.code == "registry_gc_would_lose" and not caught.value.changed
    assert caught.value.message == (
        "The registry in the container registry would lose 1 manifests and blobs that its tags need, among them"
        f" app@{A} (needed by the index {image}); nothing was deleted: don't collect garbage by hand either, and look"
        " for what is wrong with its storage."
    )
    assert "restart registry" not in docker.calls and (link / "link").exists()
    assert all(run.startswith("--dry-run") for run in options(docker))


def test_what_the_collector_would_delete_only_in_the_window_is_refused_and_its_links_come_back(
    docker: RegistryDocker,
) -> None:
    store = Store()
    image, rubbish = store.image("app", A, tag="1"), store.image("app", C)
    link = revision(docker, rubbish)
    collector(docker, [rubbish], [rubbish, C], tagged=[image])
    state = docker.load()
    lossy = docker.base / "lossy"
    harmless = docker.base / "harmless"
    lossy.write_text(said([], [A], [image])["out"])
    harmless.write_text(said([], [], [image])["out"])
    hidden = link / ".link.hidden"
    command = f"cat $(test -e {hidden} && echo {lossy} || echo {harmless})"
    docker.change(exec={**state["exec"], "garbage-collect --dry-run": command})

    with pytest.raises(DockyardError) as caught:
        collect(store)

    assert caught.value.code == "registry_gc_would_lose" and caught.value.changed
    assert docker.load()["calls"] and (link / "link").read_text() == rubbish and not hidden.exists()
    assert "readonly" not in docker.config.read_text()
    assert all(run.startswith("--dry-run") for run in options(docker))


def test_what_is_pushed_between_the_two_questions_is_no_loss(docker: RegistryDocker) -> None:
    store = Store()
    image = store.image("app", A, tag="1")
    first, later = docker.base / "first", docker.base / "later"
    first.write_text(said([], [A], [])["out"])
    later.write_text(said([], [], [image])["out"])
    collector(docker, [], [])
    # The collector is asked before the manifest is there, and again because of that.
    command = f"cat {first}; mv {later} {first} 2>/dev/null; true"
    docker.change(exec={**docker.load()["exec"], "garbage-collect --dry-run": command})
    assert not collect(store, check_mode=True, untagged=False)["changed"]


def test_what_users_delete_as_soon_as_the_window_is_closed_is_no_loss(docker: RegistryDocker) -> None:
    docker.config.write_text("storage:\n  s3: {bucket: images}\n")
    store = Store()
    image, rubbish = store.image("app", A, tag="1"), store.image("app", C)
    collector(docker, [rubbish], [rubbish, C], tagged=[image])
    real = store.answer

    def answer(request: Request) -> Reply:
        if docker.calls.count("restart registry") == 2 and image in store.manifests["app"]:
            del store.manifests["app"][image], store.tags["app"]["1"]
        return real(request)

    store.answer = answer  # type: ignore[method-assign]
    assert collect(store)["changed"] and image not in store.manifests["app"]


def test_a_collector_whose_words_are_not_understood_is_not_run() -> None:
    with pytest.raises(DockyardError) as caught:
        collector_report.parse(
            "app\n\n2 blobs marked, 1 blobs and 0 manifests eligible for deletion\nblob: sha256:00\n"
        )
    assert caught.value.code == "registry_gc_failed"
    assert caught.value.message.startswith(
        "The garbage collector counts 1 blobs and 0 manifests that it would delete, and names 0 and 0; this version of"
    )


# ---- what is refused whatever is deleted ----


@pytest.mark.parametrize("name", ["blobdescriptor", "layerinfo"])
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_cache_that_outlives_a_restart_is_refused(docker: RegistryDocker, check_mode: bool, name: str) -> None:
    docker.config.write_text(f"storage: {{filesystem: {{}}, cache: {{{name}: redis}}}}\n")
    with pytest.raises(DockyardError) as caught:
        collect(Store(), check_mode)
    assert caught.value.code == "registry_gc_cache"
    assert caught.value.message == (
        f"The registry in the container registry keeps in Redis which blobs it has (storage.cache.{name}), and would"
        " go on believing in those that are deleted: images that are pushed again would lack them. Set"
        f" storage.cache.{name} to inmemory, restart the registry, and empty that Redis database before it is used"
        " again."
    )
    assert docker.calls == []


def test_a_cache_in_the_environment_is_refused_and_one_in_memory_is_not(docker: RegistryDocker) -> None:
    docker.change(env=["REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR=redis"])
    with pytest.raises(DockyardError) as caught:
        collect(Store(), check_mode=True)
    assert caught.value.code == "registry_gc_cache"
    docker.change(env=["REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR=inmemory"])
    collector(docker, [], [])
    assert not collect(Store(), check_mode=True)["changed"]


def test_untagged_manifests_of_a_mirror_are_not_deleted(docker: RegistryDocker) -> None:
    docker.config.write_text("storage: {filesystem: {}}\nproxy: {remoteurl: 'https://registry.example.com'}\n")
    with pytest.raises(DockyardError) as caught:
        collect(Store())
    assert caught.value.code == "registry_gc_mirror" and docker.calls == []
    assert caught.value.message == (
        "The registry in the container registry is a pull-through mirror of https://registry.example.com: what its tags"
        " need can't be asked for without fetching it from there; leave delete_untagged off, a mirror deletes by itself"
        " what is older than its proxy.ttl, if storage.delete.enabled is true."
    )
    collector(docker, [], [])
    assert not collect(Store(), untagged=False)["changed"]


@pytest.mark.parametrize(
    ("storage", "warned"),
    [("", True), (", delete: {enabled: false}", True), (", delete: true", True), (", delete: {enabled: true}", False)],
)
def test_a_mirror_that_never_deletes_what_it_has_fetched_is_named(
    docker: RegistryDocker, storage: str, warned: bool
) -> None:
    docker.config.write_text(f"storage: {{filesystem: {{}}{storage}}}\nproxy: {{remoteurl: 'https://r.example.com'}}\n")
    collector(docker, [], [])
    assert collect(Store(), untagged=False)["warnings"] == warned * [
        "The registry in the container registry is a pull-through mirror that keeps for ever what it fetches, whatever"
        " its proxy.ttl is: set storage.delete.enabled to true, with which it still deletes nothing for users."
    ]

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations by hops: each value is kept, or repaired and reported, or the upgrade is refused before the stop.

The migration is that of the stand-in for Harbor (tests/harbor), without its container: it lacks, damages and adds what
the real one does.
"""

from __future__ import annotations

import copy
import importlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade import configuration, job_store
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.context import Secrets, UpgradeContext
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job import Hop, Job
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job_store import JobStore

PARTS = str(Path(__file__).resolve().parents[5] / "harbor" / "parts")
HOPS = (("2.6.4", "2.7.4"), ("2.6.4", "2.8.6"), ("2.8.6", "2.10.3"), ("2.10.3", "2.12.4", "2.14.1"))
DATABASE = {
    **{"host": "db", "port": 5432, "db_name": "registry", "username": "harbor", "password": "x", "ssl_mode": "disable"},
    **{"max_idle_conns": 2, "max_open_conns": 0},
}
CIPHERS = "https.strong_ssl_ciphers (from none to false)"
GONE = object()


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(PARTS)

    def run(
        self: UpgradeContext, argv: Sequence[str], *, cwd: str | None = None, timeout: float, answers: str | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        if "migrate" not in argv:
            return subprocess.CompletedProcess(list(argv), 0, b"")
        harbor_yml: Any = importlib.import_module("harbor_yml")
        tag = next(word for word in argv if word.startswith("goharbor/prepare:")).rpartition(":v")[2]
        path = Path(argv[-1])
        try:
            text = harbor_yml.migrate(path.read_text(), tuple(map(int, tag.split(".")[:2])))
        except (harbor_yml.Undefined, harbor_yml.Refused, yaml.YAMLError) as error:
            return subprocess.CompletedProcess(list(argv), 1, f"Traceback:\n{error}\n".encode())
        if text is not None:
            path.write_text(text)
        return subprocess.CompletedProcess(list(argv), 0, b"")

    monkeypatch.setattr(UpgradeContext, "run_command", run)


def template(version: str) -> str:
    edition: Any = importlib.import_module("edition")
    harbor_yml: Any = importlib.import_module("harbor_yml")
    text: str = harbor_yml.template(edition.Edition.parse(version))
    return text.replace("private_key: /your/private/key/path", "private_key: /k\n  # strong_ssl_ciphers: false")


def changed(version: str, path: str, value: Any) -> tuple[dict[str, Any], str]:
    """Return the release's own configuration with another value, parsed and written."""
    config: dict[str, Any] = yaml.safe_load(template(version))
    config["hostname"] = "harbor.example.com"
    inner = config
    *folders, name = path.split(".") if path else ["hostname"]
    for folder in folders:
        inner = inner.setdefault(folder, {})
    if path and value is GONE:
        inner.pop(name, None)
    elif path:
        inner[name] = copy.deepcopy(value)
    return config, yaml.safe_dump(config, sort_keys=False)


def migrate(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, source: str, *targets: str) -> tuple[Job, str]:
    """Migrate a file over these hops. Return the job, and the text of the last file."""
    monkeypatch.setattr(job_store, "FOLDER", str(folder / "jobs"))
    (folder / "harbor").mkdir()
    (folder / "harbor" / "harbor.yml").write_text(text)
    (folder / "harbor" / "harbor.yml.tmpl").write_text(template(source))
    hops = [Hop(target, "/a.tgz", str(folder / target)) for target in targets]
    for hop in hops:
        Path(hop.release).mkdir()
        Path(hop.release, "harbor.yml.tmpl").write_text(template(hop.version))
    job = Job("1", str(folder / "harbor"), source, hops, "/data", str(folder / "work"), "/b", [], [], {})
    store = JobStore(job.path)
    store.create()
    configuration.migrate_configuration(UpgradeContext(store, job, Secrets("admin", None)))
    return job, Path(hops[-1].release, "harbor.yml").read_text()


SECTIONS = (
    *(
        "http",
        "https",
        "proxy",
        "metric",
        "trace",
        "trace.otel",
        "trace.jaeger",
        "uaa",
        "cache",
        "core",
        "internal_tls",
    ),
    *("external_redis", "external_database", "storage_service", "storage_service.redirect", "upload_purging"),
    *("log.external_endpoint", "ip_family", "ip_family.ipv4", "ip_family.ipv6", "redis", "trivy", "notification"),
)
VERSIONS = ("", "2.10", "2.10.3", "v2.10.0", 2.1, "9.9.0", "1.7.0", None, GONE)


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("hops", [HOPS[0], HOPS[-1]], ids="-".join)
def test_a_section_without_settings_is_left_out_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str, hops: tuple[str, ...]
) -> None:
    config, text = changed(hops[0], section, None)
    job, new = migrate(tmp_path, monkeypatch, text, *hops)
    assert f"{section} is left out, as it has no settings" in job.repaired_values
    parsed = yaml.safe_load(new)
    assert parsed["harbor_admin_password"] == config["harbor_admin_password"]
    assert ("https" in parsed) is (section != "https")


@pytest.mark.parametrize("written", VERSIONS, ids=repr)
@pytest.mark.parametrize("hops", HOPS[1:3], ids="-".join)
def test_the_version_of_the_file_is_set_from_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: Any, hops: tuple[str, ...]
) -> None:
    _config, text = changed(hops[0], "_version", written)
    job, new = migrate(tmp_path, monkeypatch, text, *hops)
    series = hops[0].rpartition(".")[0]
    was = "was missing" if written is None or written is GONE else f"was {written}"
    assert f"_version is {series}.0 ({was})" in job.repaired_values
    assert yaml.safe_load(new)["_version"] == f"{hops[-1].rpartition('.')[0]}.0"


KEPT = (
    ("", None),
    ("harbor_admin_password", "pa ss #1"),
    ("harbor_admin_password", "0123"),
    ("database.password", "p: q"),
    ("https.strong_ssl_ciphers", True),
    ("https.strong_ssl_ciphers", False),
    ("external_database", {"harbor": DATABASE}),
    ("external_database", {"harbor": DATABASE, "notary_server": {"host": "db"}}),
    ("internal_tls", {"enabled": True}),
    ("metric", {"enabled": True}),
    ("http.port", "127.0.0.1:8080"),
    ("database.max_open_conns", 77),
)


@pytest.mark.parametrize(("path", "value"), KEPT, ids=str)
@pytest.mark.parametrize("hops", HOPS, ids="-".join)
def test_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, value: Any, hops: tuple[str, ...]) -> None:
    config, text = changed(hops[0], path, value)
    _job, new = migrate(tmp_path, monkeypatch, text, *hops)
    parsed = yaml.safe_load(new)
    if hops == ("2.8.6", "2.10.3"):  # Notary is gone with 2.9
        config.get("external_database", {}).pop("notary_server", None)
    found, wanted = parsed, config
    for key in path.split(".") if path else ["hostname"]:
        found, wanted = found[key], wanted[key]
    assert found == wanted
    assert "dockyard-value" not in new


@pytest.mark.parametrize("hops", HOPS[2:], ids="-".join)
def test_ciphers_that_the_migration_adds_end_as_the_release_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hops: tuple[str, ...]
) -> None:
    _config, text = changed(hops[0], "", None)
    job, new = migrate(tmp_path, monkeypatch, text, *hops)
    assert yaml.safe_load(new)["https"]["strong_ssl_ciphers"] is False
    assert CIPHERS in job.repaired_values
    assert "https.strong_ssl_ciphers" in job.added_values


@pytest.mark.parametrize("hops", [*HOPS[2:], ("2.12.4", "2.12.5")], ids="-".join)
def test_ciphers_of_an_earlier_upgrade_are_repaired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hops: tuple[str, ...]
) -> None:
    _config, text = changed(hops[0], "https.strong_ssl_ciphers", "none")
    job, new = migrate(tmp_path, monkeypatch, text, *hops)
    assert yaml.safe_load(new)["https"]["strong_ssl_ciphers"] is False
    assert job.repaired_values == [CIPHERS]


def test_comments_of_the_release_stay_if_it_can_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _config, text = changed("2.8.6", "harbor_admin_password", "pa ss #1")
    _job, new = migrate(tmp_path, monkeypatch, text, "2.8.6", "2.10.3")
    assert new.startswith("# Configuration file of Harbor\n\nhostname")
    assert "harbor_admin_password: 'pa ss #1'\n" in new
    assert "  strong_ssl_ciphers: false\n" in new


def test_a_key_that_only_the_target_knows_is_judged_by_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "template", _without_ciphers_before("2.10.3", template))
    _config, text = changed("2.8.6", "https.strong_ssl_ciphers", "none")
    job, new = migrate(tmp_path, monkeypatch, text, "2.8.6", "2.10.3")
    assert yaml.safe_load(new)["https"]["strong_ssl_ciphers"] is False
    assert job.repaired_values == [CIPHERS]


def _without_ciphers_before(version: str, usual: Any) -> Any:
    return lambda of: usual(of) if of == version else usual(of).replace("  # strong_ssl_ciphers: false", "")

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images stay, and why. What an engine removes is in the integration target image_prune."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._images import prune

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
ID = f"sha256:{'1' * 64}"
OLD = "2026-01-01T00:00:00.123456789Z"
UNKNOWN = "0001-01-01T00:00:00Z"


def document(**changes: Any) -> dict[str, Any]:
    return {"Id": ID, "RepoTags": ["app:1"], "RepoDigests": [f"app@{ID}"], "Created": OLD, "Size": 5, **changes}


@pytest.mark.parametrize(
    ("changes", "policy", "used", "services", "expected"),
    [
        ({}, prune.Policy(30), {}, [], ""),
        ({}, prune.Policy(200), {}, [], "it is younger than 200 days"),
        ({"Created": UNKNOWN}, prune.Policy(0), {}, [], "its age is not known"),
        ({"Created": "1980-01-01T00:00:00Z"}, prune.Policy(0), {}, [], "its age is not known"),
        (
            {"Metadata": {"LastTagTime": "2026-05-31T23:00:00.5+02:00"}},
            prune.Policy(30),
            {},
            [],
            "it is younger than 30 days",
        ),
        ({"Metadata": {"LastTagTime": UNKNOWN}}, prune.Policy(30), {}, [], ""),
        ({}, prune.Policy(0), {ID: ["b", "a"]}, [], "the container a, b uses it"),
        ({}, prune.Policy(0), {}, ["docker.io/library/app:1"], "a service uses it, or would after a rollback"),
        ({}, prune.Policy(0), {}, [f"app:2@{ID}"], "a service uses it, or would after a rollback"),
        # It was loaded, and the engine knows no digest of it.
        ({"RepoDigests": []}, prune.Policy(0), {}, [f"app:1@{ID}"], "a service uses it, or would after a rollback"),
        ({}, prune.Policy(0), {}, ["other.test/app:1"], ""),
        ({}, prune.Policy(0, ("app:*",)), {}, [], "keep names it"),
        ({"RepoTags": ["<none>:<none>"], "RepoDigests": []}, prune.Policy(0, ("*",)), {}, [], ""),
    ],
)
def test_what_stays(
    changes: dict[str, Any], policy: prune.Policy, used: dict[str, list[str]], services: list[str], expected: str
) -> None:
    image = prune.candidate(document(**changes))
    assert prune.reason_to_keep(image, policy, NOW, used, prune.needed_names(services)) == expected


def test_age_is_counted_from_the_later_time() -> None:
    image = prune.candidate(document(Metadata={"LastTagTime": "2026-05-22T00:00:00Z"}))
    assert image.returned(NOW) == {"id": ID, "names": ["app:1", f"app@{ID}"], "size": 5, "days": 10.0}

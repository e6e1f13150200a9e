# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each version of the stand-in is like: the one table that archives, installer and images are made from.

From what is documented of the real releases; see README.md for what is imitated.
"""

from __future__ import annotations

import dataclasses
import hashlib

POSTGRES_USER, REDIS_USER, SERVICE_USER, ROOT = "999:999", "999:999", "10000:10000", "0:0"
# The numbers of the schema's versions, and the release that brought each.
SCHEMA = (
    ((1, 8), 4),
    ((1, 9), 10),
    ((1, 10), 15),
    ((2, 0), 30),
    ((2, 1), 40),
    ((2, 2), 50),
    ((2, 3), 60),
    ((2, 4), 70),
    ((2, 5), 80),
    ((2, 6), 90),
    ((2, 7), 100),
    ((2, 8), 110),
    ((2, 9), 120),
    ((2, 10), 130),
    ((2, 11), 140),
    ((2, 12), 150),
    ((2, 13), 160),
    ((2, 14), 170),
    ((2, 15), 180),
)
MINORS = tuple(minor for minor, _schema in SCHEMA)


@dataclasses.dataclass(frozen=True)
class Service:
    """One service of the compose project.

    name: in the compose file. container: its container's name. image: without registry user and tag.
    user: numeric user and group it runs as. port: where it answers inside; 0: no health check.
    """

    name: str
    container: str
    image: str
    user: str
    port: int
    optional: str = ""


SERVICES = (
    Service("log", "harbor-log", "harbor-log", ROOT, 10514),
    Service("registry", "registry", "registry-photon", SERVICE_USER, 5000),
    Service("registryctl", "registryctl", "harbor-registryctl", SERVICE_USER, 8080),
    Service("postgresql", "harbor-db", "harbor-db", POSTGRES_USER, 5432),
    Service("core", "harbor-core", "harbor-core", SERVICE_USER, 8080),
    Service("portal", "harbor-portal", "harbor-portal", SERVICE_USER, 8080),
    Service("jobservice", "harbor-jobservice", "harbor-jobservice", SERVICE_USER, 8080),
    Service("redis", "redis", "redis-photon", REDIS_USER, 6379),
    Service("proxy", "nginx", "nginx-photon", SERVICE_USER, 8080),
    Service("trivy-adapter", "trivy-adapter", "trivy-adapter-photon", SERVICE_USER, 8080, "trivy"),
    Service("notary-server", "notary-server", "notary-server-photon", SERVICE_USER, 4443, "notary"),
    Service("notary-signer", "notary-signer", "notary-signer-photon", SERVICE_USER, 7899, "notary"),
    Service("chartmuseum", "chartmuseum", "chartmuseum-photon", SERVICE_USER, 9999, "chartmuseum"),
    Service("clair", "clair", "clair-photon", SERVICE_USER, 6060, "clair"),
)


@dataclasses.dataclass(frozen=True, order=True)
class Edition:
    """One version, e.g. Edition(2, 8, 6)."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Edition:
        """Parse "2.8.6" or "v2.8.6". Raise ValueError for anything else."""
        major, minor, patch = text.removeprefix("v").split(".")
        return cls(int(major), int(minor), int(patch))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def tag(self) -> str:
        return f"v{self}"

    @property
    def series(self) -> tuple[int, int]:
        return (self.major, self.minor)

    @property
    def reported(self) -> str:
        """Return it as systeminfo says it."""
        return f"{self.tag}-{hashlib.sha256(str(self).encode()).hexdigest()[:8]}"

    @property
    def configuration_version(self) -> str:
        """Return what is at _version in harbor.yml: the minor only."""
        return f"{self.major}.{self.minor}.0"

    @property
    def schema(self) -> int:
        return dict(SCHEMA)[self.series]

    @property
    def takes(self) -> tuple[str, ...]:
        """Return the PostgreSQL majors whose data the database image starts on."""
        if self.series == (1, 10) and self.patch >= 18:
            return ("9.6", "13")
        if self.series < (2, 3):
            return ("9.6",)
        if self.series < (2, 7):
            return ("9.6", "13")
        if self.series < (2, 9):
            return ("13",)
        if self.series < (2, 11):
            return ("13", "14")
        if (self.series, self.patch) < ((2, 15), 2):
            return ("14", "15")
        return ("15", "18")

    @property
    def leaves(self) -> str:
        """Return the PostgreSQL major that it runs."""
        return self.takes[-1]

    @property
    def empty_instead_of_refused(self) -> bool:
        """Return whether the database image makes an empty database where it finds none that it takes."""
        return self.series >= (2, 7)

    @property
    def optional_parts(self) -> tuple[str, ...]:
        """Return what the installer has a --with- flag for."""
        parts = (
            ("notary", self.series < (2, 9)),
            ("clair", self.series < (2, 2)),
            ("trivy", self.major >= 2),
            ("chartmuseum", self.series < (2, 8)),
        )
        return tuple(part for part, there in parts if there)

    @property
    def compose_plugin(self) -> bool:
        """Return whether its installer knows `docker compose`."""
        return self.series >= (2, 6) or (self.series, self.patch) >= ((2, 5), 4)

    @property
    def version_is_anonymous(self) -> bool:
        return self.series < (2, 13)

    @property
    def api(self) -> str:
        return "/api/v2.0" if self.major >= 2 else "/api"

    @property
    def services(self) -> tuple[Service, ...]:
        return tuple(part for part in SERVICES if not part.optional or part.optional in self.optional_parts)

    def image(self, name: str) -> str:
        """Return the full name of an image; in 1.x those of foreign projects bear those projects' versions too."""
        foreign = {
            "registry-photon": "v2.7.1-patch-2819-2553-",
            "notary-server-photon": "v0.6.1-",
            "notary-signer-photon": "v0.6.1-",
            "chartmuseum-photon": "v0.9.0-",
            "clair-photon": "v2.1.1-",
        }
        prefix = foreign.get(name, "") if self.major == 1 else ""
        return f"goharbor/{name}:{prefix}{self.tag}"

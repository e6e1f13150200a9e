# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The networks, volumes, configs and secrets that the services of a stack use, by their names in the Swarm."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import naming
from . import paths, values
from .compose import Definition

Kind = Literal["configs", "secrets"]
_DIGITS = 12


@dataclasses.dataclass(frozen=True)
class Content:
    """A config or a secret of the stack.

    name: in the Swarm; for one of the stack with the hash of its content, as a Swarm changes none. data: None for an
    external one.
    """

    key: str
    name: str
    data: bytes | None
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    driver: str = ""


@dataclasses.dataclass(frozen=True)
class Network:
    """A network of the stack, or an external one that is only used."""

    name: str
    external: bool
    spec: dict[str, Any] = dataclasses.field(default_factory=dict)


class Objects:
    """What the services of a definition refer to.

    salt: goes into the hashes of secrets, as their names can be read by everyone.
    """

    def __init__(self, definition: Definition, salt: str) -> None:
        self._definition = definition
        self._salt = salt
        self.networks = self._networks()
        self.contents: dict[Kind, dict[str, Content]] = {"configs": {}, "secrets": {}}
        kinds: tuple[Kind, Kind] = ("configs", "secrets")
        for kind in kinds:
            for key, declared in getattr(definition, kind).items():
                self.contents[kind][key] = self._content(kind, key, declared)

    def network(self, key: str, place: str) -> str:
        """Return the name of a network that a service names."""
        if key not in self.networks:
            raise _undefined(place, "network", key, "networks")
        return self.networks[key].name

    def volume(self, key: str, place: str) -> dict[str, Any]:
        """Return what a mount says of a volume that a service names."""
        if key not in self._definition.volumes:
            raise _undefined(place, "volume", key, "volumes")
        declared = self._definition.volumes[key]
        if declared.get("external"):
            return {"Source": declared.get("name") or _external_name(declared) or key}
        options: dict[str, Any] = {"Labels": self._labels(f"volumes.{key}.labels", declared)}
        if declared.get("driver") or declared.get("driver_opts"):
            driver = {"Name": declared.get("driver") or "local"}
            given = values.filled(f"volumes.{key}.driver_opts", declared.get("driver_opts") or {})
            options["DriverConfig"] = {**driver, "Options": given} if given else driver
        return {"Source": declared.get("name") or self._definition.full_name(key), "VolumeOptions": options}

    def references(self, kind: Kind, service: str, declared: list[Any]) -> list[dict[str, Any]]:
        """Return how a service refers to configs or secrets; the engine's identifiers are added later."""
        singular = kind[:-1].capitalize()
        found = []
        for each in declared:
            long = {"source": each} if isinstance(each, str) else each
            place = f"services.{service}.{kind}"
            content = self.contents[kind].get(long.get("source", ""))
            if content is None:
                raise _undefined(place, kind[:-1], long.get("source", ""), kind)
            mode = long.get("mode")
            found.append(
                {
                    "File": {
                        "Name": long.get("target") or (content.key if kind == "secrets" else f"/{content.key}"),
                        "UID": str(long.get("uid") or "0"),
                        "GID": str(long.get("gid") or "0"),
                        "Mode": 0o444 if mode is None else _mode(f"{place}.mode", mode),
                    },
                    f"{singular}Name": content.name,
                }
            )
        return found

    def _networks(self) -> dict[str, Network]:
        found = {}
        used = [service.get("networks") or ["default"] for service in self._definition.services.values()]
        declared = dict(self._definition.networks)
        if any("default" in networks for networks in used):
            declared.setdefault("default", {})
        for key, options in declared.items():
            if options.get("external"):
                found[key] = Network(options.get("name") or _external_name(options) or key, True)
                continue
            name = options.get("name") or self._definition.full_name(key)
            found[key] = Network(name, False, self._network_spec(key, name, options))
        return found

    def _network_spec(self, key: str, name: str, options: dict[str, Any]) -> dict[str, Any]:
        place = f"networks.{key}"
        spec: dict[str, Any] = {
            "Name": name,
            "Driver": options.get("driver") or "overlay",
            "Labels": self._labels(f"{place}.labels", options),
            "Internal": bool(options.get("internal")),
            "Attachable": bool(options.get("attachable")),
            "EnableIPv6": bool(options.get("enable_ipv6")),
            "Options": values.filled(f"{place}.driver_opts", options.get("driver_opts") or {}),
        }
        ipam = options.get("ipam") or {}
        subnets = [
            {name: item[option] for name, option in _IPAM.items() if item.get(option)}
            for item in ipam.get("config") or []
        ]
        if subnets or ipam.get("driver"):
            spec["IPAM"] = {"Driver": ipam.get("driver") or "default", "Config": subnets}
        return spec

    def _content(self, kind: Kind, key: str, declared: dict[str, Any]) -> Content:
        place = f"{kind}.{key}"
        if declared.get("external"):
            return Content(key, declared.get("name") or _external_name(declared) or key, None)
        data = self._data(place, declared)
        if kind == "secrets":
            # The name is no secret, and a plain hash of a short one could be looked up in a list of words.
            digest = hashlib.scrypt(data, salt=f"{self._salt}/{key}".encode(), n=2**14, r=8, p=1, dklen=32).hex()
        else:
            digest = hashlib.sha256(data).hexdigest()
        name = f"{declared.get('name') or self._definition.full_name(key)}_{digest[:_DIGITS]}"
        if len(name) > 64:
            raise DockyardError("stack_name_invalid", f"{name} is longer than 64 characters; shorten {place}.")
        return Content(
            key, name, data, self._labels(f"{place}.labels", declared), str(declared.get("template_driver") or "")
        )

    def _data(self, place: str, declared: dict[str, Any]) -> bytes:
        given = [option for option in ("content", "environment", "file") if declared.get(option) is not None]
        if len(given) != 1:
            raise DockyardError(
                "stack_content_missing",
                f"{place} must have one of content, environment, file and external, and has"
                f" {' and '.join(given) or 'none'}; correct it.",
            )
        if given == ["content"]:
            return values.string(f"{place}.content", declared["content"]).encode()
        if given == ["environment"]:
            if declared["environment"] not in self._definition.variables:
                raise DockyardError(
                    "stack_variable_missing",
                    f"{place} needs the variable {declared['environment']}; give it in variables.",
                )
            return self._definition.variables[declared["environment"]].encode()
        path = paths.complete(f"{place}.file", str(declared["file"]), self._definition.folder)
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError as error:
            raise DockyardError(
                "stack_file_unreadable", f"{place} reads {path}, which can't be read ({error.strerror}); correct it."
            ) from error

    def _labels(self, place: str, declared: dict[str, Any]) -> dict[str, str]:
        return {**values.filled(place, declared.get("labels") or {}), naming.STACK: self._definition.name}


_IPAM = {"Subnet": "subnet", "Gateway": "gateway", "IPRange": "ip_range"}


def _mode(place: str, value: Any) -> int:
    """Return a file mode: a number as YAML has read it, or digits in quotes, which are octal."""
    if isinstance(value, str):
        try:
            return int(value, 8)
        except ValueError as error:
            raise values.invalid(place, value, "a mode such as 0440") from error
    return values.whole(place, value)


def _external_name(declared: dict[str, Any]) -> str:
    external = declared["external"]
    return str(external.get("name") or "") if isinstance(external, dict) else ""


def _undefined(place: str, what: str, key: str, section: str) -> DockyardError:
    return DockyardError(
        "stack_undefined",
        f"{place} names the {what} {key}, which is not in {section}; declare it there, or correct" " the name.",
    )

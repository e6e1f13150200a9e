# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what each role specifies (meta/argument_specs.yml), its defaults (defaults/main.yml), and what it uses.

defaults.py [ROLE ...]
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Iterator

import specs


def complaints(role: specs.Role) -> Iterator[str]:
    if "main" not in role.entries:
        yield "meta/argument_specs.yml has no entry point main"
        return
    yield from entry_points(role)
    yield from values(role)
    yield from usage(role)


def entry_points(role: specs.Role) -> Iterator[str]:
    """Each entry point is a task file that people call, and each has its text."""
    for entry, spec in role.entries.items():
        if not (role.path / "tasks" / f"{entry}.yml").is_file():
            yield f"the entry point {entry} has no tasks/{entry}.yml"
        if not spec.get("short_description"):
            yield f"the entry point {entry} has no short_description"
        for option in specs.flat(spec.get("options") or {}):
            if not option.spec.get("description"):
                yield f"{option.name} of {entry} has no description"
            if option.required and "default" in option.spec:
                yield f"{option.name} of {entry} is required and has a default"
            if option.top and not role.owns(option.name):
                yield f"{option.name} of {entry} does not start with {role.name}_"


def values(role: specs.Role) -> Iterator[str]:
    """Names and values in defaults/main.yml are those of the specification."""
    known: set[str] = set()
    for entry in role.entries:
        for name, spec in role.variables(entry).items():
            known.add(name)
            if "default" not in spec:
                if name in role.defaults:
                    yield f"{name} has a default in defaults/main.yml and none in {entry} of meta/argument_specs.yml"
            elif name not in role.defaults:
                yield f"{name} has a default in {entry} of meta/argument_specs.yml and none in defaults/main.yml"
            elif not same(role.defaults[name], spec["default"]):
                yield (
                    f"{name} is {role.defaults[name]!r} in defaults/main.yml"
                    f" and {spec['default']!r} in {entry} of meta/argument_specs.yml"
                )
    for name in role.defaults:
        if name not in known:
            yield f"{name} is in defaults/main.yml and not in meta/argument_specs.yml"


def same(one: object, other: object) -> bool:
    """Equal, and of one type: to Python, 1 is True."""
    return type(one) is type(other) and one == other


def usage(role: specs.Role) -> Iterator[str]:
    known = {name for entry in role.entries for name in role.variables(entry)}
    used = role.used()
    for name, file in sorted(used.items()):
        if name not in known | role.assigned():
            yield f"{name}, used in {file}, is not in meta/argument_specs.yml"
    for name in sorted(known - set(used)):
        yield f"{name} is in meta/argument_specs.yml and used nowhere in the role"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roles", nargs="*", metavar="ROLE")
    parser.add_argument("--folder", type=pathlib.Path, default=specs.ROLES, help="where the roles are")
    arguments = parser.parse_args()
    found = [
        f"{role.name}: {complaint}"
        for role in specs.roles(arguments.folder, arguments.roles)
        for complaint in complaints(role)
    ]
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()

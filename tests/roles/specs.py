# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role says about itself, and what its tasks really use."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Iterator
from typing import Any

import jinja2
import yaml

ROLES = pathlib.Path(__file__).resolve().parent.parent.parent / "roles"
# Their value is an expression without braces.
EXPRESSIONS = ("when", "until", "failed_when", "changed_when", "that")
# Their value is a mapping of variables that the tasks set for themselves.
ASSIGNMENTS = ("vars", "ansible.builtin.set_fact")


class Loader(yaml.SafeLoader):
    """Takes Ansible's own tags (!unsafe, !vault) for plain values."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: loader.construct_scalar(node))


def load(path: pathlib.Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader) if path.exists() else None


@dataclasses.dataclass(frozen=True)
class Option:
    """A variable, or a key inside of one: a list's items are written as in images_list[].name."""

    name: str
    spec: dict[str, Any]

    @property
    def top(self) -> bool:
        return "." not in self.name

    @property
    def required(self) -> bool:
        return bool(self.spec.get("required", False))


def flat(options: dict[str, Any], prefix: str = "") -> Iterator[Option]:
    for name, spec in options.items():
        spec = spec or {}
        yield Option(prefix + name, spec)
        items = "[]" if spec.get("type") == "list" else ""
        yield from flat(spec.get("options") or {}, f"{prefix}{name}{items}.")


@dataclasses.dataclass(frozen=True)
class Role:
    path: pathlib.Path

    @property
    def name(self) -> str:
        return self.path.name

    @functools.cached_property
    def entries(self) -> dict[str, dict[str, Any]]:
        return (load(self.path / "meta" / "argument_specs.yml") or {}).get("argument_specs") or {}

    @functools.cached_property
    def defaults(self) -> dict[str, Any]:
        return load(self.path / "defaults" / "main.yml") or {}

    @functools.cached_property
    def meta(self) -> dict[str, Any]:
        return (load(self.path / "meta" / "main.yml") or {}).get("galaxy_info") or {}

    def variables(self, entry: str) -> dict[str, dict[str, Any]]:
        return {name: spec or {} for name, spec in (self.entries[entry].get("options") or {}).items()}

    @functools.cached_property
    def task_files(self) -> list[tuple[pathlib.Path, Any]]:
        files = [file for folder in ("tasks", "handlers") for file in sorted(self.path.glob(f"{folder}/**/*.yml"))]
        return [(file, load(file)) for file in files]

    def tags(self) -> dict[str, list[str]]:
        """Each tag, with the names of the tasks that carry it themselves."""
        found: dict[str, list[str]] = {}
        for _file, tasks in self.task_files:
            for task in every_task(tasks):
                tags = task.get("tags") or []
                for tag in [tags] if isinstance(tags, str) else tags:
                    found.setdefault(tag, []).append(task.get("name", ""))
        found.pop("always", None)
        found.pop("never", None)
        return found

    def assigned(self) -> set[str]:
        """Names that the role's own tasks give a value to."""
        names: set[str] = set()
        for _file, tasks in self.task_files:
            for task in every_task(tasks):
                for key in ASSIGNMENTS:
                    names.update(task.get(key) or {})
                if isinstance(task.get("register"), str):
                    names.add(task["register"])
                names.add((task.get("loop_control") or {}).get("loop_var", "item"))
        for file in self.path.glob("vars/**/*.yml"):
            names.update(load(file) or {})
        return names

    def facts(self) -> set[str]:
        """Public names that the role sets as facts."""
        names: set[str] = set()
        for _file, tasks in self.task_files:
            for task in every_task(tasks):
                names.update(name for name in task.get("ansible.builtin.set_fact") or {} if self.owns(name))
        return names

    def owns(self, name: str) -> bool:
        return name.startswith(f"{self.name}_")

    def used(self) -> dict[str, str]:
        """Return the role's public names in its expressions, each with the first file that has it."""
        found: dict[str, str] = {}
        sources = list(self.task_files)
        for folder in ("vars", "defaults"):
            sources += [(file, load(file)) for file in sorted(self.path.glob(f"{folder}/**/*.yml"))]
        for file, content in sources:
            for expression in expressions(content):
                for name in names_in(expression, file):
                    found.setdefault(name, str(file.relative_to(self.path)))
        for file in sorted(self.path.glob("templates/**/*")):
            if file.is_file():
                for name in names_in(file.read_text(encoding="utf-8"), file):
                    found.setdefault(name, str(file.relative_to(self.path)))
        return {name: file for name, file in found.items() if self.owns(name)}


def every_task(tasks: Any) -> Iterator[dict[str, Any]]:
    for task in tasks if isinstance(tasks, list) else []:
        if isinstance(task, dict):
            yield task
            for part in ("block", "rescue", "always"):
                yield from every_task(task.get(part))


def expressions(content: Any, key: str = "") -> Iterator[str]:
    """Every template in a YAML file."""
    if isinstance(content, dict):
        for name, value in content.items():
            yield from expressions(value, str(name))
    elif isinstance(content, list):
        for value in content:
            yield from expressions(value, key)
    elif isinstance(content, str):
        yield "{{ (" + content + ") }}" if key in EXPRESSIONS else content


def names_in(template: str, file: pathlib.Path) -> set[str]:
    """Variables that a template reads. Filters and tests need not be known."""
    if "{{" not in template and "{%" not in template:
        return set()
    environment = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], autoescape=True)
    try:
        parsed = environment.parse(template)
    except jinja2.TemplateSyntaxError as error:
        raise SystemExit(f"{file}: {template!r} is no template: {error}") from error
    return {node.name for node in parsed.find_all(jinja2.nodes.Name) if node.ctx == "load"}


def roles(folder: pathlib.Path, names: list[str]) -> list[Role]:
    """Return the roles of those names, or all that have a specification."""
    missing = [name for name in names if not (folder / name / "meta").is_dir()]
    if missing:
        raise SystemExit(f"{folder} has no role {', '.join(missing)}")
    found = [folder / name for name in names] or sorted(path.parent for path in folder.glob("*/meta"))
    return [Role(path) for path in found]

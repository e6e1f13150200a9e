# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error code has a paragraph on the error pages, and every paragraph's code can be returned."""

from __future__ import annotations

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIX = "ansible_collections.dockyard.ops.plugins."
BASE = "module_utils._errors.DockyardError"
# An inline target: the code that users search for, and that links lead to.
TARGET = re.compile(r"(?<![`\w])_`([a-z0-9_]+)`")


def read_plugins() -> dict[str, ast.Module]:
    """Return the syntax tree of each file below plugins/, by its dotted name from there on."""
    folder = ROOT / "plugins"
    return {
        ".".join(file.relative_to(folder).with_suffix("").parts): ast.parse(file.read_text())
        for file in sorted(folder.rglob("*.py"))
    }


def names_in(module: str, tree: ast.Module) -> dict[str, str]:
    """Return what each class or imported name of a file is: dotted, from plugins/ on."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            found[node.name] = f"{module}.{node.name}"
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(module.split(".")[: -node.level]) if node.level else ""
            base = ".".join(filter(None, [package, (node.module or "").removeprefix(PREFIX)]))
            found |= {alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names}
    return found


def codes_in(argument: ast.expr, tree: ast.AST) -> set[str]:
    """Return the codes that an argument can be: a literal, a choice, or a variable that was assigned one."""
    if isinstance(argument, ast.Constant):
        return {str(argument.value)}
    if isinstance(argument, ast.IfExp):
        # A choice may also pass on the code that another error has.
        choices = [part for part in (argument.body, argument.orelse) if not isinstance(part, ast.Attribute)]
        return set().union(*(codes_in(part, tree) for part in choices))
    assigned = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == ast.unparse(argument)
    ]
    assert assigned, ast.unparse(argument)
    return set().union(*(codes_in(value, tree) for value in assigned))


def codes_in_source() -> set[str]:
    """Return every code that an error is raised with."""
    trees = read_plugins()
    names = {module: names_in(module, tree) for module, tree in trees.items()}
    errors = {BASE}  # DockyardError and those below it that take a code
    own: set[str] = set()  # those below it that have codes of their own
    found: set[str] = set()
    classes = [
        (module, node) for module, tree in trees.items() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    for _depth in range(4):
        for module, node in classes:
            bases = {names[module].get(base.id) for base in node.bases if isinstance(base, ast.Name)}
            if bases & (errors | own):
                calls = [call for call in ast.walk(node) if isinstance(call, ast.Call) and _is_super(call)]
                (own if calls or bases & own else errors).add(f"{module}.{node.name}")
                found |= {code for call in calls for code in codes_in(call.args[0], node)}
    for module, tree in trees.items():
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and names[module].get(_called(call)) in errors - own:
                found |= codes_in(call.args[0], tree)
            elif isinstance(call, ast.keyword) and call.arg == "error_code" and isinstance(call.value, ast.Constant):
                found.add(str(call.value.value))
    return found


def _is_super(call: ast.Call) -> bool:
    return ast.unparse(call.func) == "super().__init__"


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def codes_on_pages() -> set[str]:
    """Return every code that has a target on an error page."""
    pages = sorted((ROOT / "docs" / "docsite" / "rst").glob("errors*.rst"))
    return {code for page in pages for code in TARGET.findall(page.read_text())}


def test_every_code_has_its_paragraph() -> None:
    assert codes_in_source() - codes_on_pages() == set()


def test_every_paragraph_has_its_code() -> None:
    # Jobs carry theirs as values until they end.
    literals = {
        node.value for tree in read_plugins().values() for node in ast.walk(tree) if isinstance(node, ast.Constant)
    }
    assert codes_on_pages() - literals == set()


def test_codes_are_snake_case() -> None:
    codes = codes_in_source()
    assert len(codes) > 10
    assert [code for code in codes if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", code)] == []

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold the direction of imports below plugins/module_utils, which CONTRIBUTING.md describes."""

from __future__ import annotations

import ast
import graphlib
import pathlib

import pytest

UTILS = pathlib.Path(__file__).resolve().parents[2] / "plugins" / "module_utils"
PREFIX = "ansible_collections.dockyard.ops.plugins.module_utils."
FOUNDATIONS = {"_host", "_http", "_pki"}


def imports(folder: pathlib.Path) -> dict[str, set[tuple[str, bool]]]:
    """Return what each file imports: dotted names from module_utils on, and whether the import is relative."""
    files = {".".join(file.relative_to(folder).with_suffix("").parts): file for file in folder.rglob("*.py")}
    found: dict[str, set[tuple[str, bool]]] = {}
    for name, file in files.items():
        found[name] = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found[name] |= {(alias.name, False) for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                package = ".".join(name.split(".")[: -node.level]) if node.level else ""
                base = ".".join(filter(None, [package, node.module])).removeprefix(PREFIX)
                for alias in node.names:
                    whole = f"{base}.{alias.name}" if base and base != PREFIX[:-1] else alias.name
                    found[name].add((whole if whole in files else base, bool(node.level)))
    return found


def violations(folder: pathlib.Path) -> list[str]:
    """Return one sentence for each import that leads the wrong way."""
    graph = imports(folder)
    found = []
    for name, targets in sorted(graph.items()):
        package = name.split(".")[0]
        for target, relative in sorted(targets):
            other = target.split(".")[0]
            if target == "ansible.module_utils.basic" and name != "_module":
                found.append(f"{name} sees AnsibleModule; only _module may")
            if target not in graph:
                continue
            if relative != (other == package and "." in name):
                found.append(f"{name} imports {target}: relative inside a package, absolute across")
            if package in FOUNDATIONS and other not in {*FOUNDATIONS, "_errors"}:
                found.append(f"{name} imports {target}: {package} knows no product")
            if package not in {*FOUNDATIONS, "_module"} and other not in {package, *FOUNDATIONS, "_errors"}:
                found.append(f"{name} imports {target}: a product imports no other product")
    edges = {name: {target for target, _relative in targets if target in graph} for name, targets in graph.items()}
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        found.append(f"a circle: {' -> '.join(error.args[1])}")
    return found


def test_imports_lead_one_way() -> None:
    assert violations(UTILS) == []
    assert len(imports(UTILS)) > 50


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"_host/a.py": f"from {PREFIX}_engine import b", "_engine/b.py": ""}, "_host knows no product"),
        ({"_harbor/a.py": f"from {PREFIX}_engine.b import c", "_engine/b.py": ""}, "imports no other product"),
        ({"_host/a.py": "from . import b", "_host/b.py": "from .a import c"}, "a circle: _host.a -> _host.b"),
        ({"_host/a.py": "from ansible.module_utils.basic import AnsibleModule"}, "only _module may"),
        ({"_host/a.py": f"from {PREFIX}_host import b", "_host/b.py": ""}, "relative inside a package"),
    ],
)
def test_what_leads_the_wrong_way_is_found(files: dict[str, str], expected: str, tmp_path: pathlib.Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert any(expected in sentence for sentence in violations(tmp_path)), violations(tmp_path)

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes each role's README.md from what the role says about itself.

    readme.py [--check] [ROLE ...]

The text comes from meta/argument_specs.yml and meta/main.yml, the tags from the tasks. What neither can say is in the
role's docs folder; each part of it may be missing:

    docs/intro.md      further text, after the description
    docs/example.yml   an example playbook, without header
    docs/readme.yml    requirements: [text]
                       facts: {name: what it holds}
                       tags: {tag: {does: text, triggers: what it restarts}}
                       promises: {idempotent: text, atomic: text, rollback: text}

With --check it writes nothing and fails where a README.md is not what it would write.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import sys
from typing import Any

import jinja2
import specs

TEMPLATES = pathlib.Path(__file__).resolve().parent / "templates"
PROMISES = {"idempotent": "Idempotent", "atomic": "Atomic", "rollback": "Can roll back"}
NOTHING = "none"


def markdown(text: str) -> str:
    """Ansible's documentation markup as Markdown."""
    text = re.sub(r"\b(?:O|V|RV|C|E)\(((?:[^()\\]|\\.|\([^()]*\))*)\)", code, text)
    text = re.sub(r"\bM\(([^)]+)\)", r"`\1`", text)
    text = re.sub(r"\bP\(([^)#]+)(?:#(\w+))?\)", lambda found: f"{found[2] or 'plugin'} `{found[1]}`", text)
    text = re.sub(r"\bL\(([^,]+), *([^)]+)\)", r"[\1](\2)", text)
    text = re.sub(r"\bU\(([^)]+)\)", r"<\1>", text)
    text = re.sub(r"\bB\(([^)]+)\)", r"**\1**", text)
    text = re.sub(r"\bI\(([^)]+)\)", r"*\1*", text)
    return text


def code(found: re.Match[str]) -> str:
    value = re.sub(r"\\(.)", r"\1", str(found[1]))
    # ignore:name, and namespace.collection.plugin#kind:name
    value = re.sub(r"^(?:ignore|[\w.]+#\w+):(?:\w+:)?", "", value) if found[0][0] in "OR" else value
    return f"`{value}`" if value else '`""`'


def cell(text: str) -> str:
    return markdown(text).replace("|", "\\|").replace("\n", " ").strip()


def paragraphs(text: Any) -> list[str]:
    return [str(part).strip() for part in ([text] if isinstance(text, str) else text or [])]


def type_of(option: specs.Option) -> str:
    kind = str(option.spec.get("type", "str"))
    kind += f" of {option.spec['elements']}" if "elements" in option.spec else ""
    if option.spec.get("choices"):
        kind += ": " + ", ".join(f"`{choice}`" for choice in option.spec["choices"])
    return kind


def default_of(option: specs.Option) -> str:
    if option.required:
        return "*required*"
    if "default" not in option.spec:
        return ""
    value = option.spec["default"]
    return f"`{value}`" if isinstance(value, str) and value else f"`{json.dumps(value)}`"


def row(option: specs.Option) -> dict[str, str]:
    return {
        "name": option.name,
        "type": cell(type_of(option)),
        "default": cell(default_of(option)),
        "description": " ".join(cell(part) for part in paragraphs(option.spec.get("description"))),
    }


def variables(role: specs.Role) -> list[dict[str, str]]:
    """Return one row for each variable, and those of its keys below it, with the entry points that take it.

    If entry points specify a variable differently, each of the specifications has its own rows.
    """
    takers: dict[str, list[tuple[list[dict[str, str]], list[str]]]] = {}
    for entry in role.entries:
        for name, spec in role.variables(entry).items():
            rows = [row(option) for option in specs.flat({name: spec})]
            known = takers.setdefault(name, [])
            for same, entries in known:
                if same == rows:
                    entries.append(entry)
                    break
            else:
                known.append((rows, [entry]))
    return [
        # What is inside a variable belongs to the same entry points.
        {**item, "entries": "" if number else entry_points(entries, list(role.entries))}
        for known in takers.values()
        for rows, entries in known
        for number, item in enumerate(rows)
    ]


def entry_points(taken: list[str], every: list[str]) -> str:
    """Return the shorter way to say which entry points take a variable."""
    others = [entry for entry in every if entry not in taken]
    if not others:
        return "all"
    if len(others) + 1 < len(taken):
        return "all but " + ", ".join(f"`{entry}`" for entry in others)
    return ", ".join(f"`{entry}`" for entry in taken)


def tags_of(role: specs.Role, said: dict[str, Any]) -> list[dict[str, str]]:
    found = role.tags()
    unknown = sorted(set(said) - set(found))
    if unknown:
        raise SystemExit(f"{role.name}: docs/readme.yml describes tags that no task has: {', '.join(unknown)}")
    return [
        {
            "name": tag,
            "does": cell(said.get(tag, {}).get("does") or "; ".join(dict.fromkeys(filter(None, names)))),
            "triggers": cell(said.get(tag, {}).get("triggers", NOTHING)),
        }
        for tag, names in sorted(found.items())
    ]


def facts_of(role: specs.Role, said: dict[str, str]) -> dict[str, str]:
    known = {name for entry in role.entries for name in role.variables(entry)}
    unknown = sorted(set(said) - role.facts())
    if unknown:
        raise SystemExit(f"{role.name}: docs/readme.yml describes facts that no task sets: {', '.join(unknown)}")
    return {name: cell(text) for name, text in said.items() if name not in known}


def readme(role: specs.Role) -> str:
    said = specs.load(role.path / "docs" / "readme.yml") or {}
    intro = role.path / "docs" / "intro.md"
    example = role.path / "docs" / "example.yml"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, from this repository's own files
    )
    text = environment.get_template("readme.md.j2").render(
        name=role.name,
        meta=role.meta,
        entries=[
            {
                "name": entry,
                "short": markdown(spec["short_description"]),
                "description": [markdown(part) for part in paragraphs(spec.get("description"))],
            }
            for entry, spec in role.entries.items()
        ],
        variables=variables(role),
        intro=intro.read_text(encoding="utf-8").strip() if intro.exists() else "",
        example=without_header(example.read_text(encoding="utf-8")) if example.exists() else "",
        requirements=[markdown(text) for text in said.get("requirements", [])],
        facts=facts_of(role, said.get("facts", {})),
        tags=tags_of(role, said.get("tags", {})),
        promises=(
            [(title, markdown(said["promises"][key])) for key, title in PROMISES.items()] if "promises" in said else []
        ),
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def without_header(text: str) -> str:
    return re.sub(r"\A(#[^\n]*\n)*(---\n)?", "", text).strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roles", nargs="*", metavar="ROLE")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--folder", type=pathlib.Path, default=specs.ROLES, help="where the roles are")
    arguments = parser.parse_args()
    stale = []
    for role in specs.roles(arguments.folder, arguments.roles):
        target = role.path / "README.md"
        text = readme(role)
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        if arguments.check:
            stale.append(role.name)
        else:
            target.write_text(text, encoding="utf-8")
            print(f"Wrote {target}")
    if stale:
        sys.exit(f"README.md is not what the role says about itself: {', '.join(stale)}. Run tests/roles/readme.py.")


if __name__ == "__main__":
    main()

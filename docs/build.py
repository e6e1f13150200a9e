# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the documentation site into docs/_build/html: guides, and pages made from modules and roles.

A warning is an error, but for references to other collections: their inventories are on the
network, and the site must build without one.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
from typing import Any

import jinja2
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "docs" / "_build"
RST = BUILD / "rst"
SITE = ROOT / "docs" / "site"
HTML = BUILD / "html"
CONFIGURATION = """
project = "dockyard.ops"
copyright = "The Dockyard authors"
extensions = ["sphinx_antsibull_ext"]
html_theme = "sphinx_ansible_theme"
html_title = "dockyard.ops"
html_theme_options = {"documentation_home_url": "index.html", "topbar_links": {}}
root_doc = "index"
html_static_path = ["site"]
html_css_files = ["site.css"]
default_role = "any"
"""
# The rows of docs/performance.md that the landing page shows, by how they begin.
BENCH = (
    "docker_certs, 50 registries, first run |",
    "registry_htpasswd, 100 users, cost 12, first run",
    "Harbor 2.12.4 to 2.14.1, 15.1 GB of data: downtime",
)
# Where guides have their pictures from, as they are read elsewhere, too. The site has them itself.
PICTURES = "https://github.com/dockyard-ops/dockyard.ops/raw/main/docs/site/"
ELSEWHERE = re.compile(
    r"undefined label: '(ansible_collections\.(?!dockyard\.ops)|[a-z_]+(_module|_plugin|_guide|_docs|strategies)?')"
)


def generate_pages() -> None:
    """Pages for modules, roles and guides, as reStructuredText."""
    shutil.rmtree(BUILD, ignore_errors=True)
    RST.mkdir(parents=True)
    subprocess.run(
        [
            *("antsibull-docs", "collection", "--use-current", "--dest-dir", str(RST), "--no-indexes"),
            *("--fail-on-error", "dockyard.ops"),
        ],
        check=True,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections")},
    )
    for guide in RST.rglob("guide_*.rst"):
        guide.write_text(guide.read_text(encoding="utf-8").replace(PICTURES, "/site/"), encoding="utf-8")
    (RST / "conf.py").write_text(CONFIGURATION)
    shutil.copytree(SITE, RST / "site", ignore=shutil.ignore_patterns("*.j2"))
    (RST / "index.rst").write_text(landing_page())


def landing_page() -> str:
    """Return the page that the site begins with, as reStructuredText."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SITE),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # reStructuredText, from this repository's own files
    )
    sections = yaml.safe_load((ROOT / "docs" / "docsite" / "extra-docs.yml").read_text(encoding="utf-8"))["sections"]
    return environment.get_template("index.rst.j2").render(
        faults=faults(),
        bench=bench(),
        guides=[(section["title"], section["toctree"]) for section in sections],
    )


def faults() -> list[dict[str, Any]]:
    """Return what docs/faults.md says of each subject: its text, and the rows of its table."""
    sections = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8").split("\n## ")[1:]
    return [
        {
            "text": literals(" ".join(line for line in section.splitlines()[1:] if not line.startswith("|"))).strip(),
            "rows": table(section),
        }
        for section in sections
    ]


def bench() -> list[list[str]]:
    """Return the rows of docs/performance.md for the landing page: what, ours, against what, theirs."""
    lines = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8").splitlines()
    found = [[line for line in lines if line.startswith(f"| {begin}")] for begin in BENCH]
    for begin, rows in zip(BENCH, found):
        if len(rows) != 1:
            sys.exit(f"docs/performance.md has {len(rows)} rows that begin with {begin!r}; the landing page needs one.")
    return [cells(rows[0])[:4] for rows in found]


def table(text: str) -> list[list[str]]:
    """Return the rows of a Markdown table, without its head."""
    return [cells(line) for line in text.splitlines() if line.startswith("|")][2:]


def cells(line: str) -> list[str]:
    return [literals(cell.strip()) for cell in line.strip("|").split("|")]


def literals(markdown: str) -> str:
    return re.sub("`([^`]+)`", r"``\1``", markdown)


def build_site() -> list[str]:
    """Run Sphinx; return the warnings that are ours."""
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(RST), str(HTML)],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    if done.returncode != 0:
        sys.exit("\n".join(lines) or "Sphinx failed without a word.")
    return [line for line in lines if not ELSEWHERE.search(line)]


def main() -> None:
    generate_pages()
    warnings = build_site()
    if warnings:
        sys.exit("\n".join([*warnings, f"{len(warnings)} warnings in the documentation; each is an error."]))
    print(f"The documentation is in {HTML.relative_to(ROOT)}/index.html")


if __name__ == "__main__":
    main()

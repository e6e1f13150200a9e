# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the documentation site into docs/_build/html: guides, and pages made from modules and roles.

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

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "docs" / "_build"
RST = BUILD / "rst"
HTML = BUILD / "html"
CONFIGURATION = """
project = "dockyard.ops"
copyright = "The Dockyard authors"
extensions = ["sphinx_antsibull_ext"]
html_theme = "sphinx_ansible_theme"
html_title = "dockyard.ops"
html_theme_options = {"documentation_home_url": "index.html", "topbar_links": {}}
root_doc = "index"
default_role = "any"
"""
INDEX = """
dockyard.ops
============

.. toctree::
   :maxdepth: 2

   collections/dockyard/ops/index
"""
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
    (RST / "conf.py").write_text(CONFIGURATION)
    (RST / "index.rst").write_text(INDEX)


def build_site() -> list[str]:
    """Runs Sphinx; returns the warnings that are ours."""
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

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the page on compatibility from tests/matrix.yml.

    compatibility.py [--check]

With --check, write nothing and fail if the page is not what it would write.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
MATRIX = ROOT / "tests" / "matrix.yml"
PAGE = ROOT / "docs" / "docsite" / "rst" / "compatibility.rst"
HEAD = """\
..
  Made by docs/compatibility.py from tests/matrix.yml; change that, not this file.

.. _ansible_collections.dockyard.ops.docsite.compatibility:

What it works with
==================

What is **proven** is tested by every ``make test``, in the steps that are named (``make test STEP=NAME`` runs one).
What is **expected** should work, and no step runs there. What is **refused** ends before anything is changed, with the
message that is quoted.
"""
TABLE = """
.. list-table::
   :header-rows: 1
   :widths: 30 15 55
   :class: stacked

   * - Version
     - State
     - By
"""


def page(matrix: dict[str, Any]) -> str:
    """Return the page as reStructuredText."""
    text = HEAD
    for part in matrix["parts"]:
        about = f"\n{part['about']}\n" if "about" in part else ""
        text += f"\n{part['title']}\n{'-' * len(part['title'])}\n{about}{TABLE}"
        for row in part["rows"]:
            note = f", {row['note']}" if "note" in row else ""
            text += f"   * - {row['version']}{note}\n     - {row['state']}\n     -{evidence(row)}\n"
    return text


def evidence(row: dict[str, Any]) -> str:
    """Return what a state rests on, with a space before it."""
    if row["state"] == "refused":
        return f" \"{row['message']} …\""
    return "".join(f"{',' if number else ''} ``{step}``" for number, step in enumerate(row.get("by", [])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    text = page(yaml.safe_load(MATRIX.read_text(encoding="utf-8")))
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return
    if arguments.check:
        sys.exit(f"{PAGE.relative_to(ROOT)} is not what tests/matrix.yml says. Run docs/compatibility.py.")
    PAGE.write_text(text, encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

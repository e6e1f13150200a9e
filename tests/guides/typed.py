# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files and commands of a guide, and a terminal in which its commands are typed."""

from __future__ import annotations

import os
import pathlib
import pty
import re
import textwrap
from collections.abc import Mapping

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDES = ROOT / "docs" / "docsite" / "rst"
_BLOCK = re.compile(r"^\.\. code-block:: (\w+)\n\n((?:    .*\n|\n)+)", re.MULTILINE)


class Guide:
    """files: by the name that the first line of a block says; commands: in their order, without the prompt."""

    def __init__(self, name: str) -> None:
        self.files: dict[str, str] = {}
        self.commands: list[str] = []
        for language, indented in _BLOCK.findall((GUIDES / name).read_text(encoding="utf-8")):
            block = textwrap.dedent(indented).strip() + "\n"
            named = re.match(r"# (\S+\.yml)\n", block)
            if language == "yaml" and named:
                self.files[named[1]] = block
            elif language == "console":
                self.commands += re.sub(r"\\\n *", "", block).removeprefix("$ ").strip().split("\n$ ")

    def take(self, beginning: str) -> str:
        """Return the next command, which must begin like this: none of the guide is left out."""
        command = self.commands.pop(0)
        if not command.startswith(beginning):
            raise SystemExit(f"The guide goes on with '{command}', and its test with '{beginning}'.")
        return command


def type_in(command: str, folder: pathlib.Path, environment: Mapping[str, str], passwords: list[str]) -> str:
    """Run a command in a terminal, and type a password at each question for one. Return what it printed."""
    print(f"$ {command}", flush=True)
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execvpe("bash", ["bash", "-c", command], dict(environment))
    said, answered, left = b"", 0, list(passwords)
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        said += chunk
        if left and said[answered:].rstrip().lower().endswith(b"password:"):
            answered = len(said)
            os.write(terminal, f"{left.pop(0)}\n".encode())
    os.close(terminal)
    text = said.decode(errors="replace").replace("\r\n", "\n")
    if os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) != 0:
        raise SystemExit(f"{text}\nThis command of the guide failed: {command}")
    return text

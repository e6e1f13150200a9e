# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run on a test host: try every shape of daemon.json on the engine of this host, and ask the module about it.

    python3 on_host.py COLLECTIONS SHAPES

Prints one JSON object for each shape: what dockerd says of the file, whether the engine starts with it, and what
docker_daemon would do, in check mode, to a host that has it (found) and with a task that wants it (declared).
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import time
from typing import Any

sys.path.insert(0, sys.argv[1])

from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import module, options  # noqa: E402
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError  # noqa: E402

FILE = pathlib.Path("/etc/docker/daemon.json")


class Call:
    """A call of the module in check mode."""

    check_mode = True
    diff_mode = False

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.warn = self.warnings.append

    def require_root(self, what: str) -> None:
        """Accept."""

    def hide(self, secrets: Any) -> None:
        """Keep nothing."""

    def file_attributes(self, path: str) -> Any:
        """Return attributes that are never set, as this is check mode."""
        return Attributes()


class Attributes:
    """Attributes of the file, which do not matter here."""

    def set_on(self, temporary: str) -> None:
        """Set nothing."""

    def set_in_place(self, changed: bool) -> bool:
        """Set nothing."""
        return changed


def ask_module(config: dict[str, Any], state: Any) -> dict[str, Any]:
    """Return what the module says to a task."""
    call = Call()
    common: dict[str, dict[str, Any]] = options.COMMON  # type: ignore[assignment]
    defaults = {name: spec.get("default") for name, spec in common.items()}
    try:
        desired = options.desired_config(config, state, [], None)
        wish = options.DaemonOptions.from_params({**defaults, "on_running_containers": "proceed"}, desired)
        result = module.run(call, wish)  # type: ignore[arg-type]
    except DockyardError as error:
        return {"accepts": False, "says": error.message}
    return {"accepts": True, "says": "; ".join(call.warnings), "action": result["action_needed"]}


def start() -> str:
    """Start the engine with the file. Return an empty string, or why it did not start."""
    subprocess.run(["systemctl", "reset-failed", "docker", "docker.socket"], check=False)
    begin = time.time()
    if subprocess.run(["systemctl", "restart", "docker"], capture_output=True, check=False).returncode == 0:
        for _attempt in range(50):
            if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
                return ""
            time.sleep(0.2)
    subprocess.run(["systemctl", "stop", "docker", "docker.socket"], capture_output=True, check=False)
    log = ["journalctl", "--unit=docker", f"--since=@{begin:.0f}", "--output=cat", "--no-pager"]
    lines = subprocess.run(log, capture_output=True, text=True, check=False).stdout.splitlines()
    named = [line for line in lines if "failed to start daemon" in line or "unable to configure" in line]
    return (named or lines or ["it does not answer"])[-1]


def validate() -> str:
    """Return what C(dockerd --validate) says, or an empty string."""
    command = ["dockerd", "--validate", f"--config-file={FILE}", "-H", "fd://"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unknown flag" in done.stderr:
        return "not asked"
    return "" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def settled() -> None:
    """Have the engine run with an empty file, and forget what earlier shapes have left."""
    FILE.write_bytes(b"{}\n")
    if start():
        raise RuntimeError("the engine does not start with {}")


def declarable(content: bytes) -> dict[str, Any] | None:
    """Return the keys of a file as a task can declare them, None if it can't."""
    try:
        config = json.loads(content)
    except ValueError:
        return None
    return config if isinstance(config, dict) and config and None not in config.values() else None


def tried(shape: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a shape. The engine runs with {} before and after."""
    content = bytes.fromhex(shape["hex"]) if "hex" in shape else shape["file"].encode()
    row: dict[str, Any] = {"name": shape["name"]}
    config = declarable(content)
    if config is not None:
        row["declared"] = ask_module(config, "replaced")
    FILE.write_bytes(content)
    row.update(validate=validate(), start=start())
    if row["start"]:
        settled()
        FILE.write_bytes(content)
        row["found"] = ask_module({"debug": True}, "merged")
        FILE.write_bytes(b"{}\n")
    else:
        row["found"] = ask_module({"debug": True}, "merged")
        settled()
    return row


def main() -> None:
    FILE.parent.mkdir(exist_ok=True)
    settled()
    for shape in json.loads(pathlib.Path(sys.argv[2]).read_text()):
        print(json.dumps(tried(shape)), flush=True)


if __name__ == "__main__":
    main()

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of harbor_upgrade: brings archives to the host, and shows the progress of the work there."""

from __future__ import annotations

import os
import re
import time
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._module import UNCHANGED
from ansible_collections.dockyard.ops.plugins.plugin_utils import harbor_progress

MODULE = "dockyard.ops.harbor_upgrade"
# A host that reboots or a network that is being changed; the work goes on in the meantime.
_RECONNECT = 300.0
_POLL_WITHOUT_PROGRESS = 5
# A line although nothing has changed, so that a job does not look dead.
_SAME_LINE = 30.0


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self._sent_something = False
        self._host = (task_vars or {}).get("inventory_hostname", "harbor")
        arguments = dict(self._task.args)
        every = int(arguments.get("progress", 5))
        if arguments.get("state") == "planned":
            return self._run_module(arguments, task_vars)
        if self._task.check_mode:
            return self._run_check_mode(arguments, task_vars)
        # The rollback needs none, and nothing is begun if a job is named.
        can_begin = arguments.get("state") != "rolled_back" and not arguments.get("job")
        if can_begin and any(map(self._is_local, arguments.get("archives") or [])):
            # Nothing of a gigabyte is sent for a Harbor that is up to date, or that can't be upgraded.
            plan = self._run_module({**arguments, "state": "planned"}, task_vars)
            if plan.get("failed") or plan.get("outcome") in ("unchanged", "refused"):
                return self._run_module(arguments, task_vars)
            try:
                arguments["archives"] = [
                    self._send(archive, arguments, task_vars) if self._must_be_sent(archive, plan) else archive
                    for archive in arguments["archives"]
                ]
            except DockyardError as error:
                error.changed = error.changed or self._sent_something
                return self._refusal(error)
        if not boolean(arguments.get("wait", True), strict=False):
            return self._run_module(arguments, task_vars)
        return self._watch(arguments, every, task_vars)

    def _run_check_mode(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Return what check mode says. A plan may be made before the archives are there, and a run may not."""
        plan = self._run_module(arguments, task_vars)
        if plan.get("outcome") == "planned" and "plan" in plan:
            try:
                for archive in arguments.get("archives") or []:
                    if self._must_be_sent(archive, plan):
                        self._find_source(archive)
            except DockyardError as error:
                return self._refusal(error)
        return plan

    @staticmethod
    def _refusal(error: DockyardError) -> dict[str, Any]:
        return {
            "failed": True,
            "msg": error.message if error.changed else f"{error.message} {UNCHANGED}",
            "error_code": error.code,
            "changed": error.changed,
            "outcome": "refused",
            "running": False,
        }

    @staticmethod
    def _is_local(archive: Any) -> bool:
        if not isinstance(archive, dict) or not archive.get("src"):
            return False
        return not boolean(archive.get("remote_src", False), strict=False)

    def _must_be_sent(self, archive: Any, plan: dict[str, Any]) -> bool:
        """Return False if its version is reached already.

        Without a plan there is a job, and another one may follow it.
        """
        if not self._is_local(archive) or "plan" not in plan:
            return self._is_local(archive)
        name = os.path.basename(archive["src"])
        return any(re.search(rf"-v?{re.escape(hop)}\D", name) for hop in plan["hops"])

    def _run_module(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars)
        return result

    # --- the archives

    def _find_source(self, archive: dict[str, Any]) -> str:
        """Return its path on the controller. Raise DockyardError if it is not there."""
        try:
            return str(self._find_needle("files", archive["src"]))
        except AnsibleError as error:
            raise DockyardError(
                "harbor_archive_missing",
                f"The archive {archive['src']} is not on the controller; give its path, or set remote_src: true if it"
                " is on the managed host.",
            ) from error

    def _send(
        self, archive: dict[str, Any], arguments: dict[str, Any], task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Send an archive to the host. Return it with its path there."""
        source = self._find_source(archive)
        path = str(arguments.get("path", "/opt/harbor")).rstrip("/")
        # The module works beside the folder that a link leads to, and tidies up there.
        status = self._execute_remote_stat(path, all_vars=task_vars, follow=False)
        folder = f"{status.get('lnk_source') or path}.dockyard/archives"
        made = self._execute_module(
            module_name="ansible.legacy.file",
            module_args={"path": folder, "state": "directory", "mode": "0700"},
            task_vars=task_vars,
        )
        if made.get("failed"):
            raise DockyardError("harbor_archive_not_sent", f"The folder {folder} can't be made: {made.get('msg')}.")
        self._sent_something |= bool(made.get("changed"))
        target = f"{folder}/{os.path.basename(source)}"
        self._display_line(f"sending {os.path.basename(source)}, {harbor_progress.size(os.path.getsize(source))}")
        task = self._task.copy()
        task.args = {"src": source, "dest": target, "mode": "0600"}
        copy = self._shared_loader_obj.action_loader.get(
            "ansible.legacy.copy",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        sent = copy.run(task_vars=task_vars)
        if sent.get("failed"):
            raise DockyardError(
                "harbor_archive_not_sent", f"The archive {source} could not be sent: {sent.get('msg')}."
            )
        self._sent_something |= bool(sent.get("changed"))
        return {**archive, "src": target, "remote_src": True}

    # --- the work

    def _watch(self, arguments: dict[str, Any], every: int, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        arguments = {**arguments, "wait": False}
        first = int(arguments.get("journal_from") or 0)
        shown, shown_at = "", 0.0
        lines: list[str] = []
        while True:
            result = self._run_module_patiently(arguments, task_vars)
            if result.get("resumed") and "job" not in arguments:
                self._display_line(result["resumed"][-1])
            lines += result.get("journal_lines", [])
            if not result.get("running"):
                result["journal_lines"] = lines
                return result
            arguments.update(job=result["job"], journal_from=first + len(lines))
            text = harbor_progress.line(result.get("progress", {}), result.get("progress", {}).get("time"))
            if every and (text != shown or time.monotonic() - shown_at > _SAME_LINE):
                self._display_line(text)
                shown, shown_at = text, time.monotonic()
            time.sleep(every or _POLL_WITHOUT_PROGRESS)

    def _run_module_patiently(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Ask again for a while if the connection is lost, or the module on the host was ended there."""
        deadline = time.monotonic() + _RECONNECT
        while True:
            try:
                result = self._run_module(arguments, task_vars)
            # A connection that can't be made, or a transfer that broke.
            except AnsibleError as error:
                # Before the first answer, this is a host that can't be reached like any other.
                if "job" not in arguments or time.monotonic() > deadline:
                    raise
                self._display_line(f"the connection is lost, and the work goes on; trying again ({error})")
            else:
                # The module itself always says what has come of it.
                if "outcome" in result or "job" not in arguments or time.monotonic() > deadline:
                    return result
                self._display_line(f"there is no answer, and the work goes on; trying again ({result.get('msg')})")
            time.sleep(_POLL_WITHOUT_PROGRESS)
            self._connection.reset()

    def _display_line(self, text: str) -> None:
        self._display.display(f"{self._host}: {text}")

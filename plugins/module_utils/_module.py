# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The one place that sees AnsibleModule: arguments, errors, file attributes, SELinux, diffs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Callable, NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.file_set import Attributes

UNCHANGED = "Nothing was changed."


class MissingLibrary(Exception):
    """A Python library that the managed host lacks.

    name: as it is named to the user; details: the traceback of the import; url: where the library is documented.
    """

    def __init__(self, name: str, details: str, url: str | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.details = details
        self.url = url


class ModuleCall:
    """One call of a module: its parameters, its mode, and what only Ansible can do on the host."""

    def __init__(self, module: AnsibleModule, reads_only: bool = False) -> None:
        self._module = module
        # A module of which some calls change something, and others only read, sets it before it reads.
        self.reads_only = reads_only
        self.params: dict[str, Any] = module.params
        self.check_mode: bool = module.check_mode
        self.diff_mode: bool = module._diff
        self.warn: Callable[[str], object] = module.warn

    def require_root(self, what: str) -> None:
        """Raise DockyardError unless the module runs as root.

        what: what only root may do, for instance C(upgrade Harbor).
        """
        if os.geteuid() != 0:
            raise DockyardError("needs_root", f"Only root may {what}; run as root (become: true).")

    def hide(self, secrets: Iterable[str]) -> None:
        """Keep secrets out of all that the module returns and logs."""
        self._module.no_log_values.update(secrets)

    def file_attributes(self, path: str) -> FileAttributes:
        """Return the common file options (owner, group, mode, SELinux context, attributes) for a path."""
        return FileAttributes(self._module, path)

    def selinux_attributes(self) -> Attributes:
        """Return attributes of files that belong to the current user and have the SELinux context of their place."""
        return _SelinuxAttributes(self._module)


class FileAttributes:
    """The common file options of a module for one path."""

    def __init__(self, module: AnsibleModule, path: str) -> None:
        self._module = module
        self._path = path
        self._arguments = module.load_file_common_arguments(module.params, path=path)
        self._diff: dict[str, Any] = {}

    def set_on(self, temporary: str) -> None:
        """Set them on a file that is renamed to the path later."""
        # File attributes (chattr) come last: an immutable file could not be renamed.
        self._module.set_fs_attributes_if_different(
            {**self._arguments, "path": temporary, "attributes": None}, False, self._diff
        )

    def set_in_place(self, changed: bool) -> bool:
        """Set them on the path itself. Return whether something has changed by now.

        changed: whether something had before.
        """
        return bool(self._module.set_fs_attributes_if_different(self._arguments, changed, self._diff))

    def diffs(self, before: str, after: str) -> list[dict[str, Any]]:
        """Return the value of C(diff): the file's content, then its attributes if they differ."""
        found = [diff(self._path, before, after)]
        if self._diff:
            found.append(diff(f"{os.path.basename(self._path)} (attributes)", **self._diff))
        return found


def diff(header: str, before: Any, after: Any) -> dict[str, Any]:
    """Return one entry of C(diff)."""
    return {"before_header": header, "after_header": header, "before": before, "after": after}


class _SelinuxAttributes(Attributes):
    """Adds the SELinux context that the place of a file asks for."""

    def __init__(self, module: AnsibleModule) -> None:
        super().__init__(os.geteuid(), os.getegid())
        self._module = module

    def differ(self, path: str, mode: int) -> bool:
        return super().differ(path, mode) or (
            self._module.selinux_enabled()
            and self._module.selinux_context(path) != self._module.selinux_default_context(path)
        )

    def apply(self, path: str, destination: str, mode: int) -> None:
        super().apply(path, destination, mode)
        if self._module.selinux_enabled():
            self._module.set_context_if_different(path, self._module.selinux_default_context(destination), False)


class _Module(AnsibleModule):
    """Keeps secrets inside of options out of the journal and of results, though the options themselves are shown.

    secrets: returns them from the parameters.
    """

    def __init__(self, secrets: Callable[[dict[str, Any]], Iterable[str]], **options: Any) -> None:
        self._secrets = secrets
        super().__init__(**options)
        _strip_lists(self.params, self.argument_spec)
        self._hide_secrets()

    def _hide_secrets(self) -> None:
        self.no_log_values.update(self._secrets(self.params))

    def _log_invocation(self) -> None:
        # The constructor calls it, and there is no other moment between the parameters and their log.
        self._hide_secrets()
        super()._log_invocation()

    def fail_json(self, msg: str, **result: Any) -> NoReturn:
        # The constructor calls it for a wrong parameter, and returns them all.
        self._hide_secrets()
        super().fail_json(msg, **result)


def _strip_lists(params: dict[str, Any], spec: dict[str, Any]) -> None:
    """Take the blanks away that a list from one text has, C(latest, v1.0): Ansible splits it at the commas alone.

    No name, pattern or path of a list begins or ends with one.
    """
    for name, option in spec.items():
        value, inner = params.get(name), option.get("options")
        if isinstance(value, list) and option.get("elements") in ("str", "path"):
            params[name] = [each.strip() if isinstance(each, str) else each for each in value]
        elif inner:
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, dict):
                    _strip_lists(each, inner)


def run_module(
    run: Callable[[ModuleCall], dict[str, Any]],
    *,
    reads_only: bool = False,
    error_result: dict[str, Any] | None = None,
    secrets: Callable[[dict[str, Any]], Iterable[str]] = lambda params: (),
    **options: Any,
) -> None:
    """Run a module from its arguments to C(exit_json()) or C(fail_json()).

    run: does the module's work and returns its results. If these have C(failed: true), the module fails with them.
    reads_only: the module never changes anything, so that its errors need not say so.
    error_result: what the module returns besides with every error.
    secrets: returns secrets inside of parameters that have no C(no_log), because they are shown in a diff.
    options: those of AnsibleModule, C(argument_spec) above all.
    """
    module = _Module(secrets, supports_check_mode=True, **options)
    call = ModuleCall(module, reads_only)
    try:
        result = run(call)
    except MissingLibrary as missing:
        module.fail_json(
            msg=missing_required_lib(missing.name, url=missing.url),
            error_code="missing_library",
            exception=missing.details,
        )
    except DockyardError as error:
        _fail(module, error, call.reads_only, error_result or {})
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


def _fail(module: AnsibleModule, error: DockyardError, reads_only: bool, result: dict[str, Any]) -> NoReturn:
    message = error.message
    if not (error.changed or reads_only):
        message = f"{message} {UNCHANGED}"
    module.fail_json(
        **{"msg": message, "error_code": error.code, "changed": error.changed, **result, **error.returned()}
    )

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The login that C(docker login) has stored for a registry: in Docker's configuration, or with a credential helper."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, commands
from ansible_collections.dockyard.ops.plugins.module_utils._http.auth import Login

_HELPER_SECONDS = 60


def stored(registry: str, folder: str | None = None) -> Login | None:
    """Return the login for a registry; None if there is none."""
    folder = folder or os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    path = os.path.join(folder, "config.json")
    content = atomic_file.read(path)
    if content is None:
        return None
    try:
        configuration = json.loads(content)
        helper = (configuration.get("credHelpers") or {}).get(registry) or configuration.get("credsStore")
        entry = (configuration.get("auths") or {}).get(registry) or {}
        if entry.get("auth"):
            return Login.of_basic(entry["auth"])
    except (ValueError, AttributeError) as error:
        raise DockyardError(
            "push_login_unreadable",
            f"Docker's configuration {path} can't be read ({error}); correct it, or give username and password.",
        ) from error
    return _of_helper(str(helper), registry) if helper else None


def _of_helper(helper: str, registry: str) -> Login | None:
    # The protocol of credential helpers: the server on standard input, JSON or a complaint on standard output.
    done = commands.run([f"docker-credential-{helper}", "get"], timeout=_HELPER_SECONDS, stdin=registry)
    if done.returncode != 0:
        return None
    answer: dict[str, Any] = json.loads(done.stdout)
    return Login(str(answer.get("Username")), str(answer.get("Secret")))

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does what get-pip.py does for ansible-test, with pip's wheel from PyPI.

ansible-test downloads get-pip.py from a site of its own to put pip into the environments of its sanity
tests. Where that site can't be reached, `nox -s sanity` lays this file where ansible-test looks for
the download, with the wheel's path in place of WHEEL. It takes get-pip.py's arguments.
"""

from __future__ import annotations

import sys

sys.path.insert(0, "WHEEL")

from pip._internal.cli.main import main  # noqa: E402  the path must be set before

sys.exit(main(["install", *(word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel"))]))

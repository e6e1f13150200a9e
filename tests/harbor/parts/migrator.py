# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image harbor-migrator of the 1.x releases: `--cfg up` turns an older harbor.yml into one of its own version.

Mounts: /harbor-migration/harbor-cfg/harbor.yml (read), and, if it is to be elsewhere,
/harbor-migration/harbor-cfg-out/harbor.yml (written). From 1.9 on it asks before it does so.
"""

from __future__ import annotations

import os
import pathlib
import sys

import harbor_yml
import yaml
from edition import Edition

EDITION = Edition.parse(os.environ["HARBOR_VERSION"])
SOURCE = pathlib.Path("/harbor-migration/harbor-cfg/harbor.yml")
TARGET = pathlib.Path("/harbor-migration/harbor-cfg-out/harbor.yml")


def main() -> int:
    if sys.argv[1:] != ["--cfg", "up"]:
        print("Usage: harbor-migrator --cfg up (databases migrate when the server starts)", file=sys.stderr)
        return 1
    if EDITION.series >= (1, 9):
        print("The path of the migrated harbor.cfg is not set, the input file will be overwritten.")
        print("Do you want to proceed? [y/n] ", end="", flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print("\nThe migration was cancelled.")
            return 1
    if os.environ.get("HARBOR_FAULT") == "migrate-fails":
        print("ERROR: the migration of the configuration failed (told to fail)", file=sys.stderr)
        return 1
    try:
        config = yaml.safe_load(SOURCE.read_text())
        found = Edition.parse(str(config["_version"]))
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        print(f"ERROR: the input is no harbor.yml that can be migrated: {error}", file=sys.stderr)
        return 1
    if found.series > EDITION.series or found.series < (1, 8):
        print(f"ERROR: no way leads from {found} to {EDITION}", file=sys.stderr)
        return 1
    if found.series < EDITION.series:
        target = TARGET if TARGET.is_file() else SOURCE
        target.write_text(harbor_yml.render(config, EDITION.series))
    print("Done.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

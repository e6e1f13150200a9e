# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This doc fragment is PRIVATE to the collection dockyard.ops: it may change without notice.

from __future__ import annotations


class ModuleDocFragment:
    # For modules that back up an instance, now or by a timer.
    DOCUMENTATION = r"""
options:
  keep:
    description: How many good backups of the instance are always kept.
    type: int
    default: 7
  keep_days:
    description: Days that any backup is kept for, beside those of O(keep). If it is not given, only O(keep) counts.
    type: float
  key_file:
    description:
      - A file on the managed host whose first line is the key with which the backup is encrypted, of at least 20 letters, for instance made by
        C(openssl rand -hex 32). Without it the backup is not encrypted. Keep the key elsewhere too; without it the backups are lost.
      - C(openssl) does it (AES-256 in counter mode, PBKDF2 with SHA-256 and 600000 iterations), since every host has it. The manifest has a code of
        HMAC-SHA-256 over the checksum of the file and all that was counted, so that what was altered without the key is refused.
    type: path
  timeout:
    description: Seconds in which the server has to answer, or to write its snapshot.
    type: int
    default: 3600
"""

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This doc fragment is PRIVATE to the collection dockyard.ops: it may change without notice.

from __future__ import annotations


class ModuleDocFragment:
    # For modules that ask what is behind Traefik as its users do.
    DOCUMENTATION = r"""
options:
  host:
    description: The host name by which users reach the stack.
    type: str
    required: true
  address:
    description: The address on which Traefik is asked.
    type: str
    default: 127.0.0.1
  https_port:
    description: The port of Traefik's entry point for TLS.
    type: int
    default: 443
  ca_content:
    description: The CA that has signed the certificates, in PEM format. Those that the host trusts are trusted besides.
    type: str
    default: ""
"""

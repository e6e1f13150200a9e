# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This doc fragment is PRIVATE to the collection dockyard.ops: it may change without notice.

from __future__ import annotations


class ModuleDocFragment:
    """Options of modules that talk to a registry."""

    # How to reach a registry; plugins/module_utils/_registry/options.py has the same.
    DOCUMENTATION = r"""
options:
  registry:
    description:
      - The registry's address as in front of an image's name, C(host[:port]); an IPv6 address is in brackets.
      - Docker Hub's registry is V(registry-1.docker.io).
    type: str
    required: true
  connect_address:
    description:
      - Where to connect to in place of what O(registry) names, as C(host[:port]); the port is that of O(registry) if none is
        given. The registry's certificate still has to carry the name in O(registry), and no proxy is used.
      - So a registry is asked by its own name on its own host, which need not resolve it.
    type: str
    version_added: 0.3.0
  plain_http:
    description:
      - Whether the registry speaks plain HTTP. Then the password is sent in clear text.
    type: bool
    default: false
  username:
    description:
      - The user's name. Name and password are sent only when the registry asks for a login, and only to it or to the
        token server that it names.
      - Required if O(password) is given.
    type: str
  password:
    description:
      - The password, or an access token.
      - Required if O(username) is given.
    type: str
  ca_content:
    description:
      - Certificates of the CA that issued the registry's certificate, as PEM text. They are trusted in addition to the
        host's own CAs.
      - Mutually exclusive with O(ca_path).
    type: str
  ca_path:
    description:
      - The same as a file on the managed host.
      - Mutually exclusive with O(ca_content).
    type: path
  client_cert_path:
    description:
      - The client certificate as a PEM file on the managed host, for a registry that requires one.
      - Required if O(client_key_path) is given.
    type: path
  client_key_path:
    description:
      - The private key of the client certificate, as a PEM file without passphrase on the managed host.
      - Required if O(client_cert_path) is given.
    type: path
  directory:
    description:
      - Where the Docker Engine looks for CAs and client certificates. If none of O(ca_content), O(ca_path) and
        O(client_cert_path) is given, what is in its folder for O(registry) is used - every C(.crt) file as a CA,
        and the first pair of C(.cert) and C(.key) by name. So the module sees what the engine sees.
    type: path
    default: /etc/docker/certs.d
  validate_certs:
    description:
      - Whether to verify the registry's certificate. Without that, whoever is on the way can read the password.
    type: bool
    default: true
  use_proxy:
    description:
      - Whether to heed the environment variables C(https_proxy), C(http_proxy) and C(no_proxy) of the managed host.
    type: bool
    default: true
  timeout:
    description:
      - Seconds that one request may take in all, from the resolution of the name to the last byte of the answer.
      - More than V(0), at most V(3600).
    type: float
    default: 30
"""

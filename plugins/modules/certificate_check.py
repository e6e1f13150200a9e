#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_check
short_description: Check the certificate, private key and CA of a server before it is started with them
version_added: 0.3.0
description:
  - Reads a server's certificate with its private key, and the CA that its clients trust, and fails with the reason where
    clients would refuse them or the server could not use them.
  - What is looked at is form, kind of key, whether certificate and key belong together, validity, and whether the CA is
    one. Then a TLS handshake is made in memory, as a client that trusts this CA alone would make it with O(hostname), so
    that a missing name or intermediate certificate shows as well.
  - No connection is made, nothing is written, and the private key is never returned.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._attributes.info
options:
  certificate_content:
    description:
      - The certificate in PEM form, with its intermediate certificates below it if there are any.
      - Either this or O(certificate_path) is required.
    type: str
  certificate_path:
    description:
      - Absolute path of such a file on the managed host.
    type: path
  private_key_content:
    description:
      - The private key in PEM form, unencrypted. RSA, ECDSA (P-256, P-384, P-521) and Ed25519 are possible, which is what
        servers written in Go can use.
      - Either this or O(private_key_path) is required.
    type: str
  private_key_path:
    description:
      - Absolute path of such a file on the managed host.
    type: path
  ca_content:
    description:
      - The CA that clients trust, in PEM form.
      - If neither this nor O(ca_path) is given, the certificate is taken to be from a CA that clients trust anyway. Then it has
        to lead up to the last certificate of its own file, and who issued that one is not checked.
    type: str
  ca_path:
    description:
      - Absolute path of such a file on the managed host.
    type: path
  hostname:
    description:
      - The name or IP address by which clients know the server. The certificate has to carry it as subjectAltName; a
        common name does not count, as in Docker.
    type: str
    required: true
  min_days_left:
    description:
      - Days that the certificate and the CA have to be valid at the least.
    type: int
    default: 0
requirements:
  - cryptography >= 38
seealso:
  - module: dockyard.ops.docker_certs
  - module: community.crypto.x509_certificate_info
    description: All that is in one certificate.
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Check the certificate before the registry gets it
  dockyard.ops.certificate_check:
    certificate_path: /etc/ssl/certs/ssl-cert-snakeoil.pem
    private_key_path: /etc/ssl/private/ssl-cert-snakeoil.key
    hostname: "{{ ansible_facts.hostname }}"
  register: checked

- name: Show when it expires
  ansible.builtin.debug:
    msg: "{{ checked.subject }} expires in {{ checked.expires_in_days }} days"
"""

RETURN = r"""
certificate:
  description: The certificate as it was given, with its intermediate certificates, in PEM form.
  returned: success
  type: str
ca:
  description: The CA as it was given, in PEM form; empty if none was.
  returned: success
  type: str
subject:
  description: The certificate's subject.
  returned: success
  type: str
  sample: CN=registry.example.com
issuer:
  description: Who issued it.
  returned: success
  type: str
  sample: CN=Example CA
names:
  description: Names and addresses that it carries.
  returned: success
  type: list
  elements: str
  sample: [registry.example.com]
not_valid_after:
  description: When it expires, in UTC.
  returned: success
  type: str
  sample: 2027-03-01 12:00:00 UTC
expires_in_days:
  description: Whole days until it expires.
  returned: success
  type: int
  sample: 89
fingerprint:
  description: SHA-256 of the certificate, in hexadecimal digits.
  returned: success
  type: str
  sample: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
"""

from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._http import address
from ansible_collections.dockyard.ops.plugins.module_utils._module import MissingLibrary, ModuleCall, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._pki import server_certificate, x509

Kind = Literal["certificate", "private_key", "ca"]
_NOUNS: dict[Kind, str] = {"certificate": "certificate", "private_key": "private key", "ca": "CA"}


def run(call: ModuleCall) -> dict[str, Any]:
    """Read the files and check them together."""
    if x509.CRYPTOGRAPHY_IMPORT_ERROR is not None:
        raise MissingLibrary("cryptography >= 38", x509.CRYPTOGRAPHY_IMPORT_ERROR, url="https://cryptography.io/")
    params = call.params
    has_ca = params["ca_content"] is not None or params["ca_path"] is not None
    files = server_certificate.ServerFiles(
        certificate=_read(params, "certificate"),
        private_key=_read(params, "private_key"),
        ca=_read(params, "ca") if has_ca else None,
    )
    at = x509.now()
    hostname = address.canonical(params["hostname"], "hostname")
    checked = server_certificate.check(files, hostname, at, params["min_days_left"])
    for concern in checked.concerns:
        call.warn(concern)
    leaf = checked.chain[0]
    return {
        "changed": False,
        "certificate": files.certificate.data.decode(errors="replace"),
        "ca": files.ca.data.decode(errors="replace") if files.ca else "",
        "subject": leaf.subject,
        "issuer": leaf.issuer,
        "names": list(leaf.names),
        "not_valid_after": x509.format_time(leaf.not_after),
        "expires_in_days": leaf.days_left(at),
        "fingerprint": leaf.fingerprint,
    }


def _read(params: dict[str, Any], kind: Kind) -> server_certificate.Pem:
    content, path = params[f"{kind}_content"], params[f"{kind}_path"]
    if path is None:
        return server_certificate.Pem(content.encode(), f"The supplied {_NOUNS[kind]}")
    data = atomic_file.read(path)
    if data is None:
        raise DockyardError(
            "certificate_missing",
            f"{path} does not exist on the managed host; put the {_NOUNS[kind]} there first, or provide its content.",
        )
    return server_certificate.Pem(data, path)


def main() -> None:
    sources = [(f"{kind}_content", f"{kind}_path") for kind in _NOUNS]
    run_module(
        run,
        reads_only=True,
        argument_spec={
            "certificate_content": {"type": "str"},
            "certificate_path": {"type": "path"},
            "private_key_content": {"type": "str", "no_log": True},
            "private_key_path": {"type": "path", "no_log": False},
            "ca_content": {"type": "str"},
            "ca_path": {"type": "path"},
            "hostname": {"type": "str", "required": True},
            "min_days_left": {"type": "int", "default": 0},
        },
        required_one_of=sources[:2],
        mutually_exclusive=sources,
    )


if __name__ == "__main__":
    main()

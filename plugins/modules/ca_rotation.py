#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ca_rotation
short_description: Replace a private CA by a new one while both are trusted
version_added: 0.3.0
description:
  - A CA is a folder with its key C(ca.key) and its certificate C(ca.crt). This module makes a new CA beside the old one, lets it sign in the
    place of the old one, and removes the old one, each at its time. In between, clients get C(ca.crt), which then holds both.
  - The certificate that C(ca.key) belongs to is always the first one in C(ca.crt). What signs with these two files goes on as it is.
  - Keys and certificates are read and compared first. A folder that is in none of these states is refused. All files of a step are
    changed as one.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._attributes.files
options:
  directory:
    description:
      - The CA's folder, with C(ca.key) and C(ca.crt).
    type: path
    required: true
  state:
    description:
      - V(introduced) makes a new CA if there is none, and adds its certificate to C(ca.crt). The old one goes on signing. Give C(ca.crt) to all
        clients, and to servers that ask for client certificates.
      - V(signing) has the new CA sign. The old one is still trusted. Issue all certificates again now, those of servers and of clients.
        There has to be a new CA already.
      - V(alone) leaves only the CA that signs, without the key of the other one. After V(signing) this ends the rotation, after
        V(introduced) it calls it off. Give C(ca.crt) to all clients again.
      - V(introduced) after V(signing) has the old CA sign again.
    type: str
    required: true
    choices: [introduced, signing, alone]
  passphrase:
    description:
      - The passphrase of the CA's keys, of the new one too.
    type: str
  common_name:
    description:
      - The name of a CA that is made. It may be the old one's.
    type: str
    default: Private CA
  days:
    description:
      - How many days a CA that is made is valid.
    type: int
    default: 3650
  key_type:
    description:
      - The key of a CA that is made. V(ECC) is P-256, V(RSA) has 3072 bits.
    type: str
    choices: [ECC, RSA]
    default: ECC
notes:
  - If several servers have certificates of this CA, all of them have to have new ones before O(state=alone).
requirements:
  - cryptography >= 38
seealso:
  - module: dockyard.ops.docker_certs
  - module: community.crypto.x509_certificate
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Make a new CA, which clients learn to trust before it signs
  dockyard.ops.ca_rotation:
    directory: /srv/registry/ca
    state: introduced
    common_name: CA of the registry
  register: ca

- name: Trust both
  dockyard.ops.docker_certs:
    registry: registry.example.com:5000
    ca_content: "{{ ca.ca_content }}"

- name: Have the new one sign
  dockyard.ops.ca_rotation:
    directory: /srv/registry/ca
    state: signing

- name: Remove the old one, once nothing is in use that it has signed
  dockyard.ops.ca_rotation:
    directory: /srv/registry/ca
    state: alone
"""

RETURN = r"""
msg:
  description: What was done, or would have been done in check mode, in one sentence.
  returned: always
  type: str
  sample: A new CA is in /srv/registry/ca beside the old one, which goes on signing.
ca_content:
  description: What clients are to trust, as PEM. In check mode without a CA that would be made.
  returned: success
  type: str
  sample: |
    -----BEGIN CERTIFICATE-----
    ...
certificates:
  description: The certificates in RV(ca_content); the one that signs is the first.
  returned: success
  type: list
  elements: dict
  contains:
    subject:
      description: Its subject.
      type: str
      sample: CN=CA of the registry
    not_valid_after:
      description: When it expires, in UTC.
      type: str
      sample: 2036-04-01 12:00:00 UTC
    days_left:
      description: Whole days until then.
      type: int
      sample: 3650
    fingerprint_sha256:
      description: Its SHA-256 fingerprint.
      type: str
      sample: 6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b
  sample: []
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._module import MissingLibrary, ModuleCall, diff, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._pki import x509
from ansible_collections.dockyard.ops.plugins.module_utils._pki.rotation import STATES, Found, NewCa, Rotation

_SENTENCES = {
    "introduced": "A new CA is in {} beside the old one, which goes on signing",
    "signing": "The new CA in {} signs, and the old one is still trusted",
    "alone": "Only the CA that signs is left in {}",
}


def run(call: ModuleCall) -> dict[str, Any]:
    """Look at the folder, and take the step."""
    if x509.CRYPTOGRAPHY_IMPORT_ERROR is not None:
        raise MissingLibrary("cryptography >= 38", x509.CRYPTOGRAPHY_IMPORT_ERROR, url="https://cryptography.io/")
    params = call.params
    if not 1 <= params["days"] <= 36500:
        raise DockyardError("ca_option_invalid", f"days is {params['days']}; give 1 to 36500.")
    if not 1 <= len(params["common_name"]) <= 64:
        raise DockyardError(
            "ca_option_invalid", f"common_name has {len(params['common_name'])} characters; give 1 to 64."
        )
    new = NewCa(params["common_name"], params["days"], params["key_type"], params["passphrase"] or "")
    rotation = Rotation(params["directory"], new)
    found = rotation.inspect()
    planned = rotation.plan(found, params["state"])
    after = found
    if planned is not None:
        after = planned if call.check_mode else rotation.apply(params["state"], call.selinux_attributes())
    sentence = _SENTENCES[params["state"]].format(params["directory"])
    if planned is not None and call.check_mode:
        sentence = f"Would be so: {sentence[0].lower()}{sentence[1:]}"
    result: dict[str, Any] = {
        "changed": planned is not None,
        "msg": f"{sentence}.",
        "ca_content": after.trusted.decode(),
        "certificates": _described(after),
    }
    if call.diff_mode:
        result["diff"] = diff(params["directory"], _shown(found), _shown(after))
    return result


def _described(found: Found) -> list[dict[str, Any]]:
    at = x509.now()
    return [
        {
            "subject": certificate.subject,
            "not_valid_after": x509.format_time(certificate.not_after),
            "days_left": certificate.days_left(at),
            "fingerprint_sha256": certificate.fingerprint,
        }
        for certificate in x509.load_certificates(found.trusted, "ca.crt")
    ]


def _shown(found: Found) -> dict[str, Any]:
    """Return a folder as a diff shows it: fingerprints, and never a key."""
    listed = [entry["fingerprint_sha256"] for entry in _described(found)]
    return {"certificates": listed + ["to be made"] * found.bundle.count(b""), "keys": sorted(found.keys)}


def main() -> None:
    run_module(
        run,
        argument_spec={
            "directory": {"type": "path", "required": True},
            "state": {"type": "str", "required": True, "choices": list(STATES)},
            "passphrase": {"type": "str", "no_log": True},
            "common_name": {"type": "str", "default": "Private CA"},
            "days": {"type": "int", "default": 3650},
            "key_type": {"type": "str", "choices": ["ECC", "RSA"], "default": "ECC"},
        },
    )


if __name__ == "__main__":
    main()

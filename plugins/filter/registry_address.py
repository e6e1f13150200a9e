# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: registry_address
short_description: How a registry is called by its clients and by its certificate
version_added: 0.3.0
description:
  - Names and addresses can be written in several ways, C(FD00:0::0001) and C(fd00::1), or an international name in its
    own letters and in ASCII. Engines, folders and certificates compare them letter by letter. This is the one way.
options:
  _input:
    description:
      - Host name or address of the registry, without port. IPv6 is with or without brackets.
    type: str
    required: true
  port:
    description:
      - Its port.
    type: int
    default: 5000
  names:
    description:
      - Further names and addresses of its certificate, each alone or as V(DNS:...) or V(IP:...). A string is a list of
        names with commas.
    type: raw
    default: []
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: The address [fd00::1]:5000, and the name IP:fd00::1
  ansible.builtin.debug:
    msg: "{{ 'FD00:0::0001' | dockyard.ops.registry_address }}"

- name: The names DNS:registry.example.com and DNS:xn--bcher-kva.example
  ansible.builtin.debug:
    msg: "{{ ('registry.example.com' | dockyard.ops.registry_address(port=443, names='bücher.example')).names }}"
"""

RETURN = r"""
_value:
  description:
    - C(host), without port and brackets; C(address), as in front of an image's name, always with the port; C(names), of
      the certificate, that of the host first; and C(error), a sentence if one of them can't be right, and then the
      others are empty.
  type: dict
  sample:
    host: fd00::1
    address: "[fd00::1]:5000"
    names: ["IP:fd00::1"]
    error: ""
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._http import address


def registry_address(name: Any, port: Any = 5000, names: Any = ()) -> dict[str, Any]:
    further = names.split(",") if isinstance(names, str) else names
    try:
        host = address.canonical(str(name), "registry_name")
        general = [address.general_name(host)]
        general += [address.general_name(str(other).strip(), "name") for other in further if str(other).strip()]
    except DockyardError as error:
        return {"host": "", "address": "", "names": [], "error": error.message}
    return {
        "host": host,
        "address": f"{address.bracketed(host)}:{int(port)}",
        "names": list(dict.fromkeys(general)),
        "error": "",
    }


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"registry_address": registry_address}

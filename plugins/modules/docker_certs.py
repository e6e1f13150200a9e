#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_certs
short_description: Trust in registries, in the folder certs.d of a container engine
version_added: 0.1.0
description:
  - Lays down what an engine needs to trust a registry and to be trusted by it. That is the registry's CA
    and client certificates with their keys, in the registry's own folder under C(/etc/docker/certs.d).
  - Everything is checked before the first file is written, for all registries of the task. What the engine or a registry would
    trip over later is refused here, with one sentence that names the file or option. Nothing is changed then.
  - The change itself is all or nothing. If it fails in the middle, the files that were there before are put back.
  - No restart is needed, because Docker reads the folder again for each login, push and pull.
  - Requires the Python library C(cryptography) on the managed host.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._attributes.files
requirements:
  - cryptography >= 38
options:
  registry:
    description:
      - Address of the registry as it is written in front of the name of an image, C(host) or C(host:port). IPv6 goes into
        brackets, as in V([fd00::1]:5000).
      - The folder is named like this, byte for byte. C(registry.example.com) and C(registry.example.com:443) are two folders for Docker,
        and so are names that differ in upper and lower case. Provide both if both are in use.
      - Exactly one of O(registry) and O(registries) is needed.
    type: str
  ca_content:
    description:
      - The CA that issued the registry's certificate, as PEM. It may be a bundle of several.
      - It becomes C(ca.crt). Docker trusts it in addition to the system's own CAs.
      - Mutually exclusive with O(ca_path).
    type: str
  ca_path:
    description:
      - The same as O(ca_content), read from this file on the managed host.
    type: path
  client_certs:
    description:
      - Client certificates, for a registry that asks for one (mutual TLS).
      - Docker offers the first one, in the order of their names, whose issuer the registry accepts.
    type: list
    elements: dict
    suboptions: &client_certs
      name:
        description:
          - Name of the pair, without an ending. The files become C(NAME.cert) and C(NAME.key).
        type: str
        required: true
      certificate_content:
        description:
          - The certificate as PEM, with its intermediate CAs after it if there are any.
          - Exactly one of this and the path is needed.
        type: str
      certificate_path:
        description:
          - The certificate, read from this file on the managed host.
        type: path
      private_key_content:
        description:
          - The private key as PEM, not encrypted.
          - Exactly one of this and the path is needed.
        type: str
      private_key_path:
        description:
          - The private key, read from this file on the managed host.
        type: path
  purge:
    description:
      - Whether C(.crt), C(.cert) and C(.key) files in the folder that this task does not name are removed. No copy of them is kept.
        Check mode with diff shows which ones these are. Files with other endings are never touched.
      - With V(false) they stay. If one of them breaks every pull from this registry (a key without its certificate, a
        pair that does not match, something that is not PEM, and so on), the task fails and names it.
    type: bool
    default: false
  state:
    description:
      - V(present) has the files in place.
      - V(absent) removes all C(.crt), C(.cert) and C(.key) files of the registry's folder, and the folder itself when nothing else is in it.
        Certificates that are provided are ignored then.
    type: str
    choices: [present, absent]
    default: present
  probe:
    description:
      - Whether to connect to the registry, with exactly the files that the folder is going to hold, before anything is written.
        The task fails if the registry and the files do not accept each other, and says whether that is because of the CA, the host name
        or the client certificate.
      - Any answer to C(GET /v2/) counts that shows a registry in service, also that a login is needed.
      - The connection is made by the managed host, also in check mode, and not through a proxy.
    type: bool
    default: false
  probe_address:
    description:
      - Where to connect to for O(probe), as C(host[:port]). The registry's certificate still has to carry the name in O(registry).
      - The default is the registry's own address.
    type: str
  registries:
    description:
      - Trust in many registries at once. This is much faster than a loop, and either all of them are changed or none.
    type: list
    elements: dict
    suboptions:
      registry:
        description:
          - As O(registry).
        type: str
        required: true
      ca_content:
        description:
          - As O(ca_content).
        type: str
      ca_path:
        description:
          - As O(ca_path).
        type: path
      client_certs:
        description:
          - As O(client_certs).
        type: list
        elements: dict
        suboptions: *client_certs
      purge:
        description:
          - As O(purge), which is the default.
        type: bool
      state:
        description:
          - As O(state), which is the default.
        type: str
        choices: [present, absent]
      probe:
        description:
          - As O(probe), which is the default.
        type: bool
      probe_address:
        description:
          - As O(probe_address).
        type: str
  engine:
    description:
      - Whose folder it is.
      - V(docker) is C(/etc/docker/certs.d).
      - V(rootless) is C(docker/certs.d) in E(XDG_CONFIG_HOME) or C(~/.config) of the user who runs the module. Set C(become_user).
      - V(containers) is C(/etc/containers/certs.d), which Podman, Buildah and Skopeo read. If a registry has a folder there, they look at nothing
        in C(/etc/docker/certs.d) for it, and otherwise they do.
    type: str
    choices: [docker, rootless, containers]
    default: docker
  directory:
    description:
      - Another folder to use instead of the one that O(engine) stands for. It is created if it is missing.
    type: path
  min_days_left:
    description:
      - Refuse certificates that expire in less than so many days. Expired ones are always refused.
    type: int
    default: 0
  timeout:
    description:
      - Seconds that one connection of O(probe) may take in all.
    type: float
    default: 10
notes:
  - Keys get mode V(0600), certificates V(0644), the folder V(0755). Owner and group are those of the user who runs the module, which is
    C(root) for the folders of the system. Other modes and owners are corrected, which counts as a change. A symbolic link in the place
    of one of the files is replaced by the file.
  - Docker treats C(localhost), C(127.0.0.0/8) and C(::1) as insecure registries. It does not read their folders, and the module warns.
  - A file C(hosts.toml) in the folder takes precedence over these files for push and pull when Docker uses its containerd image store. The module
    leaves it in place and warns.
  - Docker Engine 24.0 and older notices a folder that is new for C(docker build) with BuildKit only after a restart, and any version
    may keep using a replaced certificate there for about 15 minutes. Login, push and pull are not concerned.
  - Builders of C(docker buildx) that run in a container do not read C(certs.d). They get the CA and the client certificate from the file
    that C(docker buildx create --buildkitd-config) takes, with C(ca) and C(keypair) below C([registry."registry.example.com"]), which can name the
    files of this module.
seealso:
  - module: dockyard.ops.registry_info
  - module: community.docker.docker_login
  - module: community.crypto.x509_certificate
  - name: Use certificates for repository client verification
    description: How Docker reads the folder.
    link: https://docs.docker.com/engine/security/certificates/
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Trust the CA of a registry
  dockyard.ops.docker_certs:
    registry: registry.example.com:5000
    ca_path: /etc/ssl/certs/ca-certificates.crt

- name: Trust a registry that asks for a client certificate, and see first whether it works
  dockyard.ops.docker_certs:
    registry: registry.example.com
    ca_content: "{{ lookup('ansible.builtin.file', 'registry-ca.pem') }}"
    client_certs:
      - name: "{{ inventory_hostname_short }}"
        certificate_path: /etc/ssl/certs/client.pem
        private_key_path: /etc/ssl/private/client.key
    purge: true
    min_days_left: 14
    probe: true

- name: Trust many registries at once
  dockyard.ops.docker_certs:
    registries:
      - registry: registry.example.com
        ca_content: "{{ lookup('ansible.builtin.file', 'registry-ca.pem') }}"
      - registry: '[fd00::1]:5000'
        ca_content: "{{ lookup('ansible.builtin.file', 'registry-ca.pem') }}"
      - registry: old-registry.example.com
        state: absent

- name: Trust the CA of a registry for Podman
  dockyard.ops.docker_certs:
    engine: containers
    registry: registry.example.com
    ca_content: "{{ lookup('ansible.builtin.file', 'registry-ca.pem') }}"

- name: Trust a registry for a user's rootless Docker
  become: true
  become_user: alice
  dockyard.ops.docker_certs:
    engine: rootless
    registry: registry.example.com
    ca_content: "{{ lookup('ansible.builtin.file', 'registry-ca.pem') }}"
"""

RETURN = r"""
msg:
  description: What was done, or would have been done in check mode, in one sentence.
  returned: always
  type: str
  sample: Changed the certificates of registry.example.com.
directory:
  description: The registry's folder.
  returned: success and O(registry) is set
  type: str
  sample: /etc/docker/certs.d/registry.example.com:5000
files:
  description: The files that this task looks after in the folder.
  returned: success and O(registry) is set
  type: list
  elements: str
  sample: [ca.crt, client.key, client.cert]
kept_files:
  description: Files of others in the folder that the engine reads too.
  returned: success and O(registry) is set
  type: list
  elements: str
  sample: []
certificates: &certificates
  description: The certificates that were provided.
  returned: success and O(registry) is set
  type: list
  elements: dict
  contains:
    file:
      description: Name of the file in the folder.
      type: str
      sample: ca.crt
    subject:
      description: Its subject.
      type: str
      sample: CN=Example CA
    issuer:
      description: Who issued it.
      type: str
      sample: CN=Example CA
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
expires_in_days:
  description:
    - Whole days until the first of all these certificates expires.
    - Is V(none) if there is no certificate, for instance with O(state=absent).
  returned: success
  type: int
  sample: 89
probe:
  description: What O(probe) learned. V(none) if it was not asked for.
  returned: success and O(registry) is set
  type: dict
  contains:
    address:
      description: Address that was connected to.
      type: str
      sample: 192.0.2.10
    tls_version:
      description: Version of TLS.
      type: str
      sample: TLSv1.3
    http_status:
      description: What C(GET /v2/) was answered with. V(401) means that the registry asks for a login.
      type: int
      sample: 401
    client_certificate:
      description: Name of the client certificate that was used.
      type: str
      sample: client
    server_subject:
      description: Subject of the registry's certificate.
      type: str
      sample: CN=registry.example.com
    server_issuer:
      description: Who issued it.
      type: str
      sample: CN=Example CA
    server_names:
      description: Names and addresses that it is for.
      type: list
      elements: str
      sample: [registry.example.com]
    server_not_valid_after:
      description: When it expires, in UTC.
      type: str
      sample: 2026-12-31 12:00:00 UTC
  sample:
    address: 192.0.2.10
    tls_version: TLSv1.3
    http_status: 401
    client_certificate: client
registries:
  description: The same for each registry of the task, in the task's order.
  returned: success
  type: list
  elements: dict
  contains:
    registry:
      description: As provided.
      type: str
      sample: registry.example.com:5000
    changed:
      description: Whether its folder was changed.
      type: bool
      sample: true
    directory:
      description: As RV(directory).
      type: str
      sample: /etc/docker/certs.d/registry.example.com:5000
    files:
      description: As RV(files).
      type: list
      elements: str
      sample: [ca.crt]
    kept_files:
      description: As RV(kept_files).
      type: list
      elements: str
      sample: []
    certificates: *certificates
    expires_in_days:
      description: As RV(expires_in_days), of this registry.
      type: int
      sample: 89
    probe:
      description: As RV(probe).
      type: dict
      sample:
        http_status: 200
  sample:
    - registry: registry.example.com:5000
      changed: true
      directory: /etc/docker/certs.d/registry.example.com:5000
      files: [ca.crt]
      kept_files: []
      expires_in_days: 89
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._certs_d import folder, options, probe
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders
from ansible_collections.dockyard.ops.plugins.module_utils._module import MissingLibrary, ModuleCall, diff, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._pki import x509

# Options that one registry has by itself, and those that it takes over from the task.
_OWN = ("registry", "ca_content", "ca_path", "client_certs", "probe_address")
_INHERITED = ("purge", "state", "probe")


def run(call: ModuleCall) -> dict[str, Any]:
    """Check everything, then change all folders as one."""
    if x509.CRYPTOGRAPHY_IMPORT_ERROR is not None:
        raise MissingLibrary("cryptography >= 38", x509.CRYPTOGRAPHY_IMPORT_ERROR, url="https://cryptography.io/")
    params = call.params
    entries = _entries(params)
    base = options.certs_folder(params["engine"], params["directory"])
    attributes = call.selinux_attributes()
    at = x509.now()
    trusts = options.desired_trusts(entries, base, params["min_days_left"], at)
    folder.check_base(base)
    plans = [folder.build_plan(trust, attributes, at) for trust in trusts]
    probes = probe.probe(plans, params["timeout"])
    placeholders = Placeholders()
    diffs = [folder.describe(plan, attributes, placeholders) for plan in plans] if call.diff_mode else []
    # Before the change: what is read for them can fail.
    warnings = [warning for plan in plans for warning in folder.warnings(plan, params["engine"])]
    if any(plan.changed for plan in plans) and not call.check_mode:
        plans = folder.apply(trusts, base, attributes, at)
    for warning in warnings:
        call.warn(warning)
    results = [folder.report(plan, at, probes.get(plan.trust.registry)) for plan in plans]
    return _result(call, results, [(plan, *diff) for plan, diff in zip(plans, diffs) if plan.changed])


def _entries(params: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the options of each registry, with those of the task where it has none of its own."""
    if params["registries"] is None:
        return [{option: params[option] for option in (*_OWN, *_INHERITED)}]
    return [
        {**entry, **{option: params[option] for option in _INHERITED if entry[option] is None}}
        for entry in params["registries"]
    ]


def _result(
    call: ModuleCall, results: list[dict[str, Any]], diffs: list[tuple[folder.Plan, Any, Any]]
) -> dict[str, Any]:
    params = call.params
    days = [result["expires_in_days"] for result in results if result["expires_in_days"] is not None]
    return {
        **({} if params["registry"] is None else {k: v for k, v in results[0].items() if k != "registry"}),
        "changed": any(result["changed"] for result in results),
        "msg": _sentence([str(result["registry"]) for result in results if result["changed"]], call.check_mode),
        "expires_in_days": min(days, default=None),
        "registries": results,
        "diff": [diff(plan.trust.folder, before, after) for plan, before, after in diffs],
    }


def _sentence(changed: list[str], check_mode: bool) -> str:
    if not changed:
        return "The certificates are as declared."
    return f"{'Would have changed' if check_mode else 'Changed'} the certificates of {', '.join(changed)}."


def _argument_spec() -> dict[str, Any]:
    pair = {
        "name": {"type": "str", "required": True},
        "certificate_content": {"type": "str"},
        "certificate_path": {"type": "path"},
        "private_key_content": {"type": "str", "no_log": True},
        "private_key_path": {"type": "path", "no_log": False},
    }
    own = {
        "ca_content": {"type": "str"},
        "ca_path": {"type": "path"},
        "client_certs": {"type": "list", "elements": "dict", "options": pair},
        "probe_address": {"type": "str"},
    }
    entry = {
        **own,
        "registry": {"type": "str", "required": True},
        "purge": {"type": "bool"},
        "state": {"type": "str", "choices": ["present", "absent"]},
        "probe": {"type": "bool"},
    }
    return {
        **own,
        "registry": {"type": "str"},
        "purge": {"type": "bool", "default": False},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "probe": {"type": "bool", "default": False},
        "registries": {"type": "list", "elements": "dict", "options": entry},
        "engine": {"type": "str", "choices": ["docker", "rootless", "containers"], "default": "docker"},
        "directory": {"type": "path"},
        "min_days_left": {"type": "int", "default": 0},
        "timeout": {"type": "float", "default": 10},
    }


def main() -> None:
    run_module(
        run,
        argument_spec=_argument_spec(),
        required_one_of=[("registry", "registries")],
        mutually_exclusive=[
            ("registry", "registries"),
            ("registries", "ca_content"),
            ("registries", "ca_path"),
            ("registries", "client_certs"),
            ("registries", "probe_address"),
        ],
    )


if __name__ == "__main__":
    main()

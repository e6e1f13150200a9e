#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_info
short_description: Read what a container registry holds
version_added: 0.1.0
description:
  - Asks a registry over its API (Docker Registry HTTP API V2, OCI Distribution) whether it is healthy, and for its
    repositories, their tags, and the tags' digests and sizes.
  - A registry that is down, slow, not one at all, or does not accept these certificates or this login is a failure, and
    its message says which of these it is.
  - The module runs on the managed host, and sees the registry from there.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._attributes.info
  - dockyard.ops._attributes.action_group_registry
  - dockyard.ops._registry
options:
  gather:
    description:
      - What to read. The registry's health is always checked, and each of the others includes those before it -
        V(catalog) are the names of the repositories, V(tags) the names of their tags, V(manifests) the tags' digests,
        types and sizes.
      - V(manifests) takes a request for each tag, and one more for each platform of an image for several.
    type: list
    elements: str
    choices:
      - health
      - catalog
      - tags
      - manifests
    default:
      - manifests
  repositories:
    description:
      - Restricts what is read to these repositories. Shell patterns such as V(team/*) are possible; C(*) matches
        slashes too.
      - Repositories that are named without a pattern are read without the catalog, which many public registries do not
        show. One that does not exist is returned in RV(missing_repositories).
      - If not given, all repositories of the catalog are read.
    type: list
    elements: str
    default: []
  tags:
    description:
      - Restricts what is read to tags that match one of these shell patterns.
      - If not given, all tags are read.
    type: list
    elements: str
    default: []
  page_size:
    description:
      - How many names to ask for at once, at least V(1). All pages are read, whatever their length.
      - Registries refuse what is longer than their own maximum, usually V(1000).
    type: int
    default: 100
  max_repositories:
    description:
      - Stop after this many repositories, at least V(1). RV(truncated) says whether there are more.
    type: int
  wait:
    description:
      - Seconds to wait for a registry that refuses connections, does not answer in time, answers with a server
        error, or has been asked too often (HTTP 429). It is asked again until it is healthy.
      - If the registry says with C(Retry-After) when to ask again, it is not asked earlier. If that is later than these seconds
        allow, the task fails at once, and its message says how long to wait. What is left of the seconds when the registry is healthy
        is for such answers while it is read.
      - What time does not fix, such as a wrong password or a certificate that is not trusted, fails at once.
      - The last attempt may take O(timeout) longer.
    type: float
    default: 0
  deadline:
    description:
      - Seconds that all requests together may take once the registry is healthy. Then the task fails, however many
        answers it has got by then, so that a registry whose list of pages has no end can't hold it up.
      - At least V(1).
    type: float
    default: 900
notes:
  - With O(gather=manifests) every tag counts as a pull where pulls are counted, as on Docker Hub. Use
    O(gather=tags), or restrict O(repositories) and O(tags).
  - Sizes are those of the compressed layers and configurations that the tags refer to, as the registry stores them. A
    layer that several tags share is counted once in the size of a repository, and one that several repositories share
    once in the total. What garbage collection has not removed yet is not seen.
  - If the registry asks for no login, O(username) and O(password) are not checked, and the module warns.
seealso:
  - module: dockyard.ops.docker_certs
  - module: dockyard.ops.registry_htpasswd
  - module: community.docker.docker_image_info
    description: Images of the local engine.
  - name: Distribution HTTP API V2
    description: The API that is used.
    link: https://distribution.github.io/distribution/spec/api/
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Wait until the registry is healthy
  dockyard.ops.registry_info:
    registry: registry.example.com:5000
    username: alice
    password: "{{ registry_password_of_alice }}"
    gather: health
    wait: 60
    timeout: 5

- name: Read everything, with the CA and the client certificate that the Docker Engine uses
  dockyard.ops.registry_info:
    registry: registry.example.com:5000
    username: alice
    password: "{{ registry_password_of_alice }}"
  register: contents

- name: Show what occupies most
  ansible.builtin.debug:
    msg: "{{ contents.repositories | sort(attribute='size_bytes', reverse=true) | first }}"

- name: Warn a month before the registry's certificate expires
  ansible.builtin.assert:
    that: contents.certificate.days_left > 30

- name: Read the tags of one team's images, with files of its own
  dockyard.ops.registry_info:
    registry: registry.example.com:5000
    ca_path: /etc/ssl/certs/company-ca.pem
    client_cert_path: /etc/ssl/certs/deploy.pem
    client_key_path: /etc/ssl/private/deploy.key
    gather: tags
    repositories:
      - team/*
"""

RETURN = r"""
registry:
  description: The registry's address as it was given.
  returned: success
  type: str
  sample: registry.example.com:5000
healthy:
  description: Always V(true); a registry that is not healthy is a failure.
  returned: success
  type: bool
  sample: true
api_version:
  description: The version of the API as the registry names it; empty if it does not.
  returned: success
  type: str
  sample: registry/2.0
requires_auth:
  description: Whether the registry asked for a login.
  returned: success
  type: bool
  sample: true
certificate:
  description: The certificate that the registry shows; V(none) with O(plain_http=true) or O(validate_certs=false).
  returned: success
  type: dict
  version_added: 0.3.0
  contains:
    subject:
      description: Its subject.
      type: str
      sample: commonName=registry.example.com
    issuer:
      description: Who issued it.
      type: str
      sample: commonName=Example CA
    names:
      description: Names and addresses that it is for.
      type: list
      elements: str
      sample: [registry.example.com]
    not_valid_after:
      description: When it expires, in UTC.
      type: str
      sample: 2026-12-31 12:00:00 UTC
    days_left:
      description: Whole days until then.
      type: int
      sample: 89
  sample:
    subject: commonName=registry.example.com
    days_left: 89
repositories:
  description: The repositories, sorted by name.
  returned: success, and O(gather) is not only V(health)
  type: list
  elements: dict
  contains:
    name:
      description: The repository's name.
      type: str
      sample: team/app
    tags:
      description: The tags, sorted by name. Empty for a repository whose tags have all been deleted.
      type: list
      elements: dict
      returned: O(gather) contains V(tags) or V(manifests)
      contains:
        name:
          description: The tag's name.
          type: str
          sample: "1.4"
        digest:
          description: The digest of the manifest; V(none) if the registry no longer has it.
          type: str
          returned: O(gather) contains V(manifests)
          sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
        media_type:
          description: The type of the manifest.
          type: str
          returned: O(gather) contains V(manifests)
          sample: application/vnd.docker.distribution.manifest.v2+json
        size_bytes:
          description:
            - Size of the configuration and the layers, of all platforms together; each blob counts once.
            - V(none) for a type of manifest that names no sizes.
          type: int
          returned: O(gather) contains V(manifests)
          sample: 31457280
        platforms:
          description: The images of the several platforms; empty for an image of one.
          type: list
          elements: dict
          returned: O(gather) contains V(manifests)
          contains:
            platform:
              description: Operating system, architecture and variant; empty if not said.
              type: str
              sample: linux/arm64/v8
            digest:
              description: The digest of this image's manifest.
              type: str
              sample: sha256:0c6d3f0b1a2e4c58d1ff5ae3f5a92f64c8d8be1b13f4d2c3a7a9f5e3d1b2c4a6
            size_bytes:
              description: Size of its configuration and layers; V(none) if the registry does not hold this image.
              type: int
              sample: 15728640
    size_bytes:
      description: Size of all blobs that the repository's tags refer to, each counted once.
      type: int
      returned: O(gather) contains V(manifests)
      sample: 41943040
  sample:
    - name: team/app
      size_bytes: 31457280
      tags:
        - name: "1.4"
          digest: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
          media_type: application/vnd.docker.distribution.manifest.v2+json
          size_bytes: 31457280
          platforms: []
missing_repositories:
  description: Names in O(repositories) of which the registry knows nothing.
  returned: success, and O(gather) is not only V(health)
  type: list
  elements: str
  sample: []
truncated:
  description: Whether there are more repositories than O(max_repositories).
  returned: success, and O(gather) is not only V(health)
  type: bool
  sample: false
totals:
  description: Sums over what was read.
  returned: success, and O(gather) is not only V(health)
  type: dict
  contains:
    repositories:
      description: The number of repositories.
      type: int
      sample: 12
    tags:
      description: The number of tags.
      type: int
      returned: O(gather) contains V(tags) or V(manifests)
      sample: 240
    size_bytes:
      description: Size of all blobs that the tags refer to, each counted once.
      type: int
      returned: O(gather) contains V(manifests)
      sample: 5368709120
  sample:
    repositories: 12
    tags: 240
    size_bytes: 5368709120
"""

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._registry import options
from ansible_collections.dockyard.ops.plugins.module_utils._registry.contents import LEVELS, Query, check_names, gather


def run(call: ModuleCall) -> dict[str, object]:
    """Ask the registry."""
    params = call.params
    for name in ("page_size", "max_repositories"):
        if params[name] is not None and params[name] < 1:
            raise DockyardError("registry_option_invalid", f"{name} is {params[name]}; give at least 1.")
    if params["wait"] < 0:
        raise DockyardError("registry_option_invalid", f"wait is {params['wait']:g}; give 0 or more seconds.")
    if params["deadline"] < 1:
        raise DockyardError("registry_option_invalid", f"deadline is {params['deadline']:g}; give at least 1 second.")
    query = Query(
        level=max(params["gather"], key=LEVELS.index, default="health"),
        repositories=tuple(params["repositories"]),
        tags=tuple(params["tags"]),
        page_size=params["page_size"],
        max_repositories=params["max_repositories"],
    )
    check_names(query.repositories)
    registry = options.connect(params)
    version = registry.wait(params["wait"])
    registry.limit(params["deadline"])
    contents = gather(registry, query)
    if params["username"] is not None and not registry.requires_auth:
        call.warn(
            f"Registry '{params['registry']}' asked for no login, so the password of"
            f" '{params['username']}' was neither sent nor checked."
        )
    return {
        "changed": False,
        "registry": params["registry"],
        "healthy": True,
        "api_version": version,
        "requires_auth": registry.requires_auth,
        "certificate": registry.certificate,
        **contents,
    }


def main() -> None:
    run_module(
        run,
        reads_only=True,
        argument_spec={
            **options.ARGUMENT_SPEC,
            "gather": {"type": "list", "elements": "str", "choices": list(LEVELS), "default": ["manifests"]},
            "repositories": {"type": "list", "elements": "str", "default": []},
            "tags": {"type": "list", "elements": "str", "default": []},
            "page_size": {"type": "int", "default": 100},
            "max_repositories": {"type": "int"},
            "wait": {"type": "float", "default": 0},
            "deadline": {"type": "float", "default": 900},
        },
        required_together=options.REQUIRED_TOGETHER,
        mutually_exclusive=options.MUTUALLY_EXCLUSIVE,
    )


if __name__ == "__main__":
    main()

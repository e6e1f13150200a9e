#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_retention
short_description: Delete old tags of a container registry
version_added: 0.3.0
description:
  - Deletes tags over the registry's API (Docker Registry HTTP API V2, OCI Distribution) by rules - the newest so many of each
    repository are kept, or those of the last so many days, or both, of the tags that match a pattern.
  - A manifest is deleted by its digest, with all tags that it has. So a tag that is old stays as long as a tag that is kept
    has the same manifest, an index that is kept lists it, or it is an artifact (a signature, for instance) of a manifest
    that is kept. RV(kept) names these.
  - Tags that are named after a digest, such as C(sha256-<digest>.sig), are artifacts of that manifest. No rule is for them, they
    stay and go with it.
  - Each repository is proven after its tags were deleted. If users have moved tags to what was being deleted, all that was
    deleted in that repository is put back, and the task fails.
  - What is deleted occupies the storage until garbage is collected with M(dockyard.ops.registry_maintenance).
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._attributes.action_group_registry
  - dockyard.ops._registry
options:
  rules:
    description:
      - Which tags are kept. Of all rules whose O(rules[].repositories) and O(rules[].tags) match a tag, the first one decides about
        it. Tags that no rule is for are kept.
    type: list
    elements: dict
    required: true
    suboptions:
      repositories:
        description:
          - The repositories that the rule is for. Shell patterns such as V(team/*) are possible; C(*) matches slashes too.
          - If not given, all repositories of the catalog.
        type: list
        elements: str
        default: []
      tags:
        description:
          - The tags that the rule is for, by shell patterns such as V(pr-*).
          - If not given, all tags.
        type: list
        elements: str
        default: []
      keep:
        description:
          - How many tags of each repository are kept at least, the newest first. Only tags that this rule is for are counted.
          - V(0) keeps none for their number.
          - At least one of this and O(rules[].days) is needed.
        type: int
      days:
        description:
          - How many days a tag's image is kept at least, counted from when it was made.
          - With O(rules[].keep) too, only tags that neither of the two keeps are deleted.
        type: int
  protected_tags:
    description:
      - Tags that are never deleted and that no rule counts, by shell patterns.
    type: list
    elements: str
    default: [latest]
  deadline:
    description:
      - Seconds that all requests together may take. Then the task fails, and the next run goes on with what is left.
      - At least V(1).
    type: float
    default: 3600
notes:
  - In check mode RV(deleted) is exactly what a run would delete as things are at that moment. Also then the registry is asked to delete a
    manifest that can't exist, because only this shows whether it deletes at all.
  - The age is that of the image as its configuration says it, not of the push, which the API does not show. Of an index it is that of its
    youngest image. Artifacts without such a configuration have the date of their annotation
    C(org.opencontainers.image.created), if any.
  - Reproducible builds often say 1970. What has no date, or one before there was Docker, is kept and returned as RV(undated),
    unless the rule keeps nothing (O(rules[].keep=0) without O(rules[].days)).
  - The registry has to allow deletion (C(storage.delete.enabled)). A registry that is read-only and a pull-through mirror are refused.
  - The images of the several platforms of an index that is deleted stay without a tag until garbage is collected with
    O(dockyard.ops.registry_maintenance#module:delete_untagged=true).
  - Takes a request for each repository, and for each that has something to delete one for each tag, one or more for its date, and one for
    each manifest that is deleted.
seealso:
  - module: dockyard.ops.registry_maintenance
  - module: dockyard.ops.registry_info
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Keep the ten newest tags of each repository, and all of the last 30 days
  dockyard.ops.registry_retention:
    registry: registry.example.com:5000
    username: alice
    password: "{{ registry_password_of_alice }}"
    rules:
      - keep: 10
        days: 30

- name: Delete the images of pull requests after a week, keep all releases, and 20 of what else a team has
  dockyard.ops.registry_retention:
    registry: registry.example.com:5000
    username: alice
    password: "{{ registry_password_of_alice }}"
    rules:
      - tags: ["pr-*"]
        days: 7
      - repositories: ["team/*"]
        keep: 20
    protected_tags: [latest, "v[0-9]*"]
  register: retention

- name: Free what the deleted images occupy
  when: retention is changed
  dockyard.ops.registry_maintenance:
    operation: collect_garbage
    registry: registry.example.com:5000
    username: alice
    password: "{{ registry_password_of_alice }}"
    delete_untagged: true
"""

RETURN = r"""
msg:
  description: What was done, or would have been done in check mode, in one sentence.
  returned: always
  type: str
  sample: Deleted 12 of 40 tags in 3 repositories.
deleted:
  description: The tags that were deleted, or would be.
  returned: success
  type: list
  elements: dict
  contains:
    repository: &repository
      description: The repository.
      type: str
      sample: team/app
    tag: &tag
      description: The tag.
      type: str
      sample: pr-17
    digest: &digest
      description: The digest of its manifest.
      type: str
      sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
    created:
      description: When its image was made, in UTC. V(none) if no rule asked for it.
      type: str
      sample: "2026-10-02T08:15:00Z"
  sample:
    - repository: team/app
      tag: pr-17
      digest: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
      created: "2026-10-02T08:15:00Z"
kept:
  description: The tags that are old and stay because something else that is kept needs their manifest.
  returned: success
  type: list
  elements: dict
  contains:
    repository: *repository
    tag: *tag
    digest: *digest
    needed_by:
      description:
        - V(tag) if a tag that is kept has the same manifest, V(index) if an index that is kept lists it, V(subject) if it is an artifact of a
          manifest that is kept.
      type: str
      sample: tag
  sample: []
undated:
  description: The tags that stay because it is not known when their image was made.
  returned: success
  type: list
  elements: dict
  contains:
    repository: *repository
    tag: *tag
    digest: *digest
  sample: []
missing_repositories:
  description: Names in O(rules[].repositories) of which the registry knows nothing.
  returned: success
  type: list
  elements: str
  sample: []
idle_rules:
  description:
    - Numbers, from 1 on, of the rules with O(rules[].repositories) or O(rules[].tags) that had no tag to decide about, since no tag is like
      their patterns, or earlier rules and O(protected_tags) have all that are. Each is warned of.
  returned: success
  type: list
  elements: int
  sample: []
repositories:
  description: How many repositories were looked at.
  returned: success
  type: int
  sample: 12
tags:
  description: How many tags they had.
  returned: success
  type: int
  sample: 240
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, diff, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._pki.x509 import now
from ansible_collections.dockyard.ops.plugins.module_utils._registry import options
from ansible_collections.dockyard.ops.plugins.module_utils._registry.pruning import Pruning, doubts, sentence
from ansible_collections.dockyard.ops.plugins.module_utils._registry.retention import policy_of


def run(call: ModuleCall) -> dict[str, Any]:
    """Apply the rules."""
    params = call.params
    if params["deadline"] < 1:
        raise DockyardError("registry_option_invalid", f"deadline is {params['deadline']:g}; give at least 1 second.")
    policy = policy_of(params["rules"], params["protected_tags"])
    policy.check()
    registry = options.connect(params)
    registry.ping()
    registry.limit(params["deadline"])
    outcome = Pruning(registry, policy, now(), call.check_mode).run()
    for doubt in doubts(outcome, registry.name):
        call.warn(doubt)
    result: dict[str, Any] = {
        "changed": bool(outcome.deleted),
        "msg": sentence(outcome, call.check_mode),
        "deleted": outcome.deleted,
        "kept": outcome.kept,
        "undated": outcome.undated,
        "missing_repositories": outcome.missing,
        "idle_rules": outcome.idle,
        "repositories": outcome.repositories,
        "tags": outcome.tags,
    }
    if call.diff_mode:
        result["diff"] = diff(params["registry"], outcome.before, outcome.after)
    return result


def main() -> None:
    run_module(
        run,
        argument_spec={
            **options.ARGUMENT_SPEC,
            "rules": {**options.RETENTION_RULES, "required": True},
            "protected_tags": {"type": "list", "elements": "str", "default": ["latest"]},
            "deadline": {"type": "float", "default": 3600},
        },
        required_together=options.REQUIRED_TOGETHER,
        mutually_exclusive=options.MUTUALLY_EXCLUSIVE,
    )


if __name__ == "__main__":
    main()

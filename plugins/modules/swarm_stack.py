#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_stack
short_description: Deploy a stack to a Docker Swarm, wait until it runs, and put it back if it does not
version_added: 0.3.0
description:
  - Brings the services, networks, configs and secrets of a stack to what a compose file or a dictionary declares. It asks the engine of a
    manager by its API, so neither the C(docker) command nor a library for it is needed on the host.
  - Everything is validated before the first change. Networks, configs and secrets are created first, then services are created and updated in the order
    in which they are declared, and what is to be removed is removed last, after all services run. A service that is as declared is not touched.
  - Configs and secrets are named by the hash of their content, so that a changed one is a new one, and goes out with an update of the services that
    use it. Those that a service had before its last update stay, for C(docker service rollback), and older ones are removed. The hash of a
    secret is salted with the identifier of the Swarm, and costly to compute.
  - The run ends when all services have run for O(settle) seconds. It fails if the Swarm has rolled a service back, if tasks of a service fail, or
    if no node can take one, with the last error of the task and the last lines of its log. The services are then put back to what they were.
  - A stack that C(docker stack deploy) has deployed can be taken over. Services that differ in nothing but what the command fills in are left alone;
    configs and secrets are deployed again under new names.
extends_documentation_fragment:
  - dockyard.ops._daemon.engine
  - dockyard.ops._attributes
requirements:
  - Root on a manager of the Swarm.
  - PyYAML on the managed host, for O(compose_file) and O(compose_content).
options:
  name:
    description:
      - Name of the stack. What belongs to it is called by it, for instance C(shop_web), and has the label C(com.docker.stack.namespace).
    type: str
    required: true
  state:
    description:
      - V(absent) removes the stack, and waits until its tasks and networks are gone. Its volumes are kept unless O(remove_volumes=true).
    type: str
    choices: [present, absent]
    default: present
  compose:
    description:
      - The definition as a dictionary, with the keys of a compose file. A C($) in it is a C($). Paths have to be absolute.
      - A file mode is written as a string, such as V("0440").
      - The content of a config is C(content), C(file) or C(environment); the last one names a variable of O(variables).
      - One of O(compose), O(compose_content) and O(compose_file) is required with O(state=present).
    type: dict
  compose_content:
    description:
      - The text of a compose file. It is read as the C(docker) command reads it, so that V(22:22) is a port and V(yes) a word. A key that is there
        twice is refused.
      - If C(content) of a secret is in it, the whole text is kept out of logs and results.
    type: str
  compose_file:
    description:
      - Path of a compose file on the managed host. Relative paths in it count from its folder.
    type: path
  variables:
    description:
      - Values for the variables of O(compose_content) and O(compose_file), such as C(${TAG:-latest}). The environment of the host is not looked at.
        A variable that is not given is empty.
    type: dict
    default: {}
  prune:
    description:
      - Whether services, networks, configs and secrets of the stack that are not declared are removed. Otherwise a warning names them.
    type: bool
    default: false
  remove_volumes:
    description:
      - Whether O(state=absent) also removes the volumes of the stack, and with them their data. Only those on this host can be removed.
    type: bool
    default: false
  resolve_image:
    description:
      - When a registry is asked for the digest behind an image's tag, so that all nodes run the same.
      - With V(changed), for services that are new or have another image than before. With V(always), in each run, so that a tag that was moved
        is deployed. With V(never), not at all, and each node runs what it has or finds by that tag.
      - A registry that does not say the digest is a warning.
    type: str
    choices: [changed, always, never]
    default: changed
  logins:
    description:
      - Logins that go along with the services, so that each node can pull their images.
    type: list
    elements: dict
    default: []
    suboptions:
      registry:
        description: The registry as it is written before an image's name, for instance V(registry.example.com:5000), or V(docker.io).
        type: str
        required: true
      username:
        description: The user.
        type: str
        required: true
      password:
        description: The password, or a token.
        type: str
        required: true
  login_config:
    description:
      - Where C(docker login) has left logins on the managed host. They go along with services for whose registry O(logins) has none.
        A file that does not exist has none.
      - A warning names logins that are in a credential helper, from which they can't be read.
    type: path
    default: ~/.docker/config.json
  wait:
    description:
      - Whether to wait until the services run. Without it, nothing is known of a failure, and nothing is put back.
    type: bool
    default: true
  wait_between:
    description:
      - Whether to wait also for each service before the next one is created or updated, for services that need others when they start.
        If one fails, those after it are not touched.
    type: bool
    default: false
  timeout:
    description:
      - Seconds that one wait may take. If tasks have failed by then, that is a failure as any other. If none has, because an image is still
        being pulled for instance, the module fails and says what is missing, and leaves the stack to it.
    type: int
    default: 300
  settle:
    description:
      - Seconds for which all tasks of a service that was changed must run before it counts. A task with a health check runs
        when it is healthy.
    type: int
    default: 5
  attempts:
    description:
      - How many tasks of one replica may fail before the service counts as failed. Those of an update are counted by the Swarm, as C(update_config) says.
    type: int
    default: 3
  on_failure:
    description:
      - What to do if a service fails, or the engine refuses something.
      - With V(put_back), everything that this run has changed is taken back, whether the Swarm has rolled it back by itself or not. Services get their
        former specification, those that are new are removed, and the module waits until they run as before.
        Volumes that the services have created stay.
      - With V(keep), everything is left as it is, to be looked at.
    type: str
    choices: [put_back, keep]
    default: put_back
notes:
  - A Swarm ignores some keys of a compose file without a word, such as C(build), C(depends_on), C(devices), C(network_mode), C(privileged), C(restart),
    C(security_opt) and C(shm_size). A warning names them, and RV(ignored_keys). Keys that would be lost and matter, such as C(mem_limit), and
    keys that are not known, are refused.
  - A network can't be changed in a Swarm. One that differs from what is declared is replaced if no service uses it, and refused otherwise.
  - In check mode, a host that is in no Swarm is taken for one that has nothing, with a warning.
seealso:
  - module: community.docker.docker_stack
    description: Calls the C(docker stack deploy) command, without check mode and diff.
  - name: Compose file
    description: The keys of a definition.
    link: https://docs.docker.com/reference/compose-file/legacy-versions/
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Deploy a stack
  dockyard.ops.swarm_stack:
    name: shop
    compose:
      services:
        web:
          image: registry.example.com/shop/web:1.4
          command: [sh, -c, 'read -r token < /run/secrets/token; exec sleep 100000']
          init: true
          secrets: [token]
          configs:
            - source: greeting
              target: /etc/greeting
          ports:
            - {target: 80, published: 8080, mode: host}
          deploy:
            replicas: 1
            update_config: {order: stop-first, failure_action: rollback}
      configs:
        greeting:
          content: "Hello\n"
      secrets:
        token:
          content: "{{ shop_token | default('not-so-secret') }}"

- name: Deploy the text of a compose file, with a value for its variable, and remove what it does not have
  dockyard.ops.swarm_stack:
    name: shop
    compose_content: |
      services:
        web:
          image: registry.example.com/shop/web:${TAG:-1.4}
          command: sleep 100000
          init: true
          deploy:
            replicas: ${REPLICAS}
    variables:
      REPLICAS: 2
    prune: true

- name: Remove the stack with its volumes
  dockyard.ops.swarm_stack:
    name: shop
    state: absent
    remove_volumes: true
"""

RETURN = r"""
msg:
  description: What happened, in one sentence.
  returned: always
  type: str
  sample: Created the config shop_greeting_b739da3ed2d1; updated the service shop_web (Configs). All services run.
swarm:
  description: Whether the host is in a Swarm. Only in check mode it need not be.
  returned: success, with O(state=present)
  type: bool
  sample: true
services:
  description:
    - The services of the stack by their names in the Swarm.
    - RV(services.action) is one of V(created), V(updated), V(removed) and V(none), or in check mode what it would be. RV(services.differences) names what was
      updated.
  returned: success
  type: dict
  contains:
    action:
      description: What was done with the service.
      type: str
    differences:
      description: The parts of the specification that differed.
      type: list
      elements: str
    image:
      description: The image with its digest, if the registry has said it.
      type: str
    running:
      description: How many of its tasks run as declared. Not in check mode.
      type: int
    desired:
      description: How many are to run. Not in check mode.
      type: int
    state:
      description: V(converged), or what else was seen with O(wait=false). Not in check mode.
      type: str
  sample:
    shop_web: {action: updated, differences: [Configs], image: "nginx:1.29@sha256:0123", running: 1, desired: 1, state: converged}
networks:
  description: The networks of the stack by their names, with C(action), which is V(created), V(replaced), V(removed) or V(none).
  returned: success
  type: dict
  sample: {shop_default: {action: none}}
configs:
  description: The configs of the stack by their names, with C(action), which is V(created), V(removed) or V(none).
  returned: success
  type: dict
  sample: {shop_greeting_b739da3ed2d1: {action: created}}
secrets:
  description: The secrets of the stack, likewise.
  returned: success
  type: dict
  sample: {shop_token_2e60298e158f: {action: none}}
ignored_keys:
  description: Keys of services that a Swarm ignores, by the services as they are declared.
  returned: success, with O(state=present)
  type: dict
  sample: {web: [restart]}
left:
  description: What the stack has and the definition does not, and what was not removed.
  returned: success, with O(state=present)
  type: list
  elements: str
  sample: [the service shop_old]
volumes:
  description: The volumes that were removed.
  returned: success, with O(state=absent)
  type: list
  elements: str
  sample: []
failure:
  description: The service that failed, with its task, the node, the last error of the task and the last lines of its log.
  returned: if a service failed
  type: dict
  sample: {service: shop_web, task: shop_web.1, node: one, error: "task: non-zero exit (3)", log: [no such table]}
done:
  description: What the run had done when it failed.
  returned: if a deployment failed
  type: list
  elements: str
  sample: [updated the service shop_web]
not_done:
  description: What it had not done.
  returned: if a deployment failed
  type: list
  elements: str
  sample: [update the service shop_api]
put_back:
  description: What was taken back.
  returned: if a deployment failed and O(on_failure=put_back)
  type: list
  elements: str
  sample: [restored the service shop_web]
diff:
  description: Each network, config, secret and service that changes, before and after. The name of a secret is all that is shown of it.
  returned: in diff mode
  type: list
  elements: dict
  sample:
    - before_header: service shop_web
      after_header: service shop_web
      before: |
        {
            "Name": "shop_web"
        }
      after: ""
"""

from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack import module, yaml_text
from ansible_collections.dockyard.ops.plugins.module_utils._module import MissingLibrary, ModuleCall, run_module


def run(call: ModuleCall) -> dict[str, object]:
    if module.needs_yaml(call.params) and yaml_text.YAML_IMPORT_ERROR:
        raise MissingLibrary("PyYAML", yaml_text.YAML_IMPORT_ERROR)
    return module.run(call)


def main() -> None:
    run_module(
        run,
        secrets=module.secrets,
        argument_spec=module.OPTIONS,
        mutually_exclusive=[module.SOURCES],
        required_if=[("state", "present", module.SOURCES, True)],
    )


if __name__ == "__main__":
    main()

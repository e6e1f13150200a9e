# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This doc fragment is PRIVATE to the collection dockyard.ops: it may change without notice.

from __future__ import annotations


class ModuleDocFragment:
    # For modules that run a database server in a container, with its data on the host.
    DOCUMENTATION = r"""
options:
  container_name:
    description: Name of the container. A container of that name that this module has not made is left alone, and is an error.
    type: str
    required: true
  directory:
    description:
      - Folder of the instance, on a file system that survives reboots. It is created. If it holds something that this module has not made, that
        is an error.
    type: path
    required: true
  state:
    description:
      - V(present) creates, changes and starts the instance.
      - V(absent) stops the server, with its data on the disk, and removes the container. The folder is kept, see O(remove_data).
    type: str
    choices: [present, absent]
    default: present
  image:
    description:
      - The image, which the host must have. Required with O(state=present).
      - An image of another version than the one that wrote the data is refused. M(dockyard.ops.database_upgrade) changes versions.
    type: str
  address:
    description: Address of the host on which the port is published.
    type: str
    default: 127.0.0.1
  networks:
    description: User-defined networks that the container is in. They must exist. Without any it is on the default bridge.
    type: list
    elements: str
    default: []
  cpus:
    description: Limit of processors, for instance V(1.5).
    type: str
  restart_policy:
    description: When the engine starts the container again by itself.
    type: str
    choices: ["no", always, on-failure, unless-stopped]
    default: unless-stopped
  stop_timeout:
    description:
      - Seconds in which the server has to write its data and end. It is never killed. The engine gives it the same time when it is stopped itself.
    type: int
    default: 300
  start_timeout:
    description: Seconds in which the server has to read its data and answer, also after a crash.
    type: int
    default: 300
  log_driver:
    description: Log driver of the container. If it is not given, the engine's own.
    type: str
  log_options:
    description: Options of the log driver.
    type: dict
    default: {}
  labels:
    description: Further labels of the container.
    type: dict
    default: {}
  adopt:
    description:
      - Whether data that are in C(data) below O(directory) already may be taken over. Nothing else may be in O(directory), they
        have to be of the same flavour and version, and no container may use them.
    type: bool
    default: false
  remove_data:
    description: Whether O(state=absent) deletes O(directory) with all its data. O(remove_data_of) has to confirm it.
    type: bool
    default: false
  remove_data_of:
    description: The name of the container whose data are to be deleted, as the second word on it.
    type: str
  lock_timeout:
    description: Seconds to wait for another run on the same instance.
    type: float
    default: 60
"""

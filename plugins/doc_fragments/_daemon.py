# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This doc fragment is PRIVATE to the collection dockyard.ops: it may change without notice.

from __future__ import annotations


class ModuleDocFragment:
    # For modules that change daemon.json and make the engine take the change over.
    DOCUMENTATION = r"""
requirements:
  - Root, on a managed host that is run by systemd.
  - C(ip) from iproute2, where addresses of networks are checked.
options:
  path:
    description:
      - The file. A folder that does not exist yet is made.
      - A file that the engine of C(docker.service) does not read (see C(--config-file) there) is written and checked, and the engine is left alone.
      - A symbolic link, and a file that belongs to another user than root, is refused.
    type: path
    default: /etc/docker/daemon.json
  restart:
    description:
      - When the engine may be restarted for a change that it can't take over by a reload. What a reload can do is always done by a reload.
      - With V(when_idle), when no container would stop. O(on_running_containers) says what happens otherwise.
      - With V(always), whatever runs. The containers that ran are running again afterwards.
      - With V(never), not at all. The file is written, and RV(restart_pending) says that a restart is pending. It also says
        that a change of the network waits for one, in every later run.
    type: str
    choices: [when_idle, always, never]
    default: when_idle
  on_running_containers:
    description:
      - What to do if O(restart=when_idle), the change needs a restart, and containers run that it would stop.
      - With V(fail), nothing is written, and the containers are named. A network of their own is the other way to give
        containers another subnet or to keep them apart, and needs no restart, see M(dockyard.ops.docker_networks).
      - With V(proceed), the engine is restarted. Containers that ran before run again afterwards, also those that have no restart
        policy. Containers that were started with C(--rm) can't come back, so they are refused all the same, as are those that lack
        what their next start needs, such as a folder, an address of the host or their log server.
      - An engine with C(live-restore) stops no container when it restarts. But as long as one runs, it does not
        change docker0. V(fail) then refuses changes of docker0 only, and V(proceed) leaves them pending and says so.
        Before version 25, such an engine still removes containers that were started with C(--rm), and so these are refused here too.
    type: str
    choices: [fail, proceed]
    default: fail
  on_lost_rules:
    description:
      - What to do if rules that the engine has written into the firewall are not in force any more, for ICC, masquerading or
        published ports. C(nft flush ruleset), C(iptables -F) or the start of another firewall remove them, and the engine
        neither notices nor shows it.
      - The same goes for what firewalld rejects because it was started after the engine, which gives its bridges to the zone C(docker)
        only when it starts. What another firewall's own chain drops of all that a network's containers send out is warned of.
      - With V(warn), the module warns, and names them in RV(ignore:lost_rules).
      - With V(restart), the engine is restarted, which writes them again. O(restart) and O(on_running_containers) decide
        about that restart as about any other.
      - An engine with C(iptables=false) has no rules that it could lose. Rules that can't be read are not missed.
    type: str
    choices: [warn, restart]
    default: warn
    version_added: 0.3.0
  on_data_move:
    description:
      - What to do if the engine would look for its data in another place at its next start. It copies nothing, so that containers, images,
        and for some keys volumes and networks, would be out of sight.
      - These do that, if they differ from what the engine has now, also by their removal, and also if the file has them since an earlier
        edit - C(data-root), C(userns-remap), C(storage-driver), C(features.containerd-snapshotter), and with containerd's image
        store also C(containerd), C(containerd-namespace) and C(features.embedded-containerd).
      - With V(fail), nothing is written, and what would be out of sight is counted and named.
      - With V(proceed), the change is made, and RV(out_of_sight) names it. With C(live-restore), containers must not run then, as
        they would run on without an engine that knows them.
      - Nothing is refused where the engine has none of these, or is not installed. Of an engine that does not run, the files in its
        data root are read.
    type: str
    choices: [fail, proceed]
    default: fail
    version_added: 0.3.0
  backup:
    description:
      - Whether to keep a copy of the old file beside it when the file changes.
      - A broken file that had kept the engine from starting is always kept.
    type: bool
    default: false
  timeout:
    description:
      - Seconds that the engine has to answer after a start, and its containers to run again.
    type: int
    default: 60
  mode:
    description:
      - The permissions of the file, as for M(ansible.builtin.file).
      - If not given, a new file gets V('0644'), and an existing file keeps what it has.
  unsafe_writes:
    description:
      - Has no effect. This module always replaces the file in one step.
notes:
  - What the engine last took over is saved under C(/var/lib/dockyard), in a file that only root can read. So a pending restart
    is found by the next run, also if a play was interrupted between the change of the file and the restart.
  - Before each start of the engine, C(systemctl reset-failed) clears systemd's count. Otherwise the fourth start within a minute would
    be refused, and the engine would stay down.
  - An engine that runs is not restarted if it could not start again whatever its file holds. So it is with a file, a program or a required
    unit of C(docker.service) that is gone, with a bridge that firewalld has in another zone than C(docker), and with a full disk.
seealso:
  - name: dockerd
    description: The keys of daemon.json.
    link: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
  - module: dockyard.ops.docker_networks
    description: User-defined networks, which need no restart.
"""

    # For all modules that change the engine of the host.
    ENGINE = r"""
options:
  lock_timeout:
    description:
      - Seconds to wait for another run of this collection that is changing the same engine.
    type: int
    default: 120
  socket:
    description:
      - The Unix socket on which the engine answers. It is asked first.
      - Needed only where neither the flags of its unit, the key C(hosts), C(docker.socket) nor C(/var/run/docker.sock) leads to it.
    type: path
    default: ""
    version_added: 0.3.0
"""

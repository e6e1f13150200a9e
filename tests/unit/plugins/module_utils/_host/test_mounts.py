# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is mounted, as the kernel lists it."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.dockyard.ops.plugins.module_utils._host.mounts import Mount, read_mounts

# Lines of real hosts: a shared root, a path with a blank and a backslash, a namespace, and both versions of cgroups.
LISTED = r"""25 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro
61 25 0:4 /a\040b /srv/back\134slash\040here rw shared:2 master:1 - tmpfs tmpfs rw,size=64k
70 25 0:4 net:[4026532301] /run/docker/netns/1a2b rw - nsfs nsfs rw
30 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw
31 25 0:27 /docker /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
"""


def test_each_line_is_a_mount(tmp_path: Path) -> None:
    listed = tmp_path / "mountinfo"
    listed.write_text(LISTED)
    assert list(read_mounts(str(listed))) == [
        Mount("/", "/", "ext4", ("rw", "errors=remount-ro")),
        Mount("/a b", "/srv/back\\slash here", "tmpfs", ("rw", "size=64k")),
        Mount("net:[4026532301]", "/run/docker/netns/1a2b", "nsfs", ("rw",)),
        Mount("/", "/sys/fs/cgroup", "cgroup2", ("rw",)),
        Mount("/docker", "/sys/fs/cgroup/cpu,cpuacct", "cgroup", ("rw", "cpu", "cpuacct")),
    ]


def test_this_machine_has_a_root() -> None:
    assert "/" in {mount.point for mount in read_mounts()}

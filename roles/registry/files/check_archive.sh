# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Says in one sentence why the archive $1 can't be restored below $3, or nothing.
# $2 is its SHA-256; where it is empty, the one in $1.sha256 counts.
archive=$1 sum=$2 target=$3
no() { echo "$*" >&2; exit 1; }

[ -f "$archive" ] || no "There is no archive $archive on this host; registry_restore_archive is a path on the managed host."
if [ -z "$sum" ]; then
    [ -f "$archive.sha256" ] || no "The archive $archive has no $archive.sha256 beside it; bring that too, or give registry_restore_checksum."
    sum=$(cut -d' ' -f1 "$archive.sha256")
fi
[ "$(sha256sum < "$archive" | cut -d' ' -f1)" = "$sum" ] || no "The checksum of $archive is not $sum: the archive is damaged or another one; take another backup."
content=$(tar --list --file "$archive" 2>/dev/null) || no "$archive is not a tar archive."
echo "$content" | grep -qEv '^(config|auth|tls|data|ca)(/|$)' && no "$archive holds more than a registry's config, auth, tls, data and ca: it is no backup by this role."
echo "$content" | grep -qE '(^|/)\.\.(/|$)' && no "$archive holds paths with '..': it is no backup by this role."
for file in config/config.yml tls/registry.crt tls/registry.key; do
    echo "$content" | grep -qx "$file" || no "$archive holds no $file: it is no backup by this role."
done
for folder in config auth tls data ca; do
    if mountpoint -q "$target/$folder"; then
        no "$target/$folder is a mount point and can't be set aside; mount the file system at $target instead, or restore $archive by hand."
    fi
done
where=$target
while [ ! -d "$where" ]; do where=$(dirname "$where"); done
free=$(df --output=avail --block-size=1 "$where" | tail -n 1)
size=$(stat -c %s "$archive")
[ "$free" -gt "$size" ] || no "The file system of $where has $free bytes left, and $archive needs $size."
echo "$content" | grep -q '^data/' && echo data
exit 0

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Says in one sentence why the backup $1 can't be restored, or as JSON what it is. $2: its SHA-256, or empty for the one in $1.sha256;
# $3: the data volume.
archive=$1 sum=$2 data=$3
no() { echo "$* Nothing was changed." >&2; exit 1; }

[ -f "$archive" ] || no "There is no backup $archive on this host; harbor_restore_archive is a path on the managed host."
if [ -z "$sum" ]; then
    [ -f "$archive.sha256" ] || no "$archive has no $archive.sha256 beside it; bring that too, or give harbor_restore_checksum."
    sum=$(cut -d' ' -f1 "$archive.sha256")
fi
[ "$(sha256sum < "$archive" | cut -d' ' -f1)" = "$sum" ] ||
    no "The SHA-256 of $archive is not $sum: it is truncated, damaged or another one; take another backup."
content=$(tar --list --file "$archive" 2> /dev/null) || no "$archive is truncated, or no tar archive; take another backup."
echo "$content" | grep -qEv '^(backup\.json|install|data|files)(/|$)' && no "$archive is no backup by this role."
echo "$content" | grep -qE '(^|/)\.\.(/|$)' && no "$archive is no backup by this role: it holds paths with '..'."
for file in backup.json install/harbor.yml; do
    echo "$content" | grep -qxF "$file" || no "$archive is no backup by this role: it holds no $file."
done
for part in $(echo "$content" | sed -n 's,^data/\([^/]*\)/.*,\1,p' | sort -u); do
    if mountpoint -q "$data/$part"; then
        no "$data/$part is a mount point and can't be set aside; mount the file system at $data instead, or restore $archive by hand."
    fi
done
free=$(df --output=avail --block-size=1 "$data" | tail -n 1)
size=$(stat -c %s "$archive")
[ "$free" -gt "$size" ] || no "The file system of $data has $free bytes left, and $archive needs $size there; make room."
tar --extract --to-stdout --file "$archive" backup.json

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Writes what has to be consistent into the archive $1, while Harbor is stopped. Owners and modes stay as numbers.
# $2: file that says what the archive is; $3: install folder; $4: data volume; $5: how many parts of it follow, then those,
# then files by their absolute paths.
set -eu
umask 077
archive=$1 about=$2 folder=$3 data=$4 count=$5
shift 5
rm -f "$archive"
add() { tar --numeric-owner --xattrs --file "$archive" --append "$@"; }

add --directory "$(dirname "$about")" --transform 's,.*,backup.json,' "$(basename "$about")"
# The tarball of images is in the release's own archive, and is most of it.
add --directory "$folder" --exclude './harbor.v*.tar.gz' --transform 's,^\.,install,S' .
while [ "$count" -gt 0 ]; do
    add --directory "$data" --transform 's,^,data/,S' "$1"
    shift
    count=$((count - 1))
done
for file; do
    # Certificates are links where a client of a certificate authority keeps them.
    add --dereference --directory / --transform 's,^,files/,S' "${file#/}"
done
sync "$archive"

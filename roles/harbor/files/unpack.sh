# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Unpacks the release in the archive $3, of version $4, as the folder $1, which must not be there or be empty. It comes into its place
# whole, and with the mark $2, which says until it is proven whether there was data before ($5).
set -eu
folder=$1 mark=$2 archive=$3 version=$4 data=$5
if [ -f "$mark" ]; then
    found=$(sed -nE 's,.*goharbor/prepare:v([0-9.]+).*,\1,p' "$folder/prepare" | head -n 1)
    [ "$found" != "$version" ] || exit 0
    echo "An installation of Harbor $found in $folder was interrupted; run again with its archive, or remove it with the entry point remove" >&2
    exit 1
fi
umask 022
mkdir -p "$(dirname "$folder")"
rm -rf "$folder.partial"
mkdir "$folder.partial"
tar --extract --gzip --no-same-owner --strip-components 1 --directory "$folder.partial" --file "$archive"
echo "$data" > "$folder.partial/$(basename "$mark")"
sync "$folder.partial/$(basename "$mark")"
[ ! -d "$folder" ] || rmdir "$folder"
mv "$folder.partial" "$folder"

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Says in one sentence why Harbor can't be installed from the archive $1, or as JSON what it holds.
# $2: its checksum, as sha256:…; $3: its signature; $4: the keyring for that; $5: where it is to be unpacked. $2 to $4 may be empty.
archive=$1 checksum=$2 signature=$3 keyring=$4 target=$5
no() { echo "$* Nothing was changed." >&2; exit 1; }

[ -f "$archive" ] || no "There is no archive $archive on this host; with remote_src, src is a path on the managed host."
if [ -n "$checksum" ]; then
    algorithm=${checksum%%:*}
    case $algorithm in
        md5 | sha1 | sha224 | sha256 | sha384 | sha512) ;;
        *) no "The checksum $checksum does not say which one it is; write it as sha256:… or md5:…." ;;
    esac
    found=$("${algorithm}sum" < "$archive" | cut -d' ' -f1)
    [ "$found" = "${checksum#*:}" ] || no "The $algorithm of $archive is $found and not ${checksum#*:}: it is damaged or another one; bring it again."
fi
if [ -n "$signature" ]; then
    if command -v gpgv > /dev/null; then
        set -- gpgv --keyring "$keyring" "$signature" "$archive"
    elif command -v sqv > /dev/null; then
        set -- sqv --keyring "$keyring" "$signature" "$archive"
    else
        no "Neither gpgv nor sqv is on this host to check $signature with; install the package gpgv."
    fi
    words=$("$@" 2>&1) || no "$signature is no good signature of $archive by a key of $keyring ($(echo "$words" | tail -n 1)); bring both again."
fi
# Reading all of it shows whether it is whole.
content=$(LC_ALL=C tar --list --verbose --numeric-owner --gzip --file "$archive" 2> /dev/null) ||
    no "$archive is truncated, or no gzipped tar archive; bring it again."
names=$(echo "$content" | awk '{ print $6 }')
echo "$names" | grep -qvE '^(\./)?harbor(/|$)' && no "$archive is no installer of Harbor: it holds more than a folder harbor."
echo "$names" | grep -qE '(^|/)\.\.(/|$)' && no "$archive is no installer of Harbor: it holds paths with '..'."
for file in prepare install.sh; do
    echo "$names" | grep -qE "^(\./)?harbor/$file\$" || no "$archive is no installer of Harbor: it holds no harbor/$file."
done
template=$(echo "$names" | grep -E '^(\./)?harbor/harbor\.yml(\.tmpl)?$' | sort | tail -n 1)
[ -n "$template" ] || no "$archive holds no harbor.yml.tmpl and no harbor.yml; this role installs Harbor 1.8 and newer."
version=$(echo "$names" | sed -nE 's,^(\./)?harbor/harbor\.v([0-9.]+)\.tar\.gz$,\2,p')
if [ -z "$version" ]; then
    prepare=$(echo "$names" | grep -E '^(\./)?harbor/prepare$')
    version=$(tar --extract --to-stdout --gzip --file "$archive" "$prepare" | sed -nE 's,.*goharbor/prepare:v([0-9.]+).*,\1,p' | head -n 1)
fi
[ -n "$version" ] || no "$archive does not say which version of Harbor it holds; give the archive as Harbor publishes it."
bytes=$(echo "$content" | awk '{ sum += $3 } END { printf "%.0f", sum }')
where=$target
while [ ! -d "$where" ]; do where=$(dirname "$where"); done
free=$(df --output=avail --block-size=1 "$where" | tail -n 1)
[ "$free" -gt "$bytes" ] || no "The file system of $target has $free bytes left, and Harbor $version needs $bytes there; make room."
echo "{\"version\": \"$version\", \"template\": \"$template\"}"

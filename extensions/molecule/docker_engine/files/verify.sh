#!/usr/bin/env bash
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Asks the engine, the registry and apt of a host, in one script because each question as a task costs more than its
# answer; each ends it with its own message.
#   verify.sh IMAGE SOURCE USER ...      SOURCE: distribution or docker; USERs: who are logged in
set -euo pipefail
image=$1 source=$2
shift 2

die() {
    echo "$*" >&2
    exit 1
}

version=$(docker version --format '{{ .Server.Version }}') || die "The engine does not answer."
systemctl is-enabled docker.service > /dev/null || die "systemd does not start the engine $version at boot."

case $source in
    docker) wanted='^docker-ce|^docker.io' ;;
    *) wanted='^docker.io|^docker-cli' ;;
esac
for program in /usr/bin/docker /usr/sbin/dockerd; do
    owner=$(dpkg-query --search "$program") || die "$program is of no package."
    [[ $owner =~ $wanted ]] || die "$program is of the wrong package: $owner"
done

su ops -c 'docker ps' > /dev/null || die "A member of the group docker can't use the engine."

# The registry asks for a client certificate, then for a password, and its CA is known to nobody else.
su ops -c "docker push $image && docker image rm $image && docker pull $image" > /dev/null \
    || die "A user who is logged in can't push and pull $image."

if said=$(docker --config /nonexistent pull "$image" 2>&1); then
    die "A client that is not logged in can pull."
fi
[[ $said =~ basic\ auth|unauthorized|authorization\ failed ]] || die "It is refused for another reason: $said"

for user in "$@"; do
    file=$(getent passwd "$user" | cut -d: -f6)/.docker/config.json
    found=$(stat --format '%a %U' "$file") || die "$user has no login."
    [ "$found" = "600 $user" ] || die "The login of $user is not that user's alone: $found"
done

[ "$source" = docker ] || exit 0
said=$(apt-get --simulate upgrade) || die "apt can't simulate an upgrade."
[[ $said != *docker-ce* ]] || die "The repository's newer client does not stay away: $said"
said=$(apt-get --simulate -o Dir::Etc::PreferencesParts=/nonexistent upgrade) || die "apt can't do without the pin."
[[ $said =~ Inst\ docker-ce-cli\ \[5:1\.0-1\]\ \(5:99\.0-1 ]] || die "Without the pin it would not come either: $said"

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What must be true before and after each change of the version; each check ends it with its own message.
#   use.sh REGISTRY VERSION
set -euo pipefail
registry=$1 image=$1/team/attested:1

die() {
    echo "$*" >&2
    exit 1
}

said=$(docker exec registry registry --version)
[[ $said =~ \ v?$2\. ]] || die "It is no $2: $said"

said=$(python3 /root/contents.py lost "$registry" /srv/registry/tls/ca.crt alice alice-Loh5eeng /root/noted.json)
[ -z "$said" ] || die "Lost: $said"

# The login of the first time is the one of all times.
mkdir -p "/etc/docker/certs.d/$registry"
[ -e /root/.docker/config.json ] || {
    cp /srv/registry/tls/ca.crt "/etc/docker/certs.d/$registry/ca.crt"
    said=$(echo alice-Loh5eeng | docker login --username alice --password-stdin "$registry" 2>&1) || die "No login: $said"
}
said=$(docker pull "$image" 2>&1) || die "What buildx pushes can't be pulled: $said"
docker tag "$image" "$registry/team/again:$2"
said=$(docker push "$registry/team/again:$2" 2>&1) || die "No push: $said"
docker image rm "$image" "$registry/team/again:$2" > /dev/null

! docker logs registry 2>&1 | grep -i 'traces export' || die "It sends traces to where nothing listens."

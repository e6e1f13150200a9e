#!/usr/bin/env bash
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What a user does: trusts the registry, logs in, pushes an image that nobody has pushed before, and pulls it by its
# digest, which is printed. One script, because it is run a dozen times; each check ends it with its own message.
#   use.sh REGISTRY IMAGE
set -euo pipefail
registry=$1 image=$1/team/$2
certificates=/etc/docker/certs.d/$registry

die() {
    echo "$*" >&2
    exit 1
}

mkdir -p "$certificates"
# As a module of the collection has left it, if one has.
cmp -s /srv/registry/tls/ca.crt "$certificates/ca.crt" || cp /srv/registry/tls/ca.crt "$certificates/ca.crt" \
    || die "The registry's CA certificate can't be read or trusted."

# An engine checks no certificate at a loopback address.
address=$(getent hosts "${registry%:*}") || die "The name ${registry%:*} has no address."
case $address in
    127* | ::1*) die "The registry's name has a loopback address: $address" ;;
esac

if said=$(echo wrong | docker login --username alice --password-stdin "$registry" 2>&1); then
    die "A wrong password is accepted."
fi
[[ $said == *"401 Unauthorized"* ]] || die "A wrong password is refused for another reason: $said"

said=$(echo alice-Loh5eeng | docker login --username alice --password-stdin "$registry" 2>&1) \
    || die "The right password is refused: $said"

folder=$(mktemp -d)
date +%N > "$folder/$2"
tar -C "$folder" -c . | docker import - "$image:1" > /dev/null || die "No image can be made."
rm -r "$folder"

said=$(docker push "$image:1" 2>&1) || die "The image can't be pushed: $said"
digest=$(sed -n 's/.*digest: \(sha256:[0-9a-f]*\).*/\1/p' <<< "$said")
[ -n "$digest" ] || die "The push names no digest: $said"
docker image rm "$image:1" > /dev/null || die "The image can't be removed from the engine."

said=$(docker pull "$image@$digest" 2>&1) || die "What was pushed can't be pulled by its digest $digest: $said"
docker image rm "$image@$digest" > /dev/null || die "The pulled image can't be removed from the engine."
echo "$digest"

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs on a test host: what people do with a registry from there, with each client that the host has. Prints a line for
# each thing that does not work, and nothing if all of it does. The CA and the login are those of the first day.
#   client.sh REGISTRY ADDRESS CA
set -u
registry=$1 ca=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
name=${registry%:*}
sed "/ $name$/d" /etc/hosts > "$scratch/hosts"
echo "$2 $name" >> "$scratch/hosts"
cat "$scratch/hosts" > /etc/hosts # it is mounted, and keeps its inode
mkdir -p "/etc/docker/certs.d/$registry"
cp "$ca" "/etc/docker/certs.d/$registry/ca.crt"

try() {
    said=$(timeout 120 "$@" 2>&1) || echo "$*: $(echo "$said" | tail -n 1)"
}

if docker version > /dev/null 2>&1; then
    version=$(docker version --format '{{.Server.Version}}' | tr -c '[:alnum:].\n' -)
    echo alice-Loh5eeng | try docker login --username alice --password-stdin "$registry"
    for image in plain attested multi; do
        try docker pull "$registry/team/$image:1"
    done
    try docker tag "$registry/team/multi:1" "$registry/pushed/docker:$version"
    try docker push "$registry/pushed/docker:$version"
    docker image rm --force "$registry/pushed/docker:$version" > /dev/null 2>&1
    for image in plain attested multi; do
        docker image rm --force "$registry/team/$image:1" > /dev/null 2>&1
    done
fi
if command -v skopeo > /dev/null; then
    login="alice:alice-Loh5eeng"
    for image in plain attested multi; do
        try skopeo copy --quiet --all --src-creds "$login" "docker://$registry/team/$image:1" "dir:$scratch/$image"
    done
    for image in nested signed empty; do
        try skopeo inspect --raw --creds "$login" "docker://$registry/team/$image:1"
    done
    try skopeo copy --quiet --all --dest-creds "$login" "dir:$scratch/multi" "docker://$registry/pushed/skopeo:1"
fi
for program in podman buildah; do
    if command -v $program > /dev/null; then
        # Over the overlay of the test host only plain copies work, and not in the root file system.
        set -- $program --root /var/lib/docker/$program --runroot /run/$program --storage-driver vfs
        try "$@" pull --quiet --creds alice:alice-Loh5eeng "$registry/team/attested:1"
        try "$@" push --quiet --creds alice:alice-Loh5eeng "$registry/team/attested:1" "docker://$registry/pushed/$program:1"
        "$@" rmi --force "$registry/team/attested:1" > /dev/null 2>&1
    fi
done
if command -v skopeo > /dev/null; then
    set -- --user alice:alice-Loh5eeng --tlscacert "$ca"
    for image in attested multi nested; do
        try ctr --namespace faults content fetch --all-platforms "$@" "$registry/team/$image:1"
    done
    try ctr --namespace faults images tag --force "$registry/team/multi:1" "$registry/pushed/ctr:1"
    try ctr --namespace faults images push "$@" "$registry/pushed/ctr:1"
    for image in $(ctr --namespace faults images list --quiet); do
        ctr --namespace faults images rm "$image" > /dev/null 2>&1
    done
fi

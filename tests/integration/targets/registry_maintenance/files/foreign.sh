#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Start registries as others do, from the image of the container named first: without a health check, a debug server and
# TLS, with their configuration on a small file system that is full.
set -eu
image=$(docker inspect -f '{{.Image}}' "$1")
base=$2
mkdir -p "$base/config" "$base/data/docker/registry/v2/repositories"
mountpoint -q "$base/config" || mount -t tmpfs -o size=16k,mode=0755 dockyard-test "$base/config"
cat > "$base/config/config.yml" <<END
version: 0.1
storage: {filesystem: {rootdirectory: /images}, delete: {enabled: true}}
http: {addr: ':5000'}
END
cat /dev/zero > "$base/config/full" 2> /dev/null || true

# The second one reads a copy that it has made when it was made itself.
docker create --name foreign-usual -p 127.0.0.1:5998:5000 -v "$base/config:/config:ro" -v "$base/data:/images" \
    --no-healthcheck --entrypoint registry "$image" serve /config/config.yml
docker create --name foreign-copy -p 127.0.0.1:5998:5000 -v "$base/config:/config:ro" -v "$base/data:/images" \
    --no-healthcheck --entrypoint sh "$image" -c \
    'test -e /tmp/copy.yml || cp /config/config.yml /tmp/copy.yml; exec registry serve /tmp/copy.yml' sh /config/config.yml

docker start foreign-copy

# These are never started: their configuration is enough to refuse them.
for name in redis mirror; do
    mkdir -p "$base/$name"
    docker create --name "foreign-$name" -v "$base/$name:/config:ro" --entrypoint registry "$image" serve /config/config.yml
done
cat > "$base/redis/config.yml" <<END
storage: {filesystem: {}, cache: {blobdescriptor: redis}}
redis: {addr: 'redis:6379'}
END
cat > "$base/mirror/config.yml" <<END
storage: {filesystem: {}}
proxy: {remoteurl: 'https://registry-1.docker.io'}
END

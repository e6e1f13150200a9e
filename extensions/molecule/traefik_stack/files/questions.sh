#!/usr/bin/env bash
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints what is not as it should be. $1: password of Portainer's administrator, $2: of the registry's user alice.
set -u
ca=/srv/traefik_stack/ca/ca.crt
ask() { # what, the expected answer, arguments of curl
    local what=$1 expected=$2 found
    shift 2
    found=$(curl --silent --max-time 30 --output /dev/null --cacert "$ca" --write-out '%{http_code} %{redirect_url}' \
        --resolve apps.stack.test:443:127.0.0.1 --resolve registry.stack.test:443:127.0.0.1 \
        --resolve apps.stack.test:80:127.0.0.1 "$@")
    [ "$found" = "$expected" ] || echo "$what: expected '$expected', found '$found'"
}
apps=https://apps.stack.test
registry=https://registry.stack.test
ask "plain HTTP" "301 $apps/x" http://apps.stack.test/x
ask "the slash that is missing" "301 $apps/portainer/" $apps/portainer
ask "the slash before a question mark" "301 $apps/portainer/?x=1" "$apps/portainer?x=1"
ask "the page of Portainer" "200 " $apps/portainer/
ask "what only begins like Portainer" "404 " $apps/portainerfoo
ask "a login to Portainer" "200 " -X POST -H "Origin: $apps" -H 'Sec-Fetch-Site: same-origin' \
    -H 'Content-Type: application/json' --data "{\"Username\":\"admin\",\"Password\":\"$1\"}" $apps/portainer/api/auth
ask "a wrong login to Portainer" "422 " -X POST -H "Origin: $apps" \
    -H 'Content-Type: application/json' --data '{"Username":"admin","Password":"wrong-password-1"}' $apps/portainer/api/auth
ask "a login from another page" "403 " -X POST -H 'Origin: https://evil.example' \
    -H 'Content-Type: application/json' --data "{\"Username\":\"admin\",\"Password\":\"$1\"}" $apps/portainer/api/auth
ask "the registry without a login" "401 " $registry/v2/
ask "the registry with the right login" "200 " --user "alice:$2" $registry/v2/
ask "the registry with a wrong login" "401 " --user "alice:wrong" $registry/v2/
ask "an unknown path" "404 " $apps/none
ask "the service of a user" "200 " $apps/hello/
ask "the service of a user without its slash" "301 $apps/hello/" $apps/hello
ask "the dashboard, which is off" "404 " $apps/dashboard/
# The certificate is that of the stack's own CA, for the names by which it is reached.
curl --silent --max-time 30 --output /dev/null --cacert "$ca" --resolve other.stack.test:443:127.0.0.1 https://other.stack.test/
[ $? = 60 ] || echo "a name that is not in the certificate: no complaint about the certificate"
# Neither Traefik nor what users deploy has the engine's socket.
for service in traefik portainer registry hello; do
    docker service inspect --format '{{ json .Spec.TaskTemplate.ContainerSpec.Mounts }}' "edge_$service" | grep -q docker.sock &&
        echo "edge_$service has the engine's socket"
done
# Both replicas of the service are asked.
for task in $(docker ps --quiet --filter label=com.docker.swarm.service.name=edge_hello); do
    docker logs "$task" 2>&1 | grep -q 'GET / ' || { for _ in 1 2 3 4; do ask "a replica" "200 " $apps/hello/; done; }
    docker logs "$task" 2>&1 | grep -q 'GET / ' || echo "a replica of edge_hello was not asked"
done
exit 0

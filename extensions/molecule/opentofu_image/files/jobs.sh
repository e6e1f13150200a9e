#!/usr/bin/env bash
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs jobs in the image, as GitLab's runner would, against the server that imitates GitLab's states. Argument: the image by digest.
set -uo pipefail
image=$1
folder=$(mktemp -d /root/dockyard-test/opentofu/job.XXXXXX)
chmod 777 "$folder"
failed=0
check() { # MESSAGE COMMAND ...
    local message=$1
    shift
    "$@" || {
        echo "FAILED: $message" >&2
        failed=1
    }
}
systemctl stop dockyard-test-gitlab 2>/dev/null
echo glcbt-secret-token >"$folder/token"
systemd-run --quiet --collect --unit=dockyard-test-gitlab --property="StandardInput=file:$folder/token" \
    --property="StandardOutput=file:$folder/requests" python3 /root/dockyard-test/opentofu/gitlab_state.py 18080
for _try in $(seq 100); do
    curl --silent --output /dev/null http://127.0.0.1:18080/ && break
    sleep 0.2
done
in_job() { # OPTION ... -- COMMAND: a job, with what GitLab sets
    docker run --rm --network host --workdir /builds --volume "$folder:/builds" --env CI_API_V4_URL=http://127.0.0.1:18080/api/v4 \
        --env CI_PROJECT_ID=42 --env CI_JOB_ID=1 --env CI_SERVER_HOST=gitlab.example.com --env CI_JOB_TOKEN=glcbt-secret-token "$@"
}
cat >"$folder/main.tf" <<'END'
terraform {
  backend "http" {}
}
resource "terraform_data" "one" {
  provisioner "local-exec" {
    command = "trap '' TERM; touch begun; sleep ${var.seconds} & wait"
  }
}
variable "seconds" {
  default = 0
}
END
chmod 666 "$folder/main.tf"

check "a pipeline" in_job "$image" sh -ec 'gitlab-tofu fmt; gitlab-tofu validate; gitlab-tofu plan; gitlab-tofu apply; gitlab-terraform output; gitlab-tofu destroy'
check "the plan's report" test "$(cat "$folder/plan.json")" = '{"create":1,"update":0,"delete":0}'
check "locks and releases" test "$(grep -c 'POST .*/lock HTTP.* 200' "$folder/requests")" = 3 -a "$(grep -c 'DELETE .*/lock?ID=.* 200' "$folder/requests")" = 3
check "no token in files" test -z "$(grep -rl glcbt-secret-token "$folder" | grep -v /token)"

check "another's lock" curl --silent --fail --output /dev/null --user gitlab-ci-token:glcbt-secret-token --header 'Content-Type: application/json' \
    --data '{"ID":"anothers","Operation":"apply","Info":"","Who":"","Version":"","Created":"","Path":""}' http://127.0.0.1:18080/api/v4/projects/42/terraform/state/default/lock
refused=$(in_job "$image" gitlab-tofu plan 2>&1) && check "a plan in spite of another's lock" false
check "another's lock is named" grep -q 'locked by ci since .*, with the lock anothers. That lock is' <<<"$refused"
check "it is released" curl --silent --fail --output /dev/null --request DELETE --user gitlab-ci-token:glcbt-secret-token \
    'http://127.0.0.1:18080/api/v4/projects/42/terraform/state/default/lock?ID=anothers'

# A job that is cancelled: the runner sends SIGTERM to all processes of the container but the first, the newest first. The job's shell
# survives it until its command has ended.
rm -f "$folder/begun"
container=$(in_job --detach --init --rm=false --env GITLAB_TOFU_APPLY_NO_PLAN=true --env TF_VAR_seconds=5 "$image" sh -c 'trap "exit 1" TERM; gitlab-tofu apply; exit')
for _try in $(seq 600); do
    [ -e "$folder/begun" ] && break
    sleep 0.1
done
docker exec "$container" sh -c 'for pid in $(ps -eo pid= | sort -rn); do [ "$pid" = 1 ] || [ "$pid" = $$ ] || kill -TERM "$pid" 2>/dev/null; done; true'
docker wait "$container" >/dev/null
log=$(docker logs "$container" 2>&1)
docker rm "$container" >/dev/null
check "tofu was interrupted once: $log" test "$(grep -c 'Interrupt received' <<<"$log")" = 1
check "the lock is released" grep -q 'Released the lock' <<<"$log"
check "the state was written" in_job "$image" sh -c 'gitlab-tofu state list 2>/dev/null | grep -q terraform_data.one'
check "the log has no token" test -z "$(grep glcbt-secret-token <<<"$log")"

check "the user" test "$(in_job "$image" sh -c 'echo $(id -un) $(id -u):$(id -g) $HOME; touch $HOME/file')" = "tofu 1000:1000 /home/tofu"
check "names with umlauts" test "$(in_job "$image" idn2 bücher.example)" = xn--bcher-kva.example
check "a CA of one's own" test "$(in_job "$image" curl --silent --output /dev/null --write-out '%{http_code}' https://registry.opentofu-image.test:5000/v2/)" = 401
check "ssh and git" in_job "$image" sh -ec 'ssh-keygen -q -t ed25519 -N "" -f $HOME/key; git init --quiet $HOME/r; cd $HOME/r; git -c user.name=x -c user.email=x commit --quiet --allow-empty -m x; tree --version >/dev/null'
systemctl stop dockyard-test-gitlab
rm -rf "$folder"
exit $failed

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wrapper gitlab-tofu with the real tofu: its commands and its variables."""

from __future__ import annotations

import json
import pathlib
import ssl
import subprocess
import sys
import threading

import gitlab_state
import pytest
from gitlab_job import TOKEN, Job

ONE = """
variable "value" {
  default = "x"
}
resource "terraform_data" "one" {
  input = var.value
}
output "value" {
  value = terraform_data.one.output
}
"""


def report(job: Job, name: str = "plan.json") -> dict[str, int]:
    found: dict[str, int] = json.loads((job.folder / name).read_text())
    return found


def test_a_pipeline_from_init_to_destroy(job: Job) -> None:
    job.write(ONE)
    job.ok("init")
    job.ok("validate")
    job.ok("plan")
    job.ok("plan-json")
    assert report(job) == {"create": 1, "update": 0, "delete": 0}
    job.ok("apply")
    assert job.script("gitlab-tofu output -raw value 2>/dev/null") == "x"
    assert "terraform_data.one" in job.ok("state", "list")
    assert "terraform_data.one" in job.ok("graph")
    job.ok("plan")
    job.ok("plan-json")
    assert report(job) == {"create": 0, "update": 0, "delete": 0}
    job.ok("destroy")
    assert json.loads(job.state().versions[max(job.state().versions)])["resources"] == []
    assert job.state().lock is None
    # Each lock was released, and each state was written with the identity of its lock.
    assert job.gitlab.asked("POST", "/lock") == job.gitlab.asked("DELETE", "/lock") == [200] * 4
    uploads = [path for method, path, status in job.gitlab.requests if method == "POST" and "/lock" not in path]
    assert uploads and all("?ID=" in path for path in uploads)


def test_a_saved_plan_is_applied_once(job: Job) -> None:
    job.write(ONE)
    job.ok("plan")
    job.ok("apply")
    status, output = job.run("apply")
    assert status == 1 and "stale" in output
    assert job.state().lock is None


def test_a_missing_plan_is_named(job: Job) -> None:
    job.write(ONE)
    for command in ("apply", "plan-json"):
        status, output = job.run(command)
        assert status == 1
        assert "There is no plan plan.cache in .; run gitlab-tofu plan first, and hand it on as an artifact" in output


def test_the_format_is_checked(job: Job) -> None:
    job.write(ONE)
    job.ok("fmt")
    job.write("locals {\n x =   1\n}\n", "other.tf")
    status, output = job.run("fmt")
    assert status == 3 and "other.tf" in output
    assert (job.folder / "other.tf").read_text() == "locals {\n x =   1\n}\n"


def test_tests_of_the_configuration(job: Job) -> None:
    job.write(ONE)
    job.write(
        'run "one" {\n  assert {\n    condition     = output.value == "x"\n    error_message = "not x"\n  }\n}\n',
        "main.tftest.hcl",
    )
    assert "1 passed" in job.ok("test")
    assert job.gitlab.requests == []


def test_validate_asks_nobody_for_the_state(job: Job) -> None:
    job.write(ONE)
    job.ok("validate")
    assert job.gitlab.requests == []
    job.write("nonsense {}\n", "other.tf")
    status, output = job.run("validate")
    assert status == 1 and "nonsense" in output


def test_other_commands_are_those_of_tofu(job: Job) -> None:
    job.write(ONE)
    assert "OpenTofu v" in job.ok("version")
    assert "OpenTofu v" in job.ok("--", "version")
    status, output = job.run("nosuchcommand")
    assert status == 1 and "nosuchcommand" in output
    status, output = job.run()
    assert status == 1 and "Give a command: init, validate, plan" in output
    job.ok("apply", GITLAB_TOFU_APPLY_NO_PLAN="true")
    locks = len(job.gitlab.asked("POST", "/lock"))
    job.ok("state", "rm", "terraform_data.one")
    assert len(job.gitlab.asked("POST", "/lock")) == locks + 1
    assert job.ok("--", "state", "list").strip() == ""
    assert job.state().lock is None


def test_names_and_addresses_of_states(job: Job) -> None:
    job.write(ONE)
    job.ok("plan", GITLAB_TOFU_STATE_NAME="prod/eu west")
    assert list(job.gitlab.states) == ["prod/eu west"]
    assert "/terraform/state/prod%2Feu%20west" in job.gitlab.requests[0][1]
    address = job.environment["CI_API_V4_URL"] + "/projects/42/terraform/state/given"
    job.ok("plan", GITLAB_TOFU_STATE_ADDRESS=address)
    job.ok(
        "plan",
        TF_HTTP_ADDRESS=address.replace("given", "tofu"),
        TF_HTTP_USERNAME="gitlab-ci-token",
        TF_HTTP_PASSWORD=TOKEN,
    )
    assert list(job.gitlab.states) == ["prod/eu west", "given", "tofu"]
    job.ok("plan", CI_JOB_TOKEN="none", TF_HTTP_PASSWORD=TOKEN)


def test_older_names_of_variables(job: Job) -> None:
    root = job.folder / "infra"
    root.mkdir()
    (root / "main.tf").write_text('terraform {\n  backend "http" {}\n}\n' + ONE)
    output = job.ok("plan", TF_ROOT="infra", TF_STATE_NAME="old")
    for before, now in (("TF_ROOT", "GITLAB_TOFU_ROOT_DIR"), ("TF_STATE_NAME", "GITLAB_TOFU_STATE_NAME")):
        assert f"WARNING: {before} is the older name of {now}, use that." in output
    assert list(job.gitlab.states) == ["old"] and (root / "plan.cache").exists()
    # Under its older name they count without a word, and so do those that gitlab-tofu does not know.
    older = {"TF_ROOT": "infra", "TF_STATE_NAME": "older", "TF_PLAN_CACHE": "p.cache", "TF_PLAN_JSON": "p.json"}
    older |= {"CI_JOB_TOKEN": "none", "TF_USERNAME": "gitlab-ci-token", "TF_PASSWORD": TOKEN}
    assert "older name" not in job.ok("plan", name="gitlab-terraform", **older)
    job.ok("plan-json", name="gitlab-terraform", **older)
    assert report(job, "infra/p.json")["create"] == 1 and (root / "p.cache").exists()
    status, output = job.run("plan", **older)
    assert status == 1 and "requires auth" in output


def test_root_folder_plan_names_and_files_with_variables(job: Job) -> None:
    root = job.folder / "a b"
    root.mkdir()
    (root / "main.tf").write_text('terraform {\n  backend "http" {}\n}\n' + ONE)
    (root / "eu.tfvars").write_text('value = "eu"\n')
    settings = {"GITLAB_TOFU_ROOT_DIR": "a b", "GITLAB_TOFU_PLAN_NAME": "eu", "GITLAB_TOFU_VAR_FILE": "eu.tfvars"}
    job.ok("plan", GITLAB_TOFU_PLAN_WITH_JSON="true", **settings)
    assert report(job, "a b/eu.json") == {"create": 1, "update": 0, "delete": 0}
    job.ok("apply", **settings)
    assert b'"eu"' in job.state().versions[max(job.state().versions)]
    job.ok("apply", GITLAB_TOFU_APPLY_NO_PLAN="true", GITLAB_TOFU_ROOT_DIR="a b")
    assert b'"eu"' not in job.state().versions[max(job.state().versions)]
    cache, plan = job.folder / "given.cache", job.folder / "given.json"
    given = {"GITLAB_TOFU_PLAN_CACHE": str(cache), "GITLAB_TOFU_PLAN_JSON": str(plan), "GITLAB_TOFU_ROOT_DIR": "a b"}
    job.ok("plan", **given)
    job.ok("plan-json", **given)
    assert cache.exists() and report(job, "given.json") == {"create": 0, "update": 0, "delete": 0}
    job.ok("destroy", **settings)


def test_the_detailed_exit_status(job: Job) -> None:
    job.write(ONE)
    status, output = job.run("plan", GITLAB_TOFU_USE_DETAILED_EXITCODE="true", GITLAB_TOFU_PLAN_WITH_JSON="true")
    assert status == 2, output
    assert report(job)["create"] == 1
    job.ok("apply")
    job.ok("plan", GITLAB_TOFU_USE_DETAILED_EXITCODE="true")
    job.write("nonsense {}\n", "other.tf")
    assert job.run("plan", GITLAB_TOFU_USE_DETAILED_EXITCODE="true")[0] == 1


def test_how_tofu_is_initialized(job: Job) -> None:
    job.write(ONE)
    status, output = job.run("plan", GITLAB_TOFU_IMPLICIT_INIT="false")
    assert status == 1 and "init" in output
    assert not (job.folder / ".terraform" / "terraform.tfstate").exists()
    assert job.state().lock is None
    job.ok("plan", GITLAB_TOFU_INIT_FLAGS="-upgrade -no-color", GITLAB_TOFU_INIT_NO_RECONFIGURE="true")
    status, output = job.run("plan", GITLAB_TOFU_INIT_FLAGS="-nosuchoption")
    assert status == 1 and "nosuchoption" in output
    output = job.ok("plan", GITLAB_TOFU_INIT_FLAGS="-nosuchoption", GITLAB_TOFU_IGNORE_INIT_ERRORS="true")
    assert "WARNING: tofu init failed, and GITLAB_TOFU_IGNORE_INIT_ERRORS goes on without it." in output


def test_variables_of_the_job(job: Job) -> None:
    job.write(
        ONE + 'variable "CI_JOB_ID" {}\nvariable "ci_job_id" {}\nvariable "ci_project_path" {}\n'
        'output "seen" {\n  value = "${var.CI_JOB_ID} ${var.ci_job_id} ${var.ci_project_path}"\n}\n'
    )
    job.ok("apply", GITLAB_TOFU_APPLY_NO_PLAN="true", CI_PROJECT_PATH="group/it's", TF_VAR_ci_job_id="mine")
    assert job.script("gitlab-tofu output -raw seen 2>/dev/null") == "4711 mine group/it's"


def test_sourcing_sets_what_tofu_needs(job: Job) -> None:
    job.write(ONE)
    script = (
        "set -x; . gitlab-tofu; echo on >&2; set +x; tofu init >&2 && tofu plan -lock-timeout=1s >&2;"
        ' test "$TF_TOKEN_git__lab_xn____bcher__kva_example" = "$CI_JOB_TOKEN" && echo same'
    )
    for given in ({}, {"GITLAB_TOFU_SOURCE": "true"}):
        output = job.script(script, **given)
        assert "same" in output and "+ echo on" in output
    assert job.gitlab.asked("POST", "/lock") == job.gitlab.asked("DELETE", "/lock") == [200, 200]


def test_plans_that_are_not_encrypted_are_warned_of(job: Job) -> None:
    job.write(ONE)
    warning = "WARNING: The plan plan.cache is not encrypted and can hold secrets in clear text."
    assert warning in job.ok("plan")
    passphrase = 'sixteen ${or} %{more} "characters" \\'
    encrypted = {"GITLAB_TOFU_AUTO_ENCRYPTION": "true", "GITLAB_TOFU_AUTO_ENCRYPTION_PASSPHRASE": passphrase}
    assert warning not in job.ok("plan", **encrypted)
    job.ok("plan-json", **encrypted)
    job.ok("apply", **encrypted)
    assert b"encrypted_data" in job.state().versions[max(job.state().versions)]
    assert job.run("plan")[0] == 1
    status, output = job.run("plan", GITLAB_TOFU_AUTO_ENCRYPTION="true")
    assert (
        status == 1 and "GITLAB_TOFU_AUTO_ENCRYPTION needs GITLAB_TOFU_AUTO_ENCRYPTION_PASSPHRASE, of 16 char" in output
    )
    assert passphrase not in job.output


def test_a_state_that_was_not_encrypted_is_migrated(job: Job) -> None:
    job.write(ONE)
    job.ok("apply", GITLAB_TOFU_APPLY_NO_PLAN="true")
    encrypted = {"GITLAB_TOFU_AUTO_ENCRYPTION": "true", "GITLAB_TOFU_AUTO_ENCRYPTION_PASSPHRASE": "x" * 16}
    assert job.run("plan", **encrypted)[0] == 1
    migrating = {"GITLAB_TOFU_AUTO_ENCRYPTION_ENABLE_MIGRATION_FROM_UNENCRYPTED": "true"}
    job.ok("apply", GITLAB_TOFU_APPLY_NO_PLAN="true", TF_VAR_value="y", **encrypted, **migrating)
    assert b"encrypted_data" in job.state().versions[max(job.state().versions)]
    job.ok("plan", **encrypted)
    assert (
        "TF_ENCRYPTION is set, so that GITLAB_TOFU_AUTO_ENCRYPTION does nothing"
        in job.run("plan", TF_ENCRYPTION=" ", **encrypted)[1]
    )


def test_a_ca_of_ones_own(job: Job, tmp_path: pathlib.Path) -> None:
    certificate, key = tmp_path / "ca.pem", tmp_path / "ca.key"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
        ]
        + ["/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    server = gitlab_state.Server(("127.0.0.1", 0), job.gitlab)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    job.write(ONE)
    job.environment["CI_API_V4_URL"] = f"https://localhost:{server.server_port}/api/v4"
    status, output = job.run("plan", TF_HTTP_RETRY_MAX="0")
    assert status == 1 and "certificate" in output
    for name, given in (
        ("GITLAB_TOFU_CUSTOM_CA", str(certificate)),
        ("GITLAB_TOFU_CUSTOM_CA", certificate.read_text()),
        ("CI_SERVER_TLS_CA_FILE", str(certificate)),
    ):
        job.ok("plan", **{name: given})
    server.shutdown()
    server.server_close()


def test_a_missing_program_is_named(job: Job) -> None:
    (job.programs / "tofu").unlink()
    status, output = job.run("plan")
    assert status == 1
    assert "The command tofu is missing in this image; use one that dockyard.ops.opentofu_image has built." in output


def test_the_token_is_in_no_argument_and_in_no_message(job: Job) -> None:
    """Its absence in files and in all output is checked after every test."""
    job.write(ONE + f"""
resource "terraform_data" "arguments" {{
  provisioner "local-exec" {{
    command = "cat /proc/[0-9]*/cmdline > {job.folder}/arguments 2>/dev/null || true"
  }}
}}
""")
    stop = threading.Event()
    seen: set[str] = set()

    def look() -> None:
        while not stop.is_set():
            for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(file.read_text(errors="replace"))
                except OSError:
                    continue

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        output = job.ok("plan", GITLAB_TOFU_DEBUG="true", TF_LOG="TRACE")
        job.ok("apply", GITLAB_TOFU_DEBUG="true", TF_LOG="TRACE")
    finally:
        stop.set()
        watcher.join()
    assert "gitlab-tofu: password is set" in output and "state http://127.0.0.1" in output
    assert (job.folder / "arguments").stat().st_size > 0
    assert any("--config" in arguments for arguments in seen), "no curl was seen; the watcher is too slow"
    assert [arguments for arguments in seen if TOKEN in arguments and "pytest" not in arguments] == []


def test_the_stand_in_as_a_program(tmp_path: pathlib.Path) -> None:
    """The scenario starts it like this on a host."""
    done = subprocess.run(
        [sys.executable, gitlab_state.__file__, "none"], input="token\n", capture_output=True, text=True, check=False
    )
    assert done.returncode != 0 and "invalid literal" in done.stderr


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusals_of_gitlab_say_what_to_do(job: Job, status: int) -> None:
    job.write(ONE)
    job.ok("init")
    job.gitlab.faults["POST /lock"] = [status]
    exit_status, output = job.run("plan", GITLAB_TOFU_IMPLICIT_INIT="false")
    says = {401: "the token is not accepted", 403: "takes the role Maintainer", 404: "check CI_PROJECT_ID"}
    assert exit_status == 1
    assert (
        f"GitLab gives no lock (HTTP {status}, {job.environment['CI_API_V4_URL']}" in output and says[status] in output
    )


def test_developers_can_plan(job: Job) -> None:
    job.write(ONE)
    job.ok("apply", GITLAB_TOFU_APPLY_NO_PLAN="true")
    job.gitlab.tokens[f"gitlab-ci-token:{TOKEN}"].role = "developer"
    locks = len(job.gitlab.asked("POST", "/lock"))
    assert job.run("plan")[0] == 1
    job.ok("plan", GITLAB_TOFU_ALLOW_DEVELOPER_ROLE="true")
    job.ok("plan", "-lock=false")
    assert len(job.gitlab.asked("POST", "/lock")) == locks + 1

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken from the engine's log, on lines that engines and systemd really write."""

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import log_words

STAMP = 'time="2026-11-24T01:07:27.001001128Z" '


@pytest.mark.parametrize(
    "line, plain",
    [
        (
            STAMP + 'level=error msg="unable to configure the Docker daemon with file /etc/docker/daemon.json:'
            " invalid character '\\\\n' in literal true (expecting 'u')\"",
            "unable to configure the Docker daemon with file /etc/docker/daemon.json: invalid character '\\\\n' in"
            " literal"
            " true (expecting 'u')",
        ),
        (
            STAMP + 'level=error msg="Failed to GetDriver graph" driver=nonsense error="graphdriver plugins are only'
            ' supported with experimental mode" home-dir=/var/lib/docker',
            "Failed to GetDriver graph: graphdriver plugins are only supported with experimental mode",
        ),
        (
            STAMP + 'level=fatal msg="Error starting daemon: Error creating default \\"bridge\\" network: failed to'
            ' allocate gateway (10.77.0.0): Address already in use"',
            'Error starting daemon: Error creating default "bridge" network: failed to allocate gateway (10.77.0.0):'
            " Address already in use",
        ),
        (
            "failed to start daemon: error initializing graphdriver: driver not supported",
            "failed to start daemon: error initializing graphdriver: driver not supported",
        ),
        ("  dockerd needs to be started with root privileges.  ", "dockerd needs to be started with root privileges"),
    ],
)
def test_a_line_of_the_log_without_its_trimmings(line: str, plain: str) -> None:
    assert log_words._log_message(line) == plain


def test_the_last_words_of_an_engine_that_failed() -> None:
    # Docker 26.1 with a bip that is the address of its network, as `journalctl --output=cat` has it
    log = [
        "Starting docker.service - Docker Application Container Engine...",
        STAMP + 'level=info msg="Starting up"',
        STAMP + 'level=warning msg="WARNING: No swap limit support"',
        STAMP + 'level=info msg="stopping event stream following graceful shutdown" error="<nil>" module=libcontainerd',
        'failed to start daemon: Error initializing network controller: error creating default "bridge" network:'
        " failed"
        " to allocate gateway (10.77.0.0): Address already in use",
        "docker.service: Main process exited, code=exited, status=1/FAILURE",
        "docker.service: Failed with result 'exit-code'.",
        "Failed to start docker.service - Docker Application Container Engine.",
        "docker.service: Scheduled restart job, restart counter is at 1.",
    ]
    assert log_words.most_telling(log) == (
        'failed to start daemon: Error initializing network controller: error creating default "bridge" network:'
        " failed to"
        " allocate gateway (10.77.0.0): Address already in use"
    )


def test_where_the_engine_says_nothing_systemd_is_asked() -> None:
    log = [
        "docker.service: Control process exited, code=exited, status=1/FAILURE",
        "docker.service: Failed with result 'exit-code'.",
        "Failed to start docker.service - Docker Application Container Engine.",
        "docker.service: Scheduled restart job, restart counter is at 3.",
    ]
    assert log_words.most_telling(log) == "docker.service: Control process exited, code=exited, status=1/FAILURE"
    log[0] = "docker.service: Failed to load environment files: No such file or directory"
    log.insert(1, "docker.service: Failed to run 'start-pre' task: No such file or directory")  # systemd 252
    assert log_words.most_telling(log) == "; ".join(log[:2])


def test_the_end_of_the_engine_is_not_the_reason_of_what_systemd_ran_besides() -> None:
    """Docker 20.10 with an ExecStartPost that fails, on a busy host: the engine ends, and says so."""
    log = [
        STAMP + 'level=info msg="API listen on /run/docker.sock"',
        "docker.service: Control process exited, code=exited, status=1/FAILURE",
        "Failed to get event: rpc error: code = Unavailable desc = transport is closing",
        "docker.service: Failed with result 'exit-code'.",
    ]
    assert log_words.most_telling(log) == f"{log[2]}; {log[1]}"


def test_the_last_words_name_each_error_once_and_the_last_ones() -> None:
    errors = [STAMP + f'level=error msg="error number {number}"' for number in (1, 2, 3, 4, 5, 5, 5)]
    assert log_words.most_telling(errors[:3]) == "error number 1; error number 2; error number 3"
    assert log_words.most_telling(errors, 2) == "error number 5"
    assert log_words.most_telling([errors[0], errors[0]]) == "error number 1"


def test_the_last_words_where_no_error_is_named() -> None:
    log = [
        "Starting docker.service",
        "panic in the machine room.",
        "docker.service: Failed with result 'exit-code'.",
        "",
    ]
    assert log_words.most_telling(log) == "panic in the machine room"
    assert log_words.most_telling([STAMP + 'level=info msg="Starting up"', ""]) == ""
    assert log_words.most_telling([]) == ""

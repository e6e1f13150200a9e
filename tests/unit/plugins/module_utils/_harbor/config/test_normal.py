# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the migration takes, and what is read from a trace if it does not take it."""

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.config import normal
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.version import Version

FRAME = """Traceback (most recent call last):
  File "/usr/src/app/commands/migrate.py", line 48, in migrate
    m.migrate(current_input_path, current_output_path)
    ~~~~~~~~~^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/src/app/migrations/version_2_7_0/__init__.py", line 21, in migrate
    f.write(tpl.render(**config_dict))
  File "/usr/src/app/migrations/version_2_7_0/harbor.yml.jinja", line 366, in top-level template code
    {line}
    ^^^^^^^^^^^^^^^^^^^^^^^^^
{error}
"""
DATABASE = {"external_database": {"harbor": {"host": "db"}}, "trace": {"otel": {}}, "http": None}


@pytest.mark.parametrize(
    ("line", "error", "expected"),
    [
        (
            "host: {{ external_database.notary_signer.host }}",
            "jinja2.exceptions.UndefinedError: 'dict object' has no attribute 'notary_signer'",
            ("external_database", "notary_signer", "host"),
        ),
        (
            "port: {{ external_database.harbor.port }}",
            "jinja2.exceptions.UndefinedError: 'dict object' has no attribute 'port'",
            ("external_database", "harbor", "port"),
        ),
        (
            "timeout: {{trace. otel .timeout or '' }}",
            "jinja2.exceptions.UndefinedError: 'dict object' has no attribute 'timeout'",
            ("trace", "otel", "timeout"),
        ),
        ("{% for c in components %}", "jinja2.exceptions.UndefinedError: 'components' is undefined", ("components",)),
        # A variable of a loop says nothing of where it comes from.
        (
            "disabled: {{ value.disabled }}",
            "jinja2.exceptions.UndefinedError: 'dict object' has no attribute 'disabled'",
            None,
        ),
        ("port: {{ http.port }}", "jinja2.exceptions.UndefinedError: 'None' has no attribute 'port'", None),
        ("", "KeyError: 'port'", None),
    ],
)
def test_the_key_that_is_wanted(line: str, error: str, expected: tuple[str, ...] | None) -> None:
    output = FRAME.replace("{line}", line).replace("{error}", error)
    assert normal.wanted_key(output, DATABASE) == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            FRAME.replace("{error}", "TypeError: expected string or bytes-like object"),
            "expected string or bytes-like object",
        ),
        (
            FRAME.replace("{error}", "utils.migration.MigratioNotFound: no migration path found"),
            "no migration path found",
        ),
        ("the version 1.7.0 not supported\n", None),
        ("", None),
    ],
)
def test_the_last_words_are_without_the_trace(output: str, expected: str | None) -> None:
    assert normal.last_words(output) == expected


def test_a_good_file_is_as_it_was() -> None:
    config = {"hostname": "h", "http": {"port": 80}, "proxy": {"http_proxy": None}, "_version": "2.8.0"}
    assert normal.normalize(config, Version(2, 8, 6)) == (config, [])


def test_an_older_version_goes_the_longer_way() -> None:
    assert normal.normalize({"_version": "2.6.0"}, Version(2, 8, 6)) == ({"_version": "2.6.0"}, [])


def test_a_redirect_has_both_of_its_spellings() -> None:
    config = {"storage_service": {"redirect": {"disable": True}}, "_version": "2.8.0"}
    assert normal.normalize(config, Version(2, 8, 6))[0]["storage_service"] == {
        "redirect": {"disable": True, "disabled": True}
    }

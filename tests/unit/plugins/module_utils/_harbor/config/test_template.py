# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a release's template, those in comments too, and what is judged by them."""

from __future__ import annotations

from ansible_collections.dockyard.ops.plugins.module_utils._harbor.config import document, template

TEXT = """\
# Configuration
# NOTE: this is prose, and 12 hours: too
hostname: reg.mydomain.com
https:
  # the port, default: 443
  port: 443
  # strong_ssl_ciphers: false
# ip_family:
#   ipv6:
#     enabled: false
jobservice:
  max_job_workers: 10
  job_loggers:
    - FILE
  logger_sweeper_duration: 1 #days
# redis:
#   # db_index 0 is for core
#   # registry_db_index: 1
#   #sentinel_master_set:
# core:
#   quota_update_provider: redis # Or db
database:
  max_open_conns: 900
"""


def test_keys_in_comments_have_their_place() -> None:
    assert template.defaults(TEXT) == {
        "hostname": "reg.mydomain.com",
        "https": {"port": 443, "strong_ssl_ciphers": False},
        "ip_family": {"ipv6": {"enabled": False}},
        "jobservice": {"max_job_workers": 10, "job_loggers": None, "logger_sweeper_duration": 1},
        "redis": {"registry_db_index": 1, "sentinel_master_set": None},
        "core": {"quota_update_provider": "redis"},
        "database": {"max_open_conns": 900},
    }


def test_a_word_for_nothing_is_unfit_where_the_release_takes_true_or_a_number() -> None:
    config = {"https": {"strong_ssl_ciphers": "none", "port": "None"}, "hostname": "none", "mine": "none"}
    unfit = template.unfit_values(config, template.defaults(TEXT))
    assert [str(each) for each in unfit] == [
        "https.strong_ssl_ciphers (from none to false)",
        "https.port (from None to 443)",
    ]
    template.repair(config, unfit)
    assert config["https"] == {"strong_ssl_ciphers": False, "port": 443}


def test_a_default_that_the_release_raises_is_no_damage() -> None:
    old, new = {"database": {"max_open_conns": 100}}, template.defaults(TEXT)
    keys = ("database", "max_open_conns")
    assert template.is_new_default(keys, 100, 900, old, new)
    assert not template.is_new_default(keys, 77, 900, old, new)  # a user's own
    assert not template.is_new_default(keys, 100, 500, old, new)  # not the release's


def test_values_change_in_their_lines() -> None:
    text = "# above\nhttps:\n  port: 443  # here\n  name: none\nhttp:\n  port: 80\nother: x\n"
    config = document.parse(text, "harbor.yml")
    config["https"]["name"] = False
    config["other"] = "p: q"
    assert document.edited(text, config) == text.replace("name: none", "name: false").replace(
        "other: x", "other: 'p: q'"
    )
    config["http"]["port"] = 8080  # which line that is is not known
    assert document.edited(text, config) is None

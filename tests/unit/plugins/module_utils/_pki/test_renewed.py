# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate that is issued again is the same one but for its time, and clients take it."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._pki import renewed, server_certificate, x509
from ansible_collections.dockyard.ops.plugins.module_utils._pki.server_certificate import Pem, ServerFiles
from ansible_collections.dockyard.ops.tests.unit.helpers import pki
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

NOW = datetime.datetime.now(datetime.timezone.utc)
CA = pki.issue("ca", ca=True, may_sign=True, ends=300)
LEAF = pki.issue("registry", CA, ca=False, usages=(pki.SERVER,), names=("registry.example.com", "192.0.2.1"), ends=5)


def test_clients_take_it() -> None:
    new = renewed.renew(LEAF.pem, CA.pem, CA.key, 100, NOW)
    files = ServerFiles(Pem(new, "new"), Pem(LEAF.key, "key"), Pem(CA.pem, "ca"))
    checked = server_certificate.check(files, "registry.example.com", NOW, 99)
    before = x509.load_certificates(LEAF.pem, "old")[0]
    assert checked.chain[0].names == before.names
    assert checked.chain[0].subject == before.subject
    assert checked.chain[0].days_left(NOW) in (99, 100)


def test_it_does_not_outlive_its_ca() -> None:
    new = x509.load_certificates(renewed.renew(LEAF.pem, CA.pem, CA.key, 4000, NOW), "new")[0]
    assert new.days_left(NOW) in (299, 300)


@pytest.mark.parametrize(
    ("key", "code", "message"),
    [
        (pki.key_pem(CA.private_key, password=b"secret"), "ca_key_unreadable", "can't be read without a passphrase"),
        (LEAF.key, "ca_pair_mismatch", "does not belong to the first certificate of its ca.crt"),
    ],
)
def test_what_can_not_sign(key: bytes, code: str, message: str) -> None:
    with pytest.raises(DockyardError, match=message) as caught:
        renewed.renew(LEAF.pem, CA.pem, key, 100, NOW)
    assert caught.value.code == code
    assert_explained(caught.value)

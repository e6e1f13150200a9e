#!/usr/bin/env bash
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes a release with a program that calls itself OpenTofu, signs it, serves it on port 8111, and makes an image of it.
set -euo pipefail
cd "$1"
printf '#!/bin/sh\necho OpenTofu v1.12.6\n' >tofu
chmod 755 tofu
export GNUPGHOME="$1/gpg"
mkdir -m 700 gpg
gpg --batch --quiet --pinentry-mode loopback --passphrase "" --quick-gen-key signing@example.com ed25519 sign never
gpg --batch --armor --export >key.asc
mkdir v1.12.6
python3 -m zipfile -c v1.12.6/tofu_1.12.6_linux_amd64.zip tofu
(cd v1.12.6 && sha256sum -- *.zip >tofu_1.12.6_SHA256SUMS)
gpg --batch --quiet --output v1.12.6/tofu_1.12.6_SHA256SUMS.gpgsig --detach-sign v1.12.6/tofu_1.12.6_SHA256SUMS
systemd-run --quiet --collect --unit=dockyard-test-opentofu python3 -m http.server --directory "$1" --bind 127.0.0.1 8111
tar --create --transform 's,^,usr/local/bin/,' tofu | docker import - opentofu-binary:1

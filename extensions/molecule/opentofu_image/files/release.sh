#!/usr/bin/env bash
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes of the program in a folder a release as OpenTofu publishes them, signed with a key of its own, and serves it on port 8000;
# beside it are one with another program in its archive and one whose checksums are signed with another key.
set -euo pipefail
cd "$1"
root=$1
export GNUPGHOME="$root/gpg"
mkdir -p -m 700 "$GNUPGHOME"
for name in signing other; do
    gpg --batch --quiet --pinentry-mode loopback --passphrase "" --quick-gen-key "$name@example.com" ed25519 sign never
done
gpg --batch --armor --export signing@example.com >signing.asc
make() { # FOLDER KEY
    mkdir -p "$1/v1.12.6"
    (
        cd "$1/v1.12.6"
        python3 -m zipfile -c tofu_1.12.6_linux_amd64.zip "$root/tofu"
        sha256sum tofu_1.12.6_linux_amd64.zip >tofu_1.12.6_SHA256SUMS
        gpg --batch --quiet --local-user "$2@example.com" --output tofu_1.12.6_SHA256SUMS.gpgsig --detach-sign tofu_1.12.6_SHA256SUMS
    )
}
make . signing
make forged other
make changed signing
python3 -m zipfile -c changed/v1.12.6/tofu_1.12.6_linux_amd64.zip signing.asc
systemd-run --quiet --unit=dockyard-test-releases python3 -m http.server --directory "$root" --bind 127.0.0.1 8000

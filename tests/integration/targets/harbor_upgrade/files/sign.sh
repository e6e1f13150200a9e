#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes two keys in FOLDER, a signature of the first one for FILE, and a keyring with each: right.asc and wrong.gpg.
set -eu
export GNUPGHOME="$1/gnupg"
mkdir -m 0700 "$GNUPGHOME"
for name in right wrong; do
    gpg --batch --quiet --passphrase '' --quick-generate-key "$name@example.com" ed25519 sign 1d
done
gpg --armor --export right@example.com > "$1/right.asc"
gpg --export wrong@example.com > "$1/wrong.gpg"
gpg --batch --local-user right@example.com --armor --output "$1/signature.asc" --detach-sign "$2"
gpgconf --kill all

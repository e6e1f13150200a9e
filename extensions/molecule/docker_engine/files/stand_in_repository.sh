#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes a stand-in for Docker's apt repository and serves it on port 8080.
#   real      an apt repository with dists and pool, an InRelease signed by a key of its own, the key in ASCII
#             armor at /docker/gpg, the names of Docker's packages, apt's checks of signature and checksums
#   imitated  what is in the packages: it is the distribution's own engine, repacked under Docker's names
# Two packages serve tests: docker-ce-cli 5:99 is the upgrade that a pin must hold back, and docker-ce-vanished
# is in the index but can't be downloaded.
set -eu
codename=$1
root=/srv/repository/docker
work=/srv/repository/work
pool=pool/stable
mkdir -p "$root/$pool" "$work"
cd "$work"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends apt-utils gnupg >/dev/null
architecture=$(dpkg --print-architecture)

unpack() { # NAME: the distribution's package as a tree
    rm -rf "$1" && apt-get download -qq "$1" && dpkg-deb -R "$1"_*.deb "$1"
}

# TREE NAME VERSION DEPENDS CONFLICTS
pack() {
    printf 'Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: Dockyard tests <nobody@example.invalid>\nDepends: %s\nConflicts: %s\nProvides: %s\nReplaces: %s\nDescription: stand-in for %s\n' \
        "$2" "$3" "$architecture" "$4" "$5" "$5" "$5" "$2" > "$1/DEBIAN/control"
    rm -f "$1/DEBIAN/md5sums"
    dpkg-deb --root-owner-group -Znone -b "$1" "$root/$pool/$2_$(echo "$3" | tr -d :)_$architecture.deb" >/dev/null
}

depends=$(apt-cache show --no-all-versions docker.io | sed -n 's/^Depends: //p' | tr ',' '\n' | grep -vE 'containerd|runc' | paste -sd,)
unpack docker.io
for version in 5:1.0-1 5:2.0-1; do
    pack docker.io docker-ce $version "$depends, docker-ce-cli, containerd.io" docker.io
done
unpack containerd
unpack runc
cp -a runc/usr containerd/
pack containerd containerd.io 1.0-1 libc6 "containerd, runc"
if apt-cache show docker-cli >/dev/null 2>&1; then
    unpack docker-cli
else
    mkdir -p docker-cli/DEBIAN
fi
for version in 5:1.0-1 5:2.0-1 5:99.0-1; do
    pack docker-cli docker-ce-cli $version libc6 docker-cli
done
mkdir -p vanished/DEBIAN
pack vanished docker-ce-vanished 5:1.0-1 libc6 docker.io

cd "$root"
index=dists/$codename/stable/binary-$architecture
mkdir -p "$index"
apt-ftparchive packages pool > "$index/Packages"
rm "$pool"/docker-ce-vanished_*
apt-ftparchive \
    -o "APT::FTPArchive::Release::Suite=$codename" -o "APT::FTPArchive::Release::Codename=$codename" \
    -o APT::FTPArchive::Release::Components=stable -o "APT::FTPArchive::Release::Architectures=$architecture" \
    release "dists/$codename" > "$work/Release"
mv "$work/Release" "dists/$codename/Release"
export GNUPGHOME=$work/gnupg
mkdir -m 0700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key 'Stand-in <nobody@example.invalid>' rsa3072 sign never
gpg --batch --quiet --armor --export > gpg
gpg --batch --quiet --clearsign --output "dists/$codename/InRelease" "dists/$codename/Release"
rm -rf "$work"
systemd-run --quiet --unit=stand-in-repository python3 -m http.server 8080 --directory /srv/repository

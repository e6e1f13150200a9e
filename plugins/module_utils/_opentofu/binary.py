# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The program tofu on a host: fetched, verified, tried, and only then put into its place.

Beside it is a record of where it came from, so that a later run asks nobody.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from typing import Any, Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, commands, pgp
from ansible_collections.dockyard.ops.plugins.module_utils._host.processes import interruptible

from .release import Release

PROGRAM = "tofu"
RECORD = "tofu.json"
_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")
_IN_IMAGE = "/usr/local/bin/tofu"
_TRY_SECONDS = 120
_STAGED = ".new-"
_BUFFER = 1 << 20

# Fetch a URL into a file; raise OSError or ValueError if that is not possible.
Download = Callable[[str, str], None]


@dataclass(frozen=True)
class Source:
    """Where the program comes from.

    kind: download, image or file; place: a URL with the releases below it, an image, or a path.
    checksum: what the program itself has to have, or nothing. signing_key: with which a release's checksums are signed.
    """

    kind: str
    place: str
    checksum: str = ""
    signing_key: str = ""

    def check(self) -> None:
        """Raise DockyardError if it leaves open what is to be trusted."""
        if self.checksum and not _CHECKSUM.fullmatch(self.checksum):
            raise DockyardError(
                "opentofu_source_incomplete",
                f"The checksum is '{self.checksum}'; give sha256: and 64 hexadecimal digits in lower case.",
            )
        if self.kind == "download" and not self.signing_key:
            raise DockyardError(
                "opentofu_source_incomplete",
                "A download needs signing_key, the public key that OpenTofu's releases are signed with.",
            )
        if self.kind == "image" and "@sha256:" not in self.place and not self.checksum:
            raise DockyardError(
                "opentofu_source_incomplete",
                f"Nothing says what is to be in the image {self.place}; name it with its digest (@sha256:...), or give"
                " the program's checksum.",
            )
        if self.kind == "file" and not self.checksum:
            raise DockyardError("opentofu_source_incomplete", f"The file {self.place} needs a checksum.")


@dataclass(frozen=True)
class Found:
    """The program as it is: nothing of it is empty but in check mode. before: the record that was there."""

    changed: bool
    path: str
    sha256: str
    record: dict[str, Any]
    before: dict[str, Any]


def ensure(
    release: Release, source: Source, folder: str, download: Download, timeout: float, check_mode: bool
) -> Found:
    """Return the program of a release, brought first if it is missing or not what its record says."""
    source.check()
    path = os.path.join(folder, PROGRAM)
    wanted: dict[str, Any] = {"version": release.version, "architecture": release.architecture}
    wanted.update({"source": source.kind, "place": source.place})
    record = _record(folder)
    present = checksum(path)
    if present and record == {**wanted, "sha256": present} and source.checksum in ("", f"sha256:{present}"):
        return Found(False, path, present, record, record)
    if check_mode:
        return Found(True, path, source.checksum[len("sha256:") :], wanted, record)
    try:
        os.makedirs(folder, mode=0o755, exist_ok=True)
        with atomic_file.locked(folder, timeout):
            _remove_leftovers(folder)
            return _put_in_place(release, source, folder, download, timeout, wanted)
    except OSError as error:
        raise _explain(error, folder) from error


def _put_in_place(
    release: Release, source: Source, folder: str, download: Download, timeout: float, wanted: dict[str, Any]
) -> Found:
    path, record = os.path.join(folder, PROGRAM), _record(folder)
    present = checksum(path)
    with interruptible(_interrupted), tempfile.TemporaryDirectory(prefix=_STAGED, dir=folder) as staged:
        new = os.path.join(staged, PROGRAM)
        _bring(release, source, staged, new, download, timeout)
        sha256 = checksum(new)
        if source.checksum and source.checksum != f"sha256:{sha256}":
            raise DockyardError(
                "opentofu_checksum",
                f"The program of {source.place} has the checksum sha256:{sha256} and not {source.checksum}; get it"
                " again from where you trust it, or correct the checksum.",
            )
        os.chmod(new, 0o755)
        _try(new, release, source)
        with open(new, "rb") as file:
            os.fsync(file.fileno())
        # Without a record, the next run brings it again.
        atomic_file.remove(os.path.join(folder, RECORD))
        os.rename(new, path)
    after = {**wanted, "sha256": sha256}
    atomic_file.write(os.path.join(folder, RECORD), f"{json.dumps(after, indent=2, sort_keys=True)}\n".encode())
    return Found(present != sha256 or record != after, path, sha256, after, record)


def _remove_leftovers(folder: str) -> None:
    """Remove what a run that was killed has left; nobody else is at work while the folder is locked."""
    for name in os.listdir(folder):
        if name.startswith(_STAGED):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def _explain(error: OSError, folder: str) -> DockyardError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DockyardError(
            "opentofu_no_space",
            f"There is no space left for OpenTofu in {folder}; free some 300 MB there, or name another.",
        )
    return DockyardError(
        "opentofu_folder_unusable",
        f"The folder {folder} can't be used for OpenTofu ({error.strerror or error}); name another one with path.",
    )


def _record(folder: str) -> dict[str, Any]:
    try:
        found = json.loads(atomic_file.read(os.path.join(folder, RECORD)) or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def checksum(path: str) -> str:
    """Return the SHA-256 of a file in hexadecimal, nothing if it is missing."""
    digest = hashlib.sha256()
    try:
        with atomic_file.open_regular(path) as file:
            while block := file.read(_BUFFER):
                digest.update(block)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


def _bring(release: Release, source: Source, staged: str, new: str, download: Download, timeout: float) -> None:
    if source.kind == "download":
        _from_release(release, source, staged, new, download)
    elif source.kind == "image":
        _from_image(source.place, new, timeout)
    else:
        try:
            shutil.copyfile(source.place, new)
        except FileNotFoundError as error:
            raise DockyardError(
                "opentofu_unavailable", f"There is no file {source.place} on this host; correct the path."
            ) from error


def _from_release(release: Release, source: Source, staged: str, new: str, download: Download) -> None:
    """Download a release: its checksums are believed only if they are signed, its archive only with its checksum."""
    base = f"{source.place.rstrip('/')}/v{release.version}"
    files = {name: os.path.join(staged, name) for name in (release.checksums, release.signature, release.archive)}
    for name, file in files.items():
        if name == release.archive:
            expected = _verified_checksum(release, source, files)
        try:
            download(f"{base}/{name}", file)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise DockyardError(
                "opentofu_unavailable",
                f"{base}/{name} can't be downloaded ({error}); check the version, the address and the network of this"
                " host, or use the source image or file.",
            ) from error
    found = checksum(files[release.archive])
    if found != expected:
        raise DockyardError(
            "opentofu_checksum",
            f"{release.archive} has the checksum {found} and not the signed {expected}; it was damaged or replaced on"
            " its way, so download it again from another mirror.",
        )
    try:
        with zipfile.ZipFile(files[release.archive]) as archive:
            _unpack(archive, new)
    except (zipfile.BadZipFile, KeyError) as error:
        raise DockyardError(
            "opentofu_unavailable", f"{release.archive} holds no program tofu ({error}); check the version."
        ) from error


def _unpack(archive: zipfile.ZipFile, new: str) -> None:
    with archive.open(PROGRAM) as program, open(new, "wb") as target:
        shutil.copyfileobj(program, target, _BUFFER)


def _verified_checksum(release: Release, source: Source, files: dict[str, str]) -> str:
    try:
        pgp.verify(files[release.checksums], files[release.signature], source.signing_key.encode())
    except pgp.BadSignature as error:
        raise DockyardError(
            "opentofu_signature",
            f"{release.checksums} is not signed with the key in signing_key ({error}); do not use this download before"
            " you know why.",
        ) from error
    except (pgp.BadKeys, pgp.Unchecked) as error:
        remedy = "install gpgv" if isinstance(error, pgp.Unchecked) else "give the key as it was exported"
        raise DockyardError(
            "opentofu_signature", f"The signature of {release.checksums} can't be checked ({error}); {remedy}."
        ) from error
    with open(files[release.checksums], encoding="utf-8") as lines:
        listed = {words[1]: words[0] for words in map(str.split, lines) if len(words) == 2}
    expected = listed.get(release.archive)
    if not expected:
        raise DockyardError(
            "opentofu_unavailable",
            f"{release.checksums} does not name {release.archive}; check version and architecture.",
        )
    return expected


def _from_image(image: str, new: str, timeout: float) -> None:
    """Take the program out of an image, which never runs."""
    done = commands.run(["docker", "image", "inspect", "--format", "{{.Id}}", image], timeout=timeout)
    if done.returncode != 0:
        done = commands.run(["docker", "pull", "--quiet", image], timeout=timeout)
    if done.returncode == 0:
        done = commands.run(["docker", "create", "--pull", "never", image, "none"], timeout=timeout)
    if done.returncode == 0:
        container = done.stdout.strip().splitlines()[-1]
        try:
            done = commands.run(["docker", "cp", f"{container}:{_IN_IMAGE}", new], timeout=timeout)
        finally:
            commands.run(["docker", "rm", "--force", "--volumes", container], timeout=timeout)
    if done.returncode != 0:
        raise DockyardError(
            "opentofu_unavailable",
            f"The image {image} does not give {_IN_IMAGE} ({commands.last_line(done)}); check its name and the"
            " registry, or use the source download or file.",
        )


def _try(program: str, release: Release, source: Source) -> None:
    """Raise DockyardError unless the program calls itself by its version."""
    # An environment of its own: this machine may have settings for OpenTofu.
    done = commands.run(["env", "-i", "HOME=/nonexistent", program, "version"], timeout=_TRY_SECONDS)
    first = (done.stdout.splitlines() or [""])[0]
    if done.returncode != 0 or first != f"OpenTofu v{release.version}":
        said = first if done.returncode == 0 else commands.last_line(done)
        raise DockyardError(
            "opentofu_other_version",
            f"The program of {source.place} is not OpenTofu {release.version} for this host: it says '{said}'; correct"
            " the version, or where it comes from.",
        )


def _interrupted(by: str) -> DockyardError:
    return DockyardError("opentofu_interrupted", f"The fetching of OpenTofu was interrupted by {by}; run it again.")

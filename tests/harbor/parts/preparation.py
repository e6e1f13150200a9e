# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image prepare: `prepare` makes everything that the containers need, `migrate` turns an older harbor.yml into a newer.

Mounts of `prepare`: /input (harbor.yml), /data (data volume), /compose_location (install folder), /config
(common/config in it), /hostfs (the host's /). `migrate` has /hostfs only.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import secrets
import shutil
import string
import sys
import traceback

import compose_file
import harbor_yml
import service_config
import yaml
from edition import Edition

EDITION = Edition.parse(os.environ["HARBOR_VERSION"])
FAULT = os.environ.get("HARBOR_FAULT", "")
HOST = pathlib.Path("/hostfs")
DATA = pathlib.Path("/data")
LETTERS = string.ascii_letters + string.digits


def word(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _letter in range(length))


def folder(path: pathlib.Path, owner: int, mode: int = 0o755) -> None:
    """Make a folder of the data volume. One that is there gets its owner, but not what is in it."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    if path.stat().st_uid != owner:
        os.chown(path, owner, owner)


def write(path: pathlib.Path, text: str, owner: int, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.chown(path, owner, owner)
    path.chmod(mode)
    print(f"Generated configuration file: {path}", flush=True)


def validated(config: harbor_yml.Config) -> harbor_yml.Config:
    """Check what the real one checks, too. Raise ValueError with its reason."""
    for key in ("hostname", "data_volume", "harbor_admin_password"):
        if config.get(key) in (None, ""):
            raise ValueError(f"Please specify {key}")
    if config["hostname"] in ("127.0.0.1", "localhost"):
        raise ValueError(f"{config['hostname']} can not be the hostname")
    if not config.get("http") and not config.get("https"):
        raise ValueError("At least one of http and https must be configured")
    if not config.get("external_database") and not (config.get("database") or {}).get("password"):
        raise ValueError("Please specify the password of the database")
    for key in ("certificate", "private_key") if config.get("https") else ():
        path = config["https"].get(key)
        if not path or not (HOST / str(path).lstrip("/")).is_file():
            raise ValueError(f"Error: The protocol is https but attribute {key} is not set or the file not there")
    config.setdefault("database", {"password": "root123"})
    return config


def data_folders(config: harbor_yml.Config, parts: frozenset[str]) -> None:
    for name in ("secret", "secret/core", "secret/keys", "secret/registry", "secret/cert"):
        folder(DATA / name, 10000)
    for name, owner in (("registry", 10000), ("ca_download", 10000), ("job_logs", 10000)):
        folder(DATA / name, owner)
    if not config.get("external_database"):
        folder(DATA / "database", 999, 0o700)
    if not config.get("external_redis"):
        folder(DATA / "redis", 999)
    if "trivy" in parts:
        folder(DATA / "trivy-adapter" / "trivy", 10000)
    if "chartmuseum" in parts:
        folder(DATA / "chart_storage", 10000)


def keys(config: harbor_yml.Config) -> None:
    """Make a new secretkey without a word if it is missing, as the real one does."""
    secretkey = DATA / "secret" / "keys" / "secretkey"
    if not secretkey.is_file():
        secretkey.write_text(word(16))
    os.chown(secretkey, 10000, 10000)
    secretkey.chmod(0o600)
    write(DATA / "secret" / "core" / "private_key.pem", f"not RSA, but a secret: {word(64)}\n", 10000, 0o600)
    write(DATA / "secret" / "registry" / "root.crt", "not used by this stand-in\n", 10000, 0o644)
    if config.get("https"):
        for key, name, mode in (("certificate", "server.crt", 0o644), ("private_key", "server.key", 0o600)):
            target = DATA / "secret" / "cert" / name
            shutil.copyfile(HOST / str(config["https"][key]).lstrip("/"), target)
            os.chown(target, 10000, 10000)
            target.chmod(mode)


def prepare(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="prepare", allow_abbrev=False)
    parser.add_argument("--conf", default="/input/harbor.yml")
    for part in EDITION.optional_parts:
        parser.add_argument(f"--with-{part}", action="append_const", dest="parts", const=part, default=[])
    options = parser.parse_args(arguments)
    parts = frozenset(options.parts)
    try:
        config = validated(yaml.safe_load(pathlib.Path(options.conf).read_text()))
    except (ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        print(f"Error happened in config validation...\nERROR:root:Error: {error}", file=sys.stderr)
        return 1
    if (DATA / "secretkey").is_file():  # where very old versions had it
        folder(DATA / "secret" / "keys", 10000)
        shutil.move(DATA / "secretkey", DATA / "secret" / "keys" / "secretkey")
    data_folders(config, parts)
    made = {name: word(16) for name in ("core", "jobservice", "registry")}
    made.update({"csrf": word(32), "registry_password": word(32)})
    for number, (path, (text, owner, mode)) in enumerate(
        service_config.all_files(EDITION, config, parts, made).items()
    ):
        if FAULT == "prepare-fails" and number == 3:
            print("Error: failed to render the template of core (told to fail)", file=sys.stderr)
            return 1
        write(pathlib.Path("/config") / path, text, owner, mode)
    keys(config)
    target = pathlib.Path("/compose_location/docker-compose.yml")
    target.write_text(compose_file.compose(EDITION, config, parts))
    print(f"Generated configuration file: {target}\nClean up the input dir", flush=True)
    return 0


def migrate(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="migrate")
    parser.add_argument("-i", "--input", required=True)
    parser.add_argument("-o", "--output")
    parser.add_argument("-t", "--target", default=EDITION.configuration_version)
    options = parser.parse_args(arguments)
    source = HOST / options.input.lstrip("/")
    target = HOST / (options.output or options.input).lstrip("/")
    if FAULT == "migrate-fails":
        print("jinja2.exceptions.UndefinedError: 'dict object' has no attribute 'x' (told to fail)", file=sys.stderr)
        return 1
    try:
        text = harbor_yml.migrate(source.read_text(), Edition.parse(options.target).series)
    except harbor_yml.Refused as refused:
        print(refused, file=sys.stderr)
        return refused.code
    except harbor_yml.Undefined as undefined:
        print(f"Traceback (most recent call last):\n{undefined}", file=sys.stderr)
        return 1
    except (OSError, yaml.YAMLError):
        traceback.print_exc()
        return 1
    if text is None:
        print(f"Version of input harbor.yml is identical to target {options.target}, no need to upgrade")
        return 0
    target.write_text(text)
    print(f"Written new values to {target.relative_to(HOST)}")
    return 0


def main() -> int:
    command, arguments = (sys.argv[1:2] or [""])[0], sys.argv[2:]
    if command == "migrate":
        return migrate(arguments)
    if command == "prepare":
        return prepare(arguments)
    print(f"Usage: prepare|migrate; there is no command {command!r}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())

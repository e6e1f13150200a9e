# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""harbor.yml: the template that an archive brings, and what `migrate` makes of a file of an older version.

Migrating renders that template with the old file's values as they are, without quotes. This is what the
real one does, and why it damages values that YAML reads differently without them.
"""

from __future__ import annotations

from typing import Any

import yaml
from edition import MINORS, Edition

Config = dict[str, Any]
CHART, CLAIR, NOTARY, CIPHERS = (2, 8), (2, 2), (2, 9), (2, 10)


class Refused(Exception):
    """The file can't be migrated; code is the exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Undefined(Exception):
    """The template takes a value that the file does not have; said in the shape in which a template's trace ends."""

    def __init__(self, of: Any, path: str, missing: str = "") -> None:
        name = "None" if of is None else "dict object"
        super().__init__(
            f'  File "/harbor/harbor.yml.template", line 1, in top-level template code\n    {{{{ {path} }}}}\n'
            f"jinja2.exceptions.UndefinedError: '{name}' has no attribute '{missing or path.rpartition('.')[2]}'"
        )


def plain(value: Any) -> str:
    """Return a value as the template writes it: never quoted."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _wanted(lines: list[str], above: Any, name: str, keys: tuple[str, ...], path: str = "", indent: str = "") -> None:
    """Write all of the keys of a section; nothing if the file has no such section. Undefined: it lacks one of them."""
    if name not in above:
        return
    values = above[name]
    for key in keys:
        if not isinstance(values, dict) or key not in values:
            raise Undefined(values, f"{path}{name}.{key}")
    _section(lines, name, values, keys, indent)


def _section(lines: list[str], name: str, values: Any, keys: tuple[str, ...], indent: str = "") -> None:
    """Write those of the keys that the file has; nothing if it has no such section."""
    if not isinstance(values, dict):
        return
    lines.append(f"{indent}{name}:")
    for key in keys:
        if isinstance(values.get(key), list):
            lines.append(f"{indent}  {key}:")
            lines += [f"{indent}    - {plain(item)}" for item in values[key]]
        elif key in values:
            lines.append(f"{indent}  {key}: {plain(values[key])}")


def render(old: Config, series: tuple[int, int]) -> str:
    """Return the file of a series with the values of an older file; keys that the template does not know are gone."""
    lines = ["# Configuration file of Harbor", "", f"hostname: {plain(old.get('hostname'))}", ""]
    _wanted(lines, old, "http", ("port",))
    _wanted(lines, old, "https", ("port", "certificate", "private_key"))
    if series >= CIPHERS and old.get("https"):
        # It looks for the key at the top, where what reads the file has put nothing.
        lines.append(f"  strong_ssl_ciphers: {plain(old['https'].get('strong_ssl_ciphers') or 'none')}")
    if old.get("external_url"):
        lines.append(f"external_url: {plain(old['external_url'])}")
    lines += ["", f"harbor_admin_password: {plain(old.get('harbor_admin_password'))}", ""]
    # The lifetimes of connections are not in the template of any version, which is the real one's error.
    _wanted(lines, old, "database", ("password", "max_idle_conns", "max_open_conns"))
    lines += ["", f"data_volume: {plain(old.get('data_volume'))}", ""]
    storage = old.get("storage_service")
    if isinstance(storage, dict):
        lines.append("storage_service:")
        for backend in ("filesystem", "s3", "azure", "gcs", "swift", "oss"):
            values = storage.get(backend)
            _section(lines, backend, values, tuple(values) if isinstance(values, dict) else (), "  ")
    if series < CLAIR:
        _section(lines, "clair", old.get("clair"), ("updaters_interval",))
    if series >= (2, 0):
        trivy = old.get("trivy") or {"ignore_unfixed": False, "skip_update": False, "insecure": False}
        keys = ("ignore_unfixed", "skip_update", "offline_scan", "security_check", "insecure", "github_token")
        _section(lines, "trivy", trivy, keys)
    _section(lines, "jobservice", old.get("jobservice") or {"max_job_workers": 10}, ("max_job_workers",))
    if series >= (2, 8):
        lines += ["  logger_sweeper_duration: 1"]
    lines.append("notification:")
    lines += ["  webhook_job_max_retry: 3" if series >= (2, 8) else "  webhook_job_max_retry: 10"]
    if series < CHART:
        _section(lines, "chart", old.get("chart") or {"absolute_url": "disabled"}, ("absolute_url",))
    _log(lines, old.get("log"))
    lines += ["", f"_version: {series[0]}.{series[1]}.0", ""]
    _external(lines, old, series)
    _section(lines, "proxy", old.get("proxy"), ("http_proxy", "https_proxy", "no_proxy", "components"))
    _wanted(lines, old, "metric", ("enabled", "port", "path"))
    _wanted(lines, old, "internal_tls", ("enabled", "dir"))
    if series >= (2, 5):
        upload = old.get("upload_purging") or {"enabled": True, "age": "168h", "interval": "24h", "dryrun": False}
        _section(lines, "upload_purging", upload, ("enabled", "age", "interval", "dryrun"))
        _section(
            lines, "cache", old.get("cache") or {"enabled": False, "expire_hours": 24}, ("enabled", "expire_hours")
        )
    return "\n".join(lines) + "\n"


def _log(lines: list[str], log: Any) -> None:
    log = log if isinstance(log, dict) else {}
    lines += ["log:", f"  level: {plain(log.get('level', 'info'))}"]
    local = log.get("local") or {"rotate_count": 50, "rotate_size": "200M", "location": "/var/log/harbor"}
    _section(lines, "local", local, ("rotate_count", "rotate_size", "location"), "  ")
    _section(lines, "external_endpoint", log.get("external_endpoint"), ("protocol", "host", "port"), "  ")


def _external(lines: list[str], old: Config, series: tuple[int, int]) -> None:
    databases = old.get("external_database")
    if "external_database" in old:
        databases = databases or {}
        lines.append("external_database:")
        keys = ("host", "port", "db_name", "username", "password", "ssl_mode", "max_idle_conns", "max_open_conns")
        wanted = ("harbor", *(("clair",) if series < CLAIR else ()))
        for name in (*wanted, *(("notary_signer", "notary_server") if series < NOTARY else ())):
            if name not in databases:
                raise Undefined(databases, f"external_database.{name}.host", name)
            _wanted(lines, databases, name, keys, "external_database.", "  ")
    # sentinel_master_set is missing, as in the real one.
    redis_keys = (
        "host",
        "password",
        "registry_db_index",
        "jobservice_db_index",
        "trivy_db_index",
        "idle_timeout_seconds",
    )
    _section(lines, "external_redis", old.get("external_redis"), redis_keys)
    _section(lines, "uaa", old.get("uaa"), ("ca_file",))


def migrate(text: str, target: tuple[int, int]) -> str | None:
    """Return the file for the target, by way of every minor version in between; None: it is of that version already.

    Refused: too old (255), newer, a patch level or without version (1). yaml.YAMLError: what was rendered is no YAML.
    """
    config = yaml.safe_load(text)
    version = str(config.get("_version", "")) if isinstance(config, dict) else ""
    if version == f"{target[0]}.{target[1]}.0":
        return None
    try:
        found = Edition.parse(version)
    except ValueError:
        raise Refused(f"The version {version!r} in the configuration file is none that can be migrated", 1) from None
    if found.series < (1, 9):
        raise Refused(f"Migrating from version {version} is not supported: 1.9.0 is the oldest", 255)
    if found.patch or found.series > target or found.series not in MINORS:
        raise Refused(f"No way leads from version {version} to {target[0]}.{target[1]}.0", 1)
    for minor in MINORS:
        if found.series < minor <= target:
            print(f"migrating to version {minor[0]}.{minor[1]}.0", flush=True)
            text = render(config, minor)
            config = yaml.safe_load(text)
    return text


def template(edition: Edition) -> str:
    """Return the harbor.yml.tmpl of a version (in 1.x the harbor.yml itself)."""
    parts = [_HEAD, _CLAIR if edition.series < CLAIR else "", _TRIVY if edition.major >= 2 else ""]
    parts += [_JOBS.format(sweeper="  logger_sweeper_duration: 1 #days\n" if edition.series >= (2, 8) else "")]
    parts += ["chart:\n  absolute_url: disabled\n\n" if edition.series < CHART else ""]
    parts += [_TAIL.format(version=edition.configuration_version)]
    if edition.series >= (2, 5):
        parts.append(_PURGING)
    return "".join(parts)


_HEAD = """\
# Configuration file of Harbor

# The IP address or hostname to access admin UI and registry service.
# DO NOT use localhost or 127.0.0.1, because Harbor needs to be accessed by external clients.
hostname: reg.mydomain.com

# http related config
http:
  # port for http, default is 80. If https enabled, this port will redirect to https port
  port: 80

# https related config
https:
  # https port for harbor, default is 443
  port: 443
  # The path of cert and key files for nginx
  certificate: /your/certificate/path
  private_key: /your/private/key/path

# Only takes effect at the first start; change the password of admin in the portal afterwards.
harbor_admin_password: Harbor12345

# Harbor DB configuration
database:
  # The password for the root user of Harbor DB. Change this before any production use.
  password: root123
  max_idle_conns: 50
  max_open_conns: 100

# The default data volume
data_volume: /data

"""
_CLAIR = """\
# Clair configuration
clair:
  # The interval of clair updaters, in hours; 0 disables them.
  updaters_interval: 12

"""
_TRIVY = """\
# Trivy configuration
trivy:
  # only display fixed vulnerabilities
  ignore_unfixed: false
  skip_update: false
  insecure: false

"""
_JOBS = """\
jobservice:
  # Maximum number of job workers in job service
  max_job_workers: 10
{sweeper}
notification:
  # Maximum retry count for webhook job
  webhook_job_max_retry: 3

"""
_TAIL = """\
# Log configurations
log:
  # options are debug, info, warning, error, fatal
  level: info
  local:
    rotate_count: 50
    rotate_size: 200M
    # The directory on your host that store log
    location: /var/log/harbor

#This attribute is for migrator to detect the version of the .cfg file, DO NOT MODIFY!
_version: {version}

# Uncomment external_database if using external database.
# external_database:
#   harbor:
#     host: harbor_db_host
#     port: harbor_db_port
#     db_name: harbor_db_name
#     username: harbor_db_username
#     password: harbor_db_password
#     ssl_mode: disable

# Uncomment external_redis if using external Redis server
# external_redis:
#   host: redis:6379
#   password:

# Global proxy
proxy:
  http_proxy:
  https_proxy:
  no_proxy:
  components:
    - core
    - jobservice
"""
_PURGING = """
# Enable purge _upload directories
upload_purging:
  enabled: true
  age: 168h
  interval: 24h
  dryrun: false

cache:
  # not enabled by default
  enabled: false
  expire_hours: 24
"""

# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `prepare` writes besides the compose file: the configuration of every service, as text."""

from __future__ import annotations

import crypt
import warnings
from typing import Any

from edition import Edition

Config = dict[str, Any]


def env(values: dict[str, Any]) -> str:
    """Return an env file. A value with anything unusual in it is in single quotes, which compose takes literally."""
    lines = []
    for name, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else str("" if value is None else value)
        unusual = any(not (letter.isalnum() or letter in "_-./:,@%+=") for letter in text) and "'" not in text
        lines.append(f"{name}='{text}'" if unusual else f"{name}={text}")
    return "\n".join(lines) + "\n"


def database(config: Config) -> Config:
    """Return where core's database is: Harbor's own or the external one."""
    external = (config.get("external_database") or {}).get("harbor")
    if external:
        return {
            "POSTGRESQL_HOST": external["host"],
            "POSTGRESQL_PORT": external["port"],
            "POSTGRESQL_USERNAME": external["username"],
            "POSTGRESQL_PASSWORD": external["password"],
            "POSTGRESQL_DATABASE": external["db_name"],
        }
    return {
        "POSTGRESQL_HOST": "postgresql",
        "POSTGRESQL_PORT": 5432,
        "POSTGRESQL_USERNAME": "postgres",
        "POSTGRESQL_PASSWORD": config["database"]["password"],
        "POSTGRESQL_DATABASE": "registry",
    }


def redis(config: Config) -> tuple[str, str]:
    """Return address and password of Redis; of a list of sentinels the first."""
    external = config.get("external_redis")
    if external:
        return str(external["host"]).split(",", maxsplit=1)[0], str(external.get("password") or "")
    return "redis:6379", ""


def core(config: Config, parts: frozenset[str], secrets: dict[str, str]) -> str:
    address, password = redis(config)
    scheme, port = ("https", config["https"].get("port")) if config.get("https") else ("http", None)
    endpoint = config.get("external_url") or f"{scheme}://{config['hostname']}" + (f":{port}" if port else "")
    return env(
        {
            "EXT_ENDPOINT": endpoint,
            "CORE_SECRET": secrets["core"],
            "JOBSERVICE_SECRET": secrets["jobservice"],
            "CSRF_KEY": secrets["csrf"],
            "HARBOR_ADMIN_PASSWORD": config["harbor_admin_password"],
            "REGISTRY_URL": "http://registry:5000",
            "REGISTRY_CREDENTIAL_USERNAME": "harbor_registry_user",
            "REGISTRY_CREDENTIAL_PASSWORD": secrets["registry_password"],
            "REDIS_ADDRESS": address,
            "REDIS_PASSWORD": password,
            "LOG_LEVEL": (config.get("log") or {}).get("level", "info"),
            **{f"WITH_{part.upper()}": part in parts for part in ("notary", "trivy", "clair", "chartmuseum")},
            **database(config),
        }
    )


def registry(config: Config, secrets: dict[str, str]) -> str:
    address, password = redis(config)
    return f"""\
version: 0.1
log:
  level: info
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: redis
  filesystem:
    rootdirectory: /storage
  maintenance:
    uploadpurging:
      enabled: true
      age: 168h
      interval: 24h
      dryrun: false
  delete:
    enabled: true
redis:
  addr: {address}
  password: {password}
  db: 1
http:
  addr: :5000
  secret: {secrets["registry"]}
  relativeurls: true
  debug:
    addr: localhost:5001
auth:
  htpasswd:
    realm: harbor-registry-basic-realm
    path: /etc/registry/passwd
"""


def htpasswd(password: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return f"harbor_registry_user:{crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))}\n"


_NGINX_HEAD = """\
worker_processes auto;
daemon off;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events { worker_connections 3096; }
http {
  client_body_temp_path /tmp/client_body_temp;
  proxy_temp_path /tmp/proxy_temp;
  fastcgi_temp_path /tmp/fastcgi_temp;
  uwsgi_temp_path /tmp/uwsgi_temp;
  scgi_temp_path /tmp/scgi_temp;
  types { text/html html; }
  default_type application/octet-stream;
  server_tokens off;
  access_log /dev/stdout;
"""


def portal() -> str:
    return f"""{_NGINX_HEAD}\
  server {{
    listen 8080;
    root /harbor/portal;
    location / {{ try_files $uri $uri/ /index.html; }}
  }}
}}
"""


def nginx(config: Config) -> str:
    https = config.get("https")
    port = (https or {}).get("port", 443)
    listen = "listen 8080;"
    redirect = ""
    if https:
        listen = "listen 8443 ssl; ssl_certificate /etc/cert/server.crt; ssl_certificate_key /etc/cert/server.key;"
        to = "$host" if port == 443 else f"$host:{port}"
        redirect = f"  server {{ listen 8080; location / {{ return 308 https://{to}$request_uri; }} }}\n"
    locations = "".join(
        f"    location {path} {{ proxy_pass http://{upstream}{upstream_path}; }}\n"
        for path, upstream, upstream_path in (
            ("/", "portal", "/"),
            ("/api/", "core", "/api/"),
            ("/c/", "core", "/c/"),
            ("/service/", "core", "/service/"),
            ("/v2/", "core", "/v2/"),
        )
    )
    return f"""{_NGINX_HEAD}\
  upstream core {{ server core:8080; }}
  upstream portal {{ server portal:8080; }}
{redirect}\
  server {{
    {listen}
    client_max_body_size 0;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Connection "";
    proxy_read_timeout 900;
    location /service/notifications {{ return 404; }}
    location /v1/ {{ return 404; }}
{locations}\
  }}
}}
"""


def all_files(
    edition: Edition, config: Config, parts: frozenset[str], secrets: dict[str, str]
) -> dict[str, tuple[str, int, int]]:
    """Return the path below common/config of each file, and its content, owner and mode."""
    service = 10000
    return {
        "log/logrotate.conf": ("/var/log/docker/*.log {\n    rotate 50\n    size 200M\n}\n", service, 0o644),
        "log/rsyslog_docker.conf": ("# One file per service in /var/log/docker\n", service, 0o644),
        "nginx/nginx.conf": (nginx(config), service, 0o640),
        "portal/nginx.conf": (portal(), service, 0o640),
        "core/env": (core(config, parts, secrets), service, 0o640),
        "core/app.conf": (f"appname = Harbor\nrunmode = prod\nversion = {edition}\n", service, 0o640),
        "db/env": (env({"POSTGRES_PASSWORD": config["database"]["password"]}), 999, 0o640),
        "jobservice/env": (
            env({"CORE_SECRET": secrets["core"], "JOBSERVICE_SECRET": secrets["jobservice"]}),
            service,
            0o640,
        ),
        "jobservice/config.yml": ("protocol: http\nport: 8080\nworker_pool:\n  workers: 10\n", service, 0o640),
        "registry/config.yml": (registry(config, secrets), service, 0o640),
        "registry/passwd": (htpasswd(secrets["registry_password"]), service, 0o640),
        "registryctl/env": (env({"JOBSERVICE_SECRET": secrets["jobservice"]}), service, 0o640),
        "registryctl/config.yml": ("protocol: http\nport: 8080\n", service, 0o640),
        **({"trivy-adapter/env": (env({"SCANNER_LOG_LEVEL": "info"}), service, 0o640)} if "trivy" in parts else {}),
    }

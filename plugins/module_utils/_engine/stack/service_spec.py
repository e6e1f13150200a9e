# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Turn a declared service into the engine's specification, as docker stack deploy does.

Sources: docker/cli, cli/compose/convert; the engine's API, ServiceSpec.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import naming
from . import paths, values
from .compose import Definition
from .objects import Objects

Spec = dict[str, Any]


def service_spec(definition: Definition, objects: Objects, name: str) -> Spec:
    """Return the specification of one service.

    objects: the networks, volumes, configs and secrets of the stack, by their names in the Swarm.
    """
    service = definition.services[name]
    place = f"services.{name}"
    deploy = service.get("deploy") or {}
    spec: Spec = {
        "Name": definition.full_name(name),
        "Labels": {
            **values.filled(f"{place}.deploy.labels", deploy.get("labels") or {}),
            naming.STACK: definition.name,
            naming.STACK_IMAGE: values.string(f"{place}.image", service["image"]),
        },
        "TaskTemplate": _without_nothing(
            {
                "ContainerSpec": _container(definition, objects, name, service, place),
                "LogDriver": _log_driver(place, service.get("logging")),
                "Resources": _resources(f"{place}.deploy.resources", deploy.get("resources") or {}),
                "RestartPolicy": _restart_policy(f"{place}.deploy.restart_policy", deploy.get("restart_policy")),
                "Placement": _placement(f"{place}.deploy.placement", deploy.get("placement") or {}),
                "Networks": _networks(objects, name, service, place),
            }
        ),
        "Mode": _mode(place, deploy),
        "UpdateConfig": _update_config(f"{place}.deploy.update_config", deploy.get("update_config")),
        "RollbackConfig": _update_config(f"{place}.deploy.rollback_config", deploy.get("rollback_config")),
        "EndpointSpec": _endpoint(place, service, deploy),
    }
    return _without_nothing(spec)


def _without_nothing(spec: Spec) -> Spec:
    return {key: value for key, value in spec.items() if value not in (None, {}, [])}


def _container(definition: Definition, objects: Objects, name: str, service: Spec, place: str) -> Spec:
    environment = {
        **_from_files(definition, place, service.get("env_file") or []),
        **values.mapping(f"{place}.environment", service.get("environment") or {}),
    }
    hosts = service.get("extra_hosts") or {}
    separator = "=" if isinstance(hosts, list) and any("=" in str(item) for item in hosts) else ":"
    optional = {
        "Command": ("entrypoint", values.words),
        "Args": ("command", values.words),
        "Hostname": ("hostname", values.string),
        "Dir": ("working_dir", values.string),
        "User": ("user", values.string),
        "StopGracePeriod": ("stop_grace_period", values.duration),
        "StopSignal": ("stop_signal", values.string),
        "TTY": ("tty", values.flag),
        "OpenStdin": ("stdin_open", values.flag),
        "ReadOnly": ("read_only", values.flag),
        "Init": ("init", values.flag),
        "CapabilityAdd": ("cap_add", values.capabilities),
        "CapabilityDrop": ("cap_drop", values.capabilities),
        "Sysctls": ("sysctls", values.filled),
    }
    found = {
        key: read(f"{place}.{option}", service[option])
        for key, (option, read) in optional.items()
        if service.get(option) is not None
    }
    return _without_nothing(
        {
            "Image": values.string(f"{place}.image", service["image"]),
            "Labels": {**values.filled(f"{place}.labels", service.get("labels") or {}), naming.STACK: definition.name},
            "Env": sorted(f"{key}={value}" for key, value in environment.items() if value is not None),
            "Hosts": [
                f"{address} {host}" for host, address in values.filled(f"{place}.extra_hosts", hosts, separator).items()
            ],
            "DNSConfig": _without_nothing(
                {
                    key: values.strings(f"{place}.{option}", service[option])
                    for key, option in (("Nameservers", "dns"), ("Search", "dns_search"), ("Options", "dns_opt"))
                    if service.get(option)
                }
            ),
            "Healthcheck": _health_check(f"{place}.healthcheck", service.get("healthcheck")),
            "Mounts": _mounts(definition, objects, service, place),
            "Secrets": objects.references("secrets", name, service.get("secrets") or []),
            "Configs": objects.references("configs", name, service.get("configs") or []),
            "Ulimits": _ulimits(f"{place}.ulimits", service.get("ulimits") or {}),
            **found,
        }
    )


def _from_files(definition: Definition, place: str, declared: Any) -> dict[str, str | None]:
    """Return the variables in the files of C(env_file); a later file wins."""
    found: dict[str, str | None] = {}
    for name in values.strings(f"{place}.env_file", declared):
        path = paths.complete(f"{place}.env_file", name, definition.folder)
        try:
            with open(path, encoding="utf-8") as file:
                lines = [line.strip() for line in file]
        except (OSError, UnicodeDecodeError) as error:
            raise DockyardError(
                "stack_file_unreadable", f"{place}.env_file reads {path}, which can't be read ({error}); correct it."
            ) from error
        found.update(values.mapping(place, [line for line in lines if line and not line.startswith("#")]))
    return found


def _health_check(place: str, declared: Any) -> Spec | None:
    if not declared:
        return None
    if declared.get("disable"):
        return {"Test": ["NONE"]}
    test = declared.get("test")
    check: Spec = {}
    if test is not None:
        check["Test"] = values.strings(f"{place}.test", test) if isinstance(test, list) else ["CMD-SHELL", str(test)]
    for key, option in (
        ("Interval", "interval"),
        ("Timeout", "timeout"),
        ("StartPeriod", "start_period"),
        ("StartInterval", "start_interval"),
    ):
        if declared.get(option) is not None:
            check[key] = values.duration(f"{place}.{option}", declared[option])
    if declared.get("retries") is not None:
        check["Retries"] = values.whole(f"{place}.retries", declared["retries"])
    return check


def _mounts(definition: Definition, objects: Objects, service: Spec, place: str) -> list[Spec]:
    mounts = []
    for declared in service.get("volumes") or []:
        long = values.short_mount(f"{place}.volumes", declared) if isinstance(declared, str) else declared
        mounts.append(_mount(definition, objects, long, f"{place}.volumes"))
    for target in values.strings(f"{place}.tmpfs", service.get("tmpfs") or []):
        path, _colon, options = target.partition(":")
        sizes = [word.partition("=")[2] for word in options.split(",") if word.startswith("size=")]
        mount: Spec = {"Type": "tmpfs", "Target": path}
        if sizes:
            mount["TmpfsOptions"] = {"SizeBytes": values.size(f"{place}.tmpfs", sizes[0])}
        mounts.append(mount)
    return mounts


def _mount(definition: Definition, objects: Objects, declared: Spec, place: str) -> Spec:
    kind, source = declared.get("type", "volume"), declared.get("source") or ""
    if kind not in ("bind", "volume", "tmpfs", "npipe", "cluster") or not declared.get("target"):
        raise values.invalid(place, declared, "a mount with type, source and target")
    mount: Spec = {"Type": kind, "Target": declared["target"]}
    if declared.get("read_only"):
        mount["ReadOnly"] = values.flag(f"{place}.read_only", declared["read_only"])
    if kind == "bind":
        mount["Source"] = paths.complete(place, source, definition.folder)
        propagation = (declared.get("bind") or {}).get("propagation")
        return {**mount, "BindOptions": {"Propagation": propagation}} if propagation else mount
    if kind == "tmpfs":
        options = declared.get("tmpfs") or {}
        found = {}
        if options.get("size") is not None:
            found["SizeBytes"] = values.size(f"{place}.tmpfs.size", options["size"])
        if options.get("mode") is not None:
            found["Mode"] = values.whole(f"{place}.tmpfs.mode", options["mode"])
        return {**mount, "TmpfsOptions": found} if found else mount
    if source:
        mount.update(objects.volume(source, place))
    if (declared.get("volume") or {}).get("nocopy"):
        mount["VolumeOptions"] = {**mount.get("VolumeOptions", {}), "NoCopy": True}
    return mount


def _ulimits(place: str, declared: Spec) -> list[Spec]:
    limits = []
    for name, value in sorted(declared.items()):
        soft, hard = (value.get("soft"), value.get("hard")) if isinstance(value, dict) else (value, value)
        limits.append(
            {"Name": name, "Soft": values.whole(f"{place}.{name}", soft), "Hard": values.whole(f"{place}.{name}", hard)}
        )
    return limits


def _log_driver(place: str, declared: Spec | None) -> Spec | None:
    if not declared:
        return None
    options = values.filled(f"{place}.logging.options", declared.get("options") or {})
    return {"Name": declared.get("driver", ""), "Options": options}


def _resources(place: str, declared: Spec) -> Spec:
    found: Spec = {}
    for key, option in (("Limits", "limits"), ("Reservations", "reservations")):
        given = declared.get(option) or {}
        limits: Spec = {}
        if given.get("cpus") is not None:
            limits["NanoCPUs"] = round(values.number(f"{place}.{option}.cpus", given["cpus"]) * 1e9)
        if given.get("memory") is not None:
            limits["MemoryBytes"] = values.size(f"{place}.{option}.memory", given["memory"])
        if given.get("pids") is not None and option == "limits":
            limits["Pids"] = values.whole(f"{place}.{option}.pids", given["pids"])
        generic = [
            {"DiscreteResourceSpec": {"Kind": each["kind"], "Value": values.whole(f"{place}.{option}", each["value"])}}
            for each in ((item.get("discrete_resource_spec") or {}) for item in given.get("generic_resources") or [])
        ]
        if generic and option == "reservations":
            limits["GenericResources"] = generic
        if limits:
            found[key] = limits
    return found


def _restart_policy(place: str, declared: Spec | None) -> Spec | None:
    if not declared:
        return None
    policy: Spec = {}
    if declared.get("condition"):
        policy["Condition"] = values.one_of(f"{place}.condition", declared["condition"], ("none", "on-failure", "any"))
    for key, option in (("Delay", "delay"), ("Window", "window")):
        if declared.get(option) is not None:
            policy[key] = values.duration(f"{place}.{option}", declared[option])
    if declared.get("max_attempts") is not None:
        policy["MaxAttempts"] = values.whole(f"{place}.max_attempts", declared["max_attempts"])
    return policy


def _placement(place: str, declared: Spec) -> Spec:
    placement: Spec = {}
    if declared.get("constraints"):
        placement["Constraints"] = values.strings(f"{place}.constraints", declared["constraints"])
    preferences = [{"Spread": {"SpreadDescriptor": item["spread"]}} for item in declared.get("preferences") or []]
    if preferences:
        placement["Preferences"] = preferences
    if declared.get("max_replicas_per_node"):
        placement["MaxReplicas"] = values.whole(f"{place}.max_replicas_per_node", declared["max_replicas_per_node"])
    return placement


def _networks(objects: Objects, name: str, service: Spec, place: str) -> list[Spec]:
    declared = service.get("networks") or ["default"]
    wanted = declared if isinstance(declared, dict) else dict.fromkeys(values.strings(f"{place}.networks", declared))
    attachments = []
    for key, options in wanted.items():
        aliases = [*values.strings(f"{place}.networks", (options or {}).get("aliases") or []), name]
        attachment: Spec = {"Target": objects.network(key, place), "Aliases": list(dict.fromkeys(aliases))}
        driver_options = (options or {}).get("driver_opts")
        if driver_options:
            attachment["DriverOpts"] = values.filled(f"{place}.networks.{key}.driver_opts", driver_options)
        attachments.append(attachment)
    return attachments


def _mode(place: str, deploy: Spec) -> Spec:
    mode = deploy.get("mode", "replicated")
    replicas = deploy.get("replicas")
    if mode in ("global", "global-job"):
        if replicas is not None:
            raise values.invalid(f"{place}.deploy.replicas", replicas, f"left out with mode {mode}")
        return {"Global": {}} if mode == "global" else {"GlobalJob": {}}
    count = 1 if replicas is None else values.whole(f"{place}.deploy.replicas", replicas)
    if mode == "replicated":
        return {"Replicated": {"Replicas": count}}
    if mode == "replicated-job":
        return {"ReplicatedJob": {"MaxConcurrent": count, "TotalCompletions": count}}
    raise values.invalid(f"{place}.deploy.mode", mode, "one of replicated, global, replicated-job and global-job")


def _update_config(place: str, declared: Spec | None) -> Spec | None:
    if not declared:
        return None
    # The command's own default; left out, the engine would take all tasks at once.
    config: Spec = {"Parallelism": values.whole(f"{place}.parallelism", declared.get("parallelism", 1))}
    for key, option in (("Delay", "delay"), ("Monitor", "monitor")):
        if declared.get(option) is not None:
            config[key] = values.duration(f"{place}.{option}", declared[option])
    if declared.get("failure_action"):
        known = ("pause", "continue", "rollback") if place.endswith(".update_config") else ("pause", "continue")
        config["FailureAction"] = values.one_of(f"{place}.failure_action", declared["failure_action"], known)
    if declared.get("max_failure_ratio") is not None:
        config["MaxFailureRatio"] = values.number(f"{place}.max_failure_ratio", declared["max_failure_ratio"])
    if declared.get("order"):
        config["Order"] = values.one_of(f"{place}.order", declared["order"], ("stop-first", "start-first"))
    return config


def _endpoint(place: str, service: Spec, deploy: Spec) -> Spec:
    published = [port for entry in service.get("ports") or [] for port in values.ports(f"{place}.ports", entry)]
    orders = [(deploy.get(option) or {}).get("order") for option in ("update_config", "rollback_config")]
    held = [port for port in published if port["PublishMode"] == "host" and port.get("PublishedPort")]
    if held and "start-first" in orders:
        raise DockyardError(
            "stack_port_start_first",
            f"{place} publishes port {held[0]['PublishedPort']} in host mode and is updated start-first, so that a new"
            " task waits for ever for the port that the old one holds; use stop-first, or ingress mode.",
        )
    mode = values.one_of(f"{place}.deploy.endpoint_mode", deploy.get("endpoint_mode", "vip"), ("vip", "dnsrr"))
    ingress = [port for port in published if port["PublishMode"] == "ingress"]
    if mode == "dnsrr" and ingress:
        raise DockyardError(
            "stack_port_dnsrr",
            f"{place} has endpoint_mode dnsrr and publishes port {ingress[0]['TargetPort']} in ingress mode, which"
            " needs an address of the service; use host mode, or endpoint_mode vip.",
        )
    return {"Mode": mode, "Ports": published} if published else {"Mode": mode}

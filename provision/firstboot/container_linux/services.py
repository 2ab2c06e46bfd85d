"""The drop-ins that the sections etcd, flannel and docker become, and the platform's own units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.firstboot.container_linux.dynamic import WITH_PROVIDER_OVERRIDE
from provision.firstboot.container_linux.gotext import parse_version
from provision.firstboot.container_linux.model import default_version, flag, options
from provision.firstboot.ignition.golang import quote

if TYPE_CHECKING:
    from provision.firstboot.container_linux.dynamic import Dynamic

Value = dict[str, Any]
METADATA = "coreos-metadata.service"
_ETCDCTL = (
    ("etcd_endpoints", "endpoints"),
    ("etcd_cafile", "ca-file"),
    ("etcd_certfile", "cert-file"),
    ("etcd_keyfile", "key-file"),
)


def platform_units(platform: str) -> list[Value]:
    """Return the units that tell the metadata service its provider, on platforms that need it."""
    if platform not in WITH_PROVIDER_OVERRIDE:
        return []
    contents = f"[Service]\nEnvironment=COREOS_METADATA_OPT_PROVIDER=--provider={platform}"
    dropins = [{"contents": contents, "name": "20-clct-provider-override.conf"}]
    return [
        {"name": METADATA, "dropins": dropins},
        {"name": "coreos-metadata-sshkeys@.service", "enabled": True, "dropins": dropins},
    ]


def docker_unit(section: Value) -> Value:
    """Return docker's unit with its options."""
    contents = f'[Service]\nEnvironment="DOCKER_OPTS={" ".join(section.get("flags", ()))}"'
    return _enabled("docker.service", "20-clct-docker.conf", contents)


def etcd_unit(section: Value, dynamic: Dynamic) -> Value:
    """Return etcd's unit with its options.

    Raises:
        DynamicError: an option cannot be filled in.
    """
    unit, service = _wrapper("etcd", section, dynamic)
    return _enabled("etcd-member.service", "20-clct-etcd-member.conf", _unit_text(unit, service))


def flannel_unit(section: Value, dynamic: Dynamic) -> Value:
    """Return flannel's unit with its options; a network config is written to etcd before it starts.

    Raises:
        DynamicError: an option cannot be filled in.
    """
    unit, service = _wrapper("flannel", section, dynamic)
    if section.get("network_config"):
        arguments = [f"--{name}={quote(section[option])}" for option, name in _ETCDCTL if option in section]
        words = ["/usr/bin/etcdctl", *arguments, "set", "/coreos.com/network/config", quote(section["network_config"])]
        service.append(f"ExecStartPre={' '.join(words)}")
    return _enabled("flanneld.service", "20-clct-flannel.conf", _unit_text(unit, service))


def _wrapper(name: str, section: Value, dynamic: Dynamic) -> tuple[list[str], list[str]]:
    """Return the lines of [Unit] and [Service] of a service that runs by Container Linux's wrapper."""
    arguments, metadata = dynamic.fill(_arguments(name, section))
    unit = [f"Requires={METADATA}", f"After={METADATA}"] if metadata else []
    service = ["EnvironmentFile=/run/metadata/coreos"] if metadata else []
    if "version" in section:
        service.append(f'Environment="{name.upper()}_IMAGE_TAG=v{parse_version(section["version"])}"')
    command = f"/usr/lib/coreos/{name}-wrapper ${name.upper()}_OPTS"
    service += ["ExecStart=", "ExecStart=" + " \\\n  ".join((command, *arguments))]
    return unit, service


def _arguments(name: str, section: Value) -> list[str]:
    at = parse_version(section["version"]) if "version" in section else default_version(name)
    held = [option for option in options(name, at.major, at.minor) if option in section]
    return [f"--{flag(name, option)}={_written(section[option])}" for option in held]


def _written(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else quote(value)


def _unit_text(unit: list[str], service: list[str]) -> str:
    parts = [("[Unit]", unit), ("[Service]", service)]
    return "\n\n".join("\n".join((head, *lines)) for head, lines in parts if lines)


def _enabled(name: str, dropin: str, contents: str) -> Value:
    return {"name": name, "enable": True, "dropins": [{"contents": contents, "name": dropin}]}

"""The type of a Container Linux Config, which depends on the versions of etcd and flannel that it asks for."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from provision.firstboot.container_linux.gotext import Version, parse_version
from provision.firstboot.fields import Layer, Struct, build, holds, load_table

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICES = ("etcd", "flannel")


def default_version(service: str) -> Version:
    """Return the version whose options a service without a version has."""
    return parse_version(_services()[service]["default"])


@cache
def options(service: str, major: int, minor: int) -> Mapping[str, str]:
    """Return the options of a service at a version as field table entries, in the order of its flags.

    Minor versions that are newer than the newest known have its options; other majors have none.
    """
    for series in reversed(_services()[service]["series"]):
        minors = [tuple(map(int, text.split("."))) for text in series["minors"]]
        if minors[0][0] == major and minors[0][1] <= minor:
            at = min((major, minor), minors[-1])
            return _held(series["options"], at)
    return {}


def flag(service: str, option: str) -> str:
    """Return the command-line flag of an option, without its dashes."""
    named: Mapping[str, str] = _services()[service].get("flags", {})
    return named.get(option, option.replace("_", "-"))


def _held(table: Mapping[str, Any], at: tuple[int, ...]) -> dict[str, str]:
    held = {}
    for name, entries in table.items():
        kinds = (holds(entry, at) for entry in ([entries] if isinstance(entries, str) else entries))
        kind = next((kind for kind in kinds if kind), None)
        if kind:
            held[name] = kind
    return held


@cache
def header() -> Struct:
    """Return the type that holds no more than the services' versions."""
    version = {"version": "str?"}
    table = {"Config": {"etcd": "etcdCommon?", "flannel": "flannelCommon?"}, "etcdCommon": version}
    return build([Layer(table | {"flannelCommon": version}, (), "types")], {})


@cache
def types(etcd: tuple[int, int], flannel: tuple[int, int]) -> Struct:
    """Return the type of a whole config whose services have these major and minor versions."""
    table = dict(load_table("container_linux", "types"))
    for service, numbers in zip(SERVICES, (etcd, flannel), strict=True):
        # Go reads the version first and the options after it, as two types.
        table[f"{service}Common"] = {**table[f"{service}Common"], **options(service, *numbers)}
    config = build([Layer(table, (), "types")], {})
    for owner, field in (("users", "create"), ("groups", "gid")):
        _unsigned(config, owner, field)
    return config


def _unsigned(config: Struct, owner: str, name: str) -> None:
    passwd = config.fields["passwd"].struct
    item = passwd.fields[owner].item if passwd else None
    field = item.struct.fields[name] if item and item.struct else None
    if field is not None and field.struct is not None:
        field = field.struct.fields["uid"]
    if field is not None:
        field.go = "uint"


def _services() -> Mapping[str, Any]:
    return load_table("container_linux", "services")

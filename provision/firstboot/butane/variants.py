"""Which variants and versions of Butane there are, and the fields of each, from the tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from provision.firstboot.butane import checks, messages
from provision.firstboot.fields import Layer, Struct, build, holds, load_table, version
from provision.firstboot.suggest import did_you_mean

if TYPE_CHECKING:
    from provision.firstboot.ignition.messages import Message
    from provision.firstboot.ignition.validate import Path

CHECKS = {
    name: function
    for name, function in vars(checks).items()
    if callable(function) and not name.startswith("_") and getattr(function, "__module__", "") == checks.__name__
}


@dataclass(frozen=True)
class Variant:
    """One variant at one version; `spec` is the Ignition spec that it becomes."""

    name: str
    version: str
    spec: str
    layers: tuple[tuple[str, str, str], ...]
    forbidden_set: str | None = None

    @cached_property
    def struct(self) -> Struct:
        """The type of a whole config."""
        layers = [Layer(load_table("butane", table), version(at), package) for table, at, package in self.layers]
        return build(layers, CHECKS)

    @cached_property
    def base(self) -> int:
        """The version of the base that all variants share, from 1."""
        return int(self.layers[0][1])

    @cached_property
    def fcos(self) -> tuple[int, ...]:
        """The version of Fedora CoreOS that it builds on, or ()."""
        return next((version(at) for table, at, _ in self.layers if table == "fcos"), ())

    @cached_property
    def openshift(self) -> tuple[int, ...]:
        """The version of OpenShift, or ()."""
        return next((version(at) for table, at, _ in self.layers if table == "openshift"), ())

    @cached_property
    def compresses(self) -> bool:
        """Whether contents may be gzipped; OpenShift's operator did not know that before 4.10."""
        return not self.openshift or self.openshift >= (4, 10)

    @cached_property
    def forbidden(self) -> dict[tuple[str, ...], Message]:
        """The paths of the generated config that the variant refuses."""
        if self.forbidden_set is None:
            return {}
        at = version(self.version)[:2]
        table = load_table("butane", "forbidden")[self.forbidden_set]
        named = {path: holds(entry, at) for path, entry in table.items()}
        return {tuple(path.split(".")): getattr(messages, name) for path, name in named.items() if name}


@cache
def variant(name: str, at: str) -> Variant | None:
    """Return a variant at a version, or None when there is none."""
    found: dict[str, Any] | None = load_table("butane", "variants").get(name, {}).get(at)
    if name.startswith("_") or found is None:
        return None
    layers = tuple((table, layer, package) for table, layer, package in found["layers"])
    return Variant(name, at, found["spec"], layers, found.get("forbidden"))


def names() -> list[tuple[str, str]]:
    """Return all variants with their versions."""
    return [(name, at) for name, all_ in load_table("butane", "variants").items() if name[0] != "_" for at in all_]


def has_variant(name: str) -> bool:
    """Whether there is such a variant, at any version."""
    return any(name == other for other, _ in names())


def since(older: Variant, path: Path, key: str) -> str | None:
    """Return the first later version of a variant that knows a key of the section at a path."""
    versions = [at for name, at in names() if name == older.name]
    for at in versions[versions.index(older.version) + 1 :]:
        newer = variant(older.name, at)
        struct = newer and _section(newer.struct, path)
        if struct and key in struct.fields:
            return at
    return None


def _section(struct: Struct | None, path: Path) -> Struct | None:
    for step in path:
        if struct is None:
            return None
        if isinstance(step, str):
            field = struct.fields.get(step)
            inner = field and (field.item or field)
            struct = inner.struct if inner else None
    return struct


def known(name: str) -> str:
    """Say which versions a variant has, or which variants there are."""
    versions = [other for variant_name, other in names() if variant_name == name]
    if versions:
        return f"{name} has the versions {', '.join(versions)}"
    every = dict.fromkeys(variant_name for variant_name, _ in names())
    return did_you_mean(name, every) or f"the variants are {', '.join(every)}"

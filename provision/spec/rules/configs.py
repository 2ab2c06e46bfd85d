"""Rules about node configs and the operating system that reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provision.spec.words import listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.diagnostics import Path as Trail
    from provision.spec.draft import Draft
    from provision.spec.model import NodeConfig

FORMATS = {
    "flatcar": ("butane", "ignition", "container-linux", "cloud-config"),
    "fcos": ("butane", "ignition"),
    "container-linux": ("container-linux", "ignition", "cloud-config"),
    "lab": ("butane", "ignition"),
    "debian": ("cloud-config",),
}
"""Which node configs an operating system's first boot can be given, compiled where need be."""

VARIANTS = {"flatcar": ("flatcar",), "fcos": ("fcos",), "lab": ("flatcar", "fcos")}
"""The Butane variants for an operating system."""

_VARIANT = re.compile(r"^variant\s*:\s*[\"']?([a-z0-9-]+)", re.MULTILINE)


def fitting(draft: Draft) -> Iterator[Diagnostic]:
    """See that each node config is in a format, and a Butane variant, for the cluster's operating system."""
    system = draft.value.get("os", "")
    for path, config in draft.configs.items():
        formats = FORMATS.get(system, ())
        if formats and config.format not in formats:
            message = f"{system} cannot be configured with {config.format}"
            yield draft.error("PV062", path, message, f"it takes {listing(formats)}")
        elif fault := _variant_fault(config, system):
            yield draft.error("PV063", path, fault, f"`variant: {VARIANTS[system][0]}` is meant for it")


def _variant_fault(config: NodeConfig, system: str) -> str | None:
    found = _VARIANT.search(config.text) if config.format == "butane" else None
    if not found or found[1] in VARIANTS.get(system, (found[1],)):
        return None
    return f"{config.file} is for {found[1]}, and the machines run {system}"


def missing(draft: Draft) -> Iterator[Diagnostic]:
    """Warn about interpolation where there is no node config to interpolate."""
    for section in ("pools", "machines"):
        for name, entry in draft.section(section).items():
            path: Trail = (section, name, "template")
            if section == "pools" and entry.get("template") and not draft.given(section, name, "config"):
                yield draft.warning("PV064", path, "there is no node config to interpolate", "add `config:`")


RULES = (fitting, missing)

"""Providers' options, checked by the schema that each plugin brings."""

from __future__ import annotations

import functools
import json
import sys
from importlib import resources
from typing import TYPE_CHECKING

from provision.spec import schema
from provision.spec.overlay import overlay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema.protocols import Validator

    from provision.diagnostics import Diagnostic
    from provision.diagnostics import Path as Trail
    from provision.model import Json
    from provision.provider import Provider
    from provision.spec.draft import Draft


def valid(draft: Draft) -> Iterator[Diagnostic]:
    """Check each provider's options as its pools and machines see them, without repeating what they share."""
    seen: set[Diagnostic] = set()
    for provider, *layers in _uses(draft):
        plugin = draft.plugin(provider)
        if plugin is None:
            continue
        for finding in _check(draft, plugin, layers):
            if finding not in seen:
                seen.add(finding)
                yield finding


def _uses(draft: Draft) -> Iterator[tuple[str, *tuple[Trail, ...]]]:
    """Yield each way in which a provider is used: its name, and the paths of the options laid over each other."""
    for name in draft.section("providers"):
        own: Trail = ("providers", name)
        pools = [pool for pool, entry in draft.pools() if draft.provider_of(entry) == name]
        if not pools:
            yield name, own
        for pool in pools:
            yield name, own, ("pools", pool, "options")
            for machine in _differing(draft, pool):
                yield name, own, ("pools", pool, "options"), ("machines", machine, "options")


def _differing(draft: Draft, pool: str) -> Iterator[str]:
    for name, entry in draft.section("machines").items():
        if "options" in entry and draft.pool_of(name) == pool:
            yield name


def _check(draft: Draft, plugin: type[Provider], layers: list[Trail]) -> list[Diagnostic]:
    merged: Json = {}
    for layer in layers:
        merged = overlay(merged, _at(draft, layer))

    def absolute(path: Trail) -> Trail:
        """Lead to the uppermost layer that has the value, or else to where the provider is configured."""
        found = [(*layer, *path) for layer in reversed(layers) if (*layer, *path) in draft.document.places]
        return found[0] if found else (*layers[0], *path)

    return schema.check(draft.document, merged, _validator(plugin), absolute)


def _at(draft: Draft, path: Trail) -> Json:
    entry: Json = draft.value
    for step in path:
        entry = entry.get(str(step)) or {}
    return entry


@functools.cache
def _validator(plugin: type[Provider]) -> Validator:
    return schema.validator(options_schema(plugin))


def options_schema(plugin: type[Provider]) -> Json:
    """Return the JSON Schema of a provider's options, a file of the plugin's package."""
    package = sys.modules[plugin.__module__].__package__ or plugin.__module__
    text = resources.files(package).joinpath(plugin.options_schema).read_text("utf-8")
    loaded: Json = json.loads(text)
    return loaded


RULES = (valid,)

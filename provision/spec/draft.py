"""A spec on its way to a `Cluster`: what the rules and the builder read.

A value that the schema refused is cut out of `value`, so that the rules can judge all the rest without guarding
against wrong types. What was cut out is remembered: a rule that asks whether something is *absent* must not take a
refused value for an absent one.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Severity
from provision.errors import ProviderMissing
from provision.registry import STORES
from provision.spec.overlay import overlay

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from provision.diagnostics import Path as Trail
    from provision.model import Json
    from provision.provider import Provider
    from provision.spec.files import Files
    from provision.spec.lock import Lock
    from provision.spec.model import NodeConfig
    from provision.spec.tree import Document, Plain

_INDEX = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)


@dataclass(slots=True)
class Draft:
    """A spec whose remaining values have the types that the schema says.

    `configs` holds the node configs by the path that names each, `keys` the SSH keys with the place to blame,
    `texts` every file that was read, by its name in the spec.
    """

    document: Document
    value: Json
    cut: frozenset[Trail]
    files: Files
    find_plugin: Callable[[str], type[Provider]]
    lock: Lock | None = None
    configs: dict[Trail, NodeConfig] = field(default_factory=dict)
    keys: list[tuple[Trail, str]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    _plugins: dict[str, type[Provider] | ProviderMissing] = field(default_factory=dict)

    def section(self, name: str) -> Json:
        """Return one of the spec's top-level mappings; empty when it is absent."""
        section: Json = self.value.get(name) or {}
        return section

    @property
    def cluster(self) -> str:
        """The cluster's name, or "" when it has none that can be used."""
        return str(self.value.get("cluster", ""))

    def pools(self) -> Iterator[tuple[str, Json]]:
        """Yield the pools by name."""
        yield from self.section("pools").items()

    def machines(self, pool: str) -> Iterator[str]:
        """Yield the names of a pool's machines."""
        for index in range(1, int(self.section("pools")[pool].get("count", 0)) + 1):
            yield f"{self.cluster}-{pool}-{index}"

    def pool_of(self, machine: str) -> str | None:
        """Return the pool that a machine belongs to by its name, or None when there is no such machine."""
        pool, _, index = machine.removeprefix(f"{self.cluster}-").rpartition("-")
        count = int(self.section("pools").get(pool, {}).get("count", 0))
        named = machine == f"{self.cluster}-{pool}-{index}" and _INDEX.fullmatch(index)
        return pool if named and int(index) <= count else None

    def count(self) -> int:
        """Return the number of all machines."""
        return sum(int(pool.get("count", 0)) for _, pool in self.pools())

    def provider_of(self, pool: Json) -> str | None:
        """Return the name of a pool's provider: its own, or the only one; None when that cannot be told."""
        given = pool.get("provider")
        providers = list(self.section("providers"))
        return given or (providers[0] if len(providers) == 1 else None)

    def options(self, pool: str, machine: str) -> Json:
        """Return a machine's options: the provider's, with its pool's and its own laid over them."""
        entry: Json = self.section("pools")[pool]
        shared: Json = self.section("providers").get(self.provider_of(entry) or "") or {}
        own: Json = self.section("machines").get(machine, {})
        return overlay(overlay(shared, entry.get("options") or {}), own.get("options") or {})

    def plugin(self, name: str | None) -> type[Provider] | None:
        """Return a provider's class, or None when it is not installed."""
        found = self.look_up(name) if name else None
        return None if isinstance(found, ProviderMissing) else found

    def look_up(self, name: str) -> type[Provider] | ProviderMissing:
        """Return a provider's class, or why there is none."""
        if name not in self._plugins:
            try:
                self._plugins[name] = _no_machines(name) if name in STORES else self.find_plugin(name)
            except ProviderMissing as missing:
                self._plugins[name] = missing
        return self._plugins[name]

    def was_cut(self, *path: str | int) -> bool:
        """Whether the schema refused something at or below a path, so that its absence says nothing."""
        return any(cut[: len(path)] == path for cut in self.cut)

    def given(self, *path: str) -> bool:
        """Whether the document has a value at a path, right or wrong."""
        return path in self.document.places

    def read(self, name: str) -> str:
        """Return the text of a file that the spec names.

        Raises:
            FileError: it cannot be read.
        """
        self.texts[name] = self.files.read(name)
        return self.texts[name]

    def shown(self, name: str) -> str:
        """Return a file's name as findings show it: from where the spec's own name starts."""
        return str(PurePath(self.document.file).parent / name)

    def error(self, code: str, path: Trail, message: str, hint: str | None = None, *, key: bool = False) -> Diagnostic:
        """Return an error at a value, or at the key that leads to it."""
        return self._finding(Severity.ERROR, code, path, message, hint, key)

    def warning(
        self, code: str, path: Trail, message: str, hint: str | None = None, *, key: bool = False
    ) -> Diagnostic:
        """Return a warning at a value, or at the key that leads to it."""
        return self._finding(Severity.WARNING, code, path, message, hint, key)

    def _finding(
        self, severity: Severity, code: str, path: Trail, message: str, hint: str | None, key: bool
    ) -> Diagnostic:
        place = self.document.key(path) if key else self.document.place(path)
        return Diagnostic(code, message, severity, path, place, hint)


def _no_machines(name: str) -> ProviderMissing:
    return ProviderMissing(f"{name!r} keeps payloads, and makes no machines", hint="name it as `payloads.store`")


def prune(value: Plain, paths: Collection[Trail]) -> Plain:
    """Return a copy without the values at some paths; in lists they become None, so that the others stay in place."""
    pruned = copy.deepcopy(value) if paths else value
    for path in paths:
        _cut(pruned, path)
    return pruned


def _cut(root: Plain, path: Trail) -> None:
    node = root
    for step in path[:-1]:
        node = node[step] if _has(node, step) else None
    if path and _has(node, path[-1]):
        node[path[-1]] = None
        if isinstance(node, dict):
            del node[path[-1]]


def _has(node: Plain, step: str | int) -> bool:
    if isinstance(node, list):
        return isinstance(step, int) and step < len(node)
    return isinstance(node, dict) and step in node

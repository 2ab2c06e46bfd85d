"""Where in the user's config each part of the generated config comes from.

What the user wrote keeps its path, in snake case; sugar and embedded files are recorded; a merge maps both sides
through its transcript. That costs more than the compilation, so it is done when something is looked up.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provision.firstboot.ignition.merge import merge, merge_config

if TYPE_CHECKING:
    from provision.firstboot.fields import Struct

Path = tuple[str | int, ...]
Config = dict[str, Any]
_UPPER = re.compile("(MiB|[A-Z])")


def snake(path: Path) -> Path:
    """Write a path in the way of Butane: ``sizeMiB`` becomes ``size_mib``."""
    return tuple(_UPPER.sub(r"_\1", step).lower() if isinstance(step, str) else step for step in path)


class Origins:
    """A map from generated paths to the user's; `user` says whether unrecorded paths are the user's own."""

    def __init__(self, *, user: bool) -> None:
        self._user = user
        self._exact: dict[Path, Path] = {}
        self._below: list[tuple[Path, Path]] = []
        self._merge: tuple[Config, Origins, Config, Origins, str] | None = None
        self._merged: dict[Path, Path] = {}

    def set(self, to: Path, source: Path) -> None:
        """Record one path."""
        self._exact[to] = source

    def set_below(self, to: Path, source: Path) -> None:
        """Record a path and all below it as coming from one source."""
        self._below.append((to, source))

    def find(self, path: Path) -> Path | None:
        """Return the user's path for a generated one, or None when none is recorded."""
        if path in self._exact:
            return self._exact[path]
        for prefix, source in reversed(self._below):
            if path[: len(prefix)] == prefix:
                return source
        self._resolve()
        if path in self._merged:
            return self._merged[path]
        return snake(path) if self._user else None

    def move(self, old: Path, new: Path) -> None:
        """Let a part of the generated config keep its origin at a new path."""
        self._resolve()
        for paths in (self._exact, self._merged):
            for path in [p for p in paths if p[: len(old)] == old]:
                self._exact[new + path[len(old) :]] = paths.pop(path)
        self._below = [(new + p[len(old) :] if p[: len(old)] == old else p, source) for p, source in self._below]

    def _resolve(self) -> None:
        if self._merge is None:
            return
        parent, parents, child, children, spec = self._merge
        self._merge = None
        for step in merge(parent, child, spec).transcript:
            source = (parents if step.side == "parent" else children).find(step.origin)
            if source is not None:
                self._merged[step.to] = source


def merge_with_origins(
    parent: Config, parents: Origins, child: Config, children: Origins, struct: Struct, spec: str
) -> tuple[Config, Origins]:
    """Merge generated parts (the parent) with the user's config (the child)."""
    made = Origins(user=False)
    made._merge = (parent, parents, child, children, spec)
    return merge_config(parent, child, struct), made

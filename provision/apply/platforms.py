"""The providers of a cluster, made but not asked; and the clock that they and a run share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provision import paths, registry
from provision.provider import Context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from provision.model import Json
    from provision.provider import Provider


def now() -> datetime:
    """Return the time in UTC; every clock of a run is this one."""
    return datetime.now(UTC)


def providers_for(options: Mapping[str, Json], spec_dir: Path) -> dict[str, Provider]:
    """Make the providers of a cluster; no platform is asked yet.

    Raises:
        ProviderMissing: a plugin is not installed.
    """
    cache = paths.cache()
    return {
        name: registry.load(name)(chosen, Context(paths.data() / name, cache, now, spec_dir))
        for name, chosen in options.items()
    }

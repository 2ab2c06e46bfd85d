"""What a cluster's machines cost, as far as it is known; an unknown price is never taken for zero."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from provision.provider import HasPrices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Json
    from provision.provider import Provider
    from provision.spec.model import Cluster, Machine


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars per hour of the machines with known prices, and the names of the others."""

    per_hour: float
    unknown: tuple[str, ...] = ()


def cost(cluster: Cluster, providers: Mapping[str, Provider]) -> Cost:
    """Return what all machines of the spec cost together; disks, addresses and traffic are not counted."""
    prices = {m.name: price(m, providers[m.provider]) for m in cluster.machines}
    known = [p for p in prices.values() if p is not None]
    return Cost(sum(known), tuple(name for name, p in prices.items() if p is None))


def price(machine: Machine, provider: Provider) -> float | None:
    """Return US dollars per hour, the dearest of the machine's zones; None when it is not known."""
    if isinstance(provider, HasPrices):
        return _dearest(machine, provider)
    if provider.traits.local:
        return 0.0
    return listed(machine.provider, machine.size, str(machine.options.get("region", "")))


def _dearest(machine: Machine, provider: HasPrices) -> float | None:
    if not isinstance(machine.size, str):
        return None
    found = [provider.price(machine.size, zone) for zone in machine.zones or ("",)]
    known = [p for p in found if p is not None]
    return max(known) if len(known) == len(found) else None


def listed(provider: str, size: str | Json, region: str) -> float | None:
    """Return the price of the table that is shipped, on demand, for Linux; None when it has none."""
    try:
        at = _table(provider)["regions"].index(region)
        found: float | None = _table(provider)["sizes"][str(size)][at]
        return found
    except (FileNotFoundError, KeyError, ValueError):
        return None


@cache
def _table(provider: str) -> Json:
    text = files("provision_schemas").joinpath("prices", f"{provider}.json").read_text(encoding="utf-8")
    table: Json = json.loads(text)
    return table

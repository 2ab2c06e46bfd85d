"""What machines cost, as far as it is known; an unknown price is never taken for zero."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.model import MACHINE, State
from provision.provider import Billed, HasExtras, HasPrices
from provision.sprawl.tariff import Tariff, tariff

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provision.model import Json, Observed
    from provision.provider import Provider
    from provision.spec.model import Cluster, Machine


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars per hour of what has a known price, and the names of the rest."""

    per_hour: float = 0.0
    unknown: tuple[str, ...] = ()

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.per_hour + other.per_hour, self.unknown + other.unknown)

    @classmethod
    def of(cls, prices: Iterable[tuple[str, float | None]]) -> Cost:
        """Add up prices by name."""
        found = list(prices)
        known = [price for _, price in found if price is not None]
        return cls(sum(known), tuple(name for name, price in found if price is None))


@dataclass(slots=True)
class Prices:
    """Who knows what things cost: the policy, then the provider, then the lists."""

    overrides: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    _tariffs: dict[str, Tariff] = field(default_factory=dict)

    def cluster(self, cluster: Cluster, providers: Mapping[str, Provider]) -> Cost:
        """Return what all machines of a spec cost together, without traffic."""
        return Cost.of((m.name, self.wanted(m, providers[m.provider])) for m in cluster.machines)

    def wanted(self, machine: Machine, provider: Provider) -> float | None:
        """Return US dollars per hour of a machine of the spec, in the dearest of its zones; None when unknown."""
        region = str(machine.options.get("region", ""))
        extras = provider.billed(machine.options) if isinstance(provider, HasExtras) else ()
        places = [zone or region for zone in machine.zones or (region,)]
        found = [self._whole(provider, machine.size, place, region, extras) for place in places]
        known = [price for price in found if price is not None]
        return max(known) if len(known) == len(found) else None

    def observed(self, thing: Observed, provider: Provider, options: Json) -> float | None:
        """Return US dollars per hour of a thing as it is; None when unknown.

        Platforms' lists do not show disks: a machine is its size and its public address. What is switched off costs
        what it costs when it runs, but for platforms that do not bill it then; parts are free.
        """
        rates = self._tariff(provider.name)
        if thing.kind != MACHINE or (thing.state is State.STOPPED and rates.stopped_is_free):
            return 0.0
        region = str(options.get("region", ""))
        address = rates.public_address if thing.addresses.get("public") else ""
        extras = [Billed("address", address)] if address else []
        return self._whole(provider, thing.size, thing.zone or region, region, extras)

    def dated(self, provider: str) -> str:
        """Return the day of the provider's newest price list, "" when there is none."""
        return self._tariff(provider).date

    def _whole(
        self, provider: Provider, size: str | Json, place: str, region: str, extras: Sequence[Billed]
    ) -> float | None:
        name = size if isinstance(size, str) else ""
        parts = [self._machine(provider, name, place, region)]
        parts += [self._extra(provider, extra, place, region) for extra in extras]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None

    def _machine(self, provider: Provider, size: str, place: str, region: str) -> float | None:
        rates = self._tariff(provider.name)
        ours = Tariff((), rates.overrides).price("machine", size, place)
        if ours is not None:
            return ours
        if isinstance(provider, HasPrices):
            return provider.price(size, place)
        if provider.traits.local:
            return 0.0
        return _either(rates, "machine", size, place, region)

    def _extra(self, provider: Provider, extra: Billed, place: str, region: str) -> float | None:
        price = _either(self._tariff(provider.name), extra.kind, extra.type, place, region)
        return None if price is None else price * extra.amount

    def _tariff(self, provider: str) -> Tariff:
        if provider not in self._tariffs:
            self._tariffs[provider] = tariff(provider, self.overrides.get(provider))
        return self._tariffs[provider]


def _either(rates: Tariff, kind: str, name: str, place: str, region: str) -> float | None:
    found = rates.price(kind, name, place)
    return found if found is not None or not region else rates.price(kind, name, region)


def money(amount: float | None) -> str:
    """Write US dollars to three digits that count, "unknown" for None."""
    if amount is None:
        return "unknown"
    return f"${amount:,.2f}" if amount >= 100 else f"${amount:.4g}"

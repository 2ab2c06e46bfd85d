"""Price lists: as they are shipped, as they were refreshed from the platforms, and as a policy overrides them.

A list is a JSON file of ``provision_schemas/prices``: US dollars per hour for sizes and addresses, per GiB and month
for disks, one number for each of its `regions`, null where nobody knows. It is dated; `tools/prices` writes the
shipped ones from apache-libcloud's.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from provision import paths
from provision.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from provision.model import Json

MONTH = 730.0
"""Hours: a twelfth of a year, as the clouds bill it."""
KINDS = {"machine": "sizes", "disk": "disks", "address": "addresses"}
_CUSTOM = re.compile(r"(?:(?P<family>[a-z0-9]+)-)?custom-(?P<cpus>[0-9]+)-(?P<mib>[0-9]+)")


@dataclass(frozen=True, slots=True)
class Tariff:
    """What one provider charges. `overrides` are a policy's: by section, from a name or pattern to a price."""

    lists: Sequence[Json] = ()
    overrides: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def price(self, kind: str, name: str, place: str) -> float | None:
        """Return US dollars per hour of one machine, address, or GiB of disk; None when nobody knows.

        Args:
            kind: "machine", "disk" or "address".
            name: the size, the type of disk or of address.
            place: a region, or a zone, whose name begins with its region's.
        """
        section = KINDS[kind]
        hours = MONTH if kind == "disk" else 1.0
        own = self.overrides.get(section, {})
        found = own.get(name, next((p for pattern, p in own.items() if fnmatchcase(name, pattern)), None))
        if found is None:
            found = next((p for one in self.lists if (p := _listed(one, section, name, place)) is not None), None)
        return None if found is None else found / hours

    @property
    def public_address(self) -> str:
        """What the lists call the public address of a machine, "" where it is not billed."""
        return next((one["public_address"] for one in self.lists if "public_address" in one), "")

    @property
    def stopped_is_free(self) -> bool:
        """Whether a machine that is switched off is not billed by the hour."""
        return any(one.get("stopped_is_free") for one in self.lists)

    @property
    def date(self) -> str:
        """The day of the newest list, "" without any."""
        return max((one.get("date", "") for one in self.lists), default="")


def tariff(provider: str, overrides: Mapping[str, Mapping[str, float]] | None = None) -> Tariff:
    """Return what a provider charges: the policy's prices before the refreshed ones before the shipped ones."""
    lists = [one for one in (*_refreshed(paths.cache()), shipped(provider)) if one]
    return Tariff([one for one in lists if one.get("provider", provider) == provider], overrides or {})


@cache
def shipped(provider: str) -> Json:
    """Return the list that is shipped, {} when there is none."""
    try:
        text = files("provision_schemas").joinpath("prices", f"{provider}.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    table: Json = json.loads(text)
    return table


def keep(provider: str, prices: Json) -> Path:
    """Write down prices that a platform told, one file for each provider and set of regions; return the file.

    Raises:
        StateError: it cannot be written.
    """
    target = paths.cache() / "prices" / f"{provider}-{'-'.join(prices['regions'][:1])}.json"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps({"provider": provider, **prices}), encoding="utf-8")
    except OSError as error:
        raise StateError(f"cannot write {target}: {error.strerror}") from error
    _read.cache_clear()
    return target


def _refreshed(cache_: Path) -> tuple[Json, ...]:
    return _read(cache_ / "prices")


@cache
def _read(directory: Path) -> tuple[Json, ...]:
    """Return the lists of a directory, the newest first; one that is damaged is no list."""
    found = []
    for file in sorted(directory.glob("*.json")) if directory.is_dir() else ():
        try:
            found.append(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            continue
    return tuple(sorted(found, key=lambda one: str(one.get("date", "")), reverse=True))


def _listed(one: Json, section: str, name: str, place: str) -> float | None:
    at = _region(one.get("regions", ()), place)
    if at is None:
        return None
    row = one.get(section, {}).get(name)
    if row is not None:
        found: float | None = row[at]
        return found
    return _custom(one.get("custom", {}), name, at) if section == "sizes" else None


def _region(regions: Sequence[str], place: str) -> int | None:
    """Return the index of a place's region: itself, or the longest name that the place's begins with."""
    fitting = [(len(region), n) for n, region in enumerate(regions) if _within(place, region)]
    return max(fitting)[1] if fitting else None


def _within(place: str, region: str) -> bool:
    """Tell ``europe-west1-b`` from ``europe-west10-b``: both begin with ``europe-west1``."""
    return place.startswith(region) and not place[len(region) : len(region) + 1].isdigit()


def _custom(units: Json, name: str, at: int) -> float | None:
    """Price GCE's custom sizes, such as ``n2-custom-4-8192``, by their vCPUs and memory."""
    match = _CUSTOM.fullmatch(name)
    unit = units.get(match["family"] or "n1") if match else None
    if not match or not unit or unit["cpu"][at] is None or unit["gib"][at] is None:
        return None
    return float(int(match["cpus"]) * unit["cpu"][at] + int(match["mib"]) / 1024 * unit["gib"][at])

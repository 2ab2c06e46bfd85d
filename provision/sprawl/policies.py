"""``provision.policy.yaml``: found upwards, read with places, all of them in force."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from provision.spec import duration
from provision.sprawl import document
from provision.sprawl.prices import Prices

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provision.diagnostics import Path as Trail
    from provision.diagnostics import Span
    from provision.model import Json
    from provision.spec.tree import Document

FILE = "provision.policy.yaml"
SCHEMA = "policy.v1.schema.json"
VARIABLE = "PROVISION_POLICY"


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy file: its value and where its parts stand."""

    path: Path
    document: Document

    @property
    def value(self) -> Json:
        """What the file says."""
        value: Json = self.document.value
        return value

    def section(self, name: str) -> Json:
        """Return a section, {} where the file has none."""
        found: Json = self.value.get(name, {})
        return found

    def place(self, *trail: str | int) -> Span:
        """Return where a rule stands."""
        path: Trail = trail
        return self.document.key(path)

    @property
    def max_ttl(self) -> timedelta | None:
        """The longest life that a cluster may have, None for any."""
        return timedelta(seconds=duration.parse(self.value["max_ttl"])) if "max_ttl" in self.value else None


def read(path: Path) -> Policy:
    """Read one policy file.

    Raises:
        SpecError: with every finding.
    """
    return Policy(path, document.read(path, SCHEMA))


def found(start: Path) -> list[Policy]:
    """Return the policies that are in force in a directory, the nearest first; all of them count.

    Raises:
        SpecError: one of them is wrong: nothing is done under a policy that cannot be read.
    """
    files = document.upwards(FILE, start)
    named = os.environ.get(VARIABLE)
    if named and (everywhere := Path(named).expanduser().absolute()) not in files:
        files.append(everywhere)
    return [read(path) for path in files]


def overrides(policies: Iterable[Policy]) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    """Return the policies' own prices; the nearest file's count first."""
    merged: dict[str, dict[str, dict[str, float]]] = {}
    for policy in policies:
        for provider, sections in policy.section("prices").items():
            for section, rows in sections.items():
                known = merged.setdefault(provider, {}).setdefault(section, {})
                known.update({name: price for name, price in rows.items() if name not in known})
    return merged


def prices(start: Path) -> Prices:
    """Return who knows what things cost, under the policies of a directory.

    Raises:
        SpecError: a policy is wrong.
    """
    return Prices(overrides(found(start)))


def strictest_ttl(policies: Sequence[Policy]) -> tuple[timedelta, Policy] | None:
    """Return the shortest `max_ttl` and the policy that sets it, None where none does."""
    limits = [(limit, policy) for policy in policies if (limit := policy.max_ttl) is not None]
    return min(limits, key=lambda pair: pair[0], default=None)

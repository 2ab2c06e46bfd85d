"""Rules about pools, machines and their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provision.spec.words import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.spec.draft import Draft

LONGEST_NAME = 63
"""A host name's label: RFC 1035, section 2.3.4."""

MOST_MACHINES = 10_000


def number(draft: Draft) -> Iterator[Diagnostic]:
    """Refuse more machines than a plan can hold, and point out that there are none."""
    if draft.was_cut("pools"):
        return
    if (count := draft.count()) > MOST_MACHINES:
        hint = f"at most {MOST_MACHINES:,} in one cluster"
        yield draft.error("PV058", ("pools",), f"{count:,} machines are too many", hint, key=True)
    elif count == 0 and list(draft.pools()):
        yield draft.warning("PV059", ("pools",), "the cluster has no machines: every count is 0", key=True)


def names(draft: Draft) -> Iterator[Diagnostic]:
    """See that every machine's name is a host name and one that its platform takes."""
    for pool, entry in draft.pools():
        name = f"{draft.cluster}-{pool}-{entry.get('count', 0)}"
        path = ("pools", pool)
        plugin = draft.plugin(draft.provider_of(entry))
        if not draft.cluster:
            continue
        if len(name) > LONGEST_NAME:
            hint = "shorten the cluster's or the pool's name"
            yield draft.error("PV055", path, f"{name} has {len(name)} characters, a host name 63", hint, key=True)
        elif plugin and not re.fullmatch(plugin.traits.name_pattern, name):
            message = f"{plugin.name} does not take {name!r} as a machine's name"
            yield draft.error("PV055", path, message, f"it has to match {plugin.traits.name_pattern}", key=True)


def known(draft: Draft) -> Iterator[Diagnostic]:
    """See that the machines that differ exist."""
    if draft.was_cut("pools") or not draft.cluster:
        return
    for name in draft.section("machines"):
        if draft.pool_of(name) is None:
            hint = suggest(name, _examples(draft), 6)
            yield draft.error("PV054", ("machines", name), f"there is no machine {name!r}", hint, key=True)


def _examples(draft: Draft) -> Iterator[str]:
    for pool, entry in list(draft.pools())[:50]:
        for index in sorted({1, 2, int(entry.get("count", 0))}):
            if index <= int(entry.get("count", 0)):
                yield f"{draft.cluster}-{pool}-{index}"


def variables(draft: Draft) -> Iterator[Diagnostic]:
    """Warn about variables that nothing reads."""
    for pool, entry in draft.pools():
        path = ("pools", pool, "vars")
        if entry.get("vars") and not entry.get("template") and not draft.was_cut("pools", pool, "template"):
            hint = "add `template: true`"
            yield draft.warning("PV056", path, "vars have no effect without interpolation", hint, key=True)


RULES = (number, names, known, variables)

"""Rules about etcd: how many vote, and whether they can find each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.spec.draft import Draft

MOST_VOTERS = 9
"""More voters make every write slower and nothing safer; etcd's own advice ends at 7.
https://etcd.io/docs/v3.5/faq/#what-is-maximum-cluster-size"""


def _voting(draft: Draft) -> dict[str, int]:
    return {name: int(pool.get("count", 0)) for name, pool in draft.pools() if pool.get("etcd")}


def voters(draft: Draft) -> Iterator[Diagnostic]:
    """See that the number of voters can form a quorum."""
    count = sum(_voting(draft).values())
    if not draft.given("etcd") or draft.value.get("etcd") is None or draft.was_cut("pools"):
        return
    if count == 0:
        hint = "write `etcd: true` in a pool with machines, or leave the etcd section out"
        yield draft.error("PV040", ("etcd",), "no machine votes in etcd", hint, key=True)
    elif count > MOST_VOTERS:
        hint = "1, 3 or 5 voters; the other pools reach etcd as clients"
        yield draft.error("PV041", ("etcd",), f"{count} voters are too many for etcd", hint, key=True)
    elif count % 2 == 0:
        lost = (count - 1) // 2
        message = f"{count} voters survive the loss of {lost} machine{'s' * (lost != 1)}, as {count - 1} would"
        yield draft.warning("PV042", ("etcd",), message, f"take {count - 1} or {count + 1}", key=True)


def unasked(draft: Draft) -> Iterator[Diagnostic]:
    """Refuse voters in a cluster without etcd."""
    if draft.value.get("etcd") is None and not draft.was_cut("etcd"):
        for name in _voting(draft):
            hint = "add a section `etcd: {bootstrap: auto}`"
            yield draft.error("PV043", ("pools", name, "etcd"), "the spec has no etcd section", hint)


def static(draft: Draft) -> Iterator[Diagnostic]:
    """Refuse static bootstrap where addresses are not known beforehand."""
    if draft.section("etcd").get("bootstrap") != "static":
        return
    names = {draft.provider_of(pool) for name, pool in draft.pools() if name in _voting(draft)}
    plugins = {name: draft.plugin(name) for name in sorted(filter(None, names))}
    unplanned = [name for name, plugin in plugins.items() if plugin and not plugin.traits.planned_addresses]
    if unplanned:
        message = f"static bootstrap needs addresses that are known beforehand; {', '.join(unplanned)} chooses its own"
        yield draft.error("PV044", ("etcd", "bootstrap"), message, "write `bootstrap: {discovery: private}`")


def apart(draft: Draft) -> Iterator[Diagnostic]:
    """Warn when voters live on several platforms, whose private networks do not meet by themselves."""
    names = {draft.provider_of(pool) for name, pool in draft.pools() if name in _voting(draft)} - {None}
    if len(names) > 1:
        message = f"voters live on {' and '.join(sorted(map(str, names)))}: their private networks have to be joined"
        yield draft.warning("PV045", ("etcd",), message, "provision does not join them", key=True)


RULES = (voters, unasked, static, apart)

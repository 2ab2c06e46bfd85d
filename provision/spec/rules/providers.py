"""Rules about which provider makes what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import ProviderMissing
from provision.spec.words import listing, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.spec.draft import Draft


def installed(draft: Draft) -> Iterator[Diagnostic]:
    """See that every provider is installed."""
    for name in draft.section("providers"):
        found = draft.look_up(name)
        if isinstance(found, ProviderMissing):
            yield draft.error("PV050", ("providers", name), found.message, found.hint, key=True)


def chosen(draft: Draft) -> Iterator[Diagnostic]:
    """See that every pool has exactly one provider, which is configured."""
    names = [name for name in draft.section("providers") if draft.given("providers", name)]
    for pool, entry in draft.pools():
        path = ("pools", pool, "provider")
        if (given := entry.get("provider")) and not draft.given("providers", given):
            yield draft.error("PV051", path, f"{given!r} is not among the providers", suggest(given, names))
        elif not given and len(names) > 1 and not draft.was_cut(*path):
            hint = f"add `provider: {names[0]}`, or {listing(names[1:])}"
            yield draft.error("PV052", path, f"pool {pool!r} does not say which provider it is for", hint, key=True)


def used(draft: Draft) -> Iterator[Diagnostic]:
    """Warn about providers that no pool uses, once every pool has one."""
    in_use = {draft.provider_of(pool) for _, pool in draft.pools()}
    if draft.was_cut("pools") or not all(name and draft.given("providers", name) for name in in_use):
        return
    for name in draft.section("providers"):
        if name not in in_use and in_use:
            yield draft.warning("PV053", ("providers", name), f"no pool uses {name}", "leave it out", key=True)


RULES = (installed, chosen, used)

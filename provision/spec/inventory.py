"""Machines that are there before: who of the spec claims which of a provider's inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.provider import HasInventory

if TYPE_CHECKING:
    from provision.model import Json
    from provision.provider import Claim
    from provision.spec.draft import Draft


def claims(draft: Draft) -> dict[str, Claim]:
    """Return the claims of all machines whose provider has an inventory; those that find none are missing."""
    asking: dict[str, dict[str, Json]] = {}
    for pool, entry in draft.pools():
        options = {name: draft.options(pool, name) for name in draft.machines(pool)}
        asking.setdefault(draft.provider_of(entry) or "", {}).update(options)
    kept = draft.lock.claims if draft.lock else {}
    found: dict[str, Claim] = {}
    for provider, machines in asking.items():
        plugin = draft.plugin(provider)
        if isinstance(plugin, HasInventory):
            found.update(plugin.claims(machines, kept))
    return found

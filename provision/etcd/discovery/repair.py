"""A token whose bootstrap goes wrong: clearing a dead member from it, or giving it up for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import PlanError, UsageError

if TYPE_CHECKING:
    from provision.etcd.discovery.client import DiscoveryClient, Registered, Shown


def clear(client: DiscoveryClient, token: str, member: str) -> Shown:
    """Clear a member by its name or id and return the token's state afterwards.

    On provision's own service the members that wait already read the list anew and go on.

    Raises:
        UsageError: no such member, or several of that name.
        PlanError: the list is full, so a cluster may run with the member in it.
        DiscoveryError: the service does not answer as it should.
    """
    shown = client.show(token)
    found = _find(shown, member)
    if shown.complete:
        hint = "make a new token and new voters, or replace the member in the running cluster"
        raise PlanError(f"all {shown.size} voters have registered: the token is used up", hint=hint)
    client.clear(token, found.id)
    return client.show(token)


def rotate(client: DiscoveryClient, token: str) -> str:
    """Retire a token and return the URL of a new one of the same size.

    The new one is made first: when the service cannot retire the old one, that is still as it was.

    Raises:
        PlanError: the list is full, so a cluster may run that was formed with it: nothing is to be gained.
        DiscoveryError: the service does not answer as it should, or does not retire tokens.
    """
    shown = client.show(token)
    if shown.complete:
        hint = "a cluster that is made anew gets a new token from `up`, or from `provision discovery new`"
        raise PlanError(f"all {shown.size} voters have registered: the token is used up, and harms nobody", hint=hint)
    made = client.new(shown.size)
    client.retire(token)
    return made


def _find(shown: Shown, member: str) -> Registered:
    found = [m for m in shown.members if member in (m.id, m.name)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(m.id for m in found)
        raise UsageError(f"{len(found)} registrations are named {member}", hint=f"give the id: {ids}")
    names = ", ".join(m.name for m in shown.members) or "nobody"
    raise UsageError(f"{member} has not registered with this token", hint=f"registered: {names}")

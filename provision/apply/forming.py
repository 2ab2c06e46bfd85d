"""Which etcd cluster this run forms: its generation, and the token by which its members find each other.

A token belongs to one generation. It is kept until every voter of that generation is gone, so that an interrupted run
goes on with the same one; a cluster that is built again gets another, since etcd refuses a used token.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from provision.etcd.discovery.client import DiscoveryClient, is_token, split
from provision.plan.model import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.etcd.bootstrap import Bootstrap
    from provision.plan.model import Plan
    from provision.state.store import Store

KEY = "etcd.json"
STAYS = frozenset((Action.KEEP, Action.UPDATE, Action.ADOPT))


@dataclass(frozen=True, slots=True)
class Forming:
    """One generation of an etcd cluster.

    `token` is the discovery token, 32 hex digits, or its whole URL on a service that is not ours; "" for modes without.
    `formed` is true once the cluster was healthy: from then on nobody joins by the token.
    """

    generation: int = 0
    token: str = ""
    formed: bool = False


def read(store: Store) -> Forming:
    """Return the present generation; generation 0 when there was none yet.

    Raises:
        StateError: it cannot be read.
    """
    blob = store.get(KEY)
    return Forming(**json.loads(blob.data)) if blob else Forming()


def write(store: Store, forming: Forming) -> None:
    """Keep a generation durably, before any machine is told of it.

    Raises:
        StateError: it cannot be written.
    """
    store.put(KEY, json.dumps(asdict(forming)).encode())


def begins_anew(plan: Plan) -> bool:
    """Whether no voter of an earlier generation outlives the plan, and some voter is made."""
    voters = [s for s in plan.steps if s.etcd]
    fresh = [s for s in voters if s.action in {Action.CREATE, Action.REPLACE} and not s.resend]
    return bool(fresh) and not any(s.action in STAYS or s.resend for s in voters)


def settle(store: Store, plan: Plan, boot: Bootstrap, new_token: Callable[[int], str]) -> Forming:
    """Return the generation that this run's voters belong to, with its token made and kept.

    Args:
        store: the cluster's.
        plan: what is about to be done.
        boot: how the cluster comes together.
        new_token: makes a token for a number of voters.

    Raises:
        DiscoveryError: the discovery service makes no token.
        StateError: the generation cannot be kept.
    """
    present = read(store)
    if present.generation and not begins_anew(plan):
        return present
    token = new_token(boot.size) if boot.needs_token else ""
    following = Forming(present.generation + 1, token)
    write(store, following)
    return following


def token_maker(boot: Bootstrap, own_service: str) -> Callable[[int], str]:
    """Return what makes tokens: whole URLs at the spec's service, bare tokens at our own, which moves with the network.

    The function raises DiscoveryError when the service makes none.
    """
    if boot.url and is_token(boot.url):
        return lambda _: boot.url
    if boot.url:
        return lambda size: _new(boot.url, size)
    return lambda size: split(_new(own_service, size))[1]


def _new(service: str, size: int) -> str:
    with DiscoveryClient(service) as client:
        return client.new(size)

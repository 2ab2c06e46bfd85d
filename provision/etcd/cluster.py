"""A cluster as one thing to ask: whichever member answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from provision.etcd.client import EtcdClient, EtcdError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Set

    from provision.etcd.client import Member
    from provision.etcd.tls import Tls

T = TypeVar("T")

TIMEOUT = 5.0
NO_ANSWER, UNAVAILABLE = 0, 14
"""gRPC's UNAVAILABLE is what a member says that has no leader, or that is a learner: another may know better."""

POLL = 0.5


class Cluster:
    """The members that can be asked.

    Args:
        endpoints: member name -> base URL of its client port, as this computer reaches it.
        tls: for https.
        timeout: seconds for each phase of a request to one member.
    """

    def __init__(self, endpoints: Mapping[str, str], *, tls: Tls | None = None, timeout: float = TIMEOUT) -> None:
        self.endpoints = dict(endpoints)
        self.tls = tls
        self._timeout = timeout

    def connect(self, name: str) -> EtcdClient:
        """Return a client of one member."""
        return EtcdClient(self.endpoints[name], tls=self.tls, timeout=self._timeout)

    def ask(self, question: Callable[[EtcdClient], T], *, avoid: str = "") -> T:
        """Ask member after member until one answers. A refusal is an answer, unless it is this member's own inability.

        Args:
            question: what to ask; it may reach several members, when an answer was lost.
            avoid: a member to ask last, since it is about to go.

        Raises:
            EtcdError: the refusal, or nobody answers.
        """
        silent = EtcdError("etcd has no endpoint to ask")
        for name in sorted(self.endpoints, key=lambda name: (name == avoid, name)):
            try:
                with self.connect(name) as client:
                    return question(client)
            except EtcdError as error:
                if error.code not in (NO_ANSWER, UNAVAILABLE):
                    raise
                silent = error
        raise silent

    def members(self) -> tuple[Member, ...]:
        """Return the member list.

        Raises:
            EtcdError: nobody answers.
        """
        return self.ask(lambda client: client.members())

    def answering(self) -> Set[str]:
        """Return the names of the members that answer and know a leader."""
        return {name for name in self.endpoints if self._answers(name)}

    def leader(self) -> int:
        """Return the leader's id.

        Raises:
            EtcdError: nobody answers.
        """
        return self.ask(lambda client: client.status()).leader

    def _answers(self, name: str) -> bool:
        try:
            with self.connect(name) as client:
                return client.status().leader != 0
        except EtcdError:
            return False


def persist(attempt: Callable[[], T], passing: Callable[[EtcdError], bool], deadline: float, poll: float = POLL) -> T:
    """Repeat an attempt while its errors pass by themselves, until the deadline (on `time.monotonic`'s clock).

    Raises:
        EtcdError: one that does not pass, or the last one at the deadline.
    """
    while True:
        try:
            return attempt()
        except EtcdError as error:
            if not passing(error) or time.monotonic() + poll >= deadline:
                raise
        time.sleep(poll)

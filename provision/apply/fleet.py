"""The etcd members of a cluster as its state knows them, each with the ways to it; who cannot be reached is named."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from provision import paths
from provision.apply.ways import endpoints, login
from provision.errors import ProvisionError
from provision.firstboot.additions.system import system
from provision.model import MACHINE, State
from provision.remote import Remote
from provision.state import home

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set
    from pathlib import Path

    from provision.apply.session import Session
    from provision.firstboot.additions.system import EtcdUnit
    from provision.model import Observed
    from provision.spec.model import Machine


@dataclass(frozen=True, slots=True)
class Reached:
    """One member: the machine of the spec, the way into it, and how etcd runs on it."""

    machine: Machine
    remote: Remote
    etcd: EtcdUnit


@dataclass(frozen=True, slots=True)
class Fleet:
    """All members: those that can be reached, the base URLs of their client ports, and why the others cannot."""

    members: Mapping[str, Reached]
    urls: Mapping[str, str]
    lost: Mapping[str, str]

    @property
    def names(self) -> Set[str]:
        """The names of all members, reached or not."""
        return self.members.keys() | self.lost.keys()


@contextmanager
def reached(session: Session, identity: Path | None) -> Iterator[Fleet]:
    """Yield the members of a cluster with TLS, the ways to their client ports open.

    Raises:
        ProviderError: a platform could not be asked.
    """
    voters = sorted(entry.name for entry in session.state.recorded.live() if entry.etcd)
    there = {
        o.name: o for o in session.observed() if o.kind == MACHINE and o.labels and o.labels.whose == session.owner
    }
    wanted = {machine.name: machine for machine in session.cluster.voters()}
    lost = {name: why for name in voters if (why := _absence(name, there.get(name), wanted))}
    known_hosts = home.known_hosts(paths.state(), session.owner)
    members: dict[str, Reached] = {}
    urls: dict[str, str] = {}
    with ExitStack() as stack:
        for name in (name for name in voters if name not in lost):
            kind = system(wanted[name].os, session.pins.additions)
            try:
                way = endpoints(
                    [there[name]], known_hosts, scheme="https", login=partial(login, session.state), identity=identity
                )
                urls |= stack.enter_context(way)
            except ProvisionError as error:
                lost[name] = error.message
                continue
            members[name] = Reached(wanted[name], Remote(there[name], known_hosts, kind.user, identity), kind.etcd)
        yield Fleet(members, urls, lost)


def _absence(name: str, machine: Observed | None, wanted: Mapping[str, Machine]) -> str:
    if name not in wanted:
        return "it is no longer in the spec: `provision up` removes it"
    if machine is None:
        return "its platform does not list it: `provision up` makes it anew"
    return "" if machine.state is State.RUNNING else f"it does not run ({machine.state})"

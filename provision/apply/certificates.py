"""A cluster's certificates for one run: the CA in the state, a member's own, and the run's client certificate."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from provision.errors import PlanError, StateError
from provision.etcd.tls import Tls
from provision.firstboot.additions.tls import AUTHORITIES
from provision.firstboot.markers import slot_names
from provision.pki import authority, rotation
from provision.state.store import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from provision.apply.target import Target
    from provision.model import Owner
    from provision.pki.authority import Pair
    from provision.pki.rotation import Authorities
    from provision.spec.model import Etcd, Machine
    from provision.state.cluster import ClusterState
    from provision.state.fold import Entry
    from provision.state.store import Store

CLIENT_LIFE = timedelta(hours=4)
"""Longer than any run; a copy that is left behind by a crash is soon worth nothing."""

SERVER_LIFE = timedelta(days=2)
"""Longer than any wait for first boots."""

CLIENT_NAME = "provision"


@dataclass(frozen=True, slots=True)
class Certificates:
    """What a run takes from the cluster's CA."""

    store: Store
    owner: Owner
    clock: Callable[[], datetime]

    def authorities(self) -> Authorities:
        """Return the cluster's CA.

        Raises:
            StateError: it is not there, or damaged.
        """
        blob = self.store.get(rotation.KEY)
        if blob is None:
            raise StateError(
                f"this computer does not have the CA of {self.owner.cluster} [PV461]",
                hint="restore the cluster's state from a backup; without the CA's key nobody can issue certificates",
            )
        return rotation.load(blob.data)

    def begun(self) -> Authorities:
        """Return the cluster's CA, made and kept at its first use.

        Raises:
            StateError: it is damaged, or cannot be kept.
        """
        if self.store.get(rotation.KEY) is None:
            made = authority.create(self.owner.cluster, self.owner.uid, now=self.clock())
            self.store.put(rotation.KEY, rotation.dump(rotation.Authorities(made)), expect=ABSENT)
        return self.authorities()

    def keep(self, authorities: Authorities) -> Authorities:
        """Keep a changed CA durably, before any machine is told of it, and return it.

        Raises:
            StateError: it cannot be written.
        """
        self.store.put(rotation.KEY, rotation.dump(authorities))
        return authorities

    def member(self, authorities: Authorities, machine: Machine, etcd: Etcd, found: Iterable[str] = ()) -> Pair:
        """Issue a voter's certificate: server and client at once, for its name and where it is reached.

        `found` are addresses that its platform gave it, beside the planned one.

        Raises:
            ProvisionError: a name or address cannot stand in a certificate.
        """
        usage = authority.Usage.PEER
        names = dict.fromkeys((*names_of(machine, etcd), *found))
        return authority.issue(authorities.signer, machine.name, usage, now=self.clock(), names=tuple(names))

    @contextmanager
    def client(self, authorities: Authorities) -> Iterator[Tls]:
        """Yield files of a client certificate that was issued for the moment; they are gone afterwards.

        The directory is readable by its owner alone, and in memory where the system has a place for that.
        """
        usage = authority.Usage.CLIENT
        made = authority.issue(authorities.signer, CLIENT_NAME, usage, now=self.clock(), life=CLIENT_LIFE)
        with _files(authorities, made) as tls:
            yield tls

    @contextmanager
    def server(self, authorities: Authorities, hosts: Iterable[str]) -> Iterator[Tls]:
        """Yield files of a server's certificate for this run, by which machines know this computer; as `client`."""
        usage, names = authority.Usage.SERVER, tuple(hosts)
        made = authority.issue(authorities.signer, CLIENT_NAME, usage, now=self.clock(), names=names, life=SERVER_LIFE)
        with _files(authorities, made) as tls:
            yield tls


def names_of(machine: Machine, etcd: Etcd) -> tuple[str, ...]:
    """Return the names of a voter's certificate; issuing adds localhost.

    With SRV records etcd may ask for the domain itself: https://etcd.io/docs/v3.4/op-guide/clustering/#dns-discovery
    """
    found = [machine.name, machine.address]
    if etcd.bootstrap == "srv":
        found += [f"{machine.name}.{etcd.domain}", etcd.domain]
    return tuple(name for name in found if name)


def by_tls(state: ClusterState, voters: Iterable[Entry]) -> bool | None:
    """Whether the voters that the state knows were made with certificates, as their recipes say; None without any."""
    recipes = (state.recipe(voter.fingerprint) for voter in voters)
    known = [AUTHORITIES.name in slot_names(found["recipe"]) for found in recipes if found]
    return any(known) if known else None


def refuse_switch(state: ClusterState, wanted: bool) -> None:
    """Refuse to let a running cluster begin or cease to use TLS, which members cannot do one by one.

    Raises:
        PlanError: PV462.
    """
    has = by_tls(state, [entry for entry in state.recorded.live() if entry.etcd])
    if has is not None and has != wanted:
        raise PlanError(
            f"etcd runs {'with' if has else 'without'} TLS, and cannot change that while it runs [PV462]",
            hint=f"write `tls: {str(has).lower()}` in the etcd section, or snapshot, `down`, `up` and restore",
        )


@contextmanager
def client_of(
    target: Target, state: ClusterState, voters: Iterable[Entry], clock: Callable[[], datetime]
) -> Iterator[Tls | None]:
    """Yield a client certificate of the moment for a cluster with TLS, None for one without.

    Raises:
        StateError: the cluster has TLS, and its CA is not on this computer.
    """
    known = by_tls(state, voters)
    if not (target.store.get(rotation.KEY) is not None if known is None else known):
        yield None
        return
    issuer = Certificates(target.store, target.owner, clock)
    with issuer.client(issuer.authorities()) as tls:
        yield tls


@contextmanager
def _files(authorities: Authorities, made: Pair) -> Iterator[Tls]:
    with TemporaryDirectory(prefix="provision-", dir=_in_memory()) as place:
        contents = {"ca.pem": authorities.trusted, "own.pem": made.certificate, "own.key": made.key}
        for name, data in contents.items():
            _write(Path(place) / name, data)
        yield Tls(*(Path(place) / name for name in contents))


def _in_memory() -> str | None:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return runtime if runtime and os.access(runtime, os.W_OK) else None


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)

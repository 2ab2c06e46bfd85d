"""New certificates on machines that run: written everywhere, then taken up by one member after another.

What was done is read from the machines themselves, so that a run that was cut off is taken up by the next. Members take
up nothing that some other member would not trust: `provision.pki.rotation` sees to the order of phases.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from provision.apply import member_files
from provision.errors import PartialFailure, ProvisionError
from provision.etcd import membership
from provision.etcd.cluster import Cluster
from provision.etcd.health import check, wait
from provision.pki import authority, inspect
from provision.pki.rotation import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provision.apply.certificates import Certificates
    from provision.apply.fleet import Fleet
    from provision.apply.member_files import Installed
    from provision.etcd.tls import Tls
    from provision.pki.inspect import Certificate
    from provision.pki.rotation import Authorities
    from provision.spec.model import Etcd

SECONDS = 10.0
"""What a member has for an answer: emulated machines take seconds for a handshake."""


@dataclass(slots=True)
class Renewing:
    """One run over all members.

    `patience` is how many seconds a member has to be healthy after its restart. `failures` are the members that could
    not be brought up to date, with the reasons.
    """

    fleet: Fleet
    certificates: Certificates
    etcd: Etcd
    tell: Callable[[str], None]
    patience: float = 300.0
    failures: dict[str, str] = field(default_factory=dict)

    def rotate(self) -> None:
        """Exchange the CA, or go on with an exchange that was cut off.

        Raises:
            PartialFailure: members were not reached, or did not get healthy; the phase is kept.
            StateError: the CA cannot be kept.
        """
        made = authority.create(
            self.certificates.owner.cluster, self.certificates.owner.uid, now=self.certificates.clock()
        )
        state = self.certificates.keep(self.certificates.authorities().begin(made))
        while state.phase is not Phase.STEADY:
            self.tell(f"phase {state.phase}")
            self._pass(state, lambda _: False)
            state = self.certificates.keep(state.advance())

    def renew(self, *, every: bool) -> list[str]:
        """Reissue the members' certificates that are due, or all of them; return whose.

        Raises:
            PartialFailure: members were not reached, or did not get healthy.
            ProvisionError: the CA is being exchanged, which reissues all certificates.
        """
        state = self.certificates.authorities()
        if state.phase is not Phase.STEADY:
            hint = "`provision ca rotate` goes on with it, and reissues every certificate"
            raise ProvisionError(f"the CA is being exchanged (phase {state.phase})", hint=hint)
        moment = self.certificates.clock()
        return self._pass(state, lambda facts: every or facts.due(moment))

    def _pass(self, state: Authorities, due: Callable[[Certificate], bool]) -> list[str]:
        """Bring every member to what a phase asks for; return those that got new files or a restart."""
        self.failures = dict(self.fleet.lost)
        found = {name: one for name in sorted(self.fleet.members) if (one := self._read(name))}
        changed = [name for name, one in found.items() if self._written(name, one, state, due)]
        expired = any(inspect.read(one.certificate).expired(self.certificates.clock()) for one in found.values())
        with self.certificates.client(state) as tls:
            self._restart(changed, tls, together=expired)
        if self.failures:
            raise PartialFailure(
                f"{len(self.failures)} of {len(self.fleet.names)} members are not up to date",
                sorted(self.failures.items()),
                hint="see to them, then run the same command again: it goes on where this one ended",
            )
        return changed

    def _read(self, name: str) -> Installed | None:
        try:
            return member_files.read(self.fleet.members[name].remote)
        except ProvisionError as error:
            self.failures[name] = error.message
            return None

    def _written(self, name: str, has: Installed, state: Authorities, due: Callable[[Certificate], bool]) -> bool:
        """Write what a member lacks; tell whether it has something that its etcd has not read."""
        member = self.fleet.members[name]
        stale = not inspect.issued_by(has.certificate, state.signer.certificate) or due(inspect.read(has.certificate))
        if not stale and has.trusted == state.trusted:
            return not has.in_use
        pair = self.certificates.member(state, member.machine, self.etcd) if stale else None
        try:
            member_files.write(member.remote, member.etcd, state.trusted, pair)
        except ProvisionError as error:
            self.failures[name] = error.message
            return False
        self.tell(f"{name}: {'a new certificate' if pair else 'what it trusts'} is written")
        return True

    def _restart(self, names: Sequence[str], tls: Tls, *, together: bool) -> None:
        """Restart members one after another, each only while the cluster is healthy.

        `together` is for certificates that have expired: no restart makes that worse, and one alone mends nothing.
        """
        cluster = Cluster(self.fleet.urls, tls=tls, timeout=SECONDS)
        for name in names:
            if not (together or self._healthy(cluster, name)):
                return
            try:
                if not together:
                    membership.step_down(cluster, name)
                member_files.restart(self.fleet.members[name].remote, self.fleet.members[name].etcd)
            except ProvisionError as error:
                self.failures[name] = error.message
            else:
                self.tell(f"{name}: etcd is restarted")
        if names:
            self._healthy(cluster, names[-1])

    def _healthy(self, cluster: Cluster, before: str) -> bool:
        look = partial(check, cluster.endpoints, self.fleet.names, tls=cluster.tls, timeout=SECONDS)
        health = wait(look, deadline=time.monotonic() + self.patience)
        if not health.ok:
            self.failures.setdefault(before, f"etcd is not healthy: {health.problems[0]}")
        return health.ok

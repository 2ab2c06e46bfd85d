"""From a plan to a cluster that works: materials, the engine, first boots, etcd."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from provision import paths
from provision.apply import forming, members, power, ready, upkeep
from provision.apply.certificates import Certificates
from provision.apply.engine import Engine
from provision.apply.events import Event, What
from provision.apply.key_desk import PURPOSE, KeyDesk, issuing
from provision.apply.materials import Binder, node_of, read_secrets
from provision.apply.phone_home import Nonces
from provision.apply.reception import Reception, reception
from provision.apply.session import LIFE, now
from provision.apply.ways import endpoints, login
from provision.errors import BudgetError, Interrupted
from provision.etcd.cluster import Cluster
from provision.etcd.health import check
from provision.model import MACHINE, State, utc_text
from provision.plan.model import Action
from provision.provider import HasService
from provision.state import home, records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from provision.apply.desired import Desired
    from provision.apply.forming import Forming
    from provision.apply.retry import Pace
    from provision.apply.session import Session
    from provision.model import Observed
    from provision.pki.rotation import Authorities
    from provision.plan.model import Plan
    from provision.provider import Service

MAKES = frozenset((Action.CREATE, Action.REPLACE))


@dataclass(frozen=True, slots=True)
class Up:
    """One `up` of one plan.

    `listener` is told what happens. `identity` is the private key for tunnels to etcd, or None for ssh's own choice.
    `wait` is whether first boots and etcd are waited for.
    """

    session: Session
    desired: Desired
    plan: Plan
    listener: Callable[[Event], None]
    pace: Pace
    identity: Path | None = None
    wait: bool = True

    def run(self) -> None:
        """Carry the plan out and wait for the cluster to work.

        Raises:
            PartialFailure, Interrupted, StateError: see `Engine.run`.
            Unhealthy: machines run, but the cluster does not work in time.
            BudgetError: the cluster's life is over.
        """
        self._refuse_the_dead()
        try:
            self._go()
        except KeyboardInterrupt:  # the engine has its own handling; this came while waiting
            hint = "`up` again waits on, `provision down` removes all"
            raise Interrupted("interrupted while waiting for the cluster to work", hint=hint) from None

    def _go(self) -> None:
        deadline = time.monotonic() + self.pace.timeout
        state = self.session.state
        secrets = read_secrets(self.desired)
        nonces = Nonces(state.store)
        self._remember_life()
        with self._reception(nonces) as open_to:
            services = self._services()
            generation = self._settle(open_to, services)
            woken = power.wake(self.plan, self.session.providers, self._tell)
            peers = self._make_room(generation)
            issuer = self._certificates()
            binder = Binder(
                self.desired, self.session.providers, nonces, generation, open_to, issuer, secrets, peers, services
            )
            machines = self._carry_out(binder)
            if woken or self._addressed():  # the plan saw them without an address to be reached at
                machines = {o.name: o for o in self.session.observed() if o.kind == MACHINE}
            if self.wait:
                self._await_first_boots(machines, nonces, open_to, deadline)
                self._await_etcd(machines, generation, deadline)
        state.tidy()

    def _addressed(self) -> bool:
        """Whether parts were made after their machines: a public address, which the machines were seen without."""
        made = (s.thing for s in self.plan.steps if s.thing and s.action in {Action.CREATE, Action.REPLACE})
        return any(thing.request.body.get("after_machines") for thing in made)

    def _refuse_the_dead(self) -> None:
        """Machines end themselves at the deadline: what were made or woken now would end at once."""
        end = self.session.deadline
        if end is not None and end <= now():
            raise BudgetError(
                f"the life of {self.desired.owner.cluster} ended at {utc_text(end)}",
                hint="give the spec a longer ttl, which counts from the first `up`, or take the cluster down",
            )

    def _tell(self, text: str) -> None:
        self.listener(Event(What.SAID, now(), text=text))

    def _remember_life(self) -> None:
        note = {"begun": utc_text(self.session.begun)}
        if self.session.state.recorded.notes.get(LIFE) != note:
            self.session.state.journal.append([records.note(LIFE, note)])

    @contextmanager
    def _reception(self, nonces: Nonces) -> Iterator[Reception | None]:
        """Open the reception when this run makes or awaits machines that can reach this computer."""
        hosts = {self._host(name) for name in self.desired.wanted} - {""}
        if not hosts or not self._awaited():
            yield None
            return
        store, cluster = self.session.state.store, self.desired.cluster
        registry = home.directory(paths.state(), self.desired.owner) / "discovery"
        expected = {nonces.of(name, generation) for name, generation in self._awaited().items()}
        with ExitStack() as stack:
            desk = tls = None
            if cluster.etcd and cluster.etcd.fetched:
                authorities = self._authorities()
                desk = self._key_desk(nonces, authorities)
                tls = stack.enter_context(self._certificates().server(authorities, hosts))
            yield stack.enter_context(reception(store, registry, expected, asked=cluster.reception, desk=desk, tls=tls))

    def _host(self, provider: str) -> str:
        """Return where a provider's machines reach this computer, "" for nowhere."""
        return self.desired.cluster.host(self.session.providers[provider].traits.host_address)

    def _authorities(self) -> Authorities:
        """Return the cluster's CA; one that runs trusts the CA that it has, and is never given another."""
        issuer = self._certificates()
        return issuer.authorities() if forming.read(self.session.state.store).formed else issuer.begun()

    def _key_desk(self, nonces: Nonces, authorities: Authorities) -> KeyDesk:
        voters = {s.key.name: s.generation for s in self.plan.steps if s.etcd and s.action is not Action.DELETE}
        machines = {nonces.of(name, generation, PURPOSE): name for name, generation in voters.items()}
        issue = issuing(self.session, self._certificates(), authorities)
        return KeyDesk(machines, issue, self.session.state.store, now)

    def _services(self) -> dict[str, Service]:
        """Find, or start, the services of providers that have one, when this run makes or awaits machines."""
        asked = {name: self.session.providers[name] for name in self.desired.wanted} if self._awaited() else {}
        return {name: provider.service() for name, provider in asked.items() if isinstance(provider, HasService)}

    def _awaited(self) -> dict[str, int]:
        """Return the machines whose first boot was not reported yet, with the generations that they will have."""
        reported = self.session.state.recorded.notes.get(ready.NOTE, {})
        steps = [s for s in self.plan.steps if s.key.kind == MACHINE and s.action is not Action.DELETE]
        return {s.key.name: s.generation for s in steps if reported.get(s.key.name) != s.generation}

    def _settle(self, open_to: Reception | None, services: Mapping[str, Service]) -> Forming:
        boot = self.desired.compiled.bootstrap
        store = self.session.state.store
        if boot is None:
            return forming.read(store)
        lasting = next((service.discovery_url for service in services.values()), "")
        own = open_to.url("127.0.0.1") if open_to else lasting
        return forming.settle(store, self.plan, boot, forming.token_maker(boot, own))

    def _make_room(self, generation: Forming) -> Mapping[str, Sequence[str]]:
        """Change a formed cluster's members as far as it goes before the machines; return whom a newcomer joins."""
        shift = members.Shift.of(self.plan)
        if not (generation.formed and shift):
            return {}
        there = [s.observed for s in self.plan.steps if s.etcd and s.observed and s.observed.state is State.RUNNING]
        snapshots = home.directory(paths.state(), self.desired.owner) / "snapshots"
        spec = self.desired.cluster
        url = node_of(spec.machine(shift.joining), spec.etcd).peer_url if shift.joining else ""
        with self._cluster(there) as cluster:
            return members.prepare(shift, cluster, url, snapshots, now(), self._tell)

    @contextmanager
    def _cluster(self, machines: Iterable[Observed]) -> Iterator[Cluster]:
        known_hosts = home.known_hosts(paths.state(), self.desired.owner)
        etcd, issuer = self.desired.cluster.etcd, self._certificates()
        client = issuer.client(issuer.authorities()) if etcd and etcd.tls else nullcontext()
        scheme = "https" if etcd and etcd.tls else "http"
        with (
            endpoints(machines, known_hosts, scheme=scheme, login=self._login, identity=self.identity) as urls,
            client as tls,
        ):
            yield Cluster(urls, tls=tls)

    def _login(self, name: str) -> str:
        return login(self.session.state, name)

    def _certificates(self) -> Certificates:
        return Certificates(self.session.state.store, self.desired.owner, now)

    def _carry_out(self, binder: Binder) -> Mapping[str, Observed]:
        engine = Engine(
            self.plan,
            self.session.providers,
            self.session.state,
            bind=binder.bind,
            stub=binder.stub,
            clock=now,
            listener=self.listener,
            pace=self.pace,
        )
        return {key.name: o for key, o in engine.run().observed.items() if o.kind == MACHINE}

    def _await_first_boots(
        self, machines: Mapping[str, Observed], nonces: Nonces, open_to: Reception | None, deadline: float
    ) -> None:
        state = self.session.state
        awaited = {n: _generation(machines[n]) for n in self._awaited() if n in machines}
        if not awaited or not self._can_report(machines, awaited):
            return
        secrets = {name: nonces.of(name, generation) for name, generation in awaited.items()}
        reports = open_to.reports if open_to else {}
        waiting = ready.Waiting(machines, secrets, reports, self.session.providers, self.session.observed)
        try:
            ready.first_boots(waiting, deadline=deadline, tell=self._tell)
        finally:
            came = {name: awaited[name] for name, nonce in secrets.items() if nonce in reports}
            note = {**state.recorded.notes.get(ready.NOTE, {}), **came}
            state.journal.append([records.note(ready.NOTE, note)])

    def _can_report(self, machines: Mapping[str, Observed], awaited: Mapping[str, int]) -> bool:
        """Whether reports can come: machines reach this computer, or this computer reads their consoles as they write.

        Clouds deliver a console's text minutes late and in parts; there, etcd's health is what is waited for.
        """
        providers = {machines[name].provider for name in awaited}
        return all(self._host(name) or self.session.providers[name].traits.local for name in providers)

    def _await_etcd(self, machines: Mapping[str, Observed], generation: Forming, deadline: float) -> None:
        voters = members.expected(self.plan)
        if self.desired.compiled.bootstrap is None:
            return
        with self._cluster([machines[name] for name in sorted(voters) if name in machines]) as cluster:
            if generation.formed:
                members.finish(cluster, voters, self._tell)
            ready.etcd(partial(check, cluster.endpoints, voters, tls=cluster.tls), deadline=deadline, tell=self._tell)
            due = upkeep.due(cluster, self._certificates())
        upkeep.renew(self.session, self._certificates(), due, self.identity, self._tell)
        if not generation.formed:
            forming.write(self.session.state.store, replace(generation, formed=True))


def _generation(machine: Observed) -> int:
    return machine.labels.generation if machine.labels else 0

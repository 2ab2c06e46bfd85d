"""One cluster under the hands of one run: its spec, lock, state, providers, and what these say together."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from dataclasses import replace as replaced
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from provision import paths
from provision.apply import forming
from provision.apply.certificates import refuse_switch
from provision.apply.compiling import findings
from provision.apply.desired import desire
from provision.apply.disclosed import in_user_data
from provision.apply.observe import observe
from provision.apply.platforms import now, providers_for
from provision.apply.revision import revision
from provision.errors import SpecError
from provision.firstboot.compile import compile_cluster
from provision.model import Owner, utc_text
from provision.plan.diff import diff
from provision.provider import HasImages
from provision.spec import load
from provision.spec import lock as locks
from provision.state import home
from provision.state.cluster import ClusterState
from provision.state.lock import Holder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from provision.apply.desired import Desired
    from provision.model import Observed
    from provision.plan.model import Plan
    from provision.provider import Provider
    from provision.spec.lock import Lock
    from provision.spec.model import Cluster
    from provision.state.local import LocalStore

__all__ = ["EXTENDED", "LIFE", "Session", "now", "opened", "providers_for"]

LIFE = "life"
"""The journal note that holds when the cluster's life began: ``{"begun": RFC 3339}``."""


EXTENDED = "extended"
"""The journal note that holds to when `provision extend` moved a deadline, and from which one of the spec's:
``{"was": RFC 3339, "expires": RFC 3339 or "never"}``. A spec whose ttl is changed since then counts again."""


@dataclass(frozen=True, slots=True)
class Session:
    """A cluster whose spec is at hand, with its lock file's content and its state opened under the state's lock."""

    cluster: Cluster
    pins: Lock
    providers: Mapping[str, Provider]
    state: ClusterState
    begun: datetime
    """When the cluster's life began: when the session was opened, if nothing of it existed."""

    @property
    def owner(self) -> Owner:
        """The owner that everything of the cluster is labelled with."""
        return Owner(self.cluster.name, self.pins.uid)

    @property
    def deadline(self) -> datetime | None:
        """When everything of the cluster must be gone; None for never."""
        if self.cluster.ttl is None:
            return None
        end = self.begun + timedelta(seconds=self.cluster.ttl)
        moved = self.state.recorded.notes.get(EXTENDED, {})
        if moved.get("was") != utc_text(end):
            return end
        return None if moved["expires"] == "never" else datetime.fromisoformat(moved["expires"])

    def desired(self) -> Desired:
        """Compile the cluster.

        Raises:
            SpecError: with every finding of the compilers.
        """
        compiled = compile_cluster(
            self.cluster,
            traits={name: provider.traits for name, provider in self.providers.items()},
            additions_version=self.pins.additions,
        )
        if not compiled.report.ok:
            raise SpecError(findings(self.cluster, compiled))
        return desire(self.cluster, self.pins, self.providers, compiled, self.deadline, revision(self.cluster))

    def observed(self) -> list[Observed]:
        """Return what the platforms list under the cluster's name, whatever its uid.

        Raises:
            ProviderError: a platform could not be asked.
        """
        anyone = Owner(self.cluster.name, "")
        return observe(self.providers, anyone, clock=now, recorded=self.state.recorded)

    def plan(self, desired: Desired | None, *, replace: Collection[str] = ()) -> Plan:
        """Compare what is wanted (None: nothing) with what is recorded and what is there.

        Raises:
            PlanError, ProviderError: see `provision.plan.diff.diff`, `refuse_switch` and `observed`.
        """
        formed = forming.read(self.state.store).formed
        if formed and desired and desired.cluster.etcd:
            refuse_switch(self.state, desired.cluster.etcd.tls)
        found = diff(
            desired.things if desired else (),
            self.state.recorded,
            self.observed(),
            owner=self.owner,
            traits={name: provider.traits for name, provider in self.providers.items()},
            recipe=self.state.recipe,
            replace=replace,
            formed=formed,
        )
        told = in_user_data(found, desired, self.providers) if desired else []
        return replaced(found, findings=(*found.findings, *told))


@contextmanager
def opened(
    spec: str,
    *,
    mode: Literal["shared", "exclusive"],
    pin: bool = False,
    lock_timeout: float = 0.0,
    waiting: Callable[[Holder | None], None] | None = None,
) -> Iterator[Session]:
    """Open a cluster by its spec for the length of the context.

    A shared session writes nothing: a cluster without a lock file gets a uid for the moment, and images that are not
    pinned yet are resolved for the moment. With `pin` it writes the lock file all the same, for a plan that is kept.
    An exclusive session writes the lock file and remembers the cluster.

    Raises:
        SpecError: the spec or its lock file is wrong.
        LockHeld: another run has the cluster.
        StateError: the state cannot be used.
        ProviderError: a platform does not know an image, or could not be asked for it.
    """
    cluster = load.load(spec)
    path = locks.path_for(spec)
    providers = providers_for(cluster.providers, cluster.directory)
    found = locks.read(path)
    writes = pin or mode == "exclusive"
    if found is None and writes:
        found = locks.create(path, locks.Lock.fresh(cluster))  # two first runs at once agree on one uid
    pins = _pins(cluster, found, providers)
    store = home.store(paths.state(), Owner(cluster.name, pins.uid))
    with _locked(store, mode, lock_timeout, waiting):
        if writes:
            locks.write(path, pins)
        if mode == "exclusive":
            absolute = str(Path(spec).absolute())
            home.remember(paths.state(), home.Known(cluster.name, pins.uid, absolute, cluster.providers))
        state = ClusterState(store, now)
        yield Session(cluster, pins, providers, state, _begun(state))


def _begun(state: ClusterState) -> datetime:
    note = state.recorded.notes.get(LIFE)
    return datetime.fromisoformat(note["begun"]) if note and state.recorded.live() else now().replace(microsecond=0)


def _locked(
    store: LocalStore,
    mode: Literal["shared", "exclusive"],
    timeout: float,
    waiting: Callable[[Holder | None], None] | None,
) -> AbstractContextManager[None]:
    """Return the held lock; a look at a cluster without state needs none and makes no directory."""
    if mode == "shared" and not store.root.exists():
        return nullcontext()
    return store.lock(Holder.current(), mode=mode, timeout=timeout, waiting=waiting)


def _pins(cluster: Cluster, found: Lock | None, providers: Mapping[str, Provider]) -> Lock:
    def resolve(name: str, image: str) -> str:
        provider = providers[name]
        return provider.resolve(image) if isinstance(provider, HasImages) else image

    return (found or locks.Lock.fresh(cluster)).renewed(cluster).pinned(cluster, resolve)

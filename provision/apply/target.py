"""Which cluster a command means: by its spec, or by its name alone, with or without state on this computer."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provision import paths, registry
from provision.apply.observe import observe
from provision.apply.session import now, providers_for
from provision.errors import ProviderMissing, SpecError, UsageError
from provision.model import Owner
from provision.spec import load
from provision.spec import lock as locks
from provision.state import home
from provision.state.cluster import ClusterState
from provision.state.lock import Holder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provision.model import Json, Observed
    from provision.provider import Provider
    from provision.state.store import Store


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster to look at or to take down; its spec may be broken or gone."""

    owner: Owner
    providers: Mapping[str, Provider]
    store: Store

    def observed(self) -> list[Observed]:
        """Return what the platforms list of this cluster.

        Raises:
            ProviderError: a platform could not be asked.
        """
        return observe(self.providers, self.owner, clock=now)

    @contextmanager
    def opened(self, *, lock_timeout: float = 0.0) -> Iterator[ClusterState]:
        """Hold the cluster's lock and give its state.

        Raises:
            LockHeld, StateError: see `provision.state`.
        """
        with self.store.lock(Holder.current(), timeout=lock_timeout):
            yield ClusterState(self.store, now)


def find(text: str) -> Target:
    """Return the cluster that a spec's path or a cluster's name means.

    Raises:
        UsageError: it means none, or several.
        SpecError: the spec's lock file is wrong.
    """
    known = _by_spec(Path(text)) if _is_spec(text) else _by_name(text)
    directory = Path(known.spec).parent if known.spec else Path.cwd()
    return Target(known.owner, providers_for(known.providers, directory), home.store(paths.state(), known.owner))


def _is_spec(text: str) -> bool:
    """Whether a text means a file: a key pair may be called as the cluster is, and lie where the command is given."""
    plain = "." not in text and os.sep not in text
    return Path(text).is_file() and not (plain and not locks.path_for(text).exists())


def _by_spec(spec: Path) -> home.Known:
    pins = locks.read(locks.path_for(spec))
    if pins is None:
        return _by_lost_lock(spec)
    remembered = next(iter(home.known(paths.state(), uid=pins.uid)), None)
    options = _spec_options(spec, remembered)
    return home.Known(pins.cluster, pins.uid, str(spec.absolute()), options)


def _by_lost_lock(spec: Path) -> home.Known:
    """Without its lock a spec still means the cluster that this computer last made from it."""
    made = [k for k in home.known(paths.state()) if k.spec == str(spec.absolute())]
    alive = [k for k in made if _lives(k)] or made
    if len(alive) != 1:
        raise UsageError(
            f"no cluster was made from {spec}: there is no {locks.path_for(spec).name} beside it",
            hint="`provision list` shows what runs; give the cluster's name, or `provision adopt` its lock",
        )
    return alive[0]


def _lives(known: home.Known) -> bool:
    return bool(ClusterState(home.store(paths.state(), known.owner), now).recorded.live())


def _spec_options(spec: Path, remembered: home.Known | None) -> Mapping[str, Json]:
    """A spec that is wrong now must not keep its cluster from being taken down."""
    try:
        now_wanted = load.load(spec).providers
    except SpecError:
        if remembered is None:
            raise
        return remembered.providers
    return {**(remembered.providers if remembered else {}), **now_wanted}


def _by_name(name: str) -> home.Known:
    found = home.known(paths.state(), cluster=name)
    found = found or [home.Known(name, uid, "", local_options()) for uid in _running_uids(name)]
    if not found:
        raise UsageError(
            f"there is no file and no cluster named {name!r}", hint="`provision list` shows the clusters that run"
        )
    found = ([k for k in found if _lives(k)] or found) if len(found) > 1 else found
    if len(found) > 1:
        listed = ", ".join(f"{k.uid} ({k.spec})" if k.spec else k.uid for k in found)
        raise UsageError(f"several clusters are named {name!r}: {listed}", hint="give the spec's path instead")
    return found[0]


def local_options() -> dict[str, Json]:
    """Return empty options for every platform that is this computer: it can be asked without a spec."""
    return {name: {} for name in registry.available() if _is_local(name)}


def _is_local(name: str) -> bool:
    try:
        return registry.load(name).traits.local
    except ProviderMissing:
        return False


def _running_uids(name: str) -> list[str]:
    found = observe(providers_for(local_options(), Path.cwd()), Owner(name, ""), clock=now)
    return sorted({o.labels.uid for o in found if o.labels})

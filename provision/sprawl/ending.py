"""How a cluster is ended: the diff with nothing wanted, carried out by the engine that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision import paths
from provision.apply.engine import Engine
from provision.apply.session import now
from provision.plan.diff import diff
from provision.state import home

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from provision.apply.events import Event
    from provision.apply.retry import Pace
    from provision.model import Observed, Owner
    from provision.plan.model import Plan
    from provision.provider import Provider
    from provision.state.cluster import ClusterState


def plan(owner: Owner, providers: Mapping[str, Provider], state: ClusterState, observed: Sequence[Observed]) -> Plan:
    """Return what takes a cluster down, under its lock.

    Raises:
        PlanError: PV610 something is protected, PV615 something is recorded on a provider that was not asked.
    """
    traits = {name: provider.traits for name, provider in providers.items()}
    return diff((), state.recorded, observed, owner=owner, traits=traits)


def carry_out(
    plan: Plan,
    providers: Mapping[str, Provider],
    state: ClusterState,
    listener: Callable[[Event], None],
    pace: Pace,
    root: Path | None = None,
) -> None:
    """Delete what the plan says and forget the cluster; killed at any moment, the same again goes on.

    `root` is the directory of all states that knows it, this computer's own if None.

    Raises:
        PartialFailure, Interrupted, StateError: see `Engine.run`.
    """
    engine = Engine(plan, providers, state, bind=_nothing_is_made, clock=now, listener=listener, pace=pace)
    engine.run()
    state.tidy()
    home.forget(root or paths.state(), plan.owner)


def _nothing_is_made(name: str, generation: int) -> str:
    raise AssertionError(f"{name} (generation {generation}) was to be made while taking a cluster down")

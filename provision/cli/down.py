"""`provision down`: remove everything of a cluster."""

from __future__ import annotations

from provision import paths
from provision.apply.engine import Engine
from provision.apply.retry import Pace
from provision.apply.session import now
from provision.apply.target import find
from provision.cli import console, options, progress
from provision.plan import render
from provision.plan.diff import diff
from provision.state import home


def down(
    target: options.Target = "cluster.yaml",
    yes: options.Yes = False,
    timeout: options.Timeout = 1800,
    lock_timeout: options.LockTimeout = 0,
    as_json: options.Json = False,
) -> None:
    """Remove every machine and part of a cluster: what the state knows and what the platforms list under its labels.

    Works with a broken spec and without state. Asks for the cluster's name first.

    \b
    Example:
      provision down cluster.yaml
      provision down --yes demo
    """
    found = find(target)
    with found.opened(lock_timeout=lock_timeout) as state:
        traits = {name: provider.traits for name, provider in found.providers.items()}
        plan = diff((), state.recorded, found.observed(), owner=found.owner, traits=traits)
        if plan.empty and not plan.vanished:
            console.note(f"nothing of {found.owner.cluster} is there")
            home.forget(paths.state(), found.owner)
            return
        console.note(render.table(plan))
        if plan.changes and not yes:
            console.confirm(f"This removes all of {found.owner.cluster}, with its data.", found.owner.cluster)
        tell = progress.listener(as_json=as_json)
        engine = Engine(
            plan, found.providers, state, bind=_nothing_is_made, clock=now, listener=tell, pace=Pace(timeout=timeout)
        )
        engine.run()
        state.tidy()
        home.forget(paths.state(), found.owner)
    console.note(f"{found.owner.cluster} is gone")


def _nothing_is_made(name: str, generation: int) -> str:
    raise AssertionError(f"{name} (generation {generation}) was to be made while taking a cluster down")

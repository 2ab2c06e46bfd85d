"""What a provider's tests hand to the conformance suite."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from provision.model import MACHINE, Change, MachineWanted, Observed, Owner, Request, Wanted, creation_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from provision.provider import Outcome, Provider

TICK = 0.02
"""Seconds between two looks at a platform that is still at work."""


@dataclass(slots=True)
class Rig:
    """One platform, empty at first, and what is asked of it.

    Attributes:
        connect: makes a provider for the platform; each call stands for another process.
        wanted: the cluster: labels, options, one machine as the model of all (its name does not matter).
        payload: a first-boot config that the platform takes.
        lose_answer: a context in which calls of an operation ("create", "change" or "delete") take effect and their
            answers are lost, so that the plugin fails with AMBIGUOUS or a retryable error.
        break_batch: a context in which calls of an operation fail after so many things of the batch.
        model: makes the machine of a name; by default `wanted`'s first one under that name.
        many: how many machines the paging test makes; more than fit on a page of the platform's, or of its emulator's.
        patience: seconds in which a deletion must have come to its end.
    """

    connect: Callable[[], Provider]
    wanted: Wanted
    payload: str = ""
    lose_answer: Callable[[str], AbstractContextManager[object]] | None = None
    break_batch: Callable[[str, int], AbstractContextManager[object]] | None = None
    model: Callable[[str], MachineWanted] | None = None
    many: int = 7
    patience: float = 60.0
    provider: Provider = field(init=False)
    outputs: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.provider = self.connect()

    @property
    def owner(self) -> Owner:
        """The cluster that the requests are for."""
        return self.wanted.labels.whose

    def parts(self) -> list[Observed]:
        """Make all parts that machines need, in the order of their needs, and keep their outputs."""
        made: list[Observed] = []
        waiting = [p for p in self.provider.parts(self.wanted) if not p.body.get("after_machines")]
        while waiting:
            ready = next(p for p in waiting if set(p.needs) <= set(self.outputs))
            waiting.remove(ready)
            inputs = {need: self.outputs[need] for need in ready.needs}
            token = creation_token(self.wanted.uid, ready.name, 1)
            thing = observed(one(self.provider.create([replace(ready, token=token, inputs=inputs)])))
            self.outputs[ready.name] = thing.outputs
            made.append(thing)
        return made

    def machine(self, name: str, generation: int = 1, *, token: str = "", uid: str = "") -> Request:
        """Return the request of a machine; its parts must have been made."""
        wanted = replace(self.wanted, uid=uid, labels=replace(self.wanted.labels, uid=uid)) if uid else self.wanted
        model = self.model(name) if self.model else replace(self.wanted.machines[0], name=name)
        return Request(
            kind=MACHINE,
            name=name,
            provider=self.provider.name,
            labels=wanted.labels_for(name, generation),
            token=token or creation_token(wanted.uid, name, generation, _zone(model)),
            body=model.body(self.provider.traits.access),
            payload=self.payload,
            needs=tuple(self.outputs),
            inputs=self.outputs,
            zones=model.zones,
            zone=_zone(model),
        )

    def make(self, *requests: Request) -> list[Observed]:
        """Make things, one call for each."""
        return [observed(one(self.provider.create([r]))) for r in requests]

    def listed(self, owner: Owner | None = None) -> list[Observed]:
        """Return the machines that another process sees, without those that are being deleted."""
        found = self.connect().list(owner or self.owner)
        return [o for o in found if o.kind == MACHINE and o.state != "deleting"]

    def clear(self) -> None:
        """Delete all that is there, as often as it takes.

        Raises:
            TimeoutError: something is left after `patience` seconds.
        """
        deadline = time.monotonic() + self.patience
        while left := list(self.provider.list(replace(self.owner, uid=""))):
            if time.monotonic() > deadline:
                raise TimeoutError(f"left on the platform: {[f'{o.kind} {o.name}' for o in left]}")
            rank = {kind: n for n, kind in enumerate(self.provider.traits.kinds)}
            last = max(rank.get(o.kind, 1000) for o in left)
            going = [o for o in left if rank.get(o.kind, 1000) == last]
            self._release([o for o in going if o.protected])
            for thing in going:
                list(self.provider.delete([thing]))
            time.sleep(TICK)

    def _release(self, protected: list[Observed]) -> None:
        for thing in protected:
            list(self.provider.change([Change(thing, protected=False)]))


def one(outcomes: Iterator[Outcome]) -> Outcome:
    """Return the only outcome of a call."""
    (outcome,) = outcomes
    return outcome


def observed(outcome: Outcome) -> Observed:
    """Return what an outcome shows.

    Raises:
        ProviderError: the outcome is an error.
    """
    if outcome.error is not None:
        raise outcome.error
    if outcome.observed is None:
        raise AssertionError(f"the outcome of {outcome.name} holds neither a thing nor an error")
    return outcome.observed


def _zone(model: MachineWanted) -> str:
    return model.zones[0] if model.zones else ""

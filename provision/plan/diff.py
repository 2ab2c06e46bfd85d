"""Wanted, recorded and observed to a plan. Pure; taking a cluster down is the same with nothing wanted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Severity
from provision.errors import PlanError
from provision.model import MACHINE, Observed, State
from provision.plan import judge, order, safety
from provision.plan.model import Action, Plan, Step
from provision.plan.saved import world_digest
from provision.state.fold import Key, Recorded, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from provision.model import Json, Owner
    from provision.plan.wanted import Thing
    from provision.provider import Traits
    from provision.state.fold import Entry


@dataclass(frozen=True, slots=True)
class _World:
    """What there is, indexed."""

    recorded: Recorded
    observed: Mapping[Key, Sequence[Observed]]
    wanted: Mapping[Key, Thing]
    traits: Mapping[str, Traits]
    resendable: frozenset[str]
    parts: tuple[str, ...]
    generations: Mapping[tuple[str, str], int]


def diff(
    wanted: Sequence[Thing],
    recorded: Recorded,
    observed: Sequence[Observed],
    *,
    owner: Owner,
    traits: Mapping[str, Traits],
    recipe: Callable[[str], Json | None] = lambda _: None,
    replace: Collection[str] = (),
    formed: bool = False,
) -> Plan:
    """Return what leads from what is to what is wanted.

    Args:
        wanted: parts and machines, parts first; nothing to take the cluster down.
        recorded: what the journal says.
        observed: what the providers list under the cluster's name.
        owner: the cluster's name and uid.
        traits: of each provider, by name.
        recipe: body and recipe of a recorded fingerprint (`ClusterState.recipe`).
        replace: names of machines that the user asked to make anew.
        formed: whether etcd runs already, so that a voter joins or leaves it by a change of its members.

    Raises:
        PlanError: PV610 protected things would be deleted, PV611 the name runs under another uid, PV612 needs form a
            cycle or lead nowhere, PV613 etcd members would have to be replaced all at once, PV614 a name that is not
            in the spec was asked to be replaced, PV615 things are recorded on a provider that was not asked.
    """
    observed = _own(observed, owner, refuse=bool(wanted))
    _refuse_unknown_names(replace, wanted)
    _refuse_unasked(recorded, traits)
    things = {t.key: t for t in wanted}
    parts = tuple(o.name for o in observed if o.kind != MACHINE)
    resendable, generations = _resendable(recorded, things), _generations(recorded, observed)
    world = _World(recorded, _index(observed), things, traits, resendable, parts, generations)
    judged = [_one(t, world, recipe, t.name in replace) for t in wanted]
    judged = safety.follow_parts(judged)
    steps = [*judged, *_unwanted(world, doubles=[d for t in wanted for d in _doubles(t.key, world)])]
    steps = safety.spare_voters(steps)
    if formed and wanted:
        steps = safety.one_voter_at_a_time(steps)
    steps = safety.follow_machines(steps)
    safety.refuse_protected(steps)
    order.arrange(steps, traits)
    return Plan(
        owner,
        tuple(steps),
        findings=tuple(_findings(steps)),
        vanished=tuple(_vanished(world)),
        head=recorded.head,
        world=world_digest(recorded, observed),
    )


def _one(thing: Thing, world: _World, recipe: Callable[[str], Json | None], asked: bool) -> Step:
    entry = world.recorded.get(thing.key)
    found = _pick(world.observed.get(thing.key, ()), entry)
    held = entry.needs if entry and entry.exists else thing.request.needs
    if found is None:
        last = world.generations.get((thing.key.kind, thing.name), 0)
        return judge.absent(thing, entry, last=last, resendable=world.resendable)
    changeable = world.traits[thing.key.provider].changeable.get(thing.key.kind, frozenset())
    return judge.present(thing, entry, found, held=held, recipe=recipe, changeable=changeable, asked=asked)


def _pick(found: Sequence[Observed], entry: Entry | None) -> Observed | None:
    """Of several things under one name, the one that is recorded, else the newest that runs."""

    def rank(o: Observed) -> tuple[bool, bool, bool, int, str]:
        known = entry is not None and bool(entry.id) and o.id == entry.id
        sent = entry is not None and bool(entry.token) and o.token == entry.token
        return known, sent, o.state is State.RUNNING, o.labels.generation if o.labels else 0, o.id

    return max(found, key=rank, default=None)


def _doubles(key: Key, world: _World) -> Iterator[Observed]:
    found = world.observed.get(key, ())
    if len(found) > 1:
        chosen = _pick(found, world.recorded.get(key))
        yield from (o for o in found if o is not chosen)


def _unwanted(world: _World, doubles: Iterable[Observed]) -> Iterator[Step]:
    for extra in doubles:
        yield judge.delete(extra, None, "a second one under this name", _needs(extra, world))
    for key, found in world.observed.items():
        if key in world.wanted:
            continue
        entry = world.recorded.get(key)
        chosen = _pick(found, entry)
        for o in found:
            if not (o.token and o.token in world.resendable):
                yield judge.delete(o, entry if o is chosen else None, _why_unwanted(world), _needs(o, world))
    for entry in world.recorded.entries.values():
        if entry.status is Status.UNKNOWN and entry.key not in world.wanted and entry.key not in world.observed:
            yield judge.look(entry)


def _why_unwanted(world: _World) -> str:
    return "not in the spec" if world.wanted else "the cluster is taken down"


def _needs(o: Observed, world: _World) -> tuple[str, ...]:
    entry = world.recorded.get(Key(o.provider, o.kind, o.name))
    if entry and entry.needs:
        return entry.needs
    return world.parts if o.kind == MACHINE else ()


def _index(observed: Sequence[Observed]) -> dict[Key, list[Observed]]:
    index: dict[Key, list[Observed]] = defaultdict(list)
    for o in observed:
        index[Key(o.provider, o.kind, o.name)].append(o)
    return dict(index)


def _resendable(recorded: Recorded, wanted: Mapping[Key, Thing]) -> frozenset[str]:
    """Return the tokens of unanswered requests that may be sent again as they are: all of theirs is still wanted so."""

    def same(entry: Entry | None, token: str) -> bool:
        thing = wanted.get(entry.key) if entry else None
        return bool(entry and thing and entry.token == token and entry.fingerprint == thing.fingerprint)

    tokens = {e.token: e for e in recorded.entries.values() if e.status is Status.UNKNOWN}
    return frozenset(
        token
        for token, entry in tokens.items()
        if all(
            same(recorded.get(Key(entry.provider, entry.kind, name)), token) for name in entry.batch or (entry.name,)
        )
    )


def _generations(recorded: Recorded, observed: Sequence[Observed]) -> dict[tuple[str, str], int]:
    """Return the last generation of each kind and name, on whichever provider: tokens do not tell providers apart."""
    last: dict[tuple[str, str], int] = {}
    for kind, name, generation in (
        *((e.kind, e.name, e.generation) for e in recorded.entries.values()),
        *((o.kind, o.name, o.labels.generation) for o in observed if o.labels),
    ):
        last[kind, name] = max(generation, last.get((kind, name), 0))
    return last


def _vanished(world: _World) -> Iterator[Key]:
    for entry in world.recorded.entries.values():
        if entry.status in {Status.MADE, Status.DELETING} and entry.key not in world.observed:
            yield entry.key


def _findings(steps: Iterable[Step]) -> Iterator[Diagnostic]:
    for step in steps:
        if step.deferred:
            yield Diagnostic("PV601", f"{step.key.name}: {'; '.join(step.reasons)}", Severity.WARNING)
        elif step.action in {Action.KEEP, Action.ADOPT} and step.thing and not step.fingerprint:
            yield Diagnostic(
                "PV602",
                f"{step.key.name} runs a first-boot config that the state does not know",
                Severity.WARNING,
                hint=f"`provision replace {step.key.name}` makes it anew from the spec",
            )
        if step.thing and step.observed and step.observed.state is State.STOPPED and step.action is not Action.REPLACE:
            yield Diagnostic("PV603", f"{step.key.name} is switched off", Severity.WARNING)


def _own(observed: Sequence[Observed], owner: Owner, *, refuse: bool) -> list[Observed]:
    """Return what is ours. Another uid's things under our name are no ground to build on, but taking down is safe."""
    foreign = [o for o in observed if o.labels and o.labels.uid != owner.uid]
    if foreign and refuse:
        uids = sorted({o.labels.uid for o in foreign if o.labels})
        raise PlanError(
            f"the name {owner.cluster!r} already runs under another uid ({', '.join(uids)}): "
            f"{_names(o.name for o in foreign)} [PV611]",
            hint="use that cluster's cluster.lock, or choose another name",
        )
    return [o for o in observed if o.labels is None or o.labels.uid == owner.uid]


def _refuse_unknown_names(asked: Collection[str], wanted: Sequence[Thing]) -> None:
    unknown = set(asked) - {t.name for t in wanted if t.is_machine}
    if unknown:
        raise PlanError(f"no machine of the spec is called {_names(sorted(unknown))} [PV614]")


def _refuse_unasked(recorded: Recorded, traits: Mapping[str, Traits]) -> None:
    """A provider that left the spec lists nothing: its machines must not be taken for gone."""
    lost = [e for e in recorded.live() if e.provider not in traits]
    if lost:
        providers = sorted({e.provider for e in lost})
        raise PlanError(
            f"{_names(e.name for e in lost)} still exist on {_names(providers)}, which the spec no longer has [PV615]",
            hint="put it back under `providers:`, or `payloads:`; what no pool wants there is then deleted by `up`",
        )


def _names(names: Iterable[str]) -> str:
    texts = list(names)
    return ", ".join(texts[:8]) + (f" and {len(texts) - 8} more" if len(texts) > 8 else "")

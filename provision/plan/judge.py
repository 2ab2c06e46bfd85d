"""What to do about one thing, given what is recorded and observed of it alone. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provision.model import Change, Observed, State
from provision.plan.compare import changed_fields, differences
from provision.plan.model import Action, Step
from provision.state.fold import Key, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.model import Json, Labels
    from provision.plan.wanted import Thing
    from provision.state.fold import Entry

GONE_WORDS = {
    Status.MADE: "it has vanished",
    Status.DELETING: "its deletion was under way",
    Status.REFUSED: "the platform refused it before",
    Status.GONE: "it was deleted before",
}


def absent(thing: Thing, entry: Entry | None, *, last: int, resendable: frozenset[str]) -> Step:
    """Judge a wanted thing that its provider does not list; `last` is the last generation of its name anywhere."""
    step = Step(Action.CREATE, thing.key, ("new",), thing, fingerprint=thing.fingerprint, etcd=thing.etcd)
    step = replace(step, generation=last + 1)
    if entry is None:
        return step
    if entry.status is not Status.UNKNOWN:
        return replace(step, reasons=(GONE_WORDS[entry.status],))
    if entry.token in resendable:
        why = "an earlier run asked for it and got no answer: the same request is sent again"
        return replace(step, reasons=(why,), generation=entry.generation, resend=entry.token)
    why = "an earlier run asked for another version of it and got no answer: looked for, then made anew"
    return replace(
        step,
        action=Action.REPLACE,
        reasons=(why,),
        look=entry.since,
        resend=entry.token,
        held=entry.needs,
    )


def present(
    thing: Thing,
    entry: Entry | None,
    found: Observed,
    *,
    held: tuple[str, ...],
    recipe: Callable[[str], Json | None],
    changeable: frozenset[str],
    asked: bool,
) -> Step:
    """Judge a wanted thing that its provider lists.

    `held` names what it needs as it stands, `changeable` the body's fields that the provider alters in place.
    """
    step = Step(
        Action.KEEP, thing.key, (), thing, found, generation=_generation(entry, found), held=held, etcd=thing.etcd
    )
    known = _fingerprint(thing, entry, found)
    old = recipe(known) if known and known != thing.fingerprint else None
    why = _leftover(entry, found) or _must_be_new(thing, found, known, old, changeable, asked)
    if why and found.protected and thing.protect is False:
        why = ("its protection is lifted first; run again to replace it", *why)
        lifted = replace(step, action=Action.UPDATE, reasons=why, deferred=True, fingerprint=known)
        return replace(lifted, change=Change(found, protected=False))
    if why:
        anew = replace(step, action=Action.REPLACE, reasons=why, fingerprint=thing.fingerprint)
        return replace(anew, generation=step.generation + 1)
    step = replace(step, fingerprint=thing.fingerprint if known else "")
    change, reasons = _alteration(thing, found, old, known=bool(known))
    off = ("it is switched off",) if thing.is_machine and found.state is State.STOPPED else ()
    step = replace(step, change=change, reasons=(*reasons, *off))
    if entry is None or entry.status is not Status.MADE:
        return replace(step, action=Action.ADOPT, reasons=(_why_adopt(entry), *reasons))
    return replace(step, action=Action.UPDATE) if change else step


def delete(found: Observed, entry: Entry | None, why: str, held: tuple[str, ...]) -> Step:
    """Return the deletion of a thing that is not wanted."""
    key = Key(found.provider, found.kind, found.name)
    etcd = entry is not None and entry.etcd
    return Step(Action.DELETE, key, (why,), observed=found, generation=_generation(entry, found), held=held, etcd=etcd)


def look(entry: Entry) -> Step:
    """Return the deletion of a thing that is not wanted and may exist, since an earlier run got no answer."""
    why = "an earlier run asked for it and got no answer: looked for, and deleted if it was made"
    return Step(
        Action.DELETE,
        entry.key,
        (why,),
        generation=entry.generation,
        resend=entry.token,
        look=entry.since,
        held=entry.needs,
        etcd=entry.etcd,
    )


def _generation(entry: Entry | None, found: Observed) -> int:
    return max(entry.generation if entry else 1, found.labels.generation if found.labels else 1)


def _fingerprint(thing: Thing, entry: Entry | None, found: Observed) -> str:
    """Return what it runs: as recorded, else by the spec's digest on its label, else "" (not known)."""
    if entry and entry.exists:
        return entry.fingerprint
    if found.labels is None or found.labels.digest == thing.request.labels.digest:
        return thing.fingerprint
    return ""


def _leftover(entry: Entry | None, found: Observed) -> tuple[str, ...]:
    """Return why a thing of an earlier generation must go, when its successor has been asked for already."""
    if entry is None or entry.status is not Status.UNKNOWN or found.labels is None:
        return ()
    old = found.labels.generation < entry.generation
    return ("an older one still stands where an earlier run asked for a new one",) if old else ()


def _must_be_new(
    thing: Thing, found: Observed, known: str, old: Json | None, changeable: frozenset[str], asked: bool
) -> tuple[str, ...]:
    """Return why it must be replaced; nothing when it need not."""
    if asked:
        return ("asked for",)
    if found.state is State.FAILED:
        return (f"it failed: {found.detail}" if found.detail else "it failed",)
    if found.state is State.DELETING:
        return ("it is being deleted",)
    if not known or known == thing.fingerprint:
        return ()
    if old is None:
        return ("its configuration changed",)
    recipes = differences(old["recipe"] or {}, thing.recipe or {})
    if not recipes and changed_fields(old["body"], thing.request.body) <= changeable:
        return ()
    return (*differences(old["body"], thing.request.body), *recipes)


def _alteration(
    thing: Thing, found: Observed, old: Json | None, *, known: bool
) -> tuple[Change | None, tuple[str, ...]]:
    """Return what is altered in place, and in words; `known` says that what it runs is known."""
    labels, words = _labels(thing, found, known=known)
    body: Json = {}
    if old is not None:
        fields = changed_fields(old["body"], thing.request.body)
        body = {k: v for k, v in thing.request.body.items() if k in fields}
        words = (*words, *differences(old["body"], thing.request.body))
    protected = thing.protect if thing.protect is not None and thing.protect != found.protected else None
    if protected is not None:
        words = (*words, f"protection {'on' if protected else 'off'}")
    if labels is None and not body and old is None and protected is None:
        return None, ()
    return Change(found, labels=labels, protected=protected, body=body), words


def _labels(thing: Thing, found: Observed, *, known: bool) -> tuple[Labels | None, tuple[str, ...]]:
    if found.labels is None:
        return None, ()
    wanted = replace(thing.request.labels, generation=found.labels.generation, machine=thing.name)
    # Committing a spec that runs already changes nothing that runs; nor may a label claim what nobody knows.
    if wanted.digest == found.labels.digest or not known:
        wanted = replace(wanted, spec=found.labels.spec)
    if wanted == found.labels:
        return None, ()
    before, after = found.labels.to_dict(), wanted.to_dict()
    return wanted, tuple(f"label {k} {before[k]} → {after[k]}" for k in after if before[k] != after[k])


def _why_adopt(entry: Entry | None) -> str:
    if entry is None:
        return "it runs, and the state does not know it"
    if entry.status is Status.UNKNOWN:
        return "an earlier run made it and did not hear the answer"
    return "it runs, although the state says otherwise"

"""A plan as a table for people; `provision.plan.saved.now_json` is its form for programs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.model import MACHINE
from provision.plan.model import Action, Plan, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGNS = {
    Action.CREATE: "+",
    Action.REPLACE: "±",
    Action.UPDATE: "~",
    Action.DELETE: "-",
    Action.ADOPT: "*",
    Action.KEEP: " ",
}
PAST = {
    Action.CREATE: "to create",
    Action.REPLACE: "to replace",
    Action.UPDATE: "to update in place",
    Action.DELETE: "to delete",
    Action.ADOPT: "to adopt",
    Action.KEEP: "unchanged",
}


def table(plan: Plan, *, keep: bool = False) -> str:
    """Return the steps as aligned lines, then a summary.

    Args:
        plan: what to show.
        keep: show the things that stay as they are, too.
    """
    told = {s.id for s in (*plan.changes, *plan.deferred, *plan.asleep)}
    shown = [s for s in plan.steps if keep or s.id in told]
    priced = any(s.price or s.price_now for s in plan.steps)
    lines = _aligned([_cells(s, priced=priced) for s in shown])
    return "\n".join([*lines, *([""] if lines else []), summary(plan)])


def summary(plan: Plan) -> str:
    """Return one line that counts the steps."""
    if plan.empty:
        return (
            f"Nothing to do: all {len(plan.steps)} things are as the spec wants them."
            if plan.steps
            else "Nothing to do."
        )
    counts = ", ".join(f"{n} {PAST[a]}" for a, n in plan.counts().items())
    texts = [counts]
    if plan.asleep:
        texts.append(f"{len(plan.asleep)} switched off")
    if plan.deferred:
        texts.append(f"{len(plan.deferred)} left for another run")
    return "; ".join(texts) + "."


def _cells(step: Step, *, priced: bool) -> list[str]:
    price = [_price(step)] if priced else []
    generation = f"generation {step.generation}" if step.generation > 1 and step.action is not Action.KEEP else ""
    reasons = "; ".join((*step.reasons, *([generation] if generation else [])))
    return [SIGNS[step.action], str(step.action), step.key.kind, step.key.name, step.key.provider, *price, reasons]


def _price(step: Step) -> str:
    if step.key.kind != MACHINE:
        return ""
    amount = step.price_now if step.action is Action.DELETE else step.price
    if amount is None:
        return "unknown"
    return f"{'-' if step.action is Action.DELETE else ''}${amount:.4g}/h"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]

"""A plan as a table for people; `provision.plan.saved.now_json` is its form for programs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    lines = _aligned([_cells(s, priced=cost(plan) is not None) for s in shown])
    return "\n".join([*lines, *([""] if lines else []), summary(plan)])


def summary(plan: Plan) -> str:
    """Return one line that counts the steps, with the cost per hour where it is known."""
    if plan.empty:
        return (
            f"Nothing to do: all {len(plan.steps)} things are as the spec wants them."
            if plan.steps
            else "Nothing to do."
        )
    counts = ", ".join(f"{n} {PAST[a]}" for a, n in plan.counts().items())
    price = cost(plan)
    texts = [counts]
    if plan.asleep:
        texts.append(f"{len(plan.asleep)} switched off")
    if plan.deferred:
        texts.append(f"{len(plan.deferred)} left for another run")
    if price is not None:
        texts.append(f"${price:.4g} an hour afterwards")
    return "; ".join(texts) + "."


def cost(plan: Plan) -> float | None:
    """Return US dollars per hour of all machines once the plan is done; None when no price is known."""
    prices = [s.price for s in plan.steps if s.price is not None and s.action is not Action.DELETE]
    return sum(prices) if prices else None


def _cells(step: Step, *, priced: bool) -> list[str]:
    price = [f"${step.price:.4g}/h" if step.price is not None else ""] if priced else []
    generation = f"generation {step.generation}" if step.generation > 1 and step.action is not Action.KEEP else ""
    reasons = "; ".join((*step.reasons, *([generation] if generation else [])))
    return [SIGNS[step.action], str(step.action), step.key.kind, step.key.name, step.key.provider, *price, reasons]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]

"""Rules about the cluster as a whole: name, life, money, updates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.spec import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.spec.draft import Draft

SHORTEST = 10 * 60
"""The shortest life in seconds: a first boot has to fit in."""

LONGEST = 10 * 365 * 24 * 3600
"""The longest finite life in seconds; what lives longer says `never`."""


def name(draft: Draft) -> Iterator[Diagnostic]:
    """Refuse names that mean something already."""
    if draft.cluster == "localhost" or draft.cluster.split("-")[0] == "provision":
        yield draft.error("PV057", ("cluster",), f"the name {draft.cluster!r} is reserved", "choose another")


def lock(draft: Draft) -> Iterator[Diagnostic]:
    """Refuse the lock of another cluster."""
    if draft.lock and draft.cluster and draft.lock.cluster != draft.cluster:
        message = f"the lock beside the spec belongs to cluster {draft.lock.cluster!r}"
        yield draft.error("PV093", ("cluster",), message, "take its name, or another file name for the spec")


def ttl(draft: Draft) -> Iterator[Diagnostic]:
    """Keep the lifetime within bounds, and protection without an end."""
    text = draft.value.get("ttl")
    if text is None or text == "never":
        return
    seconds = duration.parse(text)
    if not SHORTEST <= seconds <= LONGEST:
        yield draft.error("PV022", ("ttl",), f"{text} is no sensible lifetime", "from 10m to 10 years, or never")
    if draft.value.get("protect"):
        hint = "write `ttl: never`, or leave protect out"
        yield draft.error("PV023", ("protect",), f"a protected cluster cannot end after {text}", hint)


def budget(draft: Draft) -> Iterator[Diagnostic]:
    """Warn about a budget whose month is used up within an hour."""
    limits = draft.section("budget")
    hour, month = limits.get("per_hour"), limits.get("per_month")
    if hour is not None and month is not None and month < hour:
        message = f"{month} per month is used up within one hour at {hour} per hour"
        yield draft.warning("PV024", ("budget", "per_month"), message, "were the two mixed up?")


def update(draft: Draft) -> Iterator[Diagnostic]:
    """See that the update strategy has what it needs, and the window an effect."""
    section = draft.section("update")
    strategy = section.get("strategy", "off")
    if strategy == "etcd-lock" and draft.value.get("etcd") is None and not draft.was_cut("etcd"):
        hint = "add an etcd section, or take `reboot`"
        yield draft.error(
            "PV046", ("update", "strategy"), "etcd-lock needs etcd, which this cluster does not have", hint
        )
    if section.get("window") and strategy == "off" and not draft.was_cut("update", "strategy"):
        hint = "set update.strategy to reboot or etcd-lock"
        yield draft.warning("PV047", ("update", "window"), "the window has no effect while updates are off", hint)
    length = section.get("window", {}).get("length")
    if length and not 0 < duration.parse(length) <= 7 * 24 * 3600:
        yield draft.error("PV048", ("update", "window", "length"), f"a window of {length}", "from 1m to 7d")


RULES = (name, lock, ttl, budget, update)

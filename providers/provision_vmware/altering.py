"""Altering what stays: a machine's labels and protection, and the members of a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision.model import MACHINE
from provision.provider import Outcome
from provision.providing.seen import changed
from provision_vmware import machines, marks, parts, rules, sdk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Change
    from provision_vmware.cloud import Cloud


def alter(cloud: Cloud, batch: Sequence[Change]) -> Iterator[Outcome]:
    """Make all changes; those of machines together."""
    changes = {change.target.id: change for change in batch if change.target.kind == MACHINE}
    calls = {n: (cloud.machine(n), {"spec": _spec(change)}) for n, change in changes.items()}
    for number, result in cloud.all("ReconfigVM_Task", calls).items():
        yield _outcome(changes[number], result)
    for change in batch:
        if change.target.kind != MACHINE:
            yield _outcome(change, _part(cloud, change))


def _spec(change: Change) -> Any:  # noqa: ANN401
    entries: dict[str, str] = {}
    if change.labels is not None:
        entries |= marks.written(change.labels)
    if change.protected is not None:
        entries[marks.PROTECTED] = str(change.protected).lower()
    notes = marks.notes(change.labels) if change.labels is not None else None
    return sdk.types().vm.ConfigSpec(extraConfig=machines.as_options(entries), annotation=notes)


def _part(cloud: Cloud, change: Change) -> ProviderError | None:
    """Change a part; its labels are those of the machines, so there is nothing to write for them."""
    unknown = change.body.keys() - parts.CHANGEABLE.get(change.target.kind, frozenset())
    try:
        if unknown:
            message = f"{change.target.name}: cannot change {', '.join(sorted(unknown))} in place"
            raise ProviderError(message, kind=Kind.UNSUPPORTED)
        if change.body:
            rules.change(cloud, change)
    except ProviderError as error:
        return error
    return None


def _outcome(change: Change, result: object) -> Outcome:
    if isinstance(result, ProviderError):
        return Outcome(change.target.name, error=result)
    return Outcome(change.target.name, changed(change))

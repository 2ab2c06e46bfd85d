"""Whether datastores have room for the disks of what is not there yet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from provision.model import MACHINE
from provision.providing.checking import error, warning
from provision.providing.sizes import UNITS
from provision_vmware import listing
from provision_vmware.checking.view import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision_vmware.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Count what full clones take, thin as the template is, beside what is free."""
    there = {o.name for o in listing.everything(view.cloud, view.wanted.labels.whose) if o.kind == MACHINE}
    needed: Counter[tuple[str, str]] = Counter()
    for machine in view.wanted.machines:
        settings, template = view.options(machine), view.templates.get(view.image_of(machine))
        if template and machine.name not in there and not settings.linked_clone:
            needed[settings.datastore, settings.datastore_cluster] += template.size
    for named, bytes_ in needed.items():
        rows = view.stores.get(named, [])
        free = sum(row.get("summary.freeSpace") or 0 for row in rows)
        names = ", ".join(str(row.get("name")) for row in rows)
        option = "datastore_cluster" if named[1] else "datastore"
        if rows and bytes_ > free:
            message = f"{names}: {_gib(bytes_)} are needed and {_gib(free)} are free"
            yield error("PV570", message, (*OPTIONS, option), "free some, or take another datastore")
        for row in rows:
            if row.get("summary.accessible") is False:
                yield warning("PV570", f"the datastore {row.get('name')} cannot be reached", (*OPTIONS, option))


def _gib(bytes_: int) -> str:
    return f"{bytes_ / UNITS['GiB']:.1f} GiB"

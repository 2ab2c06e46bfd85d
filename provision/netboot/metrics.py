"""What the boot service counts, in Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.netboot.service import BootService

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
HELP = {
    "machines": ("gauge", "Machines by how far they came."),
    "strangers": ("gauge", "Machines that asked and have no entry."),
    "failures": ("gauge", "Machines with which something is wrong."),
    "requests_total": ("counter", "Answers to machines by what they asked for and status."),
    "artefacts_missing": ("gauge", "Boot files that could not be fetched."),
    "damaged_entries": ("gauge", "Entries of the store that cannot be read."),
    "states_safe": ("gauge", "1 when the last write of the states reached the disk."),
}


def text(service: BootService) -> str:
    """Return all metrics as one exposition."""
    return "".join(f"{line}\n" for line in _lines(service))


def _lines(service: BootService) -> Iterator[str]:
    values = _values(service)
    for name, (kind, help_text) in HELP.items():
        full = f"provision_netboot_{name}"
        yield f"# HELP {full} {help_text}"
        yield f"# TYPE {full} {kind}"
        for labels, value in values[name]:
            yield f"{full}{labels} {value}"


def _values(service: BootService) -> dict[str, list[tuple[str, int]]]:
    progress = [service.ledger.of(known) for known in service.index.machines.values()]
    states = [str(p.state) for p in progress]
    return {
        "machines": [(f'{{state="{s}"}}', states.count(s)) for s in sorted(set(states))],
        "strangers": [("", len(service.ledger.strangers))],
        "failures": [("", sum(1 for p in progress if p.failure))],
        "requests_total": [
            (f'{{what="{what}",status="{status}"}}', n) for (what, status), n in sorted(service.counts.items())
        ],
        "artefacts_missing": [("", len(service.cache.failures))],
        "damaged_entries": [("", len(service.index.damaged))],
        "states_safe": [("", 0 if service.ledger.failure else 1)],
    }

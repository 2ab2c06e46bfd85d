"""What machines of a pool share: node config and additions, merged once, the machine's own facts left open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Report, Severity, Span
from provision.firstboot import ignition
from provision.firstboot.additions import assemble
from provision.firstboot.additions.system import system
from provision.firstboot.canonical import canonical
from provision.firstboot.formats import format_of, is_ignition3, joined
from provision.firstboot.interpolate import secret_slots
from provision.firstboot.markers import ADDRESS, NAME, fill_facts, slot_names
from provision.firstboot.nodeconfig import NodeConfigs, facts_of
from provision.firstboot.recipe import Recipe, Slot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Json
    from provision.provider import Traits
    from provision.spec.model import Cluster, Machine, NodeConfig


@dataclass(frozen=True, slots=True)
class Shared:
    """A merged config in which the machine's name and address are still markers; the rest as in `Recipe`."""

    spec_version: str
    body: Json
    meaning: Json
    slots: Mapping[str, Slot]

    def recipe(self, machine: Machine) -> Recipe:
        """Return one machine's recipe."""
        facts = facts_of(machine)
        body, meaning = fill_facts(self.body, facts), fill_facts(self.meaning, facts)
        return Recipe(machine.name, self.spec_version, body, self.slots, meaning)


class Pools:
    """Compiles what machines share, once for all that share it, and reports what is wrong with it once."""

    def __init__(self, cluster: Cluster, traits: Mapping[str, Traits], version: int, report: Report) -> None:
        self._cluster = cluster
        self._traits = traits
        self._version = version
        self._report = report
        self._configs = NodeConfigs(cluster, version, report)
        self._secrets = {slot.name: slot for slot in secret_slots(cluster)}
        self._shared: dict[object, Shared | None] = {}

    def of(self, machine: Machine) -> Shared | None:
        """Return what a machine has in common with others, or None where it has errors."""
        key = (self._configs.key(machine), machine.os, machine.etcd, machine.provider, machine.fleet)
        if key not in self._shared:
            self._shared[key] = self._compile(machine)
        return self._shared[key]

    def _compile(self, machine: Machine) -> Shared | None:
        user = self._configs.of(machine)
        if user is None:
            return None
        any_machine = replace(machine, name=NAME, address=ADDRESS)
        added = assemble.additions(any_machine, self._cluster, self._traits[machine.provider], self._version)
        body = joined(added, user, system(machine.os, self._version).user)
        spec_version = format_of(body)
        # Each half alone is valid: only a link where the other needs a folder can set them at odds.
        links = is_ignition3(spec_version) and body["storage"].get("links")
        faults = _faults(body, spec_version, machine.config) if links else []
        self._report.extend(faults)
        if any(fault.severity is Severity.ERROR for fault in faults):
            return None
        known = {**assemble.SLOTS, **self._secrets}
        slots = {name: known[name] for name in sorted(set(slot_names(body)))}
        return Shared(spec_version, body, canonical(body), slots)


def _faults(body: Json, spec_version: str, config: NodeConfig | None) -> list[Diagnostic]:
    """Return what is wrong with two halves that meet."""
    span = Span(config.file, config.line, config.column) if config else None
    hint = "the node config and what provision adds to every machine get in each other's way"
    return [
        Diagnostic(finding.message.code, finding.message.text, Severity.ERROR, finding.path, span, hint)
        for finding in ignition.validate(body, spec_version)
        if finding.error
    ]

"""The Vagrant provider: machines on this computer, made by Vagrant on libvirt, VirtualBox or VMware's desktop programs.

A cluster is a directory with a Vagrantfile that is written anew with each change. Importing this package loads nothing
but the contract; the work is in `machines`, `bringing` and `checking`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from provision.model import Request
from provision.provider import Traits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provision.diagnostics import Report
    from provision.model import Change, Json, Observed, Owner, Wanted
    from provision.provider import Context, Outcome
    from provision_vagrant.machines import Machines

SPECIAL: Mapping[str, Mapping[str, str | int]] = {
    "libvirt": {},
    "virtualbox": {"platform": "virtualbox", "private_interface": "pci-0000:00:08.0", "host_address": "10.0.2.2"},
    # A guestinfo value holds 64 KiB: open-vm-tools limits its messages.
    "vmware": {
        "platform": "vmware",
        "private_interface": "pci-0000:02:05.0",
        "encoding": "gzip+base64",
        "payload_limit": 65_536,
    },
}
"""By the option `hypervisor`: what is not as it is on libvirt."""


class Vagrant:
    """Machines on this computer. The work directory is the platform: whoever has it has the machines."""

    name: ClassVar[str] = "vagrant"
    traits: ClassVar[Traits] = Traits(
        formats=frozenset({"ignition", "cloud-config"}),
        platform="qemu",
        delete_batch=100,
        idempotent=True,
        # Those who wait for their directory share the next call: see `bringing`.
        concurrency=20,
        rate=100.0,
        planned_addresses=True,
        private_interface="pci-0000:00:10.0",
        local=True,
        kinds=("network",),
        settle=0.0,
    )
    options_schema: ClassVar[str] = "options.schema.json"

    def __init__(self, options: Json, context: Context) -> None:
        from provision_vagrant.wave import Wave

        self.options = options
        self.context = context
        self.traits = replace(type(self).traits, **SPECIAL[options.get("hypervisor", "libvirt")])  # type: ignore[arg-type, misc]
        self._wave = Wave()

    def check(self, wanted: Wanted) -> Report:
        """Look for all that would stop machines from starting on this computer."""
        from provision_vagrant.checking import check

        return check(wanted, self.options, self.context)

    def parts(self, wanted: Wanted) -> Sequence[Request]:
        """Return the cluster's network, which stands for its directory."""
        body = {"subnet": wanted.subnet, "hypervisor": self.options.get("hypervisor", "libvirt")}
        return (Request("network", "network", self.name, wanted.labels_for("network"), "", body),)

    def list(self, owner: Owner | None) -> Iterator[Observed]:
        """Report machines from their directories, and from Vagrant's index when everything is asked for."""
        return self._machines.observed(owner)

    def create(self, batch: Sequence[Request]) -> Iterator[Outcome]:
        """Make and start machines, once per token."""
        from provision_vagrant.bringing import Bringing

        return Bringing(self._machines, self._wave).create(batch)

    def change(self, batch: Sequence[Change]) -> Iterator[Outcome]:
        """Alter labels and protection."""
        return self._machines.change(batch)

    def delete(self, batch: Sequence[Observed]) -> Iterator[Outcome]:
        """Remove machines and all that they have on this computer, then their directory."""
        from provision_vagrant.removing import Removing

        return Removing(self._machines).delete(batch)

    def console(self, machine: Observed) -> str:
        """Return what the machine has written to its serial port since it was switched on."""
        return self._machines.console(machine)

    def power(self, machine: Observed, on: bool) -> None:
        """Switch a machine; its guest is asked before it is forced."""
        self._machines.power(machine, on)

    @property
    def _machines(self) -> Machines:
        from provision_vagrant.machines import Machines

        return Machines(self.options, self.context)

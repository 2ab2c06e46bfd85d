"""The preflight: all that would stop machines from booting, found without changing anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Report, Severity
from provision.errors import ProviderError
from provision_pxe import images, install, powers, record
from provision_pxe.claims import fitting
from provision_pxe.errors import translated
from provision_pxe.power import control
from provision_pxe.settings import INSTALL, Choice, inventory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provision.diagnostics import Path as Trail
    from provision.model import Json, MachineWanted, Wanted
    from provision.netboot.entry import Artefact
    from provision.provider import Context
    from provision_pxe.machines import Machines
    from provision_pxe.settings import Hardware

INVENTORY = ("providers", record.PROVIDER, "inventory")


@dataclass(slots=True)
class Preflight:
    """One check: what is wanted, the inventory, who holds which of its machines, and the findings so far."""

    wanted: Wanted
    options: Json
    context: Context
    have: Mapping[str, Hardware]
    holders: Mapping[str, record.Record | None]
    report: Report = field(default_factory=Report)

    def say(self, code: str, message: str, path: Trail, hint: str | None, severity: Severity = Severity.ERROR) -> None:
        """Add a finding unless another machine of the pool gave the same."""
        finding = Diagnostic(code, message, severity, path, hint=hint)
        if finding not in self.report.findings:
            self.report.add(finding)

    def claimed(self) -> list[tuple[MachineWanted, Choice, Hardware]]:
        """Return the machines of the spec that have one of the inventory."""
        read = ((m, Choice.read(m.options)) for m in self.wanted.machines)
        return [(m, choice, self.have[choice.machine]) for m, choice in read if choice.machine in self.have]

    def is_new(self, machine: MachineWanted, hardware: Hardware) -> bool:
        """Whether a machine does not run yet."""
        holder = self.holders.get(hardware.name)
        return holder is None or (holder.labels.uid, holder.name) != (self.wanted.uid, machine.name)


def check(wanted: Wanted, options: Json, context: Context, machines: Machines) -> Report:
    """Return all findings, PV591 to PV598.

    Raises:
        ProviderError: the boot store cannot be read.
    """
    with translated("reading the boot store"):
        holders = {entry.id: record.of(entry) for entry in machines.store.entries()}
        running = machines.store.service()
    run = Preflight(wanted, options, context, inventory(options), holders)
    _marks(run)
    _addresses(run)
    _unclaimed(run)
    _held(run)
    _systems(run)
    _powers(run)
    if running is None and not machines.keeper.arguments:
        run.say("PV598", "no boot service runs", ("providers", record.PROVIDER), machines.keeper.hint())
    return run.report


def _marks(run: Preflight) -> None:
    """Two machines that say the same of themselves would both boot as the one that is found first."""
    for mark, count in Counter(mark for hardware in run.have.values() for mark in hardware.marks).items():
        if count > 1:
            names = ", ".join(h.name for h in run.have.values() if mark in h.marks)
            run.say("PV594", f"{mark} is written at {names}", INVENTORY, "each machine is recognised by its own")


def _addresses(run: Preflight) -> None:
    subnet = IPv4Network(run.wanted.subnet) if run.wanted.subnet else None
    for name, hardware in run.have.items():
        where = (*INVENTORY, name, "address")
        others = [h.name for h in run.have.values() if h.address == hardware.address and h.name != name]
        if hardware.address and others:
            run.say("PV594", f"{hardware.address} is given to {name} and {others[0]}", where, "each needs its own")
    for machine, _, hardware in run.claimed():
        where = (*INVENTORY, hardware.name, "address")
        if hardware.address and subnet and IPv4Address(hardware.address) not in subnet:
            message = f"{hardware.name}'s address {hardware.address} is not in {subnet}"
            run.say("PV594", message, where, "write the machines' network as network.subnet")
        elif machine.etcd and not hardware.address:
            message = f"{hardware.name} votes in etcd and has no address: {machine.address} is planned for it"
            hint = "see that DHCP gives it that one, as `provision serve --dhcp full` does, or write its `address`"
            run.say("PV595", message, (*INVENTORY, hardware.name), hint, Severity.WARNING)


def _unclaimed(run: Preflight) -> None:
    """Say by pool how many machines are missing."""
    pools = dict.fromkeys(m.pool for m in run.wanted.machines)
    for pool in pools:
        members = [m for m in run.wanted.machines if m.pool == pool]
        without = [m for m in members if Choice.read(m.options).machine not in run.have]
        named = [m for m in without if Choice.read(m.options).machine]
        for machine in named:
            message = f"{Choice.read(machine.options).machine} is not in the inventory"
            run.say("PV592", message, ("machines", machine.name, "options", "machine"), _names(run.have))
        if missing := len(without) - len(named):
            choice = Choice.read(without[0].options)
            fit = len(fitting(choice, run.have))
            message = (
                f"pool {pool} wants {len(members)} machines and {missing} of them find none: {fit} of the inventory's "
                f"{len(run.have)} fit{_asked(choice)}, and each serves one"
            )
            run.say("PV591", message, ("pools", pool, "count"), "add machines to the inventory, or ask for fewer")


def _asked(choice: Choice) -> str:
    wanted = ", ".join(f"{key}={value}" for key, value in choice.select.items())
    return f" ({wanted})" if wanted else ""


def _held(run: Preflight) -> None:
    """A machine that serves another cluster is not free, and one can be claimed once."""
    taken = Counter(hardware.name for _, _, hardware in run.claimed())
    for machine, _, hardware in run.claimed():
        where = ("machines", machine.name, "options", "machine")
        if taken[hardware.name] > 1:
            run.say("PV592", f"{hardware.name} is claimed twice", where, "each serves one machine of the spec")
        if hardware.name not in run.holders:
            continue
        holder = run.holders[hardware.name]
        if holder is None or holder.labels.uid != run.wanted.uid:
            whose = f"cluster {holder.labels.cluster} as {holder.name}" if holder else "somebody else"
            free = [name for name in run.have if name not in run.holders and name not in taken]
            hint = f"free are {', '.join(free[:5])}: claim one by name" if free else "no other machine is free"
            run.say("PV593", f"{hardware.name} serves {whose} already", where, hint)


def _systems(run: Preflight) -> None:
    """Images and disks of machines that are to be made."""
    for machine, choice, hardware in run.claimed():
        if not run.is_new(machine, hardware):
            continue
        where = ("pools", machine.pool)
        try:
            named = machine.image or machine.options.get("image", "")
            found = images.image(named, run.context.spec_dir)
        except ProviderError as error:
            run.say("PV597", error.message, (*where, "image"), error.hint)
            continue
        if choice.mode == INSTALL:
            _installed(run, machine, choice, hardware, found.install)


def _installed(
    run: Preflight, machine: MachineWanted, choice: Choice, hardware: Hardware, image: Artefact | None
) -> None:
    where = ("pools", machine.pool)
    if not (choice.device or hardware.disks):
        message = f"{hardware.name} has no disk to install to"
        run.say("PV597", message, where, "write its `disks` in the inventory, or the pool's `device`")
    if not install.known(machine.os):
        run.say("PV597", f"{machine.os} cannot be installed from here", where, "take `mode: live`")
    elif image is None and install.needs_image(machine.os):
        message = f"the installer of {machine.os} brings no image"
        run.say("PV597", message, (*where, "image"), "name one in the image's `install`")


def _powers(run: Preflight) -> None:
    """Ask every power control that will be used, all at the same time."""
    new = [h for m, _, h in run.claimed() if run.is_new(m, h)]
    usable = {h.name: h.power for h in new if _is_usable(run, h)}
    for name, (_, trouble) in powers.states(usable).items():
        if trouble:
            run.say("PV596", trouble, (*INVENTORY, name, "power"), "nothing is switched until all can be")


def _is_usable(run: Preflight, hardware: Hardware) -> bool:
    try:
        control(hardware.name, hardware.power)
    except ProviderError as error:
        run.say("PV596", error.message, (*INVENTORY, hardware.name, "power"), error.hint)
        return False
    return True


def _names(names: Iterable[str]) -> str:
    return f"it has {', '.join(names) or 'no machine'}"

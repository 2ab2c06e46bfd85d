"""The preflight: all that would stop machines from starting on this computer, found without changing anything."""

from __future__ import annotations

import functools
import os
import shutil
from dataclasses import dataclass, field
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Report, Severity
from provision.errors import ProviderError
from provision.providing.sizes import MIB
from provision_qemu import accelerator, download, errors, image, network, place, process, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from provision.diagnostics import Path as Trail
    from provision.model import Json, MachineWanted, Wanted
    from provision.provider import Context

OVERHEAD = {accelerator.TCG: 320, accelerator.KVM: 64}
"""MiB that a qemu process takes beside its guest's memory; TCG keeps up to 256 of them for translated code."""

FRESH_DISK = 256 * MIB
"""Bytes that a machine's overlay grows to by its first boot alone."""


@dataclass(frozen=True, slots=True)
class Host:
    """What this computer has: memory in MiB, free disk space in bytes."""

    cpus: int
    memory: int
    available: int
    disk: int


@dataclass(slots=True)
class Preflight:
    """One check: what is wanted, of whom, and the findings so far; each is made once, and each image looked at once."""

    wanted: Wanted
    options: Json
    context: Context
    report: Report = field(default_factory=Report)
    inspect: Callable[[Path], image.Image] = field(default_factory=lambda: functools.cache(image.inspect))

    def say(self, code: str, message: str, path: Trail, hint: str, severity: Severity = Severity.ERROR) -> None:
        """Add a finding unless another machine of the pool gave the same."""
        finding = Diagnostic(code, message, severity, path, hint=hint)
        if finding not in self.report.findings:
            self.report.add(finding)

    def new(self) -> list[MachineWanted]:
        """Return the machines that do not run yet: the others have their memory and disk already."""
        return [m for m in self.wanted.machines if not self._runs(m.name)]

    def _runs(self, name: str) -> bool:
        with process.found(place.Place(self.context.work / self.wanted.uid / name)) as found:
            return found is not None


def check(wanted: Wanted, options: Json, context: Context, host: Host | None = None) -> Report:
    """Return all findings, PV500 to PV513.

    Raises:
        ProviderError: this computer cannot be asked (its work directory cannot be read, for instance).
    """
    run = Preflight(wanted, options, context)
    with errors.translated("looking at this computer"):
        _programs(run)
        for machine in wanted.machines:
            _name(run, machine)
            _address(run, machine)
        sizes = {m.name: _size(run, m) for m in wanted.machines}
        disks = {m.name: _image(run, m, sizes[m.name]) for m in wanted.machines}
        _subnet(run)
        _doubled(run)
        _resources(run, host or this_computer(context.work), sizes, disks)
    return run.report


def this_computer(work: Path) -> Host:
    """Measure this computer: processors that we may use, memory, and disk space where machines are kept."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    memory = {words[0].rstrip(":"): int(words[1]) // 1024 for words in lines}
    existing = next(p for p in (work, *work.absolute().parents) if p.exists())
    free = shutil.disk_usage(existing).free
    return Host(len(os.sched_getaffinity(0)), memory["MemTotal"], memory["MemAvailable"], free)


def _programs(run: Preflight) -> None:
    for program in errors.PACKAGES:
        if shutil.which(program) is None:
            error = errors.missing(program)
            run.say("PV500", error.message, ("providers", "qemu"), error.hint or "")
    if find_spec("qemu") is None or find_spec("qemu.qmp") is None:
        run.say("PV500", "the Python package qemu.qmp is missing", (), "pip install 'provision[qemu]'")
    if run.options.get("accelerator") == accelerator.KVM and not accelerator.permitted():
        hint = "join the group `kvm`, or set `accelerator: auto`"
        run.say("PV501", f"{accelerator.DEVICE} cannot be used", ("providers", "qemu", "accelerator"), hint)


def _name(run: Preflight, machine: MachineWanted) -> None:
    if not place.NAME.fullmatch(machine.name):
        hint = "use at most 63 lower-case letters, digits and hyphens, a letter first"
        run.say("PV502", f"{machine.name!r} cannot be a machine's name", ("machines", machine.name), hint)


def _size(run: Preflight, machine: MachineWanted) -> size.Size:
    parsed, problems = size.parse(machine.size)
    for problem in problems:
        path: Trail = ("pools", machine.pool, "size", *([problem.key] if problem.key else []))
        run.say("PV503", problem.message, path, problem.hint)
    return parsed


def _image(run: Preflight, machine: MachineWanted, wanted: size.Size) -> int:
    """Return the size of the machine's disk in bytes, 0 when it is not known yet."""
    path: Trail = ("pools", machine.pool, "image")
    named = machine.image or machine.options.get("image") or run.options.get("image", "")
    try:
        where = image.source(named, machine.os, run.context.spec_dir)
        if isinstance(where, image.Download):
            where = download.cached(where, run.context.cache)
            if not where.exists():
                return wanted.disk
        base = run.inspect(where) if shutil.which("qemu-img") else None
    except ProviderError as error:
        run.say("PV504", error.message, path, error.hint or "name `lab`, a file, a folder, or a URL with its SHA-256")
        return wanted.disk
    if base is not None and wanted.disk and wanted.disk < base.bytes:
        least = f"at least {-(-base.bytes // MIB)}MiB"
        run.say(
            "PV505", "the disk is smaller than its image", ("pools", machine.pool, "size", "disk"), f"write {least}"
        )
    return wanted.disk or (base.bytes if base else 0)


def _address(run: Preflight, machine: MachineWanted) -> None:
    if not machine.address or not run.wanted.subnet:
        return
    subnet = IPv4Network(run.wanted.subnet)
    address = IPv4Address(machine.address)
    if address not in subnet or address in (subnet.network_address, subnet.broadcast_address):
        message = f"{machine.address} is not a machine's address in {subnet}"
        run.say("PV506", message, ("machines", machine.name, "address"), "choose another, or leave it out")


def _subnet(run: Preflight) -> None:
    if run.wanted.subnet and IPv4Network(run.wanted.subnet).overlaps(network.USER_NETWORK):
        message = f"{run.wanted.subnet} overlaps {network.USER_NETWORK}, by which QEMU's machines reach the outside"
        run.say("PV507", message, ("network", "subnet"), "choose another subnet, such as 10.99.0.0/24")


def _doubled(run: Preflight) -> None:
    for what, values in (
        ("address", [(m.address, m.name) for m in run.wanted.machines if m.address]),
        ("card address", [(network.second_mac(run.wanted.uid, m.name), m.name) for m in run.wanted.machines]),
    ):
        for value, names in _shared(values):
            message = f"machines {' and '.join(names)} would have the same {what} {value}"
            run.say("PV508", message, ("machines", names[-1]), "give one of them another name or address")


def _shared(values: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    users: dict[str, list[str]] = {}
    for value, name in values:
        users.setdefault(value, []).append(name)
    return ((value, names) for value, names in users.items() if len(names) > 1)


def _resources(run: Preflight, host: Host, sizes: dict[str, size.Size], disks: dict[str, int]) -> None:
    new = [m.name for m in run.new()]
    if new:
        _memory(run, host, sum(sizes[name].memory for name in new), len(new))
        _processors(run, host, max(sizes[name].cpus for name in new), sum(sizes[name].cpus for name in new))
        _space(run, host, len(new), sum(disks[name] for name in new))


def _memory(run: Preflight, host: Host, guests: int, count: int) -> None:
    chosen = str(run.options.get("accelerator", accelerator.AUTO))
    overhead = OVERHEAD[accelerator.KVM if chosen == accelerator.KVM else accelerator.TCG]
    needed = guests + count * overhead
    hint = "make fewer or smaller machines, or stop other programs"
    if guests > host.memory:
        message = f"the machines want {guests} MiB of memory; this computer has {host.memory} MiB"
        run.say("PV509", message, ("pools",), hint)
    elif needed > host.available:
        message = f"the machines may take {needed} MiB of memory; {host.available} MiB are free"
        run.say("PV510", message, ("pools",), hint, Severity.WARNING)


def _processors(run: Preflight, host: Host, largest: int, total: int) -> None:
    hint = "they share them; expect first boots to take longer"
    if largest > host.cpus or total > 2 * host.cpus:
        message = f"the machines have {total} processors together; this computer has {host.cpus}"
        run.say("PV511", message, ("pools",), hint, Severity.WARNING)


def _space(run: Preflight, host: Host, count: int, total: int) -> None:
    free, least = host.disk // MIB, count * FRESH_DISK // MIB
    where = f"in {run.context.work}"
    if free < least:
        message = f"{count} machines write at least {least} MiB by their first boot; {free} MiB are free {where}"
        run.say("PV512", message, ("pools",), "free some disk space")
    elif free < total // MIB:
        message = f"the machines' disks may grow to {total // MIB} MiB; {free} MiB are free {where}"
        run.say("PV513", message, ("pools",), "keep an eye on it, or ask for smaller disks", Severity.WARNING)

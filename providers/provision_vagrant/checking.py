"""The preflight: all that would stop machines from starting on this computer, found without changing anything."""

from __future__ import annotations

import shutil
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Report, Severity
from provision.errors import ProviderError
from provision_vagrant import access, errors, installed, networks, size
from provision_vagrant.place import NAME, at
from provision_vagrant.settings import LIBVIRT, VIRTUALBOX, Settings
from provision_vagrant.vagrantfile import PLUGINS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provision.diagnostics import Path as Trail
    from provision.model import Json, MachineWanted, Wanted
    from provision.provider import Context

HERE: Trail = ("providers", "vagrant")
UNSAFE = "'\"<&,\\#"
"""What the path to a first-boot config cannot hold: it passes Ruby, XML (unescaped) and QEMU's own commas."""


@dataclass(slots=True)
class Preflight:
    """One check: what is wanted, of whom, and the findings so far; each is made once."""

    wanted: Wanted
    settings: Settings
    context: Context
    report: Report = field(default_factory=Report)

    def say(self, code: str, message: str, path: Trail, hint: str, severity: Severity = Severity.ERROR) -> None:
        """Add a finding unless another machine of the pool gave the same."""
        finding = Diagnostic(code, message, severity, path, hint=hint)
        if finding not in self.report.findings:
            self.report.add(finding)


def check(wanted: Wanted, options: Json, context: Context) -> Report:
    """Return all findings, PV575 to PV582.

    Raises:
        ProviderError: this computer cannot be asked.
    """
    run = Preflight(wanted, Settings.read(options), context)
    with errors.translated("looking at this computer"):
        found = _programs(run)
        for machine in wanted.machines:
            _machine(run, machine)
            if found is not None:
                _box(run, machine, found.boxes)
        _subnet(run)
        _ports(run)
        _directory(run)
    return run.report


def _programs(run: Preflight) -> installed.Installed | None:
    hypervisor = run.settings.hypervisor
    try:
        found = installed.ask(PLUGINS[hypervisor])
    except ProviderError as error:
        run.say("PV575", error.message, HERE, error.hint or "does `vagrant box list` work?")
        found = None
    if found is not None and found.version < installed.OLDEST:
        oldest = ".".join(map(str, installed.OLDEST))
        run.say("PV575", f"Vagrant {found.text} is too old", HERE, f"install {oldest} or later: {errors.DOWNLOADS}")
    plugin = installed.PLUGIN[hypervisor]
    if found is not None and plugin and plugin not in found.plugins:
        run.say("PV576", f"Vagrant's plugin {plugin} is missing", HERE, f"vagrant plugin install {plugin}")
    for message, hint in installed.hypervisor_problems(hypervisor):
        run.say("PV576", message, (*HERE, "hypervisor"), hint)
    return found


def _machine(run: Preflight, machine: MachineWanted) -> None:
    pool: Trail = ("pools", machine.pool)
    if not NAME.fullmatch(machine.name):
        hint = "use at most 63 lower-case letters, digits and hyphens, a letter first"
        run.say("PV578", f"{machine.name!r} cannot be a machine's name", ("machines", machine.name), hint)
    for problem in size.parse(machine.size)[1]:
        run.say("PV578", problem.message, (*pool, "size", *filter(None, [problem.key])), problem.hint)
    settings = Settings.read(machine.options, machine.image)
    if settings.hypervisor != run.settings.hypervisor:
        message = f"pool {machine.pool} asks for {settings.hypervisor}, the cluster for {run.settings.hypervisor}"
        run.say("PV582", message, (*pool, "options", "hypervisor"), "a Vagrantfile has one: set it for the provider")
    key = settings.ssh_key
    if key and not (run.context.spec_dir / Path(key).expanduser()).is_file():
        run.say("PV581", f"there is no file {key}", (*HERE, "ssh", "private_key"), "name a private key's file")


def _box(run: Preflight, machine: MachineWanted, boxes: Iterable[installed.Box]) -> None:
    box = Settings.read(machine.options, machine.image).box
    path: Trail = ("pools", machine.pool, "image")
    if not box.name:
        run.say("PV577", f"pool {machine.pool} names no box", path, "write `image: NAME`, or the provider's `box`")
        return
    plugin = PLUGINS[run.settings.hypervisor]
    named = [b for b in boxes if b.name == box.name]
    if any(b.provider == plugin and installed.satisfies(b.version, box.version) for b in named):
        return
    if box.url and "://" not in box.url:
        if not (run.context.spec_dir / Path(box.url).expanduser()).is_file():
            run.say("PV577", f"there is no file {box.url}", (*HERE, "box", "url"), "name a box file, or a URL")
    elif not box.url and "/" not in box.name:
        here = ", ".join(sorted({f"{b.name} {b.version} ({b.provider})" for b in named}))
        message = f"there is no box {box.name} {box.version}".rstrip() + f" for {plugin} here"
        hint = "add it with `vagrant box add`, or say by `box: {name, url}` where it is"
        run.say("PV577", message + (f"; there is {here}" if here else ""), path, hint)


def _subnet(run: Preflight) -> None:
    where: Trail = ("network", "subnet")
    if not run.wanted.subnet:
        return
    subnet = IPv4Network(run.wanted.subnet)
    for machine in run.wanted.machines:
        with suppress(AddressValueError):
            _address(run, machine, subnet)
    if run.settings.hypervisor == VIRTUALBOX and not networks.allowed_by_virtualbox(subnet):
        hint = f"choose one within {networks.VIRTUALBOX}, or allow it in {networks.VIRTUALBOX_FILE}"
        run.say("PV579", f"VirtualBox allows no host-only network {subnet}", where, hint)
    if not at(run.context.work, run.wanted.uid).path.exists():
        for what, other in networks.taken(run.settings.hypervisor):
            if subnet.overlaps(other):
                message = f"{subnet} overlaps {other}, which is {what}"
                run.say("PV579", message, where, "choose another subnet, such as 192.168.58.0/24")


def _address(run: Preflight, machine: MachineWanted, subnet: IPv4Network) -> None:
    if not machine.address:
        return
    address = IPv4Address(machine.address)
    if address not in subnet or address in (subnet[0], subnet[1], subnet[-1]):
        message = f"{address} is not a machine's address in {subnet}, of which this computer has {subnet[1]}"
        run.say("PV579", message, ("machines", machine.name, "address"), "choose another, or leave it out")


def _ports(run: Preflight) -> None:
    users: dict[int, list[str]] = {}
    for machine in run.wanted.machines:
        for port in Settings.read(machine.options).ports:
            users.setdefault(port.host, []).append(machine.name)
    new = not at(run.context.work, run.wanted.uid).path.exists()
    for number, names in users.items():
        if len(names) > 1:
            message = f"port {number} of this computer would lead to {' and '.join(names)}"
            hint = "give each machine ports of its own: `machines: {NAME: {options: {ports: [...]}}}`"
            run.say("PV580", message, ("machines", names[-1], "options", "ports"), hint)
        elif new and _in_use(number):
            run.say("PV580", f"port {number} of this computer is in use", HERE, "choose another host port")


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _directory(run: Preflight) -> None:
    work = run.context.work.absolute()
    wrong = sorted({character for character in str(work) if character in UNSAFE})
    hint = "PROVISION_DATA_DIR moves the directory"
    if wrong and run.settings.hypervisor == LIBVIRT:
        message = f"the path {work} holds {' '.join(wrong)}, which cannot be passed on to QEMU"
        run.say("PV581", message, HERE, hint)
    if run.settings.hypervisor == LIBVIRT:
        for folder, user in _barred(work):
            message = f"QEMU runs as {user} under libvirt, and may not enter {folder}"
            run.say("PV581", message, HERE, f"setfacl -m u:{user}:x {folder}; or {hint}", Severity.WARNING)
    existing = next(p for p in (work, *work.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    if free < 64 << 20:
        run.say("PV581", f"{free >> 20} MiB are free in {existing}", HERE, "free some disk space")


def _barred(work: Path) -> Iterator[tuple[Path, str]]:
    user = access.qemu_user()
    if user is not None and not installed.qemu_is_root():
        yield from ((folder, user.pw_name) for folder in access.barred(work))

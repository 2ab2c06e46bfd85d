"""What this computer has: Vagrant, its boxes and plugins, a hypervisor.

The lists are read by python-vagrant: its readers of boxes and plugins are sound, as long as our runner makes the calls.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision_vagrant import errors
from provision_vagrant.runner import QUICK, Runner
from provision_vagrant.settings import LIBVIRT, VIRTUALBOX, VMWARE

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST = (2, 2, 10)
"""The first Vagrant whose machines say in their own lines when they are up, with all the options that we give."""

PLUGIN = {LIBVIRT: "vagrant-libvirt", VIRTUALBOX: "", VMWARE: "vagrant-vmware-desktop"}
"""The plugin that Vagrant needs for each hypervisor."""

PROGRAM = {LIBVIRT: (), VIRTUALBOX: ("VBoxManage", "vboxmanage"), VMWARE: ("vmrun", "vmware")}
"""Programs of which a hypervisor brings at least one."""

SOCKETS = ("/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock", "/var/run/libvirt/libvirt-sock")
QEMU_CONF = Path("/etc/libvirt/qemu.conf")


@dataclass(frozen=True, slots=True)
class Box:
    """A box that is here; `provider` in Vagrant's words."""

    name: str
    provider: str
    version: str


@dataclass(frozen=True, slots=True)
class Installed:
    """What Vagrant says of itself."""

    text: str
    boxes: tuple[Box, ...]
    plugins: frozenset[str]

    @property
    def version(self) -> tuple[int, ...]:
        """Its version as numbers."""
        return tuple(int(n) for n in re.findall(r"\d+", self.text)[:3])


def ask(plugin: str) -> Installed:
    """Ask Vagrant for its version, boxes and plugins; about four seconds of Ruby.

    Raises:
        ProviderError: there is no Vagrant or python-vagrant, or one of the answers did not come or makes no sense.
    """
    if shutil.which("vagrant") is None:
        raise errors.missing()
    try:
        import vagrant
    except ImportError as error:
        hint = "pip install 'provision[vagrant]'"
        message = "the Python package python-vagrant is missing"
        raise ProviderError(message, kind=Kind.UNSUPPORTED, hint=hint) from error

    # Away from every Vagrantfile, since Vagrant would read it and could stumble.
    with tempfile.TemporaryDirectory(prefix="provision-vagrant-") as empty:
        runner = Runner(Path(empty), plugin, Path(empty) / "logs")

        class Asked(vagrant.Vagrant):
            """python-vagrant, calling by our runner: with a limit of time, and with Vagrant's words when it fails."""

            def _run_vagrant_command(self, args: list[str]) -> str:
                words = [word for word in args if word != "--machine-readable"]
                said = runner.call(*words, seconds=QUICK)
                if said.code:
                    raise errors.from_said(f"`vagrant {' '.join(words)}`", said)
                return Path(said.log).read_text(errors="replace")

        asked: Any = Asked(root=empty)  # type: ignore[no-untyped-call]
        try:
            boxes = tuple(Box(b.name, b.provider or "", b.version or "0") for b in asked.box_list())
            plugins = frozenset(p.name for p in asked.plugin_list())
            return Installed(_version(runner), boxes, plugins)
        except (ValueError, IndexError) as error:
            raise ProviderError(f"Vagrant's lists cannot be read: {error}", kind=Kind.UNAVAILABLE) from error


def satisfies(version: str, wanted: str) -> bool:
    """Tell whether a box's version is the wanted one; a constraint of Vagrant's is left to Vagrant."""
    return not wanted or not re.fullmatch(r"[0-9][0-9A-Za-z.\-]*", wanted) or version == wanted


def hypervisor_problems(hypervisor: str) -> Iterator[tuple[str, str]]:
    """Yield what is missing for a hypervisor: message and hint."""
    programs = PROGRAM[hypervisor]
    if programs and not any(shutil.which(program) for program in programs):
        yield f"{programs[0]} is not here: is {hypervisor} installed?", "install it, or choose another `hypervisor`"
    if hypervisor == LIBVIRT and not _libvirt_elsewhere():
        there = [socket for socket in SOCKETS if Path(socket).exists()]
        if not there:
            yield "libvirt does not run: there is no socket of its", "start libvirtd, and see that `virsh list` works"
        elif not any(os.access(socket, os.W_OK) for socket in there):
            yield f"{there[0]} may not be used by you", "join the group `libvirt`, and log in anew"


def qemu_is_root() -> bool:
    """Tell whether libvirt is set to run QEMU as root; False where that cannot be read."""
    try:
        lines = QEMU_CONF.read_text().splitlines()
    except OSError:
        return False
    return any(re.match(r'\s*user\s*=\s*"(root|\+?0)"', line) for line in lines)


def _libvirt_elsewhere() -> bool:
    """Whether the environment says that libvirt is not the one of this computer's system."""
    uri = os.environ.get("LIBVIRT_DEFAULT_URI", "qemu:///system")
    return not uri.startswith("qemu:///system")


def _version(runner: Runner) -> str:
    said = runner.call("--version", seconds=QUICK)
    found = re.search(r"Vagrant (\d+\.\d+\S*)", said.rest)
    if found is None:
        raise errors.from_said("`vagrant --version`", said)
    return found[1]

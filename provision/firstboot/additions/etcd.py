"""etcd on one machine: a drop-in for the system's own unit, or a unit of ours where the system has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.etcd.variables import Node, settled
from provision.firstboot.additions.model import HOME, Additions, DropIn, File, Unit
from provision.firstboot.additions.system import text
from provision.firstboot.recipe import Kind, Slot

if TYPE_CHECKING:
    from provision.firstboot.additions.system import System
    from provision.spec.model import Etcd, Machine

BOOTSTRAP = Slot("etcd-bootstrap", Kind.BOOTSTRAP, 4096)
OWN_UNIT = "provision-etcd.service"


def member(machine: Machine, etcd: Etcd, system: System, version: int) -> Additions:
    """Return an etcd voter. How it finds the others is a slot: nothing moves when the cluster grows."""
    lines = [f"{k}={v}" for k, v in settled(node(machine, system)).items()]
    settings = File(f"{HOME}/etcd.env", "\n".join([*lines, BOOTSTRAP.marker, ""]))
    return Additions((settings,), (_unit(etcd, system, version),))


def node(machine: Machine, system: System) -> Node:
    """Return the machine as etcd's settings know it."""
    return Node(machine.name, machine.address, system.etcd["data_dir"], system.timing)


def _unit(etcd: Etcd, system: System, version: int) -> Unit:
    name = system.etcd["unit"]
    if name == OWN_UNIT:
        whole = text(version, name).replace("@image@", system.etcd["image"]).replace("@version@", f"v{etcd.version}.0")
        return Unit(name, whole, enabled=True)
    return Unit(name, enabled=True, drop_ins=(DropIn("provision-etcd.conf", text(version, "etcd.conf")),))

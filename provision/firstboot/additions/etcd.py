"""etcd on one machine: a drop-in for the system's own unit, or a unit of ours where the system has none.

What a member has for life stands in the unit's environment, where a user's later drop-in may override it. How it finds
the others is a slot in a file of its own: nothing moves when the cluster grows or a member is replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.etcd.variables import CertificateFiles, Node, settled
from provision.firstboot.additions import tls
from provision.firstboot.additions.model import HOME, PREFIX, Additions, DropIn, File, Unit
from provision.firstboot.additions.system import filled, text
from provision.firstboot.slots import Kind, Slot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.firstboot.additions.context import Context
    from provision.firstboot.additions.system import System
    from provision.spec.model import Etcd, Machine

BOOTSTRAP = Slot("etcd-bootstrap", Kind.BOOTSTRAP, 2048)
DROP_IN = "20-provision.conf"
ADDRESS_UNIT = "provision-address.service"
ADDRESS_VARIABLES = ("ETCD_ADVERTISE_CLIENT_URLS", "ETCD_INITIAL_ADVERTISE_PEER_URLS")


def member(context: Context) -> Additions:
    """Return an etcd voter; nothing on other machines."""
    etcd = context.cluster.etcd
    if etcd is None or not context.machine.etcd:
        return Additions()
    found = Additions((File(f"{HOME}/etcd.env", f"{BOOTSTRAP.marker}\n"),), (_unit(context, etcd),))
    return found + (Additions() if _planned(context) else _address(context, etcd))


def node(machine: Machine, system: System, etcd: Etcd | None = None) -> Node:
    """Return the machine as etcd's settings know it; `etcd` is the spec's section."""
    named = etcd is not None and etcd.bootstrap == "srv"
    address = f"{machine.name}.{etcd.domain}" if named and etcd is not None else machine.address
    files = None
    if etcd is not None and etcd.tls:
        where = system.etcd.tls
        files = CertificateFiles(f"{where}/{tls.CA}", f"{where}/{tls.CERTIFICATE}", f"{where}/{tls.KEY}")
    return Node(machine.name, address, system.etcd.data_dir, system.timing, files)


def _planned(context: Context) -> bool:
    """Whether the address that the member advertises is known before the machine is."""
    etcd = context.cluster.etcd
    return context.traits.planned_addresses or (etcd is not None and etcd.bootstrap == "srv")


def _unit(context: Context, etcd: Etcd) -> Unit:
    name, version = context.system.etcd.unit, context.version
    found_at_boot = not _planned(context)
    drop_in = filled(
        version,
        DROP_IN,
        needs="".join(f" {unit}" for unit in _needs(context, etcd)),
        environment=environment(_variables(context, etcd)),
        address="\nEnvironmentFile=/run/provision/etcd-address" if found_at_boot else "",
    )
    whole = None
    if name.startswith(PREFIX):
        whole = filled(version, name, tag=context.system.tag(etcd.version))
    return Unit(name, whole, enabled=True, drop_ins=(DropIn(DROP_IN, drop_in),))


def _needs(context: Context, etcd: Etcd) -> list[str]:
    """Return the units of ours that etcd waits for."""
    return ([] if _planned(context) else [ADDRESS_UNIT]) + ([tls.FETCH_UNIT] if etcd.fetched else [])


def _variables(context: Context, etcd: Etcd) -> dict[str, str]:
    system = context.system
    found = settled(node(context.machine, system, etcd))
    if not _planned(context):
        found = {k: v for k, v in found.items() if k not in ADDRESS_VARIABLES}
    if system.etcd.tagged:
        found["ETCD_IMAGE_TAG"] = system.tag(etcd.version)
    if etcd.tls and system.etcd.ssl_dir:
        found["ETCD_SSL_DIR"] = tls.HOME
    locks = context.cluster.update.strategy == "etcd-lock" and system.update == "locksmith"
    if locks or context.cluster.flannel is not None or any(m.fleet for m in context.cluster.machines):
        # locksmith, flannel and fleet speak the v2 API alone, which etcd 3.4 and later do not offer by themselves.
        found["ETCD_ENABLE_V2"] = "true"
    return found


def _address(context: Context, etcd: Etcd) -> Additions:
    contents = text(context.version, "etcd-address")
    script = File(f"{HOME}/etcd-address", contents.replace("http:", "https:") if etcd.tls else contents, 0o755)
    return Additions((script,), (Unit(ADDRESS_UNIT, text(context.version, ADDRESS_UNIT)),))


def environment(variables: Mapping[str, str]) -> str:
    """Return variables as ``Environment=`` lines of a unit; their values hold no quotes."""
    return "\n".join(f'Environment="{name}={value}"' for name, value in variables.items())

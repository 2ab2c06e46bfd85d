"""Whether the account has the privileges that making and removing a cluster takes, where it takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.providing.checking import error
from provision_vmware import parts
from provision_vmware.checking.view import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision_vmware.checking.view import View
    from provision_vmware.sdk import Managed

ON_FOLDER = (
    "Folder.Create",
    "Folder.Delete",
    "VirtualMachine.Config.AddNewDisk",
    "VirtualMachine.Config.AddRemoveDevice",
    "VirtualMachine.Config.AdvancedConfig",
    "VirtualMachine.Config.Annotation",
    "VirtualMachine.Config.CPUCount",
    "VirtualMachine.Config.DiskExtend",
    "VirtualMachine.Config.EditDevice",
    "VirtualMachine.Config.Memory",
    "VirtualMachine.Config.Settings",
    "VirtualMachine.Config.UpgradeVirtualHardware",
    "VirtualMachine.Interact.PowerOff",
    "VirtualMachine.Interact.PowerOn",
    "VirtualMachine.Inventory.CreateFromExisting",
    "VirtualMachine.Inventory.Delete",
)
ON_HOST_FOLDER = ("VirtualMachine.Inventory.Create",)
ON_POOL = ("Resource.AssignVMToPool",)
ON_DATASTORE = ("Datastore.AllocateSpace", "Datastore.FileManagement")
ON_NETWORK = ("Network.Assign",)
ON_TEMPLATE = ("VirtualMachine.Provisioning.DeployTemplate",)
ON_CLUSTER = ("Host.Inventory.EditCluster",)


def findings(view: View) -> Iterator[Diagnostic]:
    """Ask once for every object; a missing privilege is an error, since the call that needs it would be refused."""
    for what, thing, wanted in _needed(view):
        missing = _missing(view, thing, wanted)
        if missing:
            message = f"{view.cloud.session.user} lacks {', '.join(missing)} on {what}"
            hint = "give it the role of the VMware how-to"
            if missing == list(ON_CLUSTER):
                hint += ", or write `anti_affinity: false`"
            yield error("PV571", message, OPTIONS, hint)


def _needed(view: View) -> Iterator[tuple[str, Managed, tuple[str, ...]]]:
    places, esxi = view.cloud.places, view.settings.esxi
    root = places.datacenter.get("vmFolder")
    folder = root if esxi else places.parent() or root
    yield "the folder of machines", folder, (*ON_FOLDER, *ON_HOST_FOLDER) if esxi else ON_FOLDER
    for name, row in view.pools.items():
        yield f"the resource pool {name or row.get('name')}", row.object, ON_POOL
    for rows in view.stores.values():
        for row in rows:
            yield f"the datastore {row.get('name')}", row.object, ON_DATASTORE
    for row in view.networks.values():
        yield f"the network {row.get('name')}", row.object, ON_NETWORK
    for template in view.templates.values() if not esxi else ():
        yield f"the template {template.name}", template.object, ON_TEMPLATE
    if any(part.kind == parts.RULE for part in parts.requests(view.wanted, view.settings)):
        compute = places.compute(view.settings.resource_pool)
        yield f"the cluster {compute.get('name')}", compute.object, ON_CLUSTER


def _missing(view: View, thing: Managed, wanted: tuple[str, ...]) -> list[str]:
    session = view.cloud.session
    held = session.call(
        session.content.authorizationManager,
        "HasPrivilegeOnEntity",
        entity=thing,
        sessionId=session.key,
        privId=list(wanted),
    )
    return [name for name, has in zip(wanted, held, strict=True) if not has]

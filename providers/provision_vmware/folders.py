"""The folder of a cluster, in the folder of all clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision_vmware import observe, parts, properties, sdk

if TYPE_CHECKING:
    from provision.model import Observed, Request
    from provision_vmware.cloud import Cloud
    from provision_vmware.sdk import Managed

SHOWN = 5
"""How many names a message holds."""


def make(cloud: Cloud, request: Request) -> Observed:
    """Make a cluster's folder, or find it.

    Raises:
        ProviderError: it cannot be made.
    """
    name = request.body["name"]
    folder = ensured(cloud, common(cloud), name)
    return observe.part(parts.FOLDER, folder._moId, name, [request.labels])


def common(cloud: Cloud) -> Managed:
    """Return the folder of all clusters, made if need be."""
    return ensured(cloud, cloud.places.datacenter.get("vmFolder"), cloud.settings.folder)


def ensured(cloud: Cloud, parent: Managed, name: str) -> Managed:
    """Return the folder of a name in another one, made if need be."""
    found = cloud.places.child(parent, name)
    if found is not None:
        return found
    try:
        return cloud.session.call(parent, "CreateFolder", name=name)
    except ProviderError as error:
        if error.kind is not Kind.ALREADY_EXISTS:
            raise
        return cloud.places.child(parent, name)  # another process was quicker


def remove(cloud: Cloud, target: Observed) -> None:
    """Remove a cluster's folder, if it is empty.

    The call is UnregisterAndDestroy: what somebody puts into the folder between the look and the call loses its place
    in the inventory, and never its disks.

    Raises:
        ProviderError: something is in it, or is being made (CONFLICT); or vSphere refuses.
    """
    folder = cloud.session.object("Folder", target.id)
    wanted = {"VirtualMachine": ("name",), "Folder": ("name",)}
    held = sorted(str(row.get("name")) for row in properties.children(cloud.session, [folder], wanted))
    if held:
        more = f" and {len(held) - SHOWN} more" if len(held) > SHOWN else ""
        raise ProviderError(
            f"the folder {target.name} is not empty: {', '.join(held[:SHOWN])}{more}",
            kind=Kind.CONFLICT,
            retryable=True,
            code="FolderNotEmpty",
            hint="`provision down` again, once nothing is being made there; what is not the cluster's must be moved",
        )
    if making := _clones(cloud):
        message = f"{making} clone{'s are' if making > 1 else ' is'} under way that may end in the folder"
        raise ProviderError(message, kind=Kind.CONFLICT, retryable=True, code="ClonesUnderWay")
    cloud.one("UnregisterAndDestroy_Task", folder)


def _clones(cloud: Cloud) -> int:
    """Count the clones of this user that have not ended: they say what they copy, and not where to."""
    at, vim = sdk.collector_types(), sdk.types()
    step = at.TraversalSpec(name="tasks", type=vim.TaskManager, path="recentTask", skip=False)
    spec = at.FilterSpec(
        objectSet=[at.ObjectSpec(obj=cloud.session.content.taskManager, skip=True, selectSet=[step])],
        propSet=[at.PropertySpec(type=vim.Task, pathSet=["info.descriptionId", "info.state", "info.reason"])],
    )
    collector = cloud.session.content.propertyCollector
    options = at.RetrieveOptions()
    page = cloud.session.call(collector, "RetrievePropertiesEx", specSet=[spec], options=options)
    found = ({p.name: p.val for p in o.propSet} for o in (page.objects if page else ()))
    return sum(_is_clone(info, cloud.session.user) for info in found)


def _is_clone(info: dict[str, Any], user: str) -> bool:
    under_way = info.get("info.state") in ("queued", "running")
    by = getattr(info.get("info.reason"), "userName", user)
    return info.get("info.descriptionId") == "VirtualMachine.clone" and under_way and by == user

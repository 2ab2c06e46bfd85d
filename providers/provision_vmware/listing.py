"""Everything of an owner: machines first, from the folders that bear the cluster's name; then folders and rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision_vmware import marks, observe, parts, properties, rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Labels, Observed, Owner
    from provision_vmware.cloud import Cloud
    from provision_vmware.properties import Row


def everything(cloud: Cloud, owner: Owner | None) -> Iterator[Observed]:
    """Yield all machines, then all folders, then all rules.

    Raises:
        ProviderError: the server could not be asked.
    """
    if cloud.settings.esxi:
        folder = cloud.places.datacenter.get("vmFolder")
        rows = properties.children(cloud.session, [folder], {"VirtualMachine": observe.PATHS})
        yield from (seen for row in rows if marks.belongs((seen := observe.machine(row)).labels, owner))
        return
    folders = list(_folders(cloud, owner))
    labels: list[Labels] = []
    rows = properties.children(cloud.session, [f.object for f in folders], {"VirtualMachine": observe.PATHS})
    for row in rows:
        seen = observe.machine(row)
        if seen.labels is not None and marks.belongs(seen.labels, owner):
            labels.append(seen.labels)
            yield seen
    for folder_row in folders:
        name = str(folder_row.get("name"))
        if observe.belongs(name, owner):
            yield observe.part(parts.FOLDER, folder_row.id, name, labels)
    yield from rules.listed(cloud, owner, labels)


def _folders(cloud: Cloud, owner: Owner | None) -> Iterator[Row]:
    """Yield the folders of a cluster's name, whatever its uid: the machines in them tell whose they are."""
    parent = cloud.places.parent()
    if parent is None:
        return
    for row in properties.children(cloud.session, [parent], {"Folder": ("name",)}):
        found = parts.owner_of(str(row.get("name")))
        if found and (owner is None or found[0] == owner.cluster):
            yield row

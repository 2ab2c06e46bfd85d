"""Making machines on a standalone host, which clones nothing: an empty machine, a copy of the image's disk, a start.

The empty machine comes first, since it bears the owner's labels: whatever breaks after it is found again and finished,
or removed with the copy of the disk. The host knows no folders, so a machine's name is unique on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision_vmware import machines, marks, removing, sdk
from provision_vmware.making import Making

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Request
    from provision.provider import Outcome
    from provision_vmware.cloud import Cloud
    from provision_vmware.places import Template

SCSI_KEY = -10
LEAST_MEMORY = 1024
"""MiB of a machine whose size says nothing."""


def make(cloud: Cloud, batch: Sequence[Request]) -> Iterator[Outcome]:
    """Make machines, each once; an outcome for each."""
    run = OnHost(cloud, batch)
    run.look()
    run.clone()
    run.copy()
    run.finish()
    yield from run.outcomes()


class OnHost(Making):
    """One batch on its way, on a host."""

    def clone(self) -> None:
        """Make the empty machines."""
        calls: dict[str, tuple[Any, dict[str, Any]]] = {}
        for request in self._missing():
            try:
                spec = create_spec(self.cloud, request)
                pool = self.cloud.places.pool(machines.settings_of(request).resource_pool)
                folder = machines.folder_of(self.cloud, request)
                calls[request.name] = (folder, {"config": spec, "pool": pool.object})
            except ProviderError as error:
                self.errors[request.name] = error
        for name, result in self.cloud.all("CreateVM_Task", calls).items():
            self._cloned(self.requests[name], result)

    def copy(self) -> None:
        """Copy the image's disk beside each machine that has none, and make it as large as it shall be."""
        manager = self.cloud.session.content.virtualDiskManager
        here = self.cloud.places.datacenter.object
        rows = {row.id: row for row in self._read(list(self._well().values()))}
        calls: dict[str, tuple[Any, dict[str, Any]]] = {}
        larger: dict[str, tuple[Any, dict[str, Any]]] = {}
        for name, machine in self._well().items():
            row = rows[machine._moId]
            self.found[name] = row
            if marks.of(row).get(marks.UNFINISHED) != marks.MADE:
                continue
            request = self.requests[name]
            source = image_disk(self.cloud.places.template(machines.image_of(request)))
            target = removing.disk_file(row.get(removing.VMX))
            params = {"sourceName": source.backing.fileName, "sourceDatacenter": here, "destName": target}
            calls[name] = (manager, {**params, "destDatacenter": here, "force": True})
            wanted = machines.wanted_size(request).disk // machines.KIB
            if wanted > source.capacityInKB:
                larger[name] = (manager, {"name": target, "datacenter": here, "newCapacityKb": wanted})
        for operation, given in (("CopyVirtualDisk_Task", calls), ("ExtendVirtualDisk_Task", larger)):
            for name, result in self.cloud.all(operation, given).items():
                if isinstance(result, ProviderError):
                    self.errors[name] = result

    def _devices(self, name: str, row: Any) -> Any:  # noqa: ANN401
        spec = super()._devices(name, row)
        spec.deviceChange = [*spec.deviceChange, _disk(removing.disk_file(row.get(removing.VMX)))]
        return spec


def create_spec(cloud: Cloud, request: Request) -> Any:  # noqa: ANN401
    """Return the ConfigSpec of an empty machine.

    Raises:
        ProviderError: a name of the options leads nowhere, or there is no room for the disk.
    """
    vim, settings = sdk.types(), machines.settings_of(request)
    template = cloud.places.template(machines.image_of(request))
    image_disk(template)
    store = machines.datastore(cloud, settings, template.size)
    if store.get("summary.freeSpace") is not None and store.get("summary.freeSpace") < template.size:
        raise ProviderError(
            f"{store.get('name')} has no room for a copy of {template.name}", kind=Kind.CAPACITY, code="NoDiskSpace"
        )
    wanted = machines.wanted_size(request)
    controller = vim.vm.device.ParaVirtualSCSIController(key=SCSI_KEY, busNumber=0, sharedBus="noSharing")
    return vim.vm.ConfigSpec(
        name=request.name,
        guestId=settings.guest_id,
        numCPUs=wanted.cpus or 1,
        memoryMB=wanted.memory or LEAST_MEMORY,
        annotation=marks.notes(request.labels),
        version=f"vmx-{settings.hardware_version:02d}" if settings.hardware_version else None,
        files=vim.vm.FileInfo(vmPathName=f"[{store.get('name')}]"),
        extraConfig=machines.options(cloud, request, finished=False),
        deviceChange=[
            vim.vm.device.VirtualDeviceSpec(operation="add", device=controller),
            *machines.network_change(cloud, settings, None),
        ],
    )


def image_disk(template: Template) -> Any:  # noqa: ANN401
    """Return the disk of an imported image.

    Raises:
        ProviderError: it has none, or runs: its disk could change under the copy.
    """
    disk = template.first("VirtualDisk")
    if disk is None or template.powered_on:
        why = "has no disk" if disk is None else "is switched on"
        raise ProviderError(f"the image {template.name} {why}", kind=Kind.INVALID, code="BadImage")
    return disk


def _disk(file: str) -> Any:  # noqa: ANN401
    vim = sdk.types()
    disk = vim.vm.device.VirtualDisk(
        key=-300,
        controllerKey=FIRST_SCSI,
        unitNumber=0,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(fileName=file, diskMode="persistent"),
    )
    return vim.vm.device.VirtualDeviceSpec(operation="add", device=disk)


FIRST_SCSI = 1000
"""The key that vSphere gives a machine's first SCSI controller."""

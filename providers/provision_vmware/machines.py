"""Machines to make: from requests to what CloneVM_Task takes.

https://developer.broadcom.com/xapis/vsphere-web-services-api/latest/vim.VirtualMachine.html (clone)
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision.model import utc_text
from provision.providing.sizes import MIB
from provision_vmware import channel, marks, parts, properties, sdk, size
from provision_vmware.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Request
    from provision_vmware.cloud import Cloud
    from provision_vmware.places import Template
    from provision_vmware.properties import Row
    from provision_vmware.sdk import Managed

KIB = 1024
LINKED = "createNewChildDiskBacking"


def settings_of(request: Request) -> Settings:
    """Return a machine's own options."""
    return Settings.read(request.body.get("options", {}))


def image_of(request: Request) -> str:
    """Return what a machine is made of.

    Raises:
        ProviderError: the request names nothing.
    """
    image: str = request.body.get("image") or settings_of(request).image
    if not image:
        raise ProviderError(f"{request.name}: no image is named", kind=Kind.INVALID, code="NoImage")
    return image


def later(settings: Settings) -> bool:
    """Whether something is done to a clone before it is switched on, which then takes tasks of its own."""
    return settings.console or bool(settings.hardware_version)


def options(cloud: Cloud, request: Request, *, finished: bool) -> list[Any]:
    """Return the whole extraConfig of a new machine: whose it is, and its first-boot config."""
    entries = {
        **channel.properties(request),
        **marks.written(request.labels),
        marks.TOKEN: request.token,
        marks.CREATED: utc_text(cloud.context.clock()),
        marks.PROTECTED: str(request.protect).lower(),
        "disk.EnableUUID": "TRUE",
    }
    if request.body.get("address"):
        entries[marks.ADDRESS] = request.body["address"]
    if not finished:
        entries[marks.UNFINISHED] = marks.MADE
    return as_options(entries)


def as_options(entries: dict[str, str]) -> list[Any]:
    """Return texts as extraConfig takes them; an empty one removes its key."""
    value = sdk.types().option.OptionValue
    return [value(key=key, value=text) for key, text in entries.items()]


def clone_spec(cloud: Cloud, request: Request, template: Template) -> Any:  # noqa: ANN401
    """Return the CloneSpec of a machine.

    Raises:
        ProviderError: a name of the options leads nowhere, or the template cannot be cloned so.
    """
    vim, settings = sdk.types(), settings_of(request)
    wanted = wanted_size(request)
    finished = not later(settings)
    return vim.vm.CloneSpec(
        location=_location(cloud, request, template),
        powerOn=finished,
        template=False,
        snapshot=template.snapshot if settings.linked_clone else None,
        config=vim.vm.ConfigSpec(
            numCPUs=wanted.cpus or None,
            memoryMB=wanted.memory or None,
            annotation=marks.notes(request.labels),
            extraConfig=options(cloud, request, finished=finished),
            deviceChange=[*network_change(cloud, settings, template), *_disk_change(wanted.disk, template)],
        ),
    )


def wanted_size(request: Request) -> size.Size:
    """Return a request's size.

    Raises:
        ProviderError: it is none.
    """
    found, problems = size.parse(request.body.get("size", ""))
    if problems:
        raise ProviderError(f"{request.name}: {problems[0].message}", kind=Kind.INVALID, hint=problems[0].hint)
    return found


def datastore(cloud: Cloud, settings: Settings, bytes_: int) -> Row:
    """Return where a machine's disk goes: of a datastore cluster's members the one with most room.

    What this run has put there is counted, since a member's free space is read once.
    """
    if not settings.datastore_cluster:
        return cloud.places.datastore(settings.datastore)
    members = [row for row in cloud.places.datastores_of(settings.datastore_cluster) if row.get("summary.accessible")]
    if not members:
        message = f"the datastore cluster {settings.datastore_cluster!r} has no datastore that can be used"
        raise ProviderError(message, kind=Kind.CAPACITY, code="EmptyDatastoreCluster")
    chosen = max(members, key=lambda row: (row.get("summary.freeSpace") or 0) - cloud.promised.get(row.id, 0))
    cloud.promised[chosen.id] = cloud.promised.get(chosen.id, 0) + bytes_
    return chosen


def network_change(cloud: Cloud, settings: Settings, template: Template | None) -> Iterator[Any]:
    """Yield the change that puts the first interface on the network of the options."""
    card = template.first("VirtualEthernetCard") if template else None
    if not settings.network and card is not None:
        return
    vim = sdk.types()
    change = vim.vm.device.VirtualDeviceSpec
    backing = _backing(cloud, cloud.places.network(settings.network))
    connect = vim.vm.device.VirtualDevice.ConnectInfo(startConnected=True, allowGuestControl=True, connected=True)
    if card is None:
        made = vim.vm.device.VirtualVmxnet3(key=-100, backing=backing, connectable=connect)
        yield change(operation="add", device=made)
        return
    edited = type(card)(
        key=card.key,
        controllerKey=card.controllerKey,
        unitNumber=card.unitNumber,
        deviceInfo=vim.Description(label=card.deviceInfo.label if card.deviceInfo else "", summary=""),
        backing=backing,
        connectable=connect,
        addressType="assigned",
    )
    yield change(operation="edit", device=edited)


def _backing(cloud: Cloud, network: Row) -> Any:  # noqa: ANN401
    vim = sdk.types()
    card = vim.vm.device.VirtualEthernetCard
    switch = network.get("config.distributedVirtualSwitch")
    if switch is None:
        return card.NetworkBackingInfo(deviceName=network.get("name"), network=network.object)
    kind = type(switch).__name__.rpartition(".")[2]
    [row] = properties.of_objects(cloud.session, kind, [switch], ["uuid"])
    port = vim.dvs.PortConnection(portgroupKey=network.get("key"), switchUuid=row.get("uuid"))
    return card.DistributedVirtualPortBackingInfo(port=port)


def _location(cloud: Cloud, request: Request, template: Template) -> Any:  # noqa: ANN401
    vim, settings = sdk.types(), settings_of(request)
    if settings.linked_clone and template.snapshot is None:
        message = f"the template {template.name} has no snapshot to link a clone to"
        raise ProviderError(message, kind=Kind.INVALID, code="NoSnapshot", hint="take one, or set linked_clone: false")
    pool = cloud.places.pool(settings.resource_pool)
    return vim.vm.RelocateSpec(
        pool=pool.object,
        host=_host(cloud, request, settings),
        datastore=datastore(cloud, settings, template.size).object,
        diskMoveType=LINKED if settings.linked_clone else None,
    )


def _host(cloud: Cloud, request: Request, settings: Settings) -> Managed:
    """Return the host where nobody else chooses one: in a cluster without DRS, by turns as the machines' numbers go."""
    compute = cloud.places.compute(settings.resource_pool)
    cluster = isinstance(compute.object, sdk.types().ClusterComputeResource)
    if not cluster or len(compute.get("host") or ()) == 1 or drs(cloud, compute):
        return None
    paths = ("name", "runtime.connectionState", "runtime.inMaintenanceMode")
    rows = properties.of_objects(cloud.session, "HostSystem", compute.get("host"), paths)
    usable = [
        row
        for row in rows
        if row.get("runtime.connectionState") == "connected" and not row.get("runtime.inMaintenanceMode")
    ]
    usable.sort(key=lambda row: str(row.get("name")))
    if not usable:
        message = f"no host of {compute.get('name')} can take a machine"
        raise ProviderError(message, kind=Kind.CAPACITY, code="NoHost")
    number = re.search(r"([0-9]+)$", request.name)
    turn = int(number[1]) if number else zlib.crc32(request.name.encode())
    return usable[turn % len(usable)].object


def drs(cloud: Cloud, compute: Row) -> bool:
    """Whether a compute cluster chooses hosts by itself; asked once."""
    known = cloud.drs.get(compute.id)
    if known is None:
        rows = properties.of_objects(cloud.session, "ClusterComputeResource", [compute.object], ["configurationEx"])
        config = next((row.get("configurationEx") for row in rows), None)
        known = bool(config and config.drsConfig and config.drsConfig.enabled)
        cloud.drs[compute.id] = known
    return known


def _disk_change(wanted: int, template: Template) -> Iterator[Any]:
    disk = template.first("VirtualDisk")
    if disk is None or not wanted or wanted == disk.capacityInKB * KIB:
        return
    if wanted < disk.capacityInKB * KIB:
        message = f"a disk of {wanted // MIB} MiB is smaller than that of {template.name}"
        hint = f"it has {disk.capacityInKB // KIB} MiB"
        raise ProviderError(message, kind=Kind.INVALID, code="DiskTooSmall", hint=hint)
    vim = sdk.types()
    larger = vim.vm.device.VirtualDisk(
        key=disk.key,
        controllerKey=disk.controllerKey,
        unitNumber=disk.unitNumber,
        deviceInfo=disk.deviceInfo,
        backing=disk.backing,
        capacityInKB=wanted // KIB,
    )
    yield vim.vm.device.VirtualDeviceSpec(operation="edit", device=larger)


def serial_change(file: str) -> Any:  # noqa: ANN401
    """Return the change that adds a serial port which writes to a file of a datastore."""
    vim = sdk.types()
    port = vim.vm.device.VirtualSerialPort(
        key=-200,
        backing=vim.vm.device.VirtualSerialPort.FileBackingInfo(fileName=file),
        connectable=vim.vm.device.VirtualDevice.ConnectInfo(
            startConnected=True, allowGuestControl=True, connected=True
        ),
        yieldOnPoll=True,
    )
    return vim.vm.device.VirtualDeviceSpec(operation="add", device=port)


def console_file(vmx: str) -> str:
    """Return where a machine's console goes: beside its own files."""
    return f"{vmx.rpartition('/')[0]}/console.out"


def folder_of(cloud: Cloud, request: Request) -> Managed:
    """Return the folder that a machine goes to.

    Raises:
        ProviderError: the request was not told of one.
    """
    if cloud.settings.esxi:
        return cloud.places.datacenter.get("vmFolder")
    given = request.inputs.get(parts.part_name(parts.FOLDER))
    if not given:
        raise ProviderError(f"{request.name} was not told the id of its folder", kind=Kind.INVALID, code="NoInput")
    return cloud.session.object("Folder", given["id"])

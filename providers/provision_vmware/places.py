"""Where things lie: names of the options as objects of the inventory. Each is looked for once in a run."""

from __future__ import annotations

from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision_vmware import images, properties, sdk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from provision_vmware.properties import Row
    from provision_vmware.sdk import Managed, Session
    from provision_vmware.settings import Settings

STEPS = (
    ("Folder", "childEntity"),
    ("Datacenter", "hostFolder"),
    ("Datacenter", "datastoreFolder"),
    ("Datacenter", "networkFolder"),
    ("ComputeResource", "resourcePool"),
    ("ClusterComputeResource", "resourcePool"),
    ("ResourcePool", "resourcePool"),
)
_NAMED = ("name", "parent")
WANTED: Mapping[str, tuple[str, ...]] = {
    "Folder": _NAMED,
    "StoragePod": (*_NAMED, "childEntity"),
    "Datacenter": (*_NAMED, "vmFolder"),
    "ComputeResource": (*_NAMED, "resourcePool", "host"),
    "ClusterComputeResource": (*_NAMED, "resourcePool", "host"),
    "ResourcePool": (*_NAMED, "owner"),
    "Datastore": (*_NAMED, "summary.freeSpace", "summary.accessible"),
    "Network": _NAMED,
    "DistributedVirtualPortgroup": (*_NAMED, "key", "config.distributedVirtualSwitch"),
}
TEMPLATE = (
    *("name", "config.hardware.device", "config.version", "snapshot", "runtime.powerState"),
    "summary.storage.committed",
)
COMPUTE = ("ComputeResource", "ClusterComputeResource")
NETWORKS = ("Network", "DistributedVirtualPortgroup", "OpaqueNetwork")


@dataclass(frozen=True, slots=True)
class Template:
    """What machines are made of.

    `devices` are pyvmomi's; `snapshot` is the current one, None where there is none.
    """

    object: Managed
    name: str
    devices: tuple[Any, ...]
    snapshot: Managed
    powered_on: bool
    version: str
    size: int  # bytes that it takes on its datastore

    def first(self, kind: str) -> Any:  # noqa: ANN401
        """Return the first device of a kind, such as ``VirtualDisk``; None where there is none."""
        return next((d for d in self.devices if isinstance(d, getattr(sdk.types().vm.device, kind))), None)


class Places:
    """The inventory as the options of a cluster name it."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self.session = session
        self._settings = settings
        self._rows: dict[str, Row] = {}
        self._templates: dict[str, Template] = {}
        self._lock = RLock()

    def rows(self, *kinds: str) -> list[Row]:
        """Return all objects of some kinds in the datacenter."""
        with self._lock:
            if not self._rows:
                root = self.session.content.rootFolder
                self._rows = {row.id: row for row in properties.below(self.session, [root], STEPS, WANTED)}
        return [row for row in self._rows.values() if _kind(row.object) in kinds and self._is_here(row)]

    def names(self, *kinds: str) -> list[str]:
        """Return the names of all objects of some kinds, to tell what there is."""
        return sorted({str(row.get("name")) for row in self.rows(*kinds)})

    @property
    def datacenter(self) -> Row:
        """The datacenter.

        Raises:
            ProviderError: there is none of that name, or several and none is named.
        """
        with self._lock:
            if not self._rows:
                self.rows()
            found = [row for row in self._rows.values() if _kind(row.object) == "Datacenter"]
        return _only("datacenter", self._settings.datacenter, found, lambda row: str(row.get("name")))

    def compute(self, name: str) -> Row:
        """Return the cluster or host that a resource pool belongs to."""
        owner = self.pool(name).get("owner")
        return self._rows[owner._moId]

    def pool(self, name: str) -> Row:
        """Return the resource pool of a name or path; a cluster's or host's name means its own pool."""
        roots = {row.get("resourcePool")._moId: row for row in self.rows(*COMPUTE) if row.get("resourcePool")}
        pools = self.rows("ResourcePool")
        if not name:
            found = [row for row in pools if row.id in roots]
            return _only("compute cluster", "", found, lambda row: str(roots[row.id].get("name")))
        named = [row for row in pools if row.id in roots and roots[row.id].get("name") == name]
        return _only("resource pool", "" if named else name, named or pools, self._path)

    def datastore(self, name: str) -> Row:
        """Return the datastore of a name, or the only one."""
        return _only("datastore", name, self.rows("Datastore"), self._path)

    def datastores_of(self, cluster: str) -> list[Row]:
        """Return the datastores of a datastore cluster."""
        pod = _only("datastore cluster", cluster, self.rows("StoragePod"), self._path)
        members = {child._moId for child in pod.get("childEntity") or ()}
        return [row for row in self.rows("Datastore") if row.id in members]

    def network(self, name: str) -> Row:
        """Return the network or port group of a name."""
        return _only("network", name, self.rows(*NETWORKS), self._path)

    def template(self, image: str) -> Template:
        """Return the template that an image means; its devices are read once.

        Raises:
            ProviderError: there is none (NOT_FOUND), or several of that name.
        """
        with self._lock:
            if image not in self._templates:
                self._templates[image] = self._read(self._find(image))
            return self._templates[image]

    def parent(self) -> Managed:
        """Return the folder that clusters' folders lie in; None where it is not made yet."""
        return self.child(self.datacenter.get("vmFolder"), self._settings.folder)

    def imported(self) -> Managed:
        """Return the folder of imported templates; None where it is not made yet."""
        if self._settings.esxi:
            return self.datacenter.get("vmFolder")
        parent = self.parent()
        return self.child(parent, images.FOLDER) if parent is not None else None

    def child(self, folder: Managed, name: str) -> Managed:
        """Return what has a name in a folder; None where nothing has."""
        return self.session.call(self.session.content.searchIndex, "FindChild", entity=folder, name=name)

    def _find(self, image: str) -> Managed:
        wanted = images.read(image)
        found = None
        if isinstance(wanted, images.Ova):
            folder = self.imported()
            found = self.child(folder, wanted.template) if folder is not None else None
            if found is None:
                raise ProviderError(
                    f"the image {wanted.source} is not imported here",
                    kind=Kind.NOT_FOUND,
                    code="NotImported",
                    hint="`provision image import` does it, once",
                )
            return found
        path = f"{self.datacenter.get('name')}/vm/{wanted}"
        found = self.session.call(self.session.content.searchIndex, "FindByInventoryPath", inventoryPath=path)
        return found if found is not None else self._by_name(wanted)

    def _by_name(self, name: str) -> Managed:
        root = self.datacenter.get("vmFolder")
        step = [("Folder", "childEntity")]
        rows = list(properties.below(self.session, [root], step, {"VirtualMachine": ("name",)}))
        return _only("template", name, rows, lambda row: str(row.get("name"))).object

    def _read(self, machine: Managed) -> Template:
        [row] = properties.of_objects(self.session, "VirtualMachine", [machine], TEMPLATE)
        snapshot, devices = row.get("snapshot"), tuple(row.get("config.hardware.device") or ())
        return Template(
            machine,
            str(row.get("name")),
            devices,
            snapshot.currentSnapshot if snapshot else None,
            row.get("runtime.powerState") == "poweredOn",
            str(row.get("config.version") or ""),
            int(row.get("summary.storage.committed") or _capacity(devices)),
        )

    def _is_here(self, row: Row) -> bool:
        here = self.datacenter.id
        return any(each.id == here for each in self._line(row))

    def _line(self, row: Row) -> Iterable[Row]:
        """Yield an object and all that it lies in."""
        at: Row | None = row
        while at is not None:
            yield at
            parent = at.get("parent")
            at = self._rows.get(parent._moId) if parent is not None else None

    def _path(self, row: Row) -> str:
        return "/".join(str(each.get("name")) for each in reversed(list(self._line(row))))


def _capacity(devices: tuple[Any, ...]) -> int:
    """Return the bytes of all disks, for a template of which vSphere has not yet counted what it takes."""
    disk = sdk.types().vm.device.VirtualDisk
    return 1024 * sum(int(device.capacityInKB) for device in devices if isinstance(device, disk))


def _kind(thing: Managed) -> str:
    return type(thing).__name__.rpartition(".")[2]


def _only(what: str, name: str, rows: list[Row], path: Callable[[Row], str]) -> Row:
    """Return the one that is meant by a name, by the end of a path, or by there being one only."""
    found = [row for row in rows if not name or row.get("name") == name or path(row).endswith(f"/{name}")]
    if len(found) == 1:
        return found[0]
    there = ", ".join(sorted(map(path, found or rows))[:20]) or "none"
    if found:
        message = f"there are several {what}s{f' called {name!r}' if name else ''}"
        raise ProviderError(message, kind=Kind.INVALID, code="Ambiguous", hint=f"name one of them: {there}")
    message = f"there is no {what} {name!r}" if name else f"there is no {what}"
    raise ProviderError(message, kind=Kind.NOT_FOUND, code="NoSuchPlace", hint=f"there are: {there}")

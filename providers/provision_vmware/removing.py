"""Removing things. Already gone is success; nothing that is not the cluster's is ever touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision.model import MACHINE, Observed
from provision.provider import Outcome
from provision_vmware import folders, marks, parts, properties, rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from provision_vmware.cloud import Cloud
    from provision_vmware.properties import Row

VMX = "config.files.vmPathName"
PATHS = ("name", "runtime.powerState", VMX, *marks.PATHS)


def remove(cloud: Cloud, batch: Sequence[Observed]) -> Iterator[Outcome]:
    """Remove machines together, and parts one by one."""
    targets = [target for target in batch if target.kind == MACHINE]
    if targets:
        yield from Removing(cloud, targets).outcomes()
    yield from (_part(cloud, target) for target in batch if target.kind != MACHINE)


class Removing:
    """Machines on their way out: switched off, their console's file deleted, then destroyed with their disks.

    The console goes before the machine: vSphere removes a machine's own files with it, and leaves others for ever.
    """

    def __init__(self, cloud: Cloud, targets: Sequence[Observed]) -> None:
        self.cloud = cloud
        self.targets = {target.id: target for target in targets}
        self.errors: dict[str, ProviderError] = {}

    def outcomes(self) -> Iterator[Outcome]:
        """Remove them, and yield what has become of each."""
        rows = {number: row for number, row in self._rows().items() if self._may(number, row)}
        on = [n for n, row in rows.items() if row.get("runtime.powerState") == "poweredOn"]
        self._step("PowerOffVM_Task", {n: (rows[n].object, {}) for n in on})
        self._step("DeleteDatastoreFile_Task", {n: call for n in rows if (call := self._console(rows[n]))})
        self._step("DeleteVirtualDisk_Task", {n: call for n in rows if (call := self._loose_disk(rows[n]))})
        self._step("Destroy_Task", {n: (row.object, {}) for n, row in rows.items()})
        yield from (Outcome(t.name, error=self.errors.get(n)) for n, t in self.targets.items())

    def _rows(self) -> dict[str, Row]:
        """Read all machines in one call; one that is gone makes vSphere refuse the whole, so then each alone."""
        machines = [self.cloud.machine(number) for number in self.targets]
        try:
            return {row.id: row for row in self._read(machines)}
        except ProviderError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
        found: dict[str, Row] = {}
        for machine in machines:
            try:
                found |= {row.id: row for row in self._read([machine])}
            except ProviderError as error:
                if error.kind is not Kind.NOT_FOUND:
                    raise
        return found

    def _read(self, machines: list[Any]) -> list[Row]:
        return list(properties.of_objects(self.cloud.session, "VirtualMachine", machines, PATHS))

    def _may(self, number: str, row: Row) -> bool:
        told, target = marks.of(row), self.targets[number]
        labels = marks.read(told)
        if labels is None or (target.labels is not None and labels.whose != target.labels.whose):
            self.errors[number] = ProviderError(
                f"{target.name} ({number}) does not bear this cluster's labels any more, and is left alone",
                kind=Kind.INVALID,
                code="NotOurs",
            )
        elif told.get(marks.PROTECTED) == "true":
            self.errors[number] = ProviderError(
                f"{target.name} ({number}) is protected",
                kind=Kind.INVALID,  # it does not pass by itself
                code="Protected",
                hint="set `protect: false` in the spec and run `up`, then remove it",
            )
        return number not in self.errors

    def _console(self, row: Row) -> tuple[Any, dict[str, Any]] | None:
        file = marks.of(row).get(marks.CONSOLE)
        manager = self.cloud.session.content.fileManager
        return (manager, {"name": file, "datacenter": self._datacenter()}) if file else None

    def _loose_disk(self, row: Row) -> tuple[Any, dict[str, Any]] | None:
        """Return the call that deletes a host's copy of a disk which was never attached to its machine."""
        if not self.cloud.settings.esxi or marks.of(row).get(marks.UNFINISHED) != marks.MADE:
            return None
        manager = self.cloud.session.content.virtualDiskManager
        return manager, {"name": disk_file(row.get(VMX)), "datacenter": self._datacenter()}

    def _datacenter(self) -> Any:  # noqa: ANN401
        return self.cloud.places.datacenter.object

    def _step(self, operation: str, calls: dict[str, tuple[Any, dict[str, Any]]]) -> None:
        calls = {number: call for number, call in calls.items() if number not in self.errors}
        for number, result in self.cloud.all(operation, calls).items():
            if isinstance(result, ProviderError) and not _already(operation, result):
                self.errors[number] = result


def _already(operation: str, error: ProviderError) -> bool:
    off = operation == "PowerOffVM_Task" and error.code == "InvalidPowerState"
    return off or error.kind is Kind.NOT_FOUND


def disk_file(vmx: str) -> str:
    """Return where a host's machine has its disk: beside its own files."""
    return f"{vmx.rpartition('.')[0]}-boot.vmdk"


def _part(cloud: Cloud, target: Observed) -> Outcome:
    try:
        REMOVERS[target.kind](cloud, target)
    except ProviderError as error:
        if error.kind is not Kind.NOT_FOUND:
            return Outcome(target.name, error=error)
    return Outcome(target.name)


REMOVERS: dict[str, Callable[[Cloud, Observed], None]] = {parts.FOLDER: folders.remove, parts.RULE: rules.remove}

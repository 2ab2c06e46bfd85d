"""Making machines by clones. A batch's tasks run together, step by step, and are awaited together.

vSphere has no token for a creation, but a folder has no two machines of one name: a repeated call finds the first one's
machine by its name, and knows it by the token in its extraConfig. What was left half-made is finished.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision.provider import Outcome
from provision.providing.seen import begun
from provision_vmware import machines, marks, observe, properties, rules, sdk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Request
    from provision_vmware.cloud import Cloud
    from provision_vmware.properties import Row
    from provision_vmware.sdk import Managed

VMX = "config.files.vmPathName"
PATHS = (*observe.PATHS, VMX, "config.version")


def make(cloud: Cloud, batch: Sequence[Request]) -> Iterator[Outcome]:
    """Make machines, each once; an outcome for each."""
    run = Making(cloud, batch)
    run.look()
    run.clone()
    run.finish()
    run.keep_apart()
    yield from run.outcomes()


class Making:
    """One batch on its way."""

    def __init__(self, cloud: Cloud, batch: Sequence[Request]) -> None:
        self.cloud = cloud
        self.requests = {request.name: request for request in batch}
        self.errors: dict[str, ProviderError] = {}
        self.made: dict[str, Managed] = {}
        self.found: dict[str, Row] = {}  # those that were there already

    def look(self) -> None:
        """Find by name what an earlier call has made: nothing is ever repeated on trust."""
        for name, request in self.requests.items():
            try:
                found = self.cloud.places.child(machines.folder_of(self.cloud, request), name)
                if found is not None:
                    self._take(request, found)
            except ProviderError as error:
                self.errors[name] = error

    def clone(self) -> None:
        """Start all clones, then wait for all of them."""
        calls: dict[str, tuple[Managed, dict[str, Any]]] = {}
        for request in self._missing():
            try:
                template = self.cloud.places.template(machines.image_of(request))
                spec = machines.clone_spec(self.cloud, request, template)
                folder = machines.folder_of(self.cloud, request)
                calls[request.name] = (template.object, {"folder": folder, "name": request.name, "spec": spec})
            except ProviderError as error:
                self.errors[request.name] = error
        for name, result in self.cloud.all("CloneVM_Task", calls).items():
            self._cloned(self.requests[name], result)

    def finish(self) -> None:
        """Do what comes between a clone and its first start, then start it; only what is still missing.

        The mark of the unfinished goes last: without it, a machine that is off has been switched off by somebody.
        """
        rows = self._unready()
        off = {n: row for n, row in rows.items() if row.get("runtime.powerState") != "poweredOn"}
        self._step("UpgradeVM_Task", {n: {"version": v} for n, row in off.items() if (v := self._upgrade(n, row))})
        bare = {n: row for n, row in off.items() if marks.of(row).get(marks.UNFINISHED) == marks.MADE}
        self._step("ReconfigVM_Task", {n: {"spec": self._devices(n, row)} for n, row in bare.items()})
        self._step("PowerOnVM_Task", {n: {} for n in off})
        marked = [n for n, row in rows.items() if marks.UNFINISHED in marks.of(row)]
        done = sdk.types().vm.ConfigSpec(extraConfig=machines.as_options({marks.UNFINISHED: ""}))
        self._step("ReconfigVM_Task", {n: {"spec": done} for n in marked})

    def _unready(self) -> dict[str, Row]:
        """Return the rows of those that may want something yet: all but clones that came up running."""
        names = [n for n in self._well() if n in self.found or machines.later(machines.settings_of(self.requests[n]))]
        read = {row.id: row for row in self._read([self.made[n] for n in names if n not in self.found])}
        fresh = {n: read[self.made[n]._moId] for n in names if n not in self.found}
        return {**fresh, **{n: self.found[n] for n in names if n in self.found}}

    def keep_apart(self) -> None:
        """Put voters that were made into the cluster's rule, where it has one already."""
        for name, machine in self._well().items():
            request = self.requests[name]
            if request.body.get("etcd") and not self.cloud.settings.esxi:
                try:
                    rules.add(self.cloud, request, machine)
                except ProviderError as error:
                    self.errors[name] = error

    def outcomes(self) -> Iterator[Outcome]:
        """Yield what has become of each."""
        for name, request in self.requests.items():
            if name in self.errors:
                yield Outcome(name, error=self.errors[name])
            else:
                yield Outcome(name, begun(request, self.made[name]._moId))

    def _missing(self) -> list[Request]:
        return [r for n, r in self.requests.items() if n not in self.made and n not in self.errors]

    def _well(self) -> dict[str, Managed]:
        return {name: vm for name, vm in self.made.items() if name not in self.errors}

    def _cloned(self, request: Request, result: Any) -> None:  # noqa: ANN401
        if not isinstance(result, ProviderError):
            self.made[request.name] = result
            return
        self.errors[request.name] = result
        if result.kind is not Kind.ALREADY_EXISTS:
            return
        # Made by an earlier call whose task went on, or by another process at the same moment.
        found = self.cloud.places.child(machines.folder_of(self.cloud, request), request.name)
        if found is not None:
            del self.errors[request.name]
            try:
                self._take(request, found)
            except ProviderError as error:
                self.errors[request.name] = error

    def _take(self, request: Request, found: Managed) -> None:
        """Take a machine of this name for the request's, if it is.

        Raises:
            ProviderError: it is not.
        """
        rows = list(self._read([found])) if isinstance(found, sdk.types().VirtualMachine) else []
        told = marks.of(rows[0]) if rows else {}
        labels = marks.read(told)
        if labels is not None and told.get(marks.TOKEN) == request.token:
            self.made[request.name] = found
            self.found[request.name] = rows[0]
            return
        ours = labels is not None and labels.whose == request.labels.whose
        raise ProviderError(
            f"{request.name}: there is another machine of this name in its folder"
            + ("" if ours else ", which is not this cluster's"),
            kind=Kind.ALREADY_EXISTS if ours else Kind.INVALID,
            code="DuplicateName",
            hint=None if ours else "rename or move it",
        )

    def _read(self, found: list[Managed]) -> Iterator[Row]:
        return properties.of_objects(self.cloud.session, "VirtualMachine", found, PATHS)

    def _step(self, operation: str, params: dict[str, dict[str, Any]]) -> None:
        calls = {n: (self.made[n], given) for n, given in params.items() if n not in self.errors}
        for name, result in self.cloud.all(operation, calls).items():
            if isinstance(result, ProviderError) and not _done_already(operation, result):
                self.errors[name] = result

    def _upgrade(self, name: str, row: Row) -> str:
        """Return the hardware version to raise a machine to; "" when it has it."""
        wanted = machines.settings_of(self.requests[name]).hardware_version
        has = str(row.get("config.version") or "").rpartition("-")[2]
        return f"vmx-{wanted:02d}" if wanted and has.isdigit() and int(has) < wanted else ""

    def _devices(self, name: str, row: Row) -> Any:  # noqa: ANN401
        vim, entries = sdk.types(), {marks.UNFINISHED: marks.READY}
        changes = []
        if machines.settings_of(self.requests[name]).console:
            file = machines.console_file(row.get(VMX))
            entries[marks.CONSOLE] = file
            changes.append(machines.serial_change(file))
        return vim.vm.ConfigSpec(extraConfig=machines.as_options(entries), deviceChange=changes)


def _done_already(operation: str, error: ProviderError) -> bool:
    return error.code == "InvalidPowerState" and operation == "PowerOnVM_Task"

"""Making, finding, altering and removing machines."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision_qemu import accelerator, download, errors, image, place, process, qmp, record
from provision_qemu.command import Machine
from provision_qemu.size import Size, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provision.model import Change, Json, Observed, Owner, Request
    from provision.provider import Context
    from provision_qemu.place import Place

POWER_OFF_LIMIT = 90.0
"""Seconds that a guest may take to switch itself off when asked to."""


@dataclass(frozen=True, slots=True)
class Machines:
    """All machines of one work directory."""

    options: Json
    context: Context

    def list(self, owner: Owner | None) -> Iterator[Observed]:
        """Report one owner's machines, or all; removes what killed processes left half made or half removed."""
        work = self.context.work
        with errors.translated("listing machines"):
            for cluster in [work / owner.uid] if owner and owner.uid else place.clusters(work):
                place.sweep(cluster)
                for at in place.places(cluster):
                    with suppress(FileNotFoundError):
                        machine = record.observe(at)
                        if _is_of(machine, owner):
                            yield machine

    def create(self, request: Request) -> Observed:
        """Make and start a machine, or finish what was begun, or report what is there."""
        at = place.place(self.context.work, request.labels.uid, request.name)
        with errors.translated(f"creating machine {request.name}"):
            if not at.path.exists():
                self._prepare(request, at)
            _same(record.read(at).machine, request)
            with place.busy(at.path.parent):
                self._start(at)
            return record.observe(at)

    def change(self, change: Change) -> Observed:
        """Write other labels or another protection."""
        with self._existing(change.target, "changing") as at:
            old = record.read(at)
            protected = old.protected if change.protected is None else change.protected
            record.write_labels(at, change.labels or old.labels, protected)
            return record.observe(at)

    def delete(self, target: Observed) -> None:
        """Stop a machine and remove all of it."""
        with errors.translated(f"deleting machine {target.name}"):
            at = self._at(target)
            if at.path.parent.exists():
                with place.busy(at.path.parent), suppress(FileNotFoundError):
                    _delete(at, target)
                place.sweep(at.path.parent)

    def power(self, target: Observed, on: bool) -> None:
        """Switch a machine on, or ask its guest to end, wait, and end it."""
        with self._existing(target, "switching") as at:
            if on:
                with place.busy(at.path.parent):
                    self._start(at, again=True)
            else:
                _power_off(at)

    def console(self, target: Observed) -> str:
        """Return what a machine has written to its serial port."""
        with self._existing(target, "reading the console of") as at:
            return at.console.read_text(errors="replace") if at.console.exists() else ""

    def _prepare(self, request: Request, at: Place) -> None:
        options = {**self.options, **request.body.get("options", {})}
        size, problems = parse(request.body.get("size") or {})
        if problems:
            raise ProviderError(problems[0].message, kind=Kind.INVALID, hint=problems[0].hint)
        named = request.body.get("image") or options.get("image", "")
        wanted = image.source(named, str(request.body.get("os", "")), self.context.spec_dir)
        if isinstance(wanted, image.Download):
            wanted = download.fetch(wanted, self.context.cache)
        base = image.inspect(wanted)
        machine = _machine(request, size, base, options)
        with place.busy(at.path.parent):
            draft = place.new(at.path.parent)
            try:
                self._fill(draft, request, machine, base, size.disk)
                taken = not place.publish(draft, at)
            except BaseException:
                place.discard(draft)
                raise
            if taken:
                place.discard(draft)

    def _fill(self, draft: Place, request: Request, machine: Machine, base: image.Image, disk: int) -> None:
        address = str(request.body.get("address") or "")
        record.write(draft, record.Record(machine, address, self.context.clock(), request.labels, request.protect))
        _private(draft.lock, "")
        if machine.config:
            _private(draft.config, request.payload)
        for name, file in (("kernel", base.kernel), ("initrd", base.initrd)):
            if file is not None:
                _keep(file, draft.path / name)
        overlay(base, draft.disk, disk)

    def _start(self, at: Place, *, again: bool = False) -> None:
        machine = record.read(at).machine
        with process.idle(at, place.PATIENCE) as held:
            if held is None or (at.started.exists() and not again):
                return
            chosen = accelerator.choose(machine.accelerator, self.context.cache)
            try:
                process.start(at, machine, chosen, held)
            except ProviderError:
                if not at.started.exists():
                    place.discard(at)  # refused: nothing was made
                raise

    def _at(self, target: Observed) -> Place:
        uid, _, rest = target.id.partition("/")
        return place.place(self.context.work, uid, rest.partition("/")[0])

    @contextmanager
    def _existing(self, target: Observed, doing: str) -> Iterator[Place]:
        """Yield the place of a machine that must be there, under the id that it had."""
        with errors.translated(f"{doing} machine {target.name}"):
            at = self._at(target)
            if not at.path.exists() or record.read(at).id != target.id:
                raise ProviderError(f"there is no machine {target.name} any more", kind=Kind.NOT_FOUND)
            yield at


def overlay(base: image.Image, disk: Path, wanted: int) -> None:
    """Make a qcow2 disk on top of an image, as large as the image or as wanted, in bytes.

    Raises:
        ProviderError: it would be smaller than the image, or qemu-img fails.
    """
    if wanted and wanted < base.bytes:
        message = f"a disk of {wanted} bytes is smaller than its image {base.disk} ({base.bytes} bytes)"
        raise ProviderError(message, kind=Kind.INVALID, hint="ask for a larger `disk`, or leave it out")
    size = [str(wanted)] if wanted else []
    order = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base.disk), "-F", base.format, str(disk), *size]
    run = subprocess.run(order, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if run.returncode:
        raise errors.from_words("making the disk", run.stderr)


def _machine(request: Request, size: Size, base: image.Image, options: Json) -> Machine:
    return Machine(
        name=request.name,
        uid=request.labels.uid,
        token=request.token,
        os=base.os or str(request.body.get("os", "")),
        cpus=size.cpus,
        memory=size.memory,
        kernel=base.kernel is not None,
        initrd=base.initrd is not None,
        append=base.append,
        config=bool(request.payload),
        disk_cache=str(options.get("disk_cache", "writeback")),
        accelerator=str(options.get("accelerator", accelerator.AUTO)),
    )


def _is_of(machine: Observed, owner: Owner | None) -> bool:
    if owner is None:
        return True
    if machine.labels is None:
        return bool(owner.uid)  # damaged, but found in that uid's directory
    return machine.labels.cluster == owner.cluster and owner.uid in ("", machine.labels.uid)


def _same(machine: Machine, request: Request) -> None:
    if machine.token != request.token:
        message = f"there is another machine {request.name} in this cluster"
        hint = "it was made by another run or generation: delete it first"
        raise ProviderError(message, kind=Kind.ALREADY_EXISTS, code=machine.token, hint=hint)


def _delete(at: Place, target: Observed) -> None:
    try:
        old = record.read(at)
    except ProviderError:
        _end(at)  # damaged files protect nothing
        return
    if old.id != target.id:
        return  # that one is gone, and this is its successor
    if old.protected:
        message = f"machine {target.name} is protected"
        raise ProviderError(message, kind=Kind.CONFLICT, hint="take the protection off first")
    _end(at)


def _end(at: Place) -> None:
    while True:
        with process.idle(at, place.PATIENCE) as held:
            if held is not None:
                place.discard(at)
                return
        process.stop(at)


def _power_off(at: Place) -> None:
    for order, seconds in (("system_powerdown", POWER_OFF_LIMIT), ("quit", process.TERM_LIMIT)):
        with process.found(at) as alive:
            if alive is None:
                return
            try:
                qmp.execute(at.path, order)
            except ProviderError:
                continue  # the next order is ruder
            if alive.ended(seconds):
                return
    process.stop(at)


def _keep(file: Path, here: Path) -> None:
    # A link where that is allowed: a kernel has tens of megabytes, and images are replaced, never written to.
    try:
        here.hardlink_to(file.resolve())
    except OSError:
        shutil.copyfile(file, here)


def _private(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)

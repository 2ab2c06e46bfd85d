"""Claiming, finding, altering and releasing machines: entries of the boot store, and their power."""

from __future__ import annotations

import re
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import utc_text
from provision.netboot.entry import Desired, Entry, Mode, Progress, State
from provision.netboot.states import story
from provision.netboot.store import BootStore
from provision_pxe import images, install, powers, record
from provision_pxe.errors import translated
from provision_pxe.locks import alone
from provision_pxe.power import control
from provision_pxe.record import Record
from provision_pxe.service import Keeper
from provision_pxe.settings import INSTALL, Choice, inventory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provision.model import Change, Json, Observed, Owner, Request
    from provision.netboot.store import Service
    from provision.provider import Context
    from provision_pxe.power import Power
    from provision_pxe.settings import Hardware

NONCE = re.compile(r"PROVISION_NONCE(?:=|%3D)([0-9a-f]{32})")
"""The phone-home nonce as it stands in every payload, in a file's text or its data: URL."""


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a machine, and what a person has to do for it."""

    machine: Observed | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Machines:
    """All machines of one boot store."""

    options: Json
    context: Context
    store: BootStore

    def list(self, owner: Owner | None) -> Iterator[Observed]:
        """Report one owner's machines, or all."""
        with translated("reading the boot store"):
            found = [(e, r) for e in self.store.entries() if (r := record.of(e)) and _is_of(r, owner)]
            progress = self.store.all_progress()
        came = {e.id: _current(e, progress.get(e.id)) for e, _ in found}
        # One that is on its way is known by what it asks for; only what has settled may have been switched off.
        have = inventory(self.options)
        settled = {e.id: _power(r, have) for e, r in found if came[e.id].state in record.RUNS[e.mode]}
        on = powers.states(settled)
        for entry, mine in found:
            yield record.observe(entry, mine, came[entry.id], *on.get(entry.id, (None, "")))

    def create(self, request: Request) -> Made:
        """Claim a machine, write what it boots, and switch it on; or report what is there."""
        hardware = self._hardware(request)
        with translated(f"claiming {hardware.name} for {request.name}"):
            with alone(self.store.directory):
                entry = self._claimed(hardware, request) or self._claim(hardware, request)
            progress = self.store.progress(entry.id)
            silent = progress.state is State.PENDING and not progress.boots
            note = control(hardware.name, hardware.power).on(network=True) if silent else ""
        return Made(_observed(entry, progress), (note,) if note else ())

    def change(self, change: Change) -> Observed:
        """Write other labels or another protection."""
        with self._existing(change.target, "changing") as (entry, old):
            labels = change.labels or old.labels
            protected = old.protected if change.protected is None else change.protected
            new = replace(old, labels=labels, protected=protected)
            written = self.store.put(replace(entry, deadline=labels.expires, data=new.to_json()))
            return _observed(written, self.store.progress(entry.id))

    def delete(self, target: Observed) -> Made:
        """Switch a machine off and release it; what fails leaves it claimed."""
        with translated(f"releasing {target.name}"):
            entry, mine = self._find(target)
            if entry is None or mine is None:
                return Made(None)
            if mine.protected:
                message = f"machine {target.name} is protected"
                raise ProviderError(message, kind=Kind.CONFLICT, hint="take the protection off first")
            note = self._switch(mine).off()
            with alone(self.store.directory):
                self._release(target)
            return Made(None, (note,) if note else ())

    def power(self, target: Observed, on: bool) -> None:
        """Switch a machine. A live one gets its config anew: what it had was in its memory."""
        with self._existing(target, "switching") as (entry, mine):
            live = entry.mode is Mode.LIVE
            if on and live:
                self.keeper.ensure()
                self.store.put(replace(entry, nonce=secrets.token_hex(16)))
        switch = self._switch(mine)
        if on:
            switch.on(network=live)
        else:
            switch.off()

    def report(self, target: Observed) -> Json | None:
        """Return the report of a machine's first boot, with the nonce by which the service took it."""
        with translated(f"asking for {target.name}'s report"):
            entry, _ = self._find(target)
            found = self.store.progress(entry.id).report if entry else None
            return {"nonce": entry.phone_home, **found} if entry and found else None

    def strangers(self) -> Sequence[Json]:
        """Return the machines that asked and have no entry, the last one first; those of the inventory by name."""
        names = {mark: hardware.name for hardware in inventory(self.options).values() for mark in hardware.marks}
        with translated("reading the boot store"):
            found = self.store.strangers()
        return [
            {
                "name": names.get(s.mac) or names.get(s.uuid) or names.get(s.serial) or "",
                "mac": s.mac,
                "uuid": s.uuid,
                "serial": s.serial,
                "count": s.count,
                "last": utc_text(datetime.fromtimestamp(s.last, UTC)),
            }
            for s in found
        ]

    @property
    def keeper(self) -> Keeper:
        """Who looks after the boot service."""
        return Keeper(self.store, self.options.get("serve", ()))

    def _release(self, target: Observed) -> None:
        entry, _ = self._find(target)
        if entry is not None:
            self.store.remove(entry.id)
        if not any(record.of(e) for e in self.store.entries()):
            self.keeper.stop()

    def _hardware(self, request: Request) -> Hardware:
        name = str(request.body.get("options", {}).get("machine", ""))
        found = inventory(self.options).get(name)
        if found is None:
            message = f"{request.name} has no machine of the inventory" + (f": {name} is not in it" if name else "")
            raise ProviderError(message, kind=Kind.INVALID, hint="see PV591")
        return found

    def _claimed(self, hardware: Hardware, request: Request) -> Entry | None:
        """Return the entry that this very request made before."""
        entry = self.store.get(hardware.name)
        if entry is None:
            return None
        mine = record.of(entry)
        if mine is not None and mine.token == request.token:
            return entry
        whose = f"machine {mine.name} of cluster {mine.labels.cluster}" if mine else "somebody else"
        kind = Kind.ALREADY_EXISTS if mine and mine.labels.whose == request.labels.whose else Kind.CONFLICT
        message = f"{hardware.name} is claimed by {whose}"
        raise ProviderError(message, kind=kind, code=mine.token if mine else "", hint="claim another machine")

    def _claim(self, hardware: Hardware, request: Request) -> Entry:
        choice = Choice.read(request.body.get("options", {}))
        service = self.keeper.ensure() if choice.mode == INSTALL else None
        entry = _entry(hardware, request, choice, self._image(request), self.context)
        config = request.payload if service is None else _installing(entry, hardware, choice, request, service)
        return self.store.put(entry, config.encode())

    def _image(self, request: Request) -> images.Image:
        named = request.body.get("image") or request.body.get("options", {}).get("image") or self.options.get("image")
        return images.image(named or "", self.context.spec_dir)

    def _switch(self, mine: Record) -> Power:
        return control(mine.hardware, _power(mine, inventory(self.options)))

    def _find(self, target: Observed) -> tuple[Entry | None, Record | None]:
        entry = self.store.get(target.id.partition("/")[0])
        mine = record.of(entry) if entry else None
        return (entry, mine) if mine and mine.id == target.id else (None, None)

    @contextmanager
    def _existing(self, target: Observed, doing: str) -> Iterator[tuple[Entry, Record]]:
        with translated(f"{doing} {target.name}"), alone(self.store.directory):
            entry, mine = self._find(target)
            if entry is None or mine is None:
                raise ProviderError(f"there is no machine {target.name} any more", kind=Kind.NOT_FOUND)
            yield entry, mine


def _entry(hardware: Hardware, request: Request, choice: Choice, image: images.Image, context: Context) -> Entry:
    found = NONCE.search(request.payload)
    address = str(request.body.get("address") or "") or hardware.address
    mine = Record(
        name=request.name,
        hardware=hardware.name,
        token=request.token,
        labels=request.labels,
        created=context.clock(),
        address=address,
        protected=request.protect,
        power=dict(hardware.power),
    )
    return Entry(
        id=hardware.name,
        cluster=request.labels.cluster,
        uid=request.labels.uid,
        kernel=image.kernel,
        nonce=secrets.token_hex(16),
        macs=hardware.macs,
        uuid=hardware.uuid,
        serial=hardware.serial,
        hostname=request.name,
        address=address,
        architecture=hardware.architecture,
        os=str(request.body.get("os", "")),
        initrds=image.initrds,
        rootfs=image.rootfs,
        extras=(image.install,) if image.install and choice.mode == INSTALL else (),
        args=(*image.args, *choice.args),
        mode=Mode(choice.mode),
        device=choice.device or next(iter(hardware.disks), ""),
        desired=Desired.BOOT,
        phone_home=found[1] if found else "",
        generation=request.labels.generation,
        deadline=request.labels.expires,
        reinstall=choice.reinstall,
        max_boots=choice.max_boots,
        data=mine.to_json(),
    )


def _installing(entry: Entry, hardware: Hardware, choice: Choice, request: Request, service: Service) -> str:
    if not entry.device:
        message = f"{hardware.name} has no disk to install to"
        raise ProviderError(message, kind=Kind.INVALID, hint="write its `disks`, or the pool's `device`")
    image = next(iter(entry.extras), None)
    order = install.Order(
        os=entry.os,
        device=entry.device,
        payload=request.payload,
        report=f"{service.url}/installed/{entry.nonce}",
        image=image,
        image_url=f"{service.files_url}/artefacts/{image.path}" if image else "",
        args=(*entry.args, *choice.args),
    )
    return install.config(order)


def _power(mine: Record, have: Mapping[str, Hardware]) -> Json:
    """Return the settings that the spec has now, or those that the machine was claimed with."""
    known = have.get(mine.hardware)
    return known.power if known else mine.power or {}


def _observed(entry: Entry, progress: Progress) -> Observed:
    mine = record.of(entry)
    if mine is None:
        raise AssertionError(f"{entry.id} is an entry of this provider's")
    return record.observe(entry, mine, progress, None)


def _current(entry: Entry, progress: Progress | None) -> Progress:
    """Return an entry's progress; one of an earlier story says nothing of this one."""
    mine = story(entry.nonce)
    return progress if progress and progress.story == mine else Progress(entry.id, mine)


def _is_of(mine: Record, owner: Owner | None) -> bool:
    if owner is None:
        return True
    return mine.labels.cluster == owner.cluster and owner.uid in ("", mine.labels.uid)


def store_of(options: Json, context: Context) -> BootStore:
    """Return the boot store that the options name; the default one lies beside the provider's own directory."""
    named = options.get("store")
    return BootStore(context.spec_dir / Path(named).expanduser() if named else context.work.parent / "netboot")

"""What a machine's directory says of it: read and written here alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import MACHINE, Labels, Observed, State, utc_text
from provision_qemu import network
from provision_qemu.command import Machine
from provision_qemu.locks import is_held
from provision_qemu.place import Place, write_json
from provision_qemu.process import found
from provision_qemu.size import Size

if TYPE_CHECKING:
    from provision.model import Json


@dataclass(frozen=True, slots=True)
class Record:
    """A machine as it was made, and the labels that it has now. `created` is in UTC."""

    machine: Machine
    address: str
    created: datetime
    labels: Labels
    protected: bool

    @property
    def id(self) -> str:
        """The platform's id: another machine that is made under the same name has another one."""
        return f"{self.machine.uid}/{self.machine.name}/{self.machine.token[:8]}"


def write(place: Place, record: Record) -> None:
    """Write a machine's files, but its config and disk."""
    made = {"machine": record.machine.to_json(), "address": record.address, "created": utc_text(record.created)}
    write_json(place.request, made)
    write_labels(place, record.labels, record.protected)


def write_labels(place: Place, labels: Labels, protected: bool) -> None:
    """Write what may change on a machine that stays."""
    write_json(place.labels, {"labels": labels.to_dict(), "protected": protected})


def read(place: Place) -> Record:
    """Read a machine's files.

    Raises:
        FileNotFoundError: the machine is gone.
        ProviderError: its files are damaged, or another version of provision wrote them.
    """
    try:
        made, tags = _json(place, "request"), _json(place, "labels")
        created = datetime.fromisoformat(made["created"])
        labels = Labels.from_dict(tags["labels"])
        return Record(Machine(**made["machine"]), made["address"], created, labels, tags["protected"])
    except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
        if not place.path.exists():
            raise
        message = f"the files of machine {place.name} in {place.path} cannot be read: {error!r}"
        raise ProviderError(message, kind=Kind.CONFLICT) from error


def observe(place: Place) -> Observed:
    """Report a machine as it is now.

    Raises:
        FileNotFoundError: the machine is gone.
    """
    try:
        record = read(place)
    except ProviderError as error:
        # Found by its directory alone: who tidies up must see it too.
        ident = f"{place.uid}/{place.name}/"
        return Observed(MACHINE, place.name, ident, "qemu", State.FAILED, detail=error.message)
    machine, (state, detail) = record.machine, _state(place)
    return Observed(
        kind=MACHINE,
        name=machine.name,
        id=record.id,
        provider="qemu",
        state=state,
        labels=record.labels,
        token=machine.token,
        addresses={"private": record.address} if record.address else {},
        reach=_reach(place) if state is State.RUNNING else {},
        outputs={"directory": str(place.path), "console": str(place.console)},
        size=str(Size(machine.cpus, machine.memory)),
        protected=record.protected,
        created=record.created,
        detail=detail,
    )


def _state(place: Place) -> tuple[State, str]:
    with found(place) as process:
        if process is not None:
            return State.RUNNING, f"qemu process {process.pid}"
    if is_held(place.lock):
        return State.PENDING, "being started"
    if not place.started.exists():
        return State.PENDING, "prepared, but never started"
    # QEMU removes its pid file when it ends in good order.
    return State.STOPPED, "qemu was killed or crashed" if place.pid.exists() else "switched off"


def _reach(place: Place) -> dict[str, str]:
    try:
        ports: dict[str, int] = json.loads(place.run.read_text())["ports"]
    except (ValueError, KeyError, FileNotFoundError):
        return {}  # damaged: the machine runs all the same
    return {name: f"{network.LOOPBACK}:{port}" for name, port in ports.items()}


def _json(place: Place, name: str) -> Json:
    data: Json = json.loads((place.path / f"{name}.json").read_text())
    return data

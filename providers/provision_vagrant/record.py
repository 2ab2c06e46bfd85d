"""What is recorded of a cluster and of its machines: read and written here alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import Labels, utc_text
from provision_vagrant import place, vagrantfile
from provision_vagrant.delivery import CLOUD
from provision_vagrant.place import write, write_json
from provision_vagrant.settings import Settings
from provision_vagrant.size import Size, parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from provision.model import Json, Request
    from provision_vagrant.place import Place

CONSOLE = "console.log"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The part that all machines of a cluster need. `created` is in UTC."""

    name: str
    token: str
    subnet: str
    hypervisor: str
    created: datetime
    labels: Labels

    @property
    def drawn(self) -> vagrantfile.Cluster:
        """The cluster as its Vagrantfile shows it."""
        return vagrantfile.Cluster(self.labels.cluster, self.labels.uid, self.subnet, self.hypervisor)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as it was asked for, and the labels that it has now. `started` says that it has been up once."""

    name: str
    token: str
    body: Json
    created: datetime
    started: bool
    config: str
    labels: Labels
    protected: bool

    @property
    def id(self) -> str:
        """The platform's id: another machine that is made under the same name has another one."""
        return f"{self.labels.uid}/{self.name}/{self.token[:8]}"

    @property
    def size(self) -> Size:
        """Its size."""
        return parse(self.body.get("size") or {})[0]

    @property
    def settings(self) -> Settings:
        """Its options."""
        return Settings.read(self.body.get("options", {}), str(self.body.get("image") or ""))


def read_cluster(at: Place) -> Cluster:
    """Read whose a directory is.

    Raises:
        ProviderError: it is damaged, or there is none.
    """
    try:
        found = json.loads(at.cluster.read_text())
        labels, created = Labels.from_dict(found.pop("labels")), datetime.fromisoformat(found.pop("created"))
        return Cluster(**found, labels=labels, created=created)
    except FileNotFoundError as error:
        raise ProviderError(f"there is no cluster in {at.path}", kind=Kind.NOT_FOUND) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ProviderError(f"{at.cluster} cannot be read: {error!r}", kind=Kind.CONFLICT) from error


def write_cluster(at: Place, cluster: Cluster) -> None:
    """Write whose a directory is."""
    data = asdict(cluster) | {"labels": cluster.labels.to_dict(), "created": utc_text(cluster.created)}
    write_json(at.cluster, data)


def read(at: Place, name: str) -> Machine:
    """Read a machine.

    Raises:
        FileNotFoundError: there is none of that name.
        ProviderError: its files are damaged.
    """
    folder = at.machine(name)
    try:
        made, tags = (json.loads((folder / file).read_text()) for file in ("machine.json", "labels.json"))
        labels, created = Labels.from_dict(tags["labels"]), datetime.fromisoformat(made.pop("created"))
        return Machine(**made, created=created, labels=labels, protected=tags["protected"])
    except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
        if not folder.exists():
            raise
        message = f"the files of machine {name} in {folder} cannot be read: {error!r}"
        raise ProviderError(message, kind=Kind.CONFLICT) from error


def make(at: Place, request: Request, created: datetime, files: Mapping[str, str]) -> Machine:
    """Record a machine; `files` are those of its first-boot config, the one that its Vagrantfile names first."""
    folder, config = at.machine(request.name), next(iter(files), "")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    machine = Machine(
        request.name, request.token, request.body, created, False, config, request.labels, request.protect
    )
    for name, text in files.items():
        write(folder / name, text)
    # The hypervisor writes it under another user's name and keeps the mode that it finds, so that we can read it.
    place.write(folder / CONSOLE, "", 0o644)
    write_labels(at, request.name, request.labels, request.protect)
    _write(folder, machine)
    return machine


def start(at: Place, machine: Machine) -> None:
    """Note that a machine has been up."""
    _write(at.machine(machine.name), machine, started=True)


def write_labels(at: Place, name: str, labels: Labels, protected: bool) -> None:
    """Write what may change on a machine that stays."""
    write_json(at.machine(name) / "labels.json", {"labels": labels.to_dict(), "protected": protected})


def forget(at: Place, name: str) -> None:
    """Remove all that is kept of a machine."""
    shutil.rmtree(at.machine(name), ignore_errors=True)
    shutil.rmtree(at.path / ".vagrant" / "machines" / name, ignore_errors=True)


def draw(at: Place) -> None:
    """Write the Vagrantfile of what is recorded, and of what only Vagrant knows."""
    blocks = [_block(machine) for machine in _readable(at)]
    strays = set(at.known()) - {b.name for b in blocks}
    write(at.vagrantfile, vagrantfile.render(read_cluster(at).drawn, blocks, strays), 0o644)


def _readable(at: Place) -> list[Machine]:
    found = []
    for name in at.machines():
        try:
            found.append(read(at, name))
        except (ProviderError, FileNotFoundError):
            continue  # Vagrant may know it all the same: then it is a stray
    return found


def _block(machine: Machine) -> vagrantfile.Block:
    folder, settings = f"machines/{machine.name}", machine.settings
    return vagrantfile.Block(
        name=machine.name,
        settings=settings,
        size=machine.size,
        address=str(machine.body.get("address") or ""),
        config=f"{folder}/{machine.config}" if machine.config else "",
        cloud=machine.config == CLOUD,
        console=f"{folder}/{CONSOLE}" if settings.console else "",
    )


def _write(folder: Path, machine: Machine, *, started: bool = False) -> None:
    data = {"name": machine.name, "token": machine.token, "body": machine.body, "started": started}
    write_json(folder / "machine.json", {**data, "config": machine.config, "created": utc_text(machine.created)})

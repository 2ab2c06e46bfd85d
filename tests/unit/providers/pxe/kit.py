"""A rack of machines whose power is a file each, switched by real commands, and whose boots are played by the test."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provision.model import Labels, MachineWanted, Observed, Owner, Request, Wanted, creation_token
from provision.netboot.entry import Progress, State
from provision.netboot.states import States, story
from provision.netboot.store import BootStore
from provision.provider import Context
from provision_pxe import PXE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provision.model import Json
    from provision.provider import Outcome

UID = "0aa5e9a2-0f26-4f2c-9ec0-0c2b6a3c5b11"
NONCE = "5" * 32
PAYLOAD = f'{{"ignition":{{"version":"3.3.0"}},"env":"data:,PROVISION_NONCE%3D{NONCE}%0A"}}'

SWITCH = """
import pathlib, sys
file, order = pathlib.Path(sys.argv[1]), sys.argv[2]
if order == "status":
    print("Chassis Power is", "on" if file.exists() and file.read_text() != "off" else "off")
else:
    file.write_text(order)
"""


def power(root: Path) -> Json:
    """Return power control by commands that keep the power of each machine in a file."""
    script = root / "switch.py"
    script.write_text(SWITCH)
    base = [sys.executable, "-S", "-E", str(script), str(root / "power-{name}")]
    orders = {"power_on": "disk", "network_boot": "network", "power_off": "off", "status": "status"}
    return {"kind": "command", **{setting: [*base, order] for setting, order in orders.items()}}


@dataclass
class Rack:
    """Machines node-0, node-1, … with an inventory, a boot store and an image of three small files."""

    root: Path
    count: int = 3
    more: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.image = self.root / "image"
        self.image.mkdir()
        for name in ("vmlinuz", "initrd.img", "disk.img"):
            (self.image / name).write_text(name)
        (self.image / "image.json").write_text(
            '{"kernel": "vmlinuz", "initrds": ["initrd.img"], "args": ["quiet"], "install": "disk.img"}'
        )
        self.options: Json = {
            "inventory": {f"node-{n}": self.hardware(n) for n in range(self.count)},
            "power": power(self.root),
            "image": str(self.image),
            "serve": ["--port", "0"],
            **self.more,
        }
        self.context = Context(self.root / "data" / "pxe", self.root / "cache", lambda: datetime.now(UTC), self.root)
        self.store = BootStore(self.root / "data" / "netboot")

    def hardware(self, number: int) -> Json:
        labels = {"rack": "even" if number % 2 == 0 else "odd"}
        mac = f"52:54:00:98:00:{number:02x}"
        return {"mac": mac, "address": f"10.98.0.{10 + number}", "labels": labels, "disks": ["/dev/vda"]}

    def provider(self, **options: object) -> PXE:
        return PXE({**self.options, **options}, self.context)

    def labels(self, name: str = "", generation: int = 1, uid: str = UID) -> Labels:
        return Labels("rack", uid, name, generation, "me", "2030-01-01T00:00:00Z", "0123456789abcdef")

    def wanted(self, *machines: MachineWanted) -> Wanted:
        return Wanted("rack", UID, self.labels(), machines, self.options, subnet="10.98.0.0/24")

    def machine(self, name: str, hardware: str = "", **options: object) -> MachineWanted:
        chosen = {**self.options, **({"machine": hardware} if hardware else {}), **options}
        return MachineWanted(name, "core", "lab", "", str(self.image), chosen, etcd=True)

    def request(self, name: str, hardware: str, generation: int = 1, uid: str = UID, **options: object) -> Request:
        body = self.machine(name, hardware, **options).body(PXE.traits.access)
        token = creation_token(uid, name, generation)
        return Request("machine", name, "pxe", self.labels(name, generation, uid), token, body, PAYLOAD)

    def make(self, name: str, hardware: str, **options: object) -> Observed:
        return made(self.provider().create([self.request(name, hardware, **options)]))

    def only(self) -> Observed:
        (machine,) = self.provider().list(Owner("rack", UID))
        return machine

    def power(self, hardware: str) -> str:
        """Return what a machine was last told, "" when nothing ever."""
        file = self.root / f"power-{hardware}"
        return file.read_text() if file.exists() else ""

    def comes(self, hardware: str, state: State, **more: object) -> None:
        """Play the boot service: keep that a machine came so far."""
        entry = self.store.get(hardware)
        assert entry is not None
        progress = Progress(hardware, story(entry.nonce), state, boots=1, times={state: time.time()})
        States(self.store.directory).write([replace(progress, **more)])


def made(outcomes: Iterator[Outcome]) -> Observed:
    (outcome,) = outcomes
    if outcome.error:
        raise outcome.error
    assert outcome.observed is not None
    return outcome.observed

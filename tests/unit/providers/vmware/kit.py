"""Requests and rows as the VMware provider's pure parts see them."""

from __future__ import annotations

import base64
import gzip
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from provision.model import MACHINE, Labels, MachineWanted, Request, Wanted
from provision.provider import Context
from provision_vmware import VMware, marks
from provision_vmware.properties import Row

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json

UID = "7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b"


def labels(name: str = "", **others: Any) -> Labels:
    about = Labels("demo", UID, name, 1, "you@example.com", "2027-01-01T00:00:00Z", "0123456789abcdef")
    return replace(about, **others)


def packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode())).decode()


def request(options: Json | None = None, payload: str = '{"ignition": {"version": "3.4.0"}}', **body: Any) -> Request:
    content = {"os": "fcos", "size": "", "image": "", "options": options or {}, "address": "", **body}
    return Request(MACHINE, "core-0", "vmware", labels("core-0"), "a-token", content, packed(payload))


def machine(name: str, options: Json | None = None, **others: Any) -> MachineWanted:
    values: Json = {"pool": "core", "os": "fcos", "size": "", "image": "flatcar", "options": options or {}}
    return MachineWanted(name, **{**values, **others})


def wanted(*machines: MachineWanted, **others: Any) -> Wanted:
    return Wanted("demo", UID, labels(), machines, **{"subnet": "10.99.0.0/24", **others})


def provider(options: Json, where: Path) -> VMware:
    return VMware(options, Context(where, where, lambda: datetime.now(UTC), where))


def nic(*addresses: str, device: int = 4000) -> Any:
    return SimpleNamespace(deviceConfigId=device, ipAddress=list(addresses))


def row(told: dict[str, str] | None = None, **values: Any) -> Row:
    """Return a machine's row; `told` are its own marks, names of properties have _ for a dot."""
    entries = {f'config.extraConfig["{k}"]': SimpleNamespace(key=k, value=v) for k, v in (told or {}).items()}
    plain = {"name": "core-0", "runtime.powerState": "poweredOn"}
    given = {key.replace("_", "."): value for key, value in values.items()}
    return Row(SimpleNamespace(_moId="vm-7"), {**plain, **given, **entries})


def ours(**others: str) -> dict[str, str]:
    return {**marks.written(labels("core-0")), marks.TOKEN: "a-token", **others}

"""The table of operating systems, and the texts of each version of the additions."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from provision.etcd.variables import Timing

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = "provision_schemas.additions"


@dataclass(frozen=True, slots=True)
class System:
    """One operating system; ``provision_schemas/additions/os.toml`` says what the fields mean."""

    name: str
    ignition: str
    network: str
    etcd: Mapping[str, str]
    update: str = ""
    timing: Timing = field(default_factory=Timing)


@cache
def system(name: str) -> System:
    """Return an operating system by the name that specs use.

    Raises:
        KeyError: it is not in the table.
    """
    row = tomllib.loads(resources.files(ROOT).joinpath("os.toml").read_text("utf-8"))[name]
    timing = Timing(**row.pop("timing", {}))
    return System(name, timing=timing, **row)


@cache
def text(version: int, name: str) -> str:
    """Return a text of one version of the additions; versions are never changed once released."""
    return resources.files(ROOT).joinpath(f"v{version}").joinpath(name).read_text("utf-8")

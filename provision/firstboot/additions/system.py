"""The tables of operating systems, and the texts of each version of the additions."""

from __future__ import annotations

import string
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from provision.etcd.variables import Timing

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = "provision_schemas.additions"
VERSIONS = (1,)
"""The versions of the additions that this provision can render; the last is the one that new clusters get."""


@dataclass(frozen=True, slots=True)
class EtcdUnit:
    """How etcd runs on a system; ``systems.toml`` says what the fields mean."""

    unit: str
    data_dir: str
    owner: str | int
    tls: str
    ssl_dir: bool = False
    tagged: bool = False


@dataclass(frozen=True, slots=True)
class System:
    """One operating system as one version of the additions knows it; ``systems.toml`` says what the fields mean."""

    name: str
    spec: str
    user: str
    network: str
    etcd: EtcdUnit
    update: str = ""
    update_file: str = ""
    timing: Timing = field(default_factory=Timing)
    tags: Mapping[str, str] = field(default_factory=dict)

    def tag(self, version: str) -> str:
        """Return the tag of etcd's container image for a major and minor version."""
        return self.tags.get(version, f"v{version}.0")


class _Template(string.Template):
    """``@{name}``: what units and shell scripts never need."""

    delimiter = "@"


@cache
def system(name: str, version: int = VERSIONS[-1]) -> System:
    """Return an operating system by the name that specs use.

    Raises:
        KeyError: it is not in the table.
    """
    table = _table(f"v{version}/systems.toml")
    row = dict(table["systems"][name])
    timing, etcd = Timing(**row.pop("timing", {})), EtcdUnit(**row.pop("etcd"))
    return System(name, etcd=etcd, timing=timing, tags=table["tags"], **row)


def runtimes(version: int) -> dict[str, Any]:
    """Return what one version of the additions knows of container runtimes: ``runtimes.toml``."""
    return _table(f"v{version}/runtimes.toml")


def newest_ignition(name: str) -> str:
    """Return the newest Ignition spec that an operating system's present images read."""
    newest: str = _table("os.toml")[name]["ignition"]
    return newest


@cache
def text(version: int, name: str) -> str:
    """Return a text of one version of the additions; versions are never changed once released."""
    return resources.files(ROOT).joinpath(f"v{version}").joinpath(name).read_text("utf-8")


def filled(version: int, name: str, **values: object) -> str:
    """Return a text of one version of the additions with its ``@{name}`` filled in.

    Raises:
        KeyError: the text names a value that is not given.
    """
    return _Template(text(version, name)).substitute(values)


@cache
def _table(path: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(ROOT).joinpath(path).read_text("utf-8"))

"""`provision doctor`: what this computer has and lacks."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from provision import paths, registry
from provision.cli import console
from provision.errors import ProviderMissing, ProvisionError
from provision.provider import HasSdk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provision.provider import Provider

TOOLS = (
    ("ssh", "openssh-client", "provision ssh, certificate rotation"),
    ("qemu-system-x86_64", "qemu-system-x86", "the QEMU provider"),
    ("qemu-img", "qemu-utils", "the QEMU provider"),
    ("vagrant", "vagrant", "the Vagrant provider"),
    ("dnsmasq", "dnsmasq-base", "provision serve, where no DHCP server is"),
    ("etcdctl", "etcd-client", "looking into etcd by hand"),
)
"""Program, Debian package, what needs it. None is needed by every user."""

SDKS = {
    "ec2": "boto3",
    "gce": "google.cloud.compute_v1",
    "openstack": "openstack",
    "pxe": "sushy",
    "qemu": "qemu.qmp",
    "rackspace": "pyrax",
    "vagrant": "vagrant",
    "vmware": "pyVmomi",
}
"""The package that each provider imports, which an extra of ours brings."""

FREE_BYTES_WANTED = 4 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `state` is "ok", "missing" or "wrong"."""

    what: str
    state: str
    detail: str


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Check this computer for what provision and its providers need, and say how to get what is missing.

    Ends with 0, or with 1 when something is wrong: a provider or its SDK that is installed and cannot be loaded, a
    directory that cannot be used. A tool or SDK that is missing is wrong only for those who need it.

    \b
    Example:
      provision doctor
    """
    checks = [*_tools(), *_plugins(), *_directories()]
    if as_json:
        console.emit([asdict(check) for check in checks])
    else:
        console.table(("WHAT", "STATE", "DETAIL"), [(c.what, c.state, c.detail) for c in checks])
    if any(check.state == "wrong" for check in checks):
        raise ProvisionError("this computer needs attention", hint="see the lines marked wrong")


def _tools() -> Iterator[Check]:
    yield Check("python", "ok", platform.python_version())
    for program, package, purpose in TOOLS:
        found = shutil.which(program)
        yield Check(program, "ok" if found else "missing", found or f"apt-get install {package}   (for {purpose})")


def _plugins() -> Iterator[Check]:
    for name in registry.available():
        what = f"provider {name}"
        try:
            provider = registry.load(name)
            there = _is_installed(SDKS.get(name, ""))
            if there and isinstance(provider, HasSdk):
                provider.load_sdk()
        except ProviderMissing as error:
            yield Check(what, "wrong", f"{error.message}: {error.hint}")
        else:
            yield Check(what, "ok" if there else "missing", "" if there else _how(name, provider))


def _is_installed(package: str) -> bool:
    try:
        return not package or find_spec(package) is not None
    except ModuleNotFoundError:  # of the package above it
        return False


def _how(name: str, provider: type[Provider]) -> str:
    """Say how to install an SDK; a provider that knows better is asked."""
    if isinstance(provider, HasSdk):
        try:
            provider.load_sdk()
        except ProviderMissing as error:
            return f"{error.message}: {error.hint}"
    return f"pip install 'provision[{name}]'   (for {SDKS[name]})"


def _directories() -> Iterator[Check]:
    for label, directory in (("state", paths.state()), ("data", paths.data()), ("cache", paths.cache())):
        existing = _nearest(directory)
        if not os.access(existing, os.W_OK):
            yield Check(f"{label} directory", "wrong", f"{existing} cannot be written")
        elif (free := shutil.disk_usage(existing).free) < FREE_BYTES_WANTED:
            yield Check(f"{label} directory", "wrong", f"{directory}: only {free >> 20} MiB free")
        else:
            yield Check(f"{label} directory", "ok", f"{directory}: {free >> 30} GiB free")


def _nearest(directory: Path) -> Path:
    """Return the directory or its nearest parent that exists."""
    return next(p for p in (directory, *directory.parents) if p.exists())

"""What Vagrant and the operating system say, in the engine's words."""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provision_vagrant.said import Said

DOWNLOADS = "https://developer.hashicorp.com/vagrant/install"
BOOT_TIMEOUT = "VMBootTimeout"

_ERRNO = {
    errno.ENOSPC: Kind.CAPACITY,
    errno.EDQUOT: Kind.CAPACITY,
    errno.ENOMEM: Kind.CAPACITY,
    errno.EACCES: Kind.AUTH,
    errno.EPERM: Kind.AUTH,
    errno.EROFS: Kind.AUTH,
    errno.ENOENT: Kind.NOT_FOUND,
}

_BUSY = "wait until the other `vagrant` is done"
_SAID = (
    (r"No space left on device|not enough (disk )?space", Kind.CAPACITY, "free some disk space"),
    (r"[Cc]annot (allocate|set up guest) memory", Kind.CAPACITY, "free some memory, or give the machines less"),
    (r"MachineLocked|ActionLocked|EnvironmentLocked", Kind.CONFLICT, _BUSY),
    (r"FogLibvirtConnection|connection.*libvirt.*failed", Kind.UNAVAILABLE, "is libvirtd running, and may you use it?"),
    (r"ProviderNotUsable|ProviderNotFound", Kind.UNSUPPORTED, "install the hypervisor and Vagrant's plugin for it"),
    (r"NameAndAddressMismatch|DHCPMismatch", Kind.CONFLICT, "another network uses the subnet: choose another one"),
    (r"NetworkCollision|NetworkInvalid|HostonlyNetwork", Kind.CONFLICT, "choose another `network.subnet`"),
    (r"ActivateNetwork|CreateNetwork|already in use by interface", Kind.CONFLICT, "choose another `network.subnet`"),
    (r"ForwardPort.*Collision|Address already in use", Kind.CONFLICT, "choose other host ports"),
    (r"Box.*(NotFound|NoMatching|DoesntMatch|Metadata)", Kind.NOT_FOUND, "`vagrant box list` shows the boxes here"),
    (
        r"box .* could not be found|box repository|Couldn't open file",
        Kind.NOT_FOUND,
        "`vagrant box list` shows the boxes here",
    ),
    (r"DownloaderError|Could not resolve host", Kind.UNAVAILABLE, None),
    (BOOT_TIMEOUT, Kind.UNAVAILABLE, "can Vagrant log in? See the options `ssh` and `boot_timeout`"),
    (r"ConfigInvalid|VagrantfileSyntax|VagrantfileLoad", Kind.INVALID, None),
    (r"DomainNameExists", Kind.CONFLICT, "a machine of that name is left over: `virsh list --all` shows it"),
    (r"Permission denied", Kind.AUTH, "give your user, or the one that QEMU runs as, the right to read it"),
)
"""Patterns of Vagrant's classes of errors and of its messages; the first that matches counts."""


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn an OSError into a ProviderError that says what was being done."""
    try:
        yield
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        kind = _ERRNO.get(error.errno or 0, Kind.UNAVAILABLE)
        code = errno.errorcode.get(error.errno or 0, "")
        raise ProviderError(f"{doing}: {error.strerror or error}{where}", kind=kind, code=code) from error


def missing() -> ProviderError:
    """Return the error for a computer without Vagrant."""
    hint = f"on Debian: apt-get install vagrant vagrant-libvirt; elsewhere: {DOWNLOADS}"
    return ProviderError("vagrant is not installed", kind=Kind.UNSUPPORTED, code="ENOENT", hint=hint)


def busy(where: Path) -> ProviderError:
    """Return the error for a directory that another process works in."""
    return ProviderError(f"another process keeps {where} busy", kind=Kind.CONFLICT, retryable=True)


def hung(verb: str, seconds: float, log: Path) -> ProviderError:
    """Return the error for a call that did not end in time."""
    message = f"`vagrant {verb}` did not end within {seconds:.0f} s, and was stopped"
    hint = f"its log is {log}; the option `timeout` gives machines longer to start"
    return ProviderError(message, kind=Kind.UNAVAILABLE, retryable=True, code="hung", hint=hint)


def from_said(doing: str, said: Said, machine: str = "") -> ProviderError:
    """Return the error for a call that failed, or failed for one of its machines."""
    name, words = said.failure
    words = said.complaints(machine) or words or said.rest or "it gave no reason"
    kind, hint = _meaning(f"{name} {words}")
    code = name.rpartition("::")[2]
    busy = kind is Kind.UNAVAILABLE or hint == _BUSY
    hint = f"{hint}; its log is {said.log}" if hint else f"its log is {said.log}"
    return ProviderError(f"{doing}: {_one_line(words)}", kind=kind, retryable=busy, code=code, hint=hint)


def _meaning(text: str) -> tuple[Kind, str | None]:
    for pattern, kind, hint in _SAID:
        if re.search(pattern, text, re.DOTALL):
            return kind, hint
    return Kind.INVALID, None


def _one_line(words: str) -> str:
    text = " ".join(words.split())
    return text if len(text) <= 600 else f"{text[:600]}…"

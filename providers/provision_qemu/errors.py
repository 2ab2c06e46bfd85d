"""What the operating system and QEMU say, in the engine's words."""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = {"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils"}
"""The Debian package of each program that we run."""

_ERRNO = {
    errno.ENOSPC: Kind.CAPACITY,
    errno.EDQUOT: Kind.CAPACITY,
    errno.ENOMEM: Kind.CAPACITY,
    errno.EMFILE: Kind.CAPACITY,
    errno.EAGAIN: Kind.CAPACITY,
    errno.EACCES: Kind.AUTH,
    errno.EPERM: Kind.AUTH,
    errno.EROFS: Kind.AUTH,
    errno.EADDRINUSE: Kind.CONFLICT,
    errno.ENOENT: Kind.NOT_FOUND,
}

_SAID = (
    (r"ended by signal|has not come up", Kind.UNAVAILABLE, "try again; look for what kills it or slows it down"),
    (r"No space left on device|Disk quota exceeded", Kind.CAPACITY, "free some disk space"),
    (r"[Cc]annot (allocate|set up guest) memory", Kind.CAPACITY, "free some memory, or give the machines less"),
    (r"KVM", Kind.UNSUPPORTED, "set the provider's option `accelerator: tcg`, or `auto`"),
    (r"Permission denied", Kind.AUTH, "give your user the right to read or write it"),
    (r"mcast|can't bind ip=", Kind.CONFLICT, "another program uses the cluster's network port; stop it"),
    (r"Address already in use|host forwarding rule", Kind.CONFLICT, "stop the program that holds the port"),
    (r"No such file", Kind.NOT_FOUND, None),
)
"""Patterns of QEMU's messages, the first that matches counts."""


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn an OSError into a ProviderError that says what was being done."""
    try:
        yield
    except OSError as error:
        raise from_os(error, doing) from error


def from_os(error: OSError, doing: str) -> ProviderError:
    """Return the ProviderError for a failed system call."""
    program = PACKAGES.get(str(error.filename))
    if isinstance(error, FileNotFoundError) and program:
        return missing(str(error.filename))
    where = f": {error.filename}" if error.filename else ""
    kind = _ERRNO.get(error.errno or 0, Kind.UNAVAILABLE)
    code = errno.errorcode.get(error.errno or 0, "")
    return ProviderError(f"{doing}: {error.strerror or error}{where}", kind=kind, code=code)


def missing(program: str) -> ProviderError:
    """Return the error for a program that is not installed."""
    package = PACKAGES[program]
    hint = f"on Debian: apt-get install --no-install-recommends {package}"
    return ProviderError(f"{program} is not installed", kind=Kind.UNSUPPORTED, code="ENOENT", hint=hint)


def from_words(doing: str, said: str) -> ProviderError:
    """Return the error for a program that ended with a message on stderr."""
    words = sentence(said) or "it gave no reason"
    for pattern, kind, hint in _SAID:
        if re.search(pattern, words):
            return ProviderError(f"{doing}: {words}", kind=kind, retryable=kind is Kind.UNAVAILABLE, hint=hint)
    return ProviderError(f"{doing}: {words}", kind=Kind.INVALID)


def sentence(said: str) -> str:
    """Return a program's messages on one line, without its name and without mere warnings."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and "warning:" not in line]
    return "; ".join(re.sub(r"^qemu-(system-\w+|img): ", "", line) for line in lines)

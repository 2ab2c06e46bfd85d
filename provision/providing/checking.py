"""What the checks of providers share: how a finding is written, and how far a cloud could be asked.

A check is a function from a provider's view of a cluster to findings. It may keep in the view what later checks need.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from provision.diagnostics import Diagnostic, Severity
from provision.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from provision.diagnostics import Path
    from provision.model import MachineWanted

View = TypeVar("View")

NAME = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
"""A label of a host name, as most clouds want names: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.1"""


def error(code: str, message: str, path: Path, hint: str | None = None) -> Diagnostic:
    """Return a finding that stops `up`."""
    return Diagnostic(code, message, Severity.ERROR, path, hint=hint)


def warning(code: str, message: str, path: Path, hint: str | None = None) -> Diagnostic:
    """Return a finding that does not."""
    return Diagnostic(code, message, Severity.WARNING, path, hint=hint)


def unreadable(code: str, path: Path, what: str, reason: ProviderError) -> Diagnostic:
    """Return the note that something could not be checked, so that silence never passes for consent."""
    return Diagnostic(code, f"not checked: {what} ({reason.message})", Severity.INFO, path, hint=reason.hint)


def where(machine: MachineWanted, *rest: str) -> Path:
    """Return the path of a machine's setting in the spec: its pool's."""
    return ("pools", machine.pool, *rest)


def asked(
    view: View,
    checks: Mapping[str, Callable[[View], Iterable[Diagnostic]]],
    unread: Callable[[str, ProviderError], Diagnostic],
) -> Iterator[Diagnostic]:
    """Yield the findings of checks that ask the cloud, one after the other.

    Args:
        view: what the checks look at.
        checks: by what they check, in the words of `unreadable`.
        unread: makes the note for a check that the cloud does not answer; the others go on.
    """
    for what, check in checks.items():
        try:
            yield from check(view)
        except ProviderError as problem:
            yield unread(what, problem)


def payload(code: str, machine: MachineWanted, limit: int, size: str, channel: str) -> Iterator[Diagnostic]:
    """Yield the finding that a machine's first-boot config does not fit into what carries it.

    Args:
        code: the finding's.
        machine: of which `payload_size` is looked at.
        limit: the most that the channel takes.
        size: what is counted, such as "bytes".
        channel: what the limit is of, such as "EC2 user data".
    """
    if machine.payload_size > limit:
        yield error(
            code,
            f"{machine.name}: its first-boot config may take {machine.payload_size:,} {size}; "
            f"{channel} holds {limit:,}",
            where(machine, "config"),
            "shorten it, or let it fetch its larger files by URL with a hash",
        )


def named(code: str, machine: MachineWanted, what: str) -> Iterator[Diagnostic]:
    """Yield the finding that a machine's name is no `NAME`."""
    if not re.fullmatch(NAME, machine.name):
        yield error(code, f"{machine.name!r} cannot be {what}'s name", where(machine))


def by_image(
    code: str, machines: Iterable[MachineWanted], image_of: Callable[[MachineWanted], str]
) -> Generator[Diagnostic, None, dict[str, MachineWanted]]:
    """Return the first machine of each image; yield the finding that one names none.

    Args:
        code: the finding's.
        machines: the cluster's.
        image_of: returns what a machine's image is called, "" for none.
    """
    users: dict[str, MachineWanted] = {}
    for machine in machines:
        users.setdefault(image_of(machine), machine)
    if "" in users:
        bare = users.pop("")
        hint = f"write `image:`, for example {'fcos' if bare.os == 'fcos' else 'flatcar'}-stable"
        yield error(code, f"{bare.name}: no image is named", where(bare, "image"), hint)
    return users

"""QEMU machines of this computer that are not provision's, found by their processes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from provision.model import MACHINE, Observed, State

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = Path("/proc")


def machines(work: Path) -> Iterator[Observed]:
    """Yield a machine for each process of qemu-system-* that has no file below `work` open, as all of ours have.

    Processes that may not be looked at are passed over: they are other users'.
    """
    for process in sorted(PROC.glob("[0-9]*"), key=lambda p: int(p.name)):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if not Path(words[0]).name.startswith("qemu-system-"):
                continue
            files = [fd.readlink() for fd in (process / "fd").iterdir()]
        except OSError:
            continue  # it has ended, or is not ours to see
        if not any(file.is_relative_to(work.absolute()) for file in files):
            name = _name(words) or f"pid-{process.name}"
            yield Observed(MACHINE, name, f"pid-{process.name}", "qemu", State.RUNNING, detail=words[0])


def _name(words: list[str]) -> str:
    """Return what ``-name`` says: ``web`` or ``guest=web,debug-threads=on``."""
    at = words.index("-name") + 1 if "-name" in words[:-1] else 0
    first = words[at].split(",", 1)[0] if at else ""
    return first.removeprefix("guest=")

"""What `vagrant --machine-readable` says. Pure.

Lines are ``time,machine,kind,data,...``; commas within data are written ``%!(VAGRANT_COMMA)`` and line feeds ``\\n``:
https://developer.hashicorp.com/vagrant/docs/cli/machine-readable
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

FIELDS = 4


class Line(NamedTuple):
    """One line: the machine that it is about ("" for none), its kind, and its data."""

    machine: str
    kind: str
    data: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """The answer to one call. `rest` is what was no machine-readable line: Ruby's own complaints, for instance."""

    code: int
    lines: tuple[Line, ...]
    rest: str
    log: str

    @classmethod
    def read(cls, code: int, text: str, log: str = "") -> Said:
        """Read all that a call wrote."""
        lines: list[Line] = []
        rest: list[str] = []
        for row in text.splitlines():
            fields = row.split(",")
            if len(fields) < FIELDS or not fields[0].isdigit():
                rest.append(row)
                continue
            machine, kind, *data = (_plain(field) for field in fields[1:])
            lines.append(Line(machine, kind, tuple(data)))
        return cls(code, tuple(lines), "\n".join(rest), log)

    @property
    def states(self) -> dict[str, str]:
        """The machines' states, in their hypervisor's words."""
        return {line.machine: line.data[0] for line in self.lines if line.kind == "state" and line.machine}

    def ended(self, action: str) -> set[str]:
        """Return the machines for which an action came to its end: Vagrant says so only when nothing failed."""
        return {line.machine for line in self.lines if line.kind == "action" and line.data[:2] == (action, "end")}

    @property
    def index(self) -> list[tuple[str, str]]:
        """The machines of `vagrant global-status`: name and directory."""
        return [(line.machine, line.data[0]) for line in self.lines if line.kind == "machine-home"]

    @property
    def failure(self) -> tuple[str, str]:
        """The class and the words of the error that ended the call; two times "" when there is none."""
        for line in self.lines:
            if line.kind == "error-exit":
                return line.data[0], line.data[1] if len(line.data) > 1 else ""
        return "", ""

    def complaints(self, machine: str) -> str:
        """Return the errors that were shown for one machine."""
        shown = (line for line in self.lines if line.machine == machine and line.kind == "ui")
        return "\n".join(line.data[1] for line in shown if line.data[0] == "error" and len(line.data) > 1)


def _plain(field: str) -> str:
    return field.replace("%!(VAGRANT_COMMA)", ",").replace("\\n", "\n").replace("\\r", "\r")

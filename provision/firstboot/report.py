"""What a machine says of its first boot: the report that the additions' phone-home sends, by HTTP or on the console."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BODY = 16 << 10
LINE = re.compile(r"provision: phone-home (\{.*\})")


@dataclass(frozen=True, slots=True)
class Report:
    """What a machine said of its first boot. `failed` names units that failed or were restarted again and again."""

    machine: str
    failed: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every unit came up."""
        return not self.failed


def on_console(text: str) -> Iterator[tuple[str, Report]]:
    """Yield (nonce, report) for each phone-home line of a serial console's text."""
    for match in LINE.finditer(text):
        found = parse(match[1])
        if found:
            yield found


def parse(text: str | bytes) -> tuple[str, Report] | None:
    """Return the nonce and the report of a phone-home message; None when it is not one."""
    try:
        data: dict[str, Any] = json.loads(text)
        failed = tuple(str(unit) for unit in data["failed"])
        return str(data["nonce"]), Report(str(data["machine"]), failed)
    except (ValueError, KeyError, TypeError):
        return None

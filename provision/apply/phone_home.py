"""Machines that report that their first boot is done: the route that they post to, and who has called."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provision.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.state.store import Store

KEY = "phone-home.key"
KEY_BYTES = 32
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


class Nonces:
    """The secrets by which machines are told apart: derived, so that there is nothing to keep for each of them.

    Args:
        store: keeps the cluster's key, made at first use.

    Raises:
        StateError: the key cannot be read or written.
    """

    def __init__(self, store: Store) -> None:
        blob = store.get(KEY)
        if blob is None:
            store.put(KEY, secrets.token_bytes(KEY_BYTES))
            blob = store.get(KEY)
        if blob is None or len(blob.data) != KEY_BYTES:
            raise StateError(f"the cluster's {KEY} is damaged", hint="restore the state's directory from a backup")
        self._key = blob.data

    def of(self, machine: str, generation: int) -> str:
        """Return the nonce of one machine in one generation, 32 hex digits."""
        return hmac.new(self._key, f"{machine}\n{generation}".encode(), hashlib.sha256).hexdigest()[:32]


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

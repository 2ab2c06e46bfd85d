"""The secrets by which machines are told apart that report their first boot, or fetch their keys."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from provision.errors import StateError

if TYPE_CHECKING:
    from provision.state.store import Store

KEY = "phone-home.key"
KEY_BYTES = 32


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

    def of(self, machine: str, generation: int, purpose: str = "") -> str:
        """Return the nonce of one machine in one generation, 32 hex digits; each purpose has its own."""
        text = f"{machine}\n{generation}" + (f"\n{purpose}" if purpose else "")
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:32]

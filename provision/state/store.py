"""Where a cluster's state is kept: one small protocol, so that a shared object store can take the directory's place.

A store holds one cluster. Keys are paths of plain names (``journal.jsonl``, ``requests/TOKEN.json``). Besides whole
values there is one appendable kind, for the journal: an object store keeps each append as an object named by its
offset, a directory keeps a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from provision.state.lock import Holder

ABSENT: Final = "absent"
"""The version of a key that has no value."""


class Blob(NamedTuple):
    """A value and the version by which `Store.put` tells whether it is still the one that was read."""

    data: bytes
    version: str


class Store(Protocol):
    """Get, put if unchanged, append, list, delete, lock."""

    def get(self, key: str) -> Blob | None:
        """Return a key's value, or None.

        Raises:
            StateError: it exists and cannot be read.
        """

    def put(self, key: str, data: bytes, *, expect: str | None = None, durable: bool = True) -> str:
        """Write a whole value and return its version; on any failure the old value stays.

        Args:
            key: where.
            data: what.
            expect: the version that the key must still have, `ABSENT` for none, None to overwrite whatever there is.
            durable: return only when a power cut cannot lose the value.

        Raises:
            StateError: another process changed the key, or it cannot be written (a full disk).
        """

    def append(self, key: str, data: bytes, at: int) -> int:
        """Add bytes behind the first `at` ones, durably, and return the new length; all of them or none.

        Raises:
            StateError: the value is not `at` bytes long (another process wrote), or it cannot be written.
        """

    def list(self, prefix: str = "") -> list[str]:
        """Return the keys that start with a prefix, sorted."""

    def delete(self, key: str) -> None:
        """Remove a key; one that is absent is no error."""

    def lock(
        self,
        holder: Holder,
        *,
        mode: Literal["shared", "exclusive"] = "exclusive",
        timeout: float = 0.0,
        waiting: Callable[[Holder | None], None] | None = None,
    ) -> AbstractContextManager[None]:
        """Hold the cluster's lock: exclusive for a run that writes, shared for a plan.

        Args:
            holder: who asks; shown to whoever is refused.
            mode: several may hold it shared, or one exclusive.
            timeout: seconds to wait for it.
            waiting: called once, with who holds it, before waiting.

        Raises:
            LockHeld: it is still held after `timeout`; the message names the holder.
        """

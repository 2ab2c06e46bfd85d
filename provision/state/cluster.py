"""One cluster's state as the engine and the plan use it: journal, stored requests, recipes.

==========================  ========================================================================================
key                         holds
==========================  ========================================================================================
``journal.jsonl``           intents and outcomes
``requests/TOKEN.json``     the exact requests of one create call, written before the intent that names them, with
                            payloads and so with secrets; removed when the call's outcome is known
``recipes/DIGEST.json``     body and recipe of a fingerprint, so that a plan can say what changed
==========================  ========================================================================================

Whoever needs more (a CA key, a discovery token) puts it into `store` under a key of its own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provision.errors import StateError
from provision.model import Request
from provision.state.fold import Status
from provision.state.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from provision.model import Json
    from provision.state.fold import Recorded
    from provision.state.store import Store


class ClusterState:
    """What provision remembers of one cluster. Open it while holding the store's lock.

    Raises:
        JournalCorrupt, StateError: as `Journal`.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.journal = Journal(store, clock)
        self._saved: set[str] = set()

    @property
    def recorded(self) -> Recorded:
        """What the journal says, as of the last append."""
        return self.journal.recorded

    def save_requests(self, requests: Sequence[Request]) -> None:
        """Write the requests of one create call durably, before its intent.

        Raises:
            StateError: they cannot be written.
        """
        data = json.dumps([r.to_json() for r in requests], separators=(",", ":")).encode()
        self.store.put(f"requests/{requests[0].token}.json", data)

    def requests(self, token: str) -> list[Request]:
        """Return the requests that an intent named, as they were sent.

        Raises:
            StateError: they are missing or damaged.
        """
        blob = self.store.get(f"requests/{token}.json")
        try:
            return [Request.from_json(r) for r in json.loads(blob.data)] if blob else _missing(token)
        except (ValueError, KeyError, TypeError) as error:
            raise StateError(f"the stored request {token} is damaged: {error}") from error

    def save_recipe(self, fingerprint: str, body: Json, recipe: Json | None) -> None:
        """Keep what a fingerprint stands for. Not durable: losing it costs a plan its detailed reasons, no more."""
        if fingerprint in self._saved:
            return
        self._saved.add(fingerprint)
        data = json.dumps({"body": body, "recipe": recipe}, separators=(",", ":")).encode()
        self.store.put(f"recipes/{fingerprint}.json", data, durable=False)

    def recipe(self, fingerprint: str) -> Json | None:
        """Return ``{"body": ..., "recipe": ...}`` of a fingerprint, or None when it is not known."""
        blob = self.store.get(f"recipes/{fingerprint}.json") if fingerprint else None
        try:
            found: Json | None = json.loads(blob.data) if blob else None
        except ValueError:
            return None  # torn by a power cut, see `save_recipe`
        return found

    def tidy(self) -> None:
        """Compact the journal and remove requests and recipes that nothing names any more.

        Raises:
            StateError: something cannot be written; what is needed is still there.
        """
        self.journal.compact()
        entries = self.recorded.entries.values()
        open_requests = {f"requests/{e.token}.json" for e in entries if e.status is Status.UNKNOWN}
        recipes = {f"recipes/{e.fingerprint}.json" for e in entries if e.exists}
        for prefix, used in (("requests/", open_requests), ("recipes/", recipes)):
            for key in self.store.list(prefix):
                if key not in used:
                    self.store.delete(key)


def _missing(token: str) -> list[Request]:
    raise StateError(f"the stored request {token} is missing", hint="restore the state's directory from a backup")

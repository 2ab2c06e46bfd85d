"""What the service counts, in Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.etcd.discovery.store import Store
    from provision.etcd.discovery.waiters import Waiters

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

HELP = {
    "requests_total": ("counter", "Requests by method and status."),
    "tokens": ("gauge", "Tokens that exist."),
    "registrations": ("gauge", "Members registered, all tokens together."),
    "waiters": ("gauge", "Long polls that are open."),
    "index": ("gauge", "The registry's index: writes so far."),
    "commits_total": ("counter", "Batches synced to the disk since the start."),
}


class Metrics:
    """Counts requests; reads the rest from the store when asked."""

    def __init__(self, store: Store, waiters: Waiters) -> None:
        self._store = store
        self._waiters = waiters
        self.requests: Counter[tuple[str, int]] = Counter()

    def text(self) -> str:
        """Return all metrics as one exposition."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        registry = self._store.registry
        values: dict[str, float] = {
            "tokens": len(registry.tokens),
            "registrations": sum(len(token.nodes) for token in registry.tokens.values()),
            "waiters": self._waiters.count,
            "index": registry.index,
            "commits_total": self._store.commits,
        }
        for name, (kind, text) in HELP.items():
            full = f"provision_discovery_{name}"
            yield f"# HELP {full} {text}"
            yield f"# TYPE {full} {kind}"
            if name in values:
                yield f"{full} {values[name]}"
            else:
                for (method, status), count in sorted(self.requests.items()):
                    yield f'{full}{{method="{method}",status="{status}"}} {count}'

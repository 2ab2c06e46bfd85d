"""The power of many machines at once: controllers are slow, and one that is silent must not hold up the others."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from provision.errors import ProviderError
from provision_pxe.power import control

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Json

WORKERS = 16


def states(machines: Mapping[str, Json]) -> dict[str, tuple[bool | None, str]]:
    """Return whether each machine is switched on (None: nobody can tell), and why that cannot be told.

    Args:
        machines: the power settings of each.
    """
    asked: SimpleQueue[str] = SimpleQueue()
    answers: SimpleQueue[tuple[str, bool | None, str]] = SimpleQueue()
    for name in machines:
        asked.put(name)
    for _ in range(min(WORKERS, len(machines))):
        threading.Thread(target=_ask, args=(machines, asked, answers), name="power", daemon=True).start()
    found = (answers.get() for _ in machines)
    return {name: (on, trouble) for name, on, trouble in found}


def _ask(
    machines: Mapping[str, Json], asked: SimpleQueue[str], answers: SimpleQueue[tuple[str, bool | None, str]]
) -> None:
    while True:
        try:
            name = asked.get_nowait()
        except Empty:
            return
        try:
            answers.put((name, control(name, machines[name]).state(), ""))
        except ProviderError as error:
            answers.put((name, None, error.message))
        except Exception as error:  # noqa: BLE001 - an answer must come for each, or `states` would wait for ever
            answers.put((name, None, f"the power of {name}: {error!r}"))

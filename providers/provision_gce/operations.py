"""Calls that GCE carries out later: sent under our request id, then waited for, never polled.

GCE ignores a request whose id it knows, and answers with the operation that the first one began
(https://cloud.google.com/compute/docs/api/how-tos/idempotency) - also when that has failed, hours ago perhaps. Nothing
came of it then, so the request is sent once more under an id of its own; that the name is free only once protects it.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision_gce import errors

if TYPE_CHECKING:
    from provision.model import Json
    from provision_gce.sdk import Cloud

DONE = "DONE"
LONGEST = 600.0
"""Seconds after which an operation is left to itself; the engine then looks what became of it."""

WAITS = 30
"""Waits for one operation; each holds for two minutes, but a busy server answers at once."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An operation that has succeeded. `replayed` says that it had ended before it was asked for: an earlier one."""

    target: str
    replayed: bool


def run(cloud: Cloud, operation: str, *, token: str = "", **where: Any) -> Ended:  # noqa: ANN401
    """Make a call and wait for its end.

    Args:
        cloud: the API.
        operation: such as ``instances.insert``.
        token: the request's id, a UUID; "" for none.
        where: the other parameters, ``body`` among them.

    Raises:
        ProviderError: GCE refused, or the operation failed; AMBIGUOUS when its end was not seen.
    """
    began = start(cloud, operation, token=token, **where)
    replayed = began["status"] == DONE
    if replayed and "error" in began:
        began = start(cloud, operation, token=str(uuid.uuid4()), **where)
        replayed = False
    ended = wait(cloud, operation, began)
    return Ended(ended.get("targetId", ""), replayed)


def start(cloud: Cloud, operation: str, *, token: str = "", **where: Any) -> Json:  # noqa: ANN401
    """Make a call and return the operation that it began."""
    return cloud.call(operation, **where, **({"requestId": token} if token else {}))


def wait(cloud: Cloud, operation: str, began: Json) -> Json:
    """Wait until an operation has ended, and return it.

    Raises:
        ProviderError: it failed; AMBIGUOUS when its end was not seen.
    """
    deadline, turns = time.monotonic() + LONGEST, 0
    while began["status"] != DONE:
        if time.monotonic() > deadline or turns >= WAITS:
            raise errors.under_way(operation, f"{began['name']} is {began['status']}")
        began, turns = _once(cloud, operation, began), turns + 1
    if "error" in began:
        raise errors.failed(operation, began)
    return began


def _once(cloud: Cloud, operation: str, began: Json) -> Json:
    service, where = _scope(began)
    try:
        return cloud.call(f"{service}.wait", operation=began["name"], **where)
    except ProviderError as error:
        raise errors.under_way(operation, error.message, retryable=error.kind is not Kind.AUTH) from error


def _scope(began: Json) -> tuple[str, dict[str, str]]:
    for scope in ("zone", "region"):
        if scope in began:
            return f"{scope}Operations", {scope: began[scope].rpartition("/")[2]}
    return "globalOperations", {}

"""Who did what when: one line of JSON for each begin and end of a command that makes, changes or deletes.

It lies in the state directory as ``audit.jsonl``, readable by its owner alone, and is only ever appended to. A begin
without an end is a run that was killed.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provision import paths
from provision.errors import ProvisionError, StateError
from provision.model import utc_text
from provision.state.lock import Holder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Json, Owner

FILE = "audit.jsonl"


@contextmanager
def audited(action: str, owner: Owner, **facts: object) -> Iterator[dict[str, object]]:
    """Write down that an action begins, and how it ends. What the block adds to the mapping stands in the end's line.

    Raises:
        StateError: it cannot be written; then nothing is done that nobody would know of.
    """
    _write(action, owner, "begun", facts)
    more: dict[str, object] = {}
    try:
        yield more
    except BaseException as error:
        told = {"error": error.message} if isinstance(error, ProvisionError) else {"error": type(error).__name__}
        _write(action, owner, "failed", {**facts, **more, **told})
        raise
    _write(action, owner, "done", {**facts, **more})


def entries() -> list[Json]:
    """Return all lines, the oldest first; one that a full disk tore is passed over.

    Raises:
        StateError: the log cannot be read.
    """
    path = paths.state() / FILE
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    except OSError as error:
        raise StateError(f"cannot read {path}: {error.strerror}") from error
    return [entry for line in lines if (entry := _parsed(line)) is not None]


def _parsed(line: str) -> Json | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _write(action: str, owner: Owner, result: str, facts: dict[str, object]) -> None:
    holder = Holder.current()
    entry = {
        "at": utc_text(datetime.now(UTC)),
        "who": f"{holder.user}@{socket.gethostname()}",
        "pid": holder.pid,
        "command": " ".join(sys.argv),
        "action": action,
        "cluster": owner.cluster,
        "uid": owner.uid,
        "result": result,
        **facts,
    }
    path = paths.state() / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, json.dumps(entry, separators=(",", ":")).encode() + b"\n")
        finally:
            os.close(fd)
    except OSError as error:
        raise StateError(f"cannot write {path}: {error.strerror}", hint="nothing was changed") from error

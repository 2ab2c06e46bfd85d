"""The control side of a strict cloud: a server of its own process, which tests steer and look into past its API."""

from __future__ import annotations

import atexit
import functools
import json
import subprocess
import sys
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provision.model import Json

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Control:
    """What every strict cloud does under /strict/."""

    url: str

    def ask(self, path: str, body: object = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/strict/{path}", data=data)) as answer:
            return json.loads(answer.read() or b"null")

    def reset(self) -> None:
        self.ask("reset", {})

    def faults(self, *faults: Json, seed: int = 0) -> None:
        """Set the faults that strike from now on; none heals."""
        self.ask("faults", {"faults": list(faults), "seed": seed})

    def calls(self) -> list[Json]:
        return self.ask("calls")  # type: ignore[no-any-return]

    def counts(self) -> Counter[str]:
        return Counter(call["action"] for call in self.calls())

    def world(self) -> dict[str, list[str]]:
        """Return what exists, past the API, without kinds of which there is nothing."""
        return {kind: found for kind, found in self.ask("world").items() if found}


@functools.cache
def start(module: str) -> str:
    """Start a server, one for this process, and return its URL; it ends when its standard input does."""
    child = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None

    def stop() -> None:
        child.stdin.close()  # type: ignore[union-attr]
        child.stdout.close()  # type: ignore[union-attr]
        child.wait(timeout=20)

    atexit.register(stop)
    return f"http://127.0.0.1:{int(child.stdout.readline())}"

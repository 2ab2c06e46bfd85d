"""The boot service: found through its store, or started as a process of its own that outlives `up`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from provision.netboot.store import BootStore, Service

LOG, STARTED = "serve.log", "started.json"
START_SECONDS = 60.0
"""How long the service may take until it can be reached."""
STOP_SECONDS = 15.0
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Keeper:
    """Whoever looks after the service of one store; `arguments` are those of `provision serve`."""

    store: BootStore
    arguments: Sequence[str] = ()

    def find(self) -> Service | None:
        """Return the service that runs, whoever started it."""
        return self.store.service()

    def ensure(self) -> Service:
        """Return the service, started if it does not run.

        Raises:
            ProviderError: it does not run and may not be started, or does not start.
        """
        found = self.find()
        if found is not None:
            return found
        if not self.arguments:
            raise ProviderError("no boot service runs [PV598]", kind=Kind.UNAVAILABLE, hint=self.hint())
        return self._start()

    def hint(self) -> str:
        """Return what to do when none runs."""
        return f"run `provision serve --data {self.store.directory}`, or write its arguments as `serve: [...]`"

    def stop(self) -> None:
        """End the service if `ensure` started it; one that somebody else started stays."""
        found = self.find()
        if found is None or found.pid != self._started():
            return
        with suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self.find() is not None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self._note.unlink(missing_ok=True)

    @property
    def _note(self) -> Path:
        return self.store.directory / STARTED

    def _started(self) -> int | None:
        try:
            return int(json.loads(self._note.read_text())["pid"])
        except (OSError, ValueError, KeyError):
            return None

    def _start(self) -> Service:
        directory = self.store.directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = [sys.executable, "-m", "provision", "serve", "--data", str(directory), *self.arguments]
        with (directory / LOG).open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory, start_new_session=True
            )
        self._note.write_text(json.dumps({"pid": process.pid}))
        deadline = time.monotonic() + START_SECONDS
        while (found := self.find()) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise self._failed(process)
            time.sleep(POLL_SECONDS)
        return found

    def _failed(self, process: subprocess.Popen[bytes]) -> ProviderError:
        code = process.poll()
        if code is None:
            process.terminate()
        lines = (self.store.directory / LOG).read_text(errors="replace").strip().splitlines()
        why = f"it ended with {code}" if code is not None else f"it is not there after {START_SECONDS:.0f} s"
        message = f"the boot service does not start: {why}{f': {lines[-1]}' if lines else ''} [PV598]"
        hint = f"{self.store.directory / LOG} says more"
        return ProviderError(message, kind=Kind.UNAVAILABLE, hint=hint)

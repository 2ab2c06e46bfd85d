"""A daemon that runs for as long as we do: started, its lines read, started again when it ends, ended with us.

Only the process that was started here is ever signalled. One that an earlier run left behind, because that run was
killed, is told by its command line and ended first.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from provision.errors import ProvisionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BACKOFF = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
"""Seconds to wait before the next start; a run of `STEADY` seconds begins the row anew."""
STEADY = 60.0
END_SECONDS = 5.0
FIRST_SECONDS = 0.3
"""A daemon that ends within this time of its first start has a bad configuration: its own words are the error."""


class Daemon:
    """One supervised process.

    Args:
        name: for messages.
        command: its arguments; the program first. It must stay in the foreground.
        line: is given each line that it writes, on the daemon's thread.
        state: is told when it runs (True) and when it does not.
        pid_file: where its pid is kept for the next run of ours.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        pid_file: Path,
        line: Callable[[str], None] = lambda _: None,
        state: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self.name, self.command = name, tuple(command)
        self._line, self._state, self._pid_file = line, state, pid_file
        self._end = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """The process's pid while it runs."""
        process = self._process
        return process.pid if process and process.poll() is None else None

    @contextmanager
    def running(self) -> Iterator[Daemon]:
        """Run it for the length of the context.

        Raises:
            ProvisionError: it cannot be started, or ends at once.
        """
        _end_leftover(self._pid_file, self.command)
        process = self._start()
        early = _ended(process, FIRST_SECONDS)
        if early is not None:
            said = process.communicate()[0].strip().splitlines()
            raise ProvisionError(f"{self.name} ended at once: {said[-1] if said else f'exit code {early}'}")
        thread = threading.Thread(target=self._supervise, args=(process,), name=self.name, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._end.set()
            self._stop()
            thread.join()
            self._pid_file.unlink(missing_ok=True)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, if it runs."""
        with self._lock:
            if self._process and self._process.poll() is None:
                self._process.send_signal(number)

    def _start(self) -> subprocess.Popen[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        with self._lock:
            if self._end.is_set():
                raise ProvisionError(f"{self.name} is not started: the service ends")
            try:
                self._process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    env=environment,
                    start_new_session=True,  # Ctrl-C is for us; we end it in good order
                )
            except OSError as error:
                raise ProvisionError(f"{self.name} cannot be started: {error.strerror}") from error
        self.starts += 1
        self._pid_file.parent.mkdir(parents=True, exist_ok=True)
        self._pid_file.write_text(f"{self._process.pid}\n")
        self._state(True)
        return self._process

    def _supervise(self, process: subprocess.Popen[str]) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            self._watch(process)
            self._state(False)
            if self._end.is_set():
                return
            failures = 0 if time.monotonic() - began >= STEADY else failures + 1
            pause = BACKOFF[min(failures, len(BACKOFF)) - 1]
            self._line(f"{self.name} ended with {process.returncode}; starting it again in {pause:g} s")
            if self._end.wait(pause):
                return
            try:
                process = self._start()
            except ProvisionError as error:
                self._line(error.message)

    def _watch(self, process: subprocess.Popen[str]) -> None:
        """Pass its lines on until it has ended, and what it started with it."""
        reader = threading.Thread(target=self._read, args=(process,), name=f"{self.name}'s lines", daemon=True)
        reader.start()
        process.wait()
        with suppress(ProcessLookupError):  # workers of a killed master would keep its port and our pipe
            os.killpg(process.pid, signal.SIGKILL)
        reader.join()

    def _read(self, process: subprocess.Popen[str]) -> None:
        if process.stdout and not process.stdout.closed:
            with process.stdout:
                for text in process.stdout:
                    self._line(text.rstrip())

    def _stop(self) -> None:
        with self._lock:
            process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        if _ended(process, END_SECONDS) is None:
            process.kill()


def _ended(process: subprocess.Popen[str], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _end_leftover(pid_file: Path, command: Sequence[str]) -> None:
    """End the process that an earlier run of ours left, if that pid is still the same program on the same files."""
    try:
        pid = int(pid_file.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode(errors="replace")
    except (OSError, ValueError):
        return
    if command[-1] not in words:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + END_SECONDS
        while Path(f"/proc/{pid}/cmdline").exists() and time.monotonic() < deadline:
            time.sleep(0.05)

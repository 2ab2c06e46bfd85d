"""Calls of the program `vagrant`: each in a process group of its own, with a limit of time and a log file.

python-vagrant knows neither limits nor what went wrong (it loses stderr), and reads status lines of four fields only;
so it is used where nothing can hang or be lost, for the lists of boxes and plugins (see `installed`).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provision_vagrant import errors
from provision_vagrant.said import Said

if TYPE_CHECKING:
    from pathlib import Path

QUICK = 120.0
"""Seconds for what only looks; it takes 1 to 15 on a busy computer."""

SLOW = 900.0
"""Seconds for what switches machines off or removes them."""

GRACE = ((signal.SIGINT, 20.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 0.0))
"""How a call is ended, with the seconds until the next and ruder signal. At SIGINT, Vagrant tidies up."""

KEPT_LOGS = 50

KEEPER = '"$@" </dev/null; exit $?'
"""The shell keeps the lock, as its input, until Vagrant ends; what Vagrant starts to stay does not inherit it."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs `vagrant` in a directory.

    `plugin` is Vagrant's name of the hypervisor, and `held` the lock that Vagrant is to hold as long as it runs.
    """

    directory: Path
    plugin: str
    logs: Path
    held: int | None = None

    def call(self, *words: str, seconds: float) -> Said:
        """Run a command to its end; what it says is in the answer, whatever its exit code is.

        Raises:
            ProviderError: there is no Vagrant here, or the command did not end in time.
        """
        program = shutil.which("vagrant")
        if program is None:
            raise errors.missing()
        log = self._log(words[0])
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["/bin/sh", "-c", KEEPER, "sh", program, *words, "--machine-readable", "--no-color"],
                cwd=self.directory,
                env=self.environment(),
                stdin=subprocess.DEVNULL if self.held is None else self.held,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us: what Vagrant does, it does to the end
            )
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                _end(process)
                raise errors.hung(words[0], seconds, log) from None
        return Said.read(code, _tidied(log), str(log))

    def environment(self) -> dict[str, str]:
        """Return the environment of all calls: nothing in it may lead Vagrant to another directory or hypervisor."""
        stray = ("VAGRANT_CWD", "VAGRANT_VAGRANTFILE", "VAGRANT_DOTFILE_PATH", "VAGRANT_LOG")
        kept = {name: value for name, value in os.environ.items() if name not in stray}
        return {**kept, "VAGRANT_DEFAULT_PROVIDER": self.plugin, "VAGRANT_CHECKPOINT_DISABLE": "1"}

    def _log(self, verb: str) -> Path:
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in sorted(self.logs.glob("*.log"))[: -KEPT_LOGS + 1]:
            old.unlink(missing_ok=True)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        log = self.logs / f"{stamp}-{verb}.log"
        os.close(os.open(log, os.O_WRONLY | os.O_CREAT, 0o600))
        return log


def _end(process: subprocess.Popen[bytes]) -> None:
    for number, seconds in GRACE:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and _lives(process):
            time.sleep(0.05)
    process.wait()


def _lives(process: subprocess.Popen[bytes]) -> bool:
    """Whether anything of the process group is left; the leader is reaped on the way."""
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def _tidied(log: Path) -> str:
    """Return a log without the thousands of passing states of progress bars, and keep it so."""
    raw = log.read_text(errors="replace")
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in raw.split("\n"))
    if text != raw:
        log.write_text(text)
    return text

"""Run by test_crash.py: kill or interrupt a creation or deletion at every call that it makes, one after another.

Each round forks a child whose N-th call of a function of the provider kills it (or raises KeyboardInterrupt); what
is left is then looked at and finished by the parent, as the next run of provision would. Ends when a child survives,
and prints how many calls there are. STRIDE above 1 tries only each so many-th of them.
Usage: crash.py ROOT create|delete kill|interrupt STRIDE
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import provision_qemu
from provision.model import State
from provision_qemu import machines  # noqa: F401  # imported here, so that the calls counted are its work alone
from tests.unit.providers.qemu.kit import Kit, processes, until

PACKAGE = str(Path(provision_qemu.__file__).parent)


def die_at(number: int, how: str) -> list[str]:
    """Arm this process: its call with that number, within the provider, is its last. Returns the calls so far."""
    seen: list[str] = []

    def profile(frame, event, _argument):
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            seen.append(frame.f_code.co_name)
            if len(seen) == number and how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if len(seen) == number:
                raise KeyboardInterrupt

    sys.setprofile(profile)
    return seen


def child(kit: Kit, what: str, how: str, number: int) -> None:
    listed = kit.list()
    seen = die_at(number, how)
    # Python swallows an interrupt that hits while it closes a forgotten generator: then the work goes on.
    with suppress(KeyboardInterrupt):
        if what == "create":
            kit.make("one")
        else:
            kit.delete(*listed)
    os._exit(len(seen) >= number)


def survived(kit: Kit, what: str, how: str, number: int) -> bool:
    pid = os.fork()
    if pid == 0:
        child(kit, what, how, number)
    _, status = os.waitpid(pid, 0)
    return status == 0


def settle(kit: Kit, what: str, number: int) -> None:
    """Do what the next `up` or `down` does, and insist on one machine, then on none."""
    left = kit.list()
    assert len(left) <= 1, left
    if what == "create" and number % 3:
        machine = kit.make("one")
        assert machine.state is State.RUNNING, machine
        assert len(processes(kit.root)) == 1
        assert kit.list() == [machine]
        assert not left or left[0].id == machine.id
    kit.delete(*kit.list())
    until(lambda: not processes(kit.root))
    assert kit.list() == []
    assert list(kit.context.work.iterdir()) == []


def main() -> None:
    root, what, how, stride = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    kit = Kit(root)
    for number in itertools.count(1, stride):
        if what == "delete":
            kit.make("one")
        if survived(kit, what, how, number):
            break
        settle(kit, what, number)
    kit.delete(*kit.list())
    print(number)


main()

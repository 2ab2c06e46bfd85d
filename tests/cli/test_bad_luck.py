"""Real processes on the fake cloud, and what befalls them: signals, kill -9, two at once, a full or damaged disk."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from provision.state import home, records
from provision.state.cluster import ClusterState
from provision.state.lock import Holder
from provision.testing.faults import Fault

from .world import MACHINES, PARTS, World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SLOW = "{fake: {latency: 0.4}}"
EVERYTHING = sorted([*MACHINES, *PARTS])


def start(*argv: str, limit: Callable[[], None] = lambda: None) -> subprocess.Popen[str]:
    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a job in the background ignores it
        limit()

    line = [sys.executable, "-m", "provision", *argv]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=prepare)


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


def asked(world: World, op: str, times: int = 1) -> Callable[[], bool]:
    """Whether the cloud was asked to do something so often."""
    return lambda: world.calls > 0 and world.cloud.calls()[op] >= times


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def goes_on_to_the_end(world: World) -> None:
    """`up` makes what is missing and nothing twice; `down` leaves nothing."""
    assert world.up("--yes").code == 0
    assert world.names == EVERYTHING
    assert max(world.cloud.ever_made().values()) == 1
    assert world.run("plan").out.startswith("Nothing to do")
    assert world.run("down", "--yes").code == 0
    assert world.names == []


@pytest.fixture
def slow(world: World) -> World:
    world.change("{fake: }", SLOW)
    return world


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_drains(slow: World, number: signal.Signals) -> None:
    process = start("up", "--no-wait")
    until(asked(slow, "create", 1))
    process.send_signal(number)
    code, err = ended(process)
    assert code == 130
    assert f"draining ({number.name}; " in err
    assert "error: interrupted with" in err
    assert "run the same command again to go on, or `provision down` to remove all" in err
    assert 0 < len(slow.names) < len(EVERYTHING)
    goes_on_to_the_end(slow)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_first_boots_are_awaited(world: World, number: signal.Signals) -> None:
    process = start("up")
    assert process.stderr
    while "] ended" not in (line := process.stderr.readline()):
        assert line, "it ended"
    process.send_signal(number)
    code, err = ended(process)
    assert code == 130
    assert err == (
        "error: interrupted while waiting for the cluster to work\n"
        "  `up` again waits on, `provision down` removes all\n"
    )
    goes_on_to_the_end(world)


def test_two_signals_leave_at_once(slow: World) -> None:
    slow.cloud.inject(Fault("create", slow=20))
    process = start("up", "--no-wait")
    until(asked(slow, "create"))
    process.send_signal(signal.SIGINT)
    line = process.stderr.readline() if process.stderr else ""
    while "draining" not in line:
        assert line, "it ended"
        line = process.stderr.readline() if process.stderr else ""
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    code, err = ended(process)
    assert code == 130
    assert "Traceback" not in err
    assert time.monotonic() - began < 10
    goes_on_to_the_end(slow)


@pytest.mark.parametrize("creations", [1, 2, 3])
def test_kill_9_during_up(slow: World, creations: int) -> None:
    process = start("up", "--no-wait")
    until(asked(slow, "create", creations))
    process.kill()
    assert ended(process)[0] == -signal.SIGKILL
    goes_on_to_the_end(slow)


def test_kill_9_during_up_then_down(slow: World) -> None:
    process = start("up", "--no-wait")
    until(asked(slow, "create", 3))
    process.kill()
    ended(process)
    assert slow.run("down", "--yes").code == 0
    assert slow.names == []
    assert slow.run("list").err == "nothing runs\n"


def test_kill_9_during_down(slow: World) -> None:
    slow.up()
    process = start("down", "--yes")
    until(asked(slow, "delete"))
    process.kill()
    ended(process)
    assert slow.run("down", "--yes").code == 0
    assert slow.names == []


def test_two_first_runs_at_once_agree_on_one_lock(slow: World) -> None:
    both = [start("up", "--no-wait", "--lock-timeout", "60") for _ in range(2)]
    answers = [ended(process) for process in both]
    assert [code for code, _ in answers] == [0, 0], answers
    assert slow.names == EVERYTHING
    assert max(slow.cloud.ever_made().values()) == 1
    assert len({o.labels.uid for o in slow.cloud.census() if o.labels}) == 1
    assert sum("waiting for " in err and "to end" in err for _, err in answers) == 1


@pytest.mark.parametrize(
    "command", [["up", "--no-wait"], ["down", "--yes"], ["plan"], ["replace", "--no-wait", "--yes", "shop-db-1"]]
)
def test_a_second_run_is_refused_with_the_holders_name(world: World, command: list[str]) -> None:
    world.up()
    known = home.known(world.root / "state")[0]
    with home.store(world.root / "state", known.owner).lock(Holder.current("provision up elsewhere")):
        refused = world.run(*command)
    assert refused.code == 5
    assert f"the cluster is locked by 'provision up elsewhere' (pid {os.getpid()}, " in refused.err
    assert world.run(*command).code == 0


def test_a_killed_holder_holds_nothing(slow: World) -> None:
    process = start("up", "--no-wait")
    until(asked(slow, "create"))
    refused = slow.up()
    assert refused.code == 5
    assert f"pid {process.pid}" in refused.err
    process.kill()
    ended(process)
    goes_on_to_the_end(slow)


def journal(world: World) -> Path:
    (found,) = (world.root / "state").rglob("journal.jsonl")
    return found


def test_a_torn_journal_is_read_up_to_the_tear(world: World) -> None:
    world.up()
    with journal(world).open("ab") as file:
        file.write(b'{"v":1,"seq":99,"at":"2026')
    assert world.run("plan").out.startswith("Nothing to do")
    goes_on_to_the_end(world)


def test_a_damaged_journal_is_refused_and_the_way_out_works(world: World) -> None:
    world.up()
    data = bytearray(journal(world).read_bytes())
    data[len(data) // 2] ^= 1
    journal(world).write_bytes(data)
    for command in (["plan"], ["up"], ["down", "--yes"], ["status"]):
        refused = world.run(*command)
        assert refused.code == 5, command
        assert "of journal.jsonl is damaged: its checksum is wrong [PV650]" in refused.err
        assert "`provision adopt` rebuilds it from labels" in refused.err
    assert world.names == EVERYTHING

    journal(world).parent.rename(world.root / "damaged")
    adopted = world.run("adopt")
    assert adopted.code == 0
    assert world.run("plan").out.startswith("Nothing to do")
    goes_on_to_the_end(world)


def test_the_damaged_note_of_another_cluster(world: World) -> None:
    world.up()
    uid = "11111111-1111-4111-8111-111111111111"
    other = world.root / "state" / f"other-{uid}" / home.ABOUT
    other.parent.mkdir()
    other.write_text("{")
    assert world.run("status", "shop").code == 0
    refused = world.run("status", "other")
    assert refused.code == 5
    assert f"other-{uid}/cluster.json is damaged" in refused.err
    assert world.run("down", "--yes", "shop").code == 0
    assert world.names == []


def test_a_full_disk(world: World) -> None:
    """No file may grow beyond the journal's present length: the same to the program as a disk without room."""
    world.up()
    known = home.known(world.root / "state")[0]
    state = ClusterState(home.store(world.root / "state", known.owner), lambda: datetime.now(UTC))
    state.journal.append([records.note("padding", {"n": n}) for n in range(4000)])
    size = journal(world).stat().st_size
    assert size > 3 * sum(f.stat().st_size for f in (world.root / "data").rglob("*.sqlite"))
    world.change("web: {count: 2", "web: {count: 3")

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, resource.RLIM_INFINITY))

    process = start("up", "--no-wait", limit=limit)
    code, err = ended(process)
    assert code == 5, err
    assert "Traceback" not in err
    assert "cannot write" in err
    assert "journal.jsonl" in err
    assert world.names == EVERYTHING
    assert world.up().code == 0
    assert "shop-web-3" in world.names
    assert max(world.cloud.ever_made().values()) == 1


def test_a_state_that_is_no_directory(world: World) -> None:
    (world.root / "state").write_text("")
    refused = world.up()
    assert refused.code == 5
    assert "Traceback" not in refused.err
    assert world.names == []


def test_a_read_only_state(world: World) -> None:
    world.up()
    world.change("web: {count: 2", "web: {count: 3")
    here = world.root / "state"
    script = f"mount --bind {here} {here} && mount -o remount,ro,bind {here} && exec {sys.executable} -m provision"
    for command, code in (("up --no-wait", 5), ("status", 0), ("down --yes", 5)):
        done = subprocess.run(
            ["unshare", "--map-root-user", "--mount", "sh", "-c", f"{script} {command}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, (command, done.stderr)
        assert "Traceback" not in done.stderr
        assert code == 0 or "Read-only file system" in done.stderr
    assert world.names == EVERYTHING


def test_a_spec_beside_which_no_lock_can_be_written(world: World) -> None:
    (world.root / "cluster.lock").mkdir()
    refused = world.up()
    assert refused.code == 3
    assert "Traceback" not in refused.err
    assert world.calls == 0

"""What `up` and `down` say while they work: JSON lines, a pipe, a terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from .world import MACHINES, PARTS, World

VALIDATOR = jsonschema.Draft202012Validator(
    json.loads(files("provision_schemas").joinpath("event.v1.schema.json").read_text())
)


def events(lines: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in lines.splitlines()]
    for event in found:
        VALIDATOR.validate(event)
    return found


def test_json_lines(world: World) -> None:
    up = world.up("--json")
    assert up.code == 0
    told = events(up.out)
    assert (told[0]["event"], told[-1]["event"]) == ("begun", "ended")
    assert sorted(e["name"] for e in told if e["event"] == "ready") == sorted([*MACHINES, *PARTS])
    down = world.run("down", "--yes", "--json")
    assert sorted(e["name"] for e in events(down.out) if e["event"] == "deleted") == sorted([*MACHINES, *PARTS])


def test_what_is_waited_for_after_the_engine_is_an_event_too(world: World) -> None:
    """The fake cloud's machines have no console and never report: what is said in between must be an event."""
    ran = world.run("up", "--json", "--timeout", "2")
    assert ran.code == 9
    assert "no report of the first boot in time from shop-db-1, shop-db-2, shop-web-1, shop-web-2" in ran.err
    events(ran.out)


def test_a_failure_is_told_and_counted(world: World) -> None:
    world.change("{fake: }", "{fake: {faults: [{op: create, kind: quota, name: shop-web-1, times: 1}]}}")
    failed = world.up("--json")
    assert failed.code == 8
    assert {e["name"] for e in events(failed.out) if e["event"] == "failed"} >= {"shop-web-1"}
    assert "error: " in failed.err
    assert "`provision up` again goes on" in failed.err
    assert world.up().code == 0


SLOW = "{fake: {boot: 1.5}}"


def test_a_pipe_gets_plain_lines(world: World) -> None:
    world.change("{fake: }", SLOW)
    done = subprocess.run(
        [sys.executable, "-m", "provision", "up", "--no-wait"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr
    assert done.stderr.count("waiting for 4 to be ready") == 1


@pytest.mark.parametrize("variable", ["", "NO_COLOR"])
def test_a_terminal_gets_one_line_that_moves(world: World, variable: str) -> None:
    world.change("{fake: }", SLOW)
    said, code = on_a_terminal(["up", "--no-wait"], {"TERM": "xterm", **({variable: "1"} if variable else {})})
    assert code == 0
    assert "\r\x1b[K[" in said
    assert said.endswith("shop is up\r\n")


def test_a_dumb_terminal_gets_plain_lines(world: World) -> None:
    world.change("{fake: }", SLOW)
    said, code = on_a_terminal(["up", "--no-wait"], {"TERM": "dumb"})
    assert code == 0
    assert "\x1b" not in said


def test_colours_are_for_terminals_that_want_them(world: World) -> None:
    assert "\x1b[31;1merror:\x1b[0m" in on_a_terminal(["up", "missing.yaml"], {"TERM": "xterm"})[0]
    assert "\x1b" not in on_a_terminal(["up", "missing.yaml"], {"TERM": "xterm", "NO_COLOR": "1"})[0]


def on_a_terminal(argv: list[str], environment: dict[str, str]) -> tuple[str, int]:
    """Run a command with a terminal of its own; return all that it showed, and its exit code."""
    ours, theirs = pty.openpty()
    variables = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "CLICOLOR_FORCE"}} | environment
    with subprocess.Popen(
        [sys.executable, "-m", "provision", *argv], stdin=theirs, stdout=theirs, stderr=theirs, env=variables
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says EIO when the other side is closed
                break
            shown += part
        code = process.wait()
    os.close(ours)
    return shown.decode(), code


def test_a_person_must_type_the_name(world: World) -> None:
    world.up()
    for typed, code, left in (("yes", 2, 6), ("shop", 0, 0)):
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "provision", "down"], stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            os.write(ours, f"{typed}\n".encode())
            while True:
                try:
                    os.read(ours, 65536)
                except OSError:
                    break
            assert process.wait() == code
        os.close(ours)
        assert len(world.names) == left

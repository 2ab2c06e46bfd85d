"""The deadline on a real machine: it is moved by ssh, outlasts a reboot and a wrong clock, and ends the machine."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from .bench import BOOT, Operator, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "brief-web-1"
SPEC = """\
version: 1
cluster: brief
owner: lab@example.com
ttl: 8h
os: lab
ssh: {{keys: ["{key}"]}}
providers: {{qemu: {{image: lab}}}}
pools: {{web: {{count: 1, size: {{cpus: 1, memory: 512MiB}}}}}}
"""
READY = "provision-lab: ready"
ENDS = "provision: the deadline"


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "id"], check=True)
    key = (tmp_path / "id.pub").read_text().strip()
    (tmp_path / "cluster.yaml").write_text(SPEC.format(key=key))
    operator = Operator(tmp_path)
    try:
        yield operator
    finally:
        operator.clean_up()


def says(operator: Operator, command: str) -> str:
    said = operator.run("ssh", "-i", "id", NAME, "--", command)
    assert said.code == 0, said.err
    return said.out.strip()


def states(operator: Operator) -> list[str]:
    (row,) = json.loads(operator.run("list", "--json").out)["clusters"]
    return list(row["states"])


@pytest.mark.vm
@pytest.mark.timeout(1800)
def test_a_machine_ends_itself(operator: Operator) -> None:
    assert operator.up().code == 0

    # Its clock is set back to before provision's time: that proves nothing, and the machine goes on.
    says(operator, "sudo date -u -s 1999-01-01T00:00:00Z && sudo systemctl start provision-deadline.service")
    assert "clock is not set" in says(operator, "sudo journalctl -u provision-deadline.service -o cat")
    says(operator, f"sudo date -u -s @{datetime.now(UTC).timestamp():.0f}")

    # The deadline is moved in the machine, by ssh, and the machine boots again: what was moved stays moved.
    moved = operator.run("extend", "brief", "2h", "-i", "id", "--json")
    assert moved.code == 0
    told = json.loads(moved.out)
    assert told["reached"] == [NAME]
    assert says(operator, "cat /etc/provision/deadline") == told["expires"]
    says(operator, "nohup sh -c 'sleep 2; sudo systemctl reboot' >/dev/null 2>&1 &")  # the session must end before it
    until(lambda: operator.heard(NAME).count(READY) == 2, BOOT)
    assert says(operator, "cat /etc/provision/deadline") == told["expires"]

    # A deadline that is near: the machine powers itself off, after it and not before.
    end = datetime.now(UTC) + timedelta(seconds=45)
    assert operator.run("extend", "brief", "--until", end.isoformat(timespec="seconds"), "-i", "id").code == 0
    assert "tended" in states(operator)
    until(lambda: not operator.processes(), 300)
    assert datetime.now(UTC) > end
    assert ENDS in operator.heard(NAME)
    assert operator.status()["machines"][0]["state"] == "stopped"

    # On this platform a machine that is off is still there: the inventory says who deletes it, and the reaper does.
    assert states(operator) == ["expired", "tended"]
    assert operator.run("reap", "--dry-run", "--grace", "0m").code == 0
    reaped = operator.run("reap", "--grace", "0m", "--json")
    assert [row["fate"] for row in json.loads(reaped.out)["clusters"]] == ["reaped"]
    operator.leaves_nothing()

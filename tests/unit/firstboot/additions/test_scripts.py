"""The scripts that go to machines, run by this computer's sh; the machine's programs are replaced by ones that tell."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from provision.firstboot.report import on_console

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TEXTS = resources.files("provision_schemas.additions").joinpath("v1")
SCRIPTS = ("end-at-deadline", "phone-home", "etcd-address")


class Machine:
    """A folder in place of a machine: its files, and programs that write down how they were called."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "bin").mkdir()
        (root / "etc").mkdir()
        (root / "console").touch()
        (root / "calls").touch()
        self.program("sleep", "")

    def program(self, name: str, script: str) -> None:
        path = self.root / "bin" / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.root}/calls\n{script}\n')
        path.chmod(0o755)

    def run(self, name: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        text = TEXTS.joinpath(name).read_text("utf-8")
        for ours, here in (
            ("/etc/provision", self.root / "etc"),
            ("/dev/console", self.root / "console"),
            ("/var/lib/provision", self.root / "var"),
            ("/run/provision", self.root / "run"),
        ):
            text = text.replace(ours, str(here))
        script = self.root / name
        script.write_text(text)
        path = f"{self.root / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            ["sh", script],
            env={"PATH": path, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def calls(self) -> list[str]:
        return (self.root / "calls").read_text().splitlines()

    @property
    def console(self) -> str:
        return (self.root / "console").read_text()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("name", SCRIPTS)
def test_shells_take_them(name: str) -> None:
    text = TEXTS.joinpath(name).read_text("utf-8")
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    assert shutil.which("shellcheck"), "install Debian's package `shellcheck`"
    done = subprocess.run(["shellcheck", "-s", "sh", "-"], input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("deadline", "ends"),
    [
        ("2001-01-01T00:00:00Z", True),
        ("2020-02-29T23:59:59Z", True),
        ("2999-01-01T00:00:00Z", False),
        ("never", False),
    ],
)
def test_the_deadline(machine: Machine, deadline: str, ends: bool) -> None:
    machine.program("systemctl", "")
    (machine.root / "etc" / "deadline").write_text(f"{deadline}\n")
    assert machine.run("end-at-deadline").returncode == 0
    assert machine.calls == (["systemctl poweroff --no-block"] if ends else [])
    assert (f"the deadline {deadline} has passed" in machine.console) is ends


def test_a_clock_that_is_not_set_ends_nothing(machine: Machine) -> None:
    machine.program("systemctl", "")
    machine.program("date", "case $* in *-d*) echo 100 ;; *) echo 200 ;; esac")
    (machine.root / "etc" / "deadline").write_text("1970-01-01T00:01:40Z\n")
    assert "not set" in machine.run("end-at-deadline").stdout
    assert not [call for call in machine.calls if call.startswith("systemctl")]


@pytest.mark.parametrize("content", ["", "soon\n", "2001-01-01T00:00:00Z"])
def test_a_deadline_that_cannot_be_read_is_a_failed_unit(machine: Machine, content: str) -> None:
    machine.program("systemctl", "")
    (machine.root / "etc" / "deadline").write_text(content)
    assert machine.run("end-at-deadline").returncode != 0
    assert machine.calls == []


SYSTEMCTL = """
case $* in
  *--state=failed*) printf '%s' "$FAILED" ;;
  *--state=auto-restart*) [ -e "$0.again" ] || printf '%s' "$WAITING"; [ -z "$ONCE" ] || : >"$0.again" ;;
  *) printf 'Id=%s\\nNRestarts=%s\\n\\n' a.service 0 b.service "$RESTARTS" 'c\\x2dd.service' 1 ;;
esac
"""
ENVIRONMENT = {"PROVISION_MACHINE": "demo-core-1", "PROVISION_NONCE": "0123", "PROVISION_URL": "", "RESTARTS": "1"}
ENVIRONMENT |= {"FAILED": "", "WAITING": "", "ONCE": ""}


@pytest.mark.parametrize(
    ("state", "failed"),
    [
        ({}, []),
        ({"RESTARTS": "2"}, ["b.service"]),
        (
            {"FAILED": "x.service loaded failed failed An x\ny.mount loaded failed failed A y\n"},
            ["x.service", "y.mount"],
        ),
        ({"FAILED": "b.service loaded failed failed B\n", "RESTARTS": "5"}, ["b.service"]),
        ({"FAILED": "a\\x2db.service loaded failed failed A\n"}, ["a\\x2db.service"]),
        ({"WAITING": "w.service loaded activating auto-restart W\n"}, ["w.service"]),
        ({"WAITING": "w.service loaded activating auto-restart W\n", "ONCE": "1"}, []),
    ],
)
def test_what_a_machine_reports(machine: Machine, state: dict[str, str], failed: list[str]) -> None:
    machine.program("systemctl", SYSTEMCTL)
    done = machine.run("phone-home", {**ENVIRONMENT, **state})
    assert done.returncode == 0, done.stderr
    ((nonce, report),) = on_console(machine.console)
    assert (nonce, report.machine, list(report.failed)) == ("0123", "demo-core-1", failed)
    assert f'"ok":{json.dumps(not failed)}' in machine.console
    assert (machine.root / "var" / "phoned-home").exists()
    assert not [call for call in machine.calls if call.startswith("curl")]


def test_the_report_is_sent_until_it_arrives(machine: Machine) -> None:
    machine.program("systemctl", SYSTEMCTL)
    machine.program("curl", f"cat >{machine.root}/body; echo >>{machine.root}/n; [ $(wc -l <{machine.root}/n) = 3 ]")
    url = "http://10.0.2.2:1/phone-home/0123"
    assert machine.run("phone-home", {**ENVIRONMENT, "PROVISION_URL": url}).returncode == 0
    sent = [call for call in machine.calls if call.startswith("curl")]
    assert len(sent) == 3
    assert all(call.endswith(url) for call in sent)
    assert (machine.root / "body").read_text() in machine.console


def test_nobody_listens_for_ever(machine: Machine) -> None:
    machine.program("systemctl", SYSTEMCTL)
    machine.program("curl", "cat >/dev/null; exit 7")
    assert machine.run("phone-home", {**ENVIRONMENT, "PROVISION_URL": "http://10.0.2.2:1/"}).returncode == 0
    assert len([call for call in machine.calls if call.startswith("curl")]) == 31
    assert (machine.root / "var" / "phoned-home").exists(), "the console has said it"


def test_the_address_that_others_reach(machine: Machine) -> None:
    machine.program("ip", "echo '192.0.2.1 via 10.0.0.1 dev eth0 src 10.0.0.7 uid 0 \\    cache '")
    assert machine.run("etcd-address").returncode == 0
    assert (machine.root / "run" / "etcd-address").read_text().splitlines() == [
        "ETCD_ADVERTISE_CLIENT_URLS=http://10.0.0.7:2379",
        "ETCD_INITIAL_ADVERTISE_PEER_URLS=http://10.0.0.7:2380",
    ]


def test_no_address_at_all(machine: Machine) -> None:
    machine.program("ip", "exit 2")
    assert machine.run("etcd-address").returncode == 1
    assert "no IPv4 address" in machine.console
    assert not (machine.root / "run").exists()

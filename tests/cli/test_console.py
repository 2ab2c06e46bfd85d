from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from provision import registry
from provision.testing.fakecloud import FakeCloud

if TYPE_CHECKING:
    import pytest

    from provision.model import Observed

    from .world import World


class Talking(FakeCloud):
    """A cloud whose machines have consoles."""

    __module__ = FakeCloud.__module__  # beside which the options' schema lies

    def console(self, machine: Observed) -> str:
        return "\x1bc\x1b[32mone\x1b[0m\r\ntwo\r\nthree\r\n"


def test_a_platform_without_consoles(world: World) -> None:
    world.up()
    shown = world.run("console", "shop-db-1")
    assert shown.code == 2
    assert "provider fake cannot show a console" in shown.err


def test_what_a_machine_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.up()
    monkeypatch.setattr(registry, "load", lambda name: Talking)
    assert world.run("console", "shop-db-1").out == "one\ntwo\nthree\n"
    assert world.run("console", "-n", "2", "shop-db-1", "--cluster", "shop").out == "two\nthree\n"


def test_machines_are_found_by_their_names(world: World) -> None:
    world.up()
    missing = world.run("console", "shop-db-9")
    assert missing.code == 2
    assert "shop has no machine 'shop-db-9'" in missing.err
    assert "there are: shop-db-1, shop-db-2, shop-web-1, shop-web-2" in missing.err


def test_ssh_to_a_machine_that_does_not_run(world: World) -> None:
    """ssh takes over the process: its own words and its own exit code."""
    world.up()
    done = subprocess.run(
        [sys.executable, "-m", "provision", "ssh", "shop-db-1", "--", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 255
    assert "Connection refused" in done.stderr

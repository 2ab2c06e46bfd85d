"""Machines that are wanted and switched off."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import pytest

from provision import registry
from provision.model import State
from provision.testing.fakecloud import FakeCloud

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Observed, Owner

    from .world import World


class Sleepy(FakeCloud):
    """A cloud on which some machines are switched off."""

    __module__ = FakeCloud.__module__  # beside which the options' schema lies
    off: ClassVar[set[str]] = set()

    def list(self, owner: Owner | None) -> Iterator[Observed]:
        for thing in super().list(owner):
            yield replace(thing, state=State.STOPPED) if thing.name in self.off else thing


class Switched(Sleepy):
    """One that provision may switch on."""

    __module__ = FakeCloud.__module__

    def power(self, machine: Observed, on: bool) -> None:
        assert on
        self.off.discard(machine.name)


@pytest.fixture(params=[Sleepy, Switched])
def cloud(request: pytest.FixtureRequest, world: World, monkeypatch: pytest.MonkeyPatch) -> type[Sleepy]:
    world.up()
    monkeypatch.setattr(Sleepy, "off", {"shop-db-2"})
    monkeypatch.setattr(registry, "load", lambda name: request.param)
    kind: type[Sleepy] = request.param
    return kind


def test_up_switches_on_what_it_can(world: World, cloud: type[Sleepy]) -> None:
    status = world.run("status")
    assert (status.code, "not running: shop-db-2" in status.err) == (9, True)
    assert "warning[PV603]: shop-db-2 is switched off" in world.run("plan").err

    up = world.up()
    assert up.code == 0
    if cloud is Switched:
        assert "shop-db-2 was switched off and is switched on again" in up.err
        assert world.run("status").code == 0
    else:
        assert "shop-db-2 is switched off, and fake cannot switch it on; see PV603" in up.err
        assert world.run("status").code == 9
    assert set(world.cloud.ever_made().values()) == {1}


def test_nobody_waits_for_a_machine_that_is_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.up()
    monkeypatch.setattr(Sleepy, "off", {"shop-db-2"})
    monkeypatch.setattr(registry, "load", lambda name: Sleepy)
    ran = world.run("up", "--timeout", "60")
    assert ran.code == 9
    assert "switched off before the first boot was done: shop-db-2" in ran.err

"""A cluster whose first-boot configs fit no channel, from `up` to `down`, over every sort of store."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provision import registry
from provision.model import MACHINE, Owner
from provision.provider import Context
from provision.testing.fakecloud import FakeCloud
from tests.cli.world import World

if TYPE_CHECKING:
    from tests.emulated.stores.shelves import Shelf

MACHINES = ["shop-db-1", "shop-db-2", "shop-web-1", "shop-web-2"]
BODIES = [f"{name}-body" for name in MACHINES]
LIMIT = 3000
LOCAL = pytest.mark.parametrize("shelf", ["serve"], indirect=True)
CONTEXT = Context(Path(), Path(), lambda: datetime.now(UTC), Path())


@pytest.fixture
def world(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> World:
    tiny = FakeCloud.tuned(payload_limit=LIMIT)
    whole = registry.load
    monkeypatch.setattr(registry, "load", lambda name: tiny if name == "fake" else whole(name))
    found = World(tmp_path, monkeypatch, capsys)
    url = f", url: {shelf.url}" if shelf.url else ""
    found.change("providers: {fake: }", f"providers: {{fake: }}\npayloads: {{store: '{shelf.store}'{url}}}")
    return found


def payloads(world: World) -> dict[str, str]:
    """Return what machines got, by their names."""
    return {o.name: world.cloud.payload(o.name) for o in world.cloud.census() if o.kind == MACHINE}


def whole(world: World, shelf: Shelf) -> dict[str, str]:
    """Fetch each machine's body as Ignition does, and check its hash."""
    found = {}
    for name, payload in payloads(world).items():
        assert len(payload) <= LIMIT
        reference = json.loads(payload)["ignition"]["config"]["replace"]
        body = shelf.fetch(reference["source"])
        assert reference["verification"]["hash"] == f"sha512-{hashlib.sha512(body).hexdigest()}"
        found[name] = body.decode()
    return found


def test_from_up_to_down(world: World, shelf: Shelf) -> None:
    checked = world.run("validate", "cluster.yaml")
    assert checked.code == 0, checked.err
    assert f"in the store ({shelf.store}), its stub of up to" in checked.out
    assert world.run("plan").code == 0
    assert shelf.leaves() == [], "nobody writes before `up`"

    up = world.up()
    assert up.code == 0, up.err
    bodies = whole(world, shelf)
    assert sorted(bodies) == MACHINES
    assert all(f"data:,{name}%0A" in text for name, text in bodies.items())
    held = shelf.held()
    assert sorted(texts["machine"] for _, texts in held.values()) == BODIES
    assert {texts["cluster"] for _, texts in held.values()} == {"shop"}
    assert all(texts["expires"].startswith("20") for _, texts in held.values()), "a body has its cluster's deadline"
    assert all(hashlib.sha256(data).hexdigest() == name for name, (data, _) in held.items())

    again = world.run("plan")
    assert again.code == 0, again.err
    listed = world.run("list", "--json").json["clusters"]
    assert {(row["provider"], row["machines"], row["parts"]) for row in listed} == {
        ("fake", 4, 2),
        (shelf.scheme, 0, 4),
    }

    world.change("ttl: 8h", "ttl: 16h")
    replaced = world.up("--yes", "--replace", "shop-db-2")
    assert replaced.code == 0, replaced.err
    after = whole(world, shelf)
    assert {name for name in MACHINES if bodies[name] != after[name]} == {"shop-db-2"}, "its nonce is another"
    moved = shelf.held()
    assert len(moved) == 4, "the old body is gone"
    stayed = held.keys() & moved.keys()
    assert len(stayed) == 3
    assert all(moved[name][1]["expires"] > held[name][1]["expires"] for name in stayed), "a longer life is theirs, too"

    shutil.rmtree(world.root / "state")
    down = world.run("down", "--yes", "cluster.yaml")
    assert down.code == 0, down.err
    assert shelf.leaves() == [], "labels alone find the bodies"
    assert world.names == []


@LOCAL
def test_a_machine_that_stays_does_not_miss_its_body(world: World, shelf: Shelf) -> None:
    world.up()
    keeper = registry.load(shelf.scheme)(shelf.options, CONTEXT)
    list(keeper.delete(list(keeper.list(Owner("shop", "")))))
    assert shelf.leaves() == []
    assert world.run("plan").code == 0
    assert world.up().code == 0
    assert world.run("down", "--yes").code == 0


@LOCAL
def test_a_vanished_machine_comes_back_with_a_body_of_its_own(world: World, shelf: Shelf) -> None:
    world.up()
    before = whole(world, shelf)
    world.vanish("shop-web-1")
    up = world.up()
    assert up.code == 0, up.err
    after = whole(world, shelf)
    assert {name for name in MACHINES if before[name] != after[name]} == {"shop-web-1"}
    assert len(shelf.held()) == 4

"""Clusters with TLS by the commands: the CA, what is told of keys, and what nobody can switch."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from provision.pki import inspect, rotation
from provision.testing.fakecloud import FakeCloud

if TYPE_CHECKING:
    from tests.cli.world import World

ETCD = 'etcd: {version: "3.4", tls: true}\n'


@pytest.fixture
def tls(world: World) -> World:
    world.change("providers:", f"{ETCD}providers:")
    world.change("db: {count: 2, size: small}", "db: {count: 3, size: small, etcd: true}")
    return world


def kept(world: World):
    return rotation.load(next(world.root.glob(f"state/*/{rotation.KEY}")).read_bytes())


def test_a_plan_says_that_keys_travel_in_user_data(tls: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "PV460" not in tls.run("plan").err  # the platform is this computer
    monkeypatch.setattr(FakeCloud, "traits", replace(FakeCloud.traits, local=False))
    planned = tls.run("plan")
    assert planned.code == 0
    warning = "warning[PV460]: etcd's private keys of shop-db-1, shop-db-2, shop-db-3 travel in fake's user data"
    assert warning in planned.err
    assert not list(tls.root.glob("state/*/pki/*"))  # a plan makes no CA
    assert warning in tls.up().err
    assert "PV460" not in tls.run("plan").err  # nothing more is sent


def test_each_voter_gets_a_certificate_of_its_own_and_nobody_else(tls: World) -> None:
    assert tls.up().code == 0
    authority = kept(tls).current.certificate
    found = {name: certificate(tls, name) for name in ("shop-db-1", "shop-db-2", "shop-db-3")}
    assert all(inspect.issued_by(pem, authority) for pem in found.values())
    assert {name: inspect.read(pem).name for name, pem in found.items()} == {name: name for name in found}
    assert "etcd.key" not in tls.cloud.payload("shop-web-1")
    assert tls.up().code == 0
    assert {name: certificate(tls, name) for name in found} == found
    shown = tls.run("ca", "show", "--json", "cluster.yaml").json
    assert shown["phase"] == "steady"
    assert shown["authorities"][0]["fingerprint"] == inspect.read(authority).fingerprint


def certificate(world: World, machine: str) -> bytes:
    files = json.loads(world.cloud.payload(machine))["storage"]["files"]
    source = next(f["contents"]["source"] for f in files if f["path"] == "/etc/provision/tls/etcd.crt")
    return unquote(source.partition(",")[2]).encode()


def test_a_cluster_that_runs_cannot_switch(tls: World) -> None:
    tls.up()
    store = next(tls.root.glob("state/*/etcd.json"))
    store.write_text(json.dumps({**json.loads(store.read_text()), "formed": True}))
    tls.change("tls: true", "tls: false")
    refused = tls.run("plan")
    assert refused.code == 4
    assert "PV462" in refused.err
    assert "write `tls: true`" in refused.err


def test_without_certificates_there_is_nothing_to_renew(world: World) -> None:
    world.up()
    for command in ("renew", "rotate"):
        ran = world.run("ca", command, "cluster.yaml")
        assert (ran.code, ran.out) == (2, "")
        assert "tls: true" in ran.err


def test_machines_that_are_not_reached_are_named(tls: World) -> None:
    tls.up()
    ran = tls.run("ca", "renew", "--all", "-i", "nowhere", "cluster.yaml")
    assert ran.code == 8
    assert all(name in ran.err for name in ("shop-db-1", "shop-db-2", "shop-db-3"))

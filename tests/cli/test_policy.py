"""Policies: each violation at both places, nothing made against one, budgets across clusters, tests of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .world import World

FILE = "provision.policy.yaml"


def policy(world: World, text: str) -> None:
    (world.root / FILE).write_text(f"version: 1\n{text}\n")


@pytest.mark.parametrize(
    ("text", "code", "spec_line"),
    [
        ("names: [lab-*]", "PV710", 2),
        ("owners: ['*@example.org']", "PV711", 3),
        ("max_ttl: 4h", "PV712", 4),
        ("max_machines: 3", "PV713", 9),
        ("providers: {qemu: {}}", "PV714", 7),
        ("providers: {fake: {sizes: [large, 'm*']}}", "PV716", 9),
        ("ssh_from: [10.0.0.0/8]", "PV718", 6),
        ("encrypted_disks: true", "PV719", 7),
    ],
)
def test_nothing_is_made_against_a_policy(world: World, text: str, code: str, spec_line: int) -> None:
    world.change("a@b]}", "a@b], from: [192.0.2.0/24]}")
    policy(world, text)
    for command in (["up", "--no-wait", "cluster.yaml"], ["plan"]):
        refused = world.run(*command)
        assert refused.code == 7
        assert f"error[{code} " in refused.err
        assert f"--> cluster.yaml:{spec_line}:" in refused.err
        assert f"--> {FILE}:2:" in refused.err
    assert world.names == []


def test_every_violation_is_said_at_once_and_all_policies_upwards_count(world: World) -> None:
    policy(world, "max_ttl: 4h\nmax_machines: 3")
    inner = world.root / "team"
    inner.mkdir()
    (inner / FILE).write_text("version: 1\nowners: [nobody]\nmax_machines: 99\n")
    for name in ("cluster.yaml", "web.bu"):
        (world.root / name).rename(inner / name)
    tried = world.run("policy", "test", "team/cluster.yaml", "--json")
    assert tried.code == 7
    assert sorted(tried.json[0]["codes"]) == ["PV711", "PV712", "PV713"]
    finding = next(f for f in tried.json[0]["findings"] if f["code"] == "PV711")
    assert (finding["file"], finding["line"], finding["also"]) == ("team/cluster.yaml", 3, f"team/{FILE}:2:1")
    assert [p["file"] for p in world.run("policy", "show", "team", "--json").json] == [
        str(inner / FILE),
        str(world.root / FILE),
    ]


def test_a_policy_for_everywhere(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = world.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "company.yaml").write_text("version: 1\nmax_machines: 1\n")
    monkeypatch.setenv("PROVISION_POLICY", str(elsewhere / "company.yaml"))
    assert "PV713" in world.up().err
    monkeypatch.setenv("PROVISION_POLICY", str(elsewhere / "gone.yaml"))
    refused = world.up()
    assert refused.code == 3
    assert "PV700" in refused.err


@pytest.mark.parametrize(
    "text",
    ["max_machine: 3", "max_ttl: never", "providers: [qemu]", "budget: {per_hour: 1}", "ssh_from: 10.0.0.0/8"],
)
def test_a_policy_that_is_wrong_stops_everything(world: World, text: str) -> None:
    policy(world, text)
    refused = world.up()
    assert refused.code == 3
    assert f"--> {FILE}:2:" in refused.err
    assert world.names == []


def test_a_policy_brings_its_own_tests(world: World) -> None:
    (world.root / "rich.yaml").write_text(world.spec.read_text().replace("size: small", "size: large"))
    tests = {"allowed": ["cluster.yaml"], "refused": {"rich.yaml": ["PV716"]}}
    policy(world, f"providers: {{fake: {{sizes: [small]}}}}\ntests: {json.dumps(tests)}")
    assert world.run("policy", "test").code == 0
    policy(world, f"providers: {{fake: {{sizes: ['*']}}}}\ntests: {json.dumps(tests)}")
    wrong = world.run("policy", "test")
    assert wrong.code == 7
    assert "1 of 2 are not as they should be: rich.yaml" in wrong.err
    policy(world, "max_machines: 9")
    assert world.run("policy", "test").code == 2


# ---- budgets of a policy


def second(world: World, owner: str = "you@example.com") -> None:
    """Put a second spec beside the first one."""
    world.change("cluster: shop", "cluster: mart")
    world.change("you@example.com", owner)
    (world.root / "cluster.lock").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("limits", "of"),
    [
        ("owners: {'*@example.com': {per_hour: 0.05}}", "owner you@example.com: $0.08 per hour"),
        ("accounts: {fake: {per_month: 0.5}}", "account fake: $0.6"),
        ("total: {per_hour: 0.05}", "everything: $0.08 per hour"),
    ],
)
def test_what_runs_and_what_is_planned_count_together(world: World, limits: str, of: str) -> None:
    policy(world, f"budget: {{{limits}}}")
    assert world.up().code == 0
    second(world)
    assert of in world.run("plan").err
    refused = world.up()
    assert refused.code == 7
    assert f"{FILE}:2:" in refused.err
    assert not [name for name in world.names if name.startswith("mart")]
    assert world.up("--over-budget", "fair").code == 0


def test_another_owners_machines_are_not_mine(world: World) -> None:
    policy(world, "budget: {owners: {'*': {per_hour: 0.05}}, cluster: {per_hour: 0.05}}")
    assert world.up().code == 0
    second(world, "me@example.com")
    assert world.up().code == 0


def test_what_cannot_be_asked_cannot_be_judged(world: World) -> None:
    lost = {"version": 1, "accounts": {"lost": {"provider": "nosuch"}}}
    (world.root / "provision.accounts.yaml").write_text(json.dumps(lost))
    policy(world, "budget: {total: {per_hour: 9}}")
    refused = world.up()
    assert refused.code == 7
    assert "what runs on lost cannot be told" in refused.err
    assert world.names == []


def test_machines_that_are_adopted_count(world: World) -> None:
    assert world.up().code == 0
    for file in (world.root / "state").rglob("journal.jsonl"):
        file.unlink()
    policy(world, "budget: {cluster: {per_hour: 0.01}}")
    refused = world.up()
    assert refused.code == 7
    assert "$0.04 per hour is above the $0.01" in refused.err


def test_prices_of_a_policy_count_first(world: World) -> None:
    policy(world, "prices: {fake: {sizes: {'sm*': 1.5}}}")
    planned = world.run("plan", "--json")
    assert planned.json["cost"]["per_hour_after"] == 6.0
    assert {s["price_per_hour"] for s in planned.json["steps"] if s["kind"] == "machine"} == {1.5}
    assert planned.json["cost"]["until_deadline"] == pytest.approx(48, rel=0.01)


def test_a_plan_that_is_kept_outlives_a_change_of_prices(world: World) -> None:
    world.run("plan", "-o", "kept.plan")
    policy(world, "prices: {fake: {sizes: {small: 2}}}")
    assert world.run("up", "--no-wait", "kept.plan").code == 0

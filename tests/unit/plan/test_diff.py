from __future__ import annotations

from dataclasses import replace

import pytest

from provision.errors import PlanError
from provision.model import State
from provision.plan.model import Action
from provision.plan.render import table
from provision.state.fold import Key, Recorded, Status
from tests.unit.plan.world import LABELS, World, actions, machine, reasons, thing

NET = thing("network", "net", {"cidr": "10.0.0.0/24"})
WALL = thing("firewall", "wall", {"rules": ["22"], "name": "w"}, needs=("net",))


def hung(name: str, **more):  # type: ignore[no-untyped-def]
    return machine(name, needs=("net", "wall"), **more)


@pytest.fixture
def world() -> World:
    return World()


def test_nothing_wanted_and_nothing_there(world: World) -> None:
    assert world.plan().empty


def test_what_is_new_is_created(world: World) -> None:
    plan = world.plan(NET, WALL, hung("a"))
    assert actions(plan) == {"net": "create", "wall": "create", "a": "create"}
    assert [s.generation for s in plan.steps] == [1, 1, 1]
    assert reasons(plan, "a") == ("new",)


def test_what_is_as_wanted_is_kept(world: World) -> None:
    wanted = (NET, WALL, hung("a"))
    world.up(*wanted)
    plan = world.plan(*wanted)
    assert plan.empty
    assert actions(plan) == {"net": "keep", "wall": "keep", "a": "keep"}


def test_what_is_not_wanted_is_deleted(world: World) -> None:
    world.up(machine("a"), machine("b"))
    plan = world.plan(machine("a"))
    assert actions(plan) == {"a": "keep", "b": "delete"}
    assert reasons(plan, "b") == ("not in the spec",)
    assert reasons(world.plan(), "a") == ("the cluster is taken down",)


def test_another_recipe_is_another_machine(world: World) -> None:
    world.up(machine("a"))
    plan = world.plan(machine("a", config="v2", size="large"))
    assert actions(plan) == {"a": "replace"}
    assert reasons(plan, "a") == ("size small → large", "unit app.service changed")
    assert plan.steps[0].generation == 2


def test_a_lost_recipe_costs_the_details_alone(world: World) -> None:
    world.up(machine("a"))
    world.recipes.clear()
    assert reasons(world.plan(machine("a", config="v2")), "a") == ("its configuration changed",)


def test_labels_alone_are_updated_in_place(world: World) -> None:
    world.up(machine("a"))
    plan = world.plan(machine("a", labels=LABELS.expiring("2031-01-01T00:00:00Z")))
    assert actions(plan) == {"a": "update"}
    assert reasons(plan, "a") == ("label expires 2030-01-01T00:00:00Z → 2031-01-01T00:00:00Z",)
    change = plan.steps[0].change
    assert change
    assert change.labels
    assert (change.labels.machine, change.labels.generation) == ("a", 1)


def test_labels_of_a_later_generation_stay(world: World) -> None:
    world.up(machine("a"))
    world.up(machine("a", config="v2"))
    assert world.plan(machine("a", config="v2")).empty


def test_what_the_platform_can_change_is_updated_in_place(world: World) -> None:
    world.up(NET, WALL)
    wall = thing("firewall", "wall", {"rules": ["22", "443"], "name": "w"}, needs=("net",))
    plan = world.plan(NET, wall)
    assert actions(plan) == {"net": "keep", "wall": "update"}
    assert plan.steps[1].change
    assert plan.steps[1].change.body == {"rules": ["22", "443"]}
    world.carry_out(plan)
    assert world.plan(NET, wall).empty
    renamed = thing("firewall", "wall", {"rules": ["22", "443"], "name": "x"}, needs=("net",))
    assert actions(world.plan(NET, renamed))["wall"] == "replace"


def test_what_hangs_on_a_replaced_part_is_replaced(world: World) -> None:
    world.up(NET, WALL, hung("a"), machine("free"))
    net = thing("network", "net", {"cidr": "10.1.0.0/24"})
    plan = world.plan(net, WALL, hung("a"), machine("free"))
    assert actions(plan) == {"net": "replace", "wall": "replace", "a": "replace", "free": "keep"}
    assert reasons(plan, "a") == ("net, which it needs, is replaced",)


def test_a_part_that_vanished_is_made_again_alone(world: World) -> None:
    world.up(NET, WALL, hung("a"))
    world.lose("wall")
    plan = world.plan(NET, WALL, hung("a"))
    assert actions(plan) == {"net": "keep", "wall": "create", "a": "keep"}
    assert reasons(plan, "wall") == ("it has vanished",)
    assert plan.vanished == (Key("fake", "firewall", "wall"),)


def test_a_vanished_machine_gets_another_generation(world: World) -> None:
    world.up(machine("a"))
    world.lose("a")
    plan = world.up(machine("a"))
    assert (plan.steps[0].action, plan.steps[0].generation) == (Action.CREATE, 2)
    assert world.plan(machine("a")).empty


@pytest.mark.parametrize(("state", "why"), [(State.FAILED, "it failed: boom"), (State.DELETING, "it is being deleted")])
def test_what_is_broken_is_replaced(world: World, state: State, why: str) -> None:
    world.up(machine("a"))
    world.see("a", state=state, detail="boom")
    plan = world.plan(machine("a"))
    assert (actions(plan), reasons(plan, "a")) == ({"a": "replace"}, (why,))


def test_what_is_asked_for_is_replaced(world: World) -> None:
    world.up(machine("a"), machine("b"))
    plan = world.plan(machine("a"), machine("b"), replace=["b"])
    assert (actions(plan), reasons(plan, "b")) == ({"a": "keep", "b": "replace"}, ("asked for",))


def test_only_machines_of_the_spec_can_be_asked_for(world: World) -> None:
    with pytest.raises(PlanError, match=r"no machine .* c, net \[PV614\]"):
        world.plan(NET, machine("a"), replace=["c", "net"])


def test_a_stopped_machine_is_reported(world: World) -> None:
    world.up(machine("a"))
    world.see("a", state=State.STOPPED)
    plan = world.plan(machine("a"))
    assert actions(plan) == {"a": "keep"}
    assert not plan.empty
    assert [s.reasons for s in plan.asleep] == [("it is switched off",)]
    assert table(plan).endswith("1 unchanged; 1 switched off.")
    assert [(f.code, f.message) for f in plan.findings] == [("PV603", "a is switched off")]


# ---- intents without an outcome


def unanswered(world: World, thing, *, made: bool) -> None:  # type: ignore[no-untyped-def]
    world.make(world.plan(thing).steps[0], answered=False)
    if not made:
        world.lose(thing.name)


def test_an_unanswered_request_that_was_heard_is_adopted(world: World) -> None:
    unanswered(world, machine("a"), made=True)
    plan = world.up(machine("a"))
    assert actions(plan) == {"a": "adopt"}
    assert world.plan(machine("a")).empty


def test_an_unanswered_request_is_sent_again(world: World) -> None:
    unanswered(world, machine("a"), made=False)
    step = world.plan(machine("a")).steps[0]
    assert (step.action, step.generation, step.resend, step.look) == (Action.CREATE, 1, "a-1", "")


def test_an_unanswered_request_for_something_else_is_not_sent_again(world: World) -> None:
    """Its effect may turn up late: it is looked for and deleted, and the new one gets the next generation."""
    unanswered(world, machine("a"), made=False)
    step = world.plan(machine("a", config="v2")).steps[0]
    assert (step.action, step.generation, step.resend) == (Action.REPLACE, 2, "a-1")
    assert step.look


def test_an_unanswered_request_for_something_else_that_was_heard_is_replaced(world: World) -> None:
    unanswered(world, machine("a"), made=True)
    plan = world.plan(machine("a", config="v2"))
    assert (actions(plan), reasons(plan, "a")) == ({"a": "replace"}, ("unit app.service changed",))


def test_an_unanswered_request_that_is_not_wanted_is_looked_for(world: World) -> None:
    unanswered(world, machine("a"), made=False)
    step = world.plan().steps[0]
    assert (step.action, step.observed, step.resend) == (Action.DELETE, None, "a-1")


def batch(world: World, *names: str) -> None:
    request = [replace(machine(n).request, token="t") for n in names]
    fingerprint = machine(names[0]).fingerprint
    world.record(
        {
            "kind": "intent",
            "op": "create",
            "provider": "fake",
            "token": "t",
            "zone": "",
            "things": [
                {
                    "kind": "machine",
                    "name": r.name,
                    "generation": 1,
                    "needs": [],
                    "fingerprint": fingerprint,
                    "etcd": False,
                }
                for r in request
            ],
        }
    )


def test_a_batch_is_sent_again_whole(world: World) -> None:
    batch(world, "a", "b")
    assert {s.resend for s in world.plan(machine("a"), machine("b")).steps} == {"t"}


def test_a_batch_of_which_something_changed_is_not_sent_again(world: World) -> None:
    batch(world, "a", "b")
    plan = world.plan(machine("a"))
    assert {(s.key.name, str(s.action), bool(s.look)) for s in plan.steps} == {
        ("a", "replace", True),
        ("b", "delete", True),
    }


def test_machines_of_a_batch_without_their_names_are_not_taken_for_strangers(world: World) -> None:
    world.up(machine("x"))
    world.observed = [replace(world.observed[0], name="t#0", token="t")]
    world.recorded = Recorded()
    batch(world, "a", "b")
    assert actions(world.plan(machine("a"), machine("b"))) == {"a": "create", "b": "create"}
    assert actions(world.plan()) == {"t#0": "delete", "a": "delete", "b": "delete"}


def test_an_older_one_is_not_taken_for_its_successor(world: World) -> None:
    world.up(machine("a"))
    old = world.observed[0]
    world.make(replace(world.plan(machine("a", config="v2")).steps[0]), answered=False)
    world.observed = [old]
    plan = world.plan(machine("a", config="v2"))
    assert actions(plan) == {"a": "replace"}
    assert plan.steps[0].generation == 3


# ---- state lost, or another's


def test_what_runs_unrecorded_is_adopted(world: World) -> None:
    world.up(NET, machine("a"))
    world.recorded = Recorded()
    plan = world.up(NET, machine("a"))
    assert set(actions(plan).values()) == {"adopt"}
    assert world.plan(NET, machine("a")).empty


def test_what_it_runs_is_known_by_the_specs_digest_alone(world: World) -> None:
    world.up(machine("a"))
    world.recorded = Recorded()
    wanted = machine("a", config="v2", labels=replace(LABELS, spec="fedcba9876543210"))
    plan = world.up(wanted)
    assert actions(plan) == {"a": "adopt"}
    assert plan.steps[0].change is None, "no label claims that it runs the new spec"
    again = world.plan(wanted)
    assert again.empty
    assert [f.code for f in again.findings] == ["PV602"]
    assert world.recorded.entries[wanted.key].fingerprint == ""
    assert actions(world.plan(wanted, replace=["a"])) == {"a": "replace"}


def test_another_uid_under_the_name_is_refused(world: World) -> None:
    world.up(machine("a"))
    world.see("a", labels=replace(LABELS, uid="11111111-1111-4111-8111-111111111111", machine="a"))
    with pytest.raises(PlanError, match=r"another uid \(11111111.*: a \[PV611\]") as caught:
        world.plan(machine("a"))
    assert caught.value.hint


def test_another_uids_machines_are_left_alone_when_ours_are_taken_down(world: World) -> None:
    world.up(machine("a"), machine("b"))
    world.see("a", labels=replace(LABELS, uid="11111111-1111-4111-8111-111111111111", machine="a"))
    assert actions(world.plan()) == {"b": "delete"}


def test_two_of_a_name_are_brought_down_to_the_recorded_one(world: World) -> None:
    world.up(machine("a"))
    world.observed.insert(0, replace(world.observed[0], id="i-stray"))
    plan = world.up(machine("a"))
    assert [(str(s.action), s.observed and s.observed.id) for s in plan.steps] == [
        ("keep", "i-1"),
        ("delete", "i-stray"),
    ]
    assert world.plan(machine("a")).empty
    assert world.recorded.entries[machine("a").key].status is Status.MADE


def test_a_machine_moves_to_another_provider(world: World) -> None:
    world.up(machine("a"))
    plan = world.up(machine("a", provider="far"))
    assert {(s.key.provider, str(s.action), s.generation) for s in plan.steps} == {
        ("far", "create", 2),
        ("fake", "delete", 1),
    }


def test_a_provider_that_left_the_spec_is_not_forgotten(world: World) -> None:
    from provision.plan.diff import diff
    from tests.unit.plan.world import OWNER, TRAITS

    world.up(machine("a"), machine("b", provider="far"))
    seen = [o for o in world.observed if o.provider == "fake"]
    traits = {"fake": TRAITS["fake"]}
    with pytest.raises(PlanError, match=r"b still exist on far, which the spec no longer has \[PV615\]"):
        diff([machine("a")], world.recorded, seen, owner=OWNER, traits=traits)


# ---- protection


def test_protected_things_are_not_deleted(world: World) -> None:
    world.up(machine("a"), machine("b"), machine("c"))
    world.see("a", protected=True)
    world.see("c", protected=True)
    with pytest.raises(PlanError, match=r"protected against deletion: a, c \[PV610\]"):
        world.plan()
    with pytest.raises(PlanError, match="a, c"):
        world.plan(*(machine(n, config="v2", protect=True) for n in "abc"))


def test_protection_is_changed_in_place(world: World) -> None:
    world.up(machine("a", protect=True))
    plan = world.up(machine("a", protect=True))
    assert reasons(plan, "a") == ("protection on",)
    assert world.plan(machine("a", protect=True)).empty
    plan = world.up(machine("a", protect=False))
    assert reasons(plan, "a") == ("protection off",)
    assert world.plan(machine("a", protect=False)).empty


def test_protection_is_lifted_before_a_replacement(world: World) -> None:
    world.up(machine("a"))
    world.see("a", protected=True)
    wanted = machine("a", config="v2", protect=False)
    plan = world.up(wanted)
    assert actions(plan) == {"a": "update"}
    assert [s.key.name for s in plan.deferred] == ["a"]
    assert actions(world.up(wanted)) == {"a": "replace"}
    assert world.plan(wanted).empty

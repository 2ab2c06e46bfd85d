"""Plans as tables, as JSON, and in files."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from provision.errors import PlanError, UsageError
from provision.model import State
from provision.plan import saved
from provision.plan.render import summary, table
from provision.state import records
from tests.unit.plan.world import LABELS, World, machine, thing


def world() -> World:
    made = World()
    made.up(thing("network", "net", {}), machine("a"), machine("b"), machine("c"), machine("e", etcd=True))
    made.see("c", state=State.FAILED)
    return made


WANTED = (
    thing("network", "net", {}),
    machine("a", config="v2"),
    machine("c"),
    machine("d"),
    machine("e", etcd=True, labels=replace(LABELS, owner="bob")),
)


def test_the_table_names_each_change_with_its_reason() -> None:
    assert table(world().plan(*WANTED)).splitlines() == [
        "±  replace  machine  a  fake  unit app.service changed; generation 2",
        "±  replace  machine  c  fake  it failed; generation 2",
        "+  create   machine  d  fake  new",
        "~  update   machine  e  fake  label owner ada → bob",
        "-  delete   machine  b  fake  not in the spec",
        "",
        "1 to create, 2 to replace, 1 to update in place, 1 to delete, 1 unchanged.",
    ]


def test_the_table_can_show_what_stays() -> None:
    assert "   keep     network  net  fake" in table(world().plan(*WANTED), keep=True).splitlines()


def test_nothing_to_do_is_said() -> None:
    made = World()
    assert table(made.plan()) == "Nothing to do."
    made.up(machine("a"))
    assert summary(made.plan(machine("a"))) == "Nothing to do: all 1 things are as the spec wants them."


def test_a_machines_price_stands_beside_it() -> None:
    plan = world().plan(*WANTED)
    priced = replace(plan, steps=tuple(replace(s, price=0.01, price_now=0.02) for s in plan.steps))
    lines = table(priced).splitlines()
    assert "+  create   machine  d  fake  $0.01/h   new" in lines
    assert "-  delete   machine  b  fake  -$0.02/h  not in the spec" in lines


def test_a_price_that_nobody_knows_is_said_and_is_no_part_of_the_digest() -> None:
    plan = world().plan(*WANTED)
    steps = [replace(s, price=0.01 if s.key.name == "a" else None) for s in plan.steps]
    priced = replace(plan, steps=tuple(steps))
    assert "+  create   machine  d  fake  unknown  new" in table(priced).splitlines()
    assert priced.digest == plan.digest


def test_json_follows_its_schema() -> None:
    data = json.loads(json.dumps(saved.now_json(world().plan(*WANTED))))
    jsonschema.Draft202012Validator(
        json.loads(files("provision_schemas").joinpath("plan.v1.schema.json").read_text())
    ).validate(data)
    assert data["counts"] == {"create": 1, "replace": 2, "update": 1, "delete": 1, "keep": 1}


def test_a_saved_plan_is_carried_out_while_the_world_stands_still(tmp_path: Path) -> None:
    made, path = world(), tmp_path / "plan.json"
    saved.save(path, made.plan(*WANTED), Path("cluster.yaml"))
    found = saved.load(path)
    assert found.spec == str(Path("cluster.yaml").absolute())
    found.verify(made.plan(*WANTED))
    made.see("e", state=State.PENDING)  # a machine that merely boots moves nothing
    made.record(records.note("life", {}))  # nor does a note
    found.verify(made.plan(*WANTED))


@pytest.mark.parametrize("moved", ["spec", "observed", "recorded"])
def test_a_saved_plan_is_refused_when_the_world_has_moved(tmp_path: Path, moved: str) -> None:
    made, path = world(), tmp_path / "plan.json"
    saved.save(path, made.plan(*WANTED), Path("cluster.yaml"))
    wanted = WANTED
    if moved == "spec":
        wanted = (*WANTED, machine("f"))
    elif moved == "observed":
        made.lose("a")
    else:
        (entry, *_) = made.recorded.entries.values()
        made.record(records.changed(replace(entry, token="another")))
    match = {"spec": "machine f", "observed": "machine a", "recorded": "another run changed"}[moved]
    with pytest.raises(PlanError, match=rf"{match}.*\[PV620\]"):
        saved.load(path).verify(made.plan(*wanted))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "provision-plan/2"}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="is not a plan file"):
        saved.load(path)
    with pytest.raises(UsageError, match="cannot read"):
        saved.load(tmp_path / "missing")

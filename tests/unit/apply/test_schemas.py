"""Journals and events follow their published schemas, whatever happens in a run."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from provision.apply.events import What
from provision.errors import Kind, PartialFailure
from provision.state import journal
from provision.testing.faults import Fault
from tests.crash.harness import Bench

if TYPE_CHECKING:
    from pathlib import Path

SCHEMAS = files("provision_schemas")


def _validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMAS.joinpath(name).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _eventful(path: Path) -> Bench:
    bench = Bench(path, zones=("a", "b"), options={"capacity": {"a": 3}, "going": 0.01, "boot": 0.01})
    bench.cloud.inject(Fault("create", done=True, name="core-0"), Fault("create", Kind.QUOTA, name="core-1"))
    with pytest.raises(PartialFailure):
        bench.up()
    bench.up()
    bench.labels = bench.labels.expiring("never")
    bench.up()
    bench.config = "v2"
    bench.up()
    (path / "state" / "journal.jsonl").rename(path / "old.jsonl")
    bench.up()
    bench.down()
    return bench


def test_journal_and_events(tmp_path: Path) -> None:
    bench = _eventful(tmp_path)
    lines = (tmp_path / "old.jsonl").read_text() + (tmp_path / "state" / "journal.jsonl").read_text()
    records = [json.loads(line) for line in lines.splitlines()]
    validator = _validator("journal.v1.schema.json")
    for record in records:
        validator.validate(record)
    kinds = {(r["kind"], r.get("op"), r.get("result")) for r in records}
    assert len(kinds) == 8

    events: list[Any] = [e.to_json() for e in bench.events]
    validator = _validator("event.v1.schema.json")
    for event in events:
        validator.validate(json.loads(json.dumps(event)))
    assert {e["event"] for e in events} >= {"begun", "created", "ready", "adopted", "changed", "deleted", "next-zone"}


def test_a_snapshot_follows_the_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "COMPACT_AT", 0)
    bench = Bench(tmp_path, own_payloads=True)
    bench.up()
    record = json.loads((tmp_path / "state" / "journal.jsonl").read_text())
    assert record["kind"] == "snapshot"
    _validator("journal.v1.schema.json").validate(record)
    assert bench.plan().empty


def test_every_event_is_documented() -> None:
    schema = json.loads(SCHEMAS.joinpath("event.v1.schema.json").read_text())
    assert {e["const"] for e in schema["properties"]["event"]["oneOf"]} == set(map(str, What))


def test_every_code_is_documented() -> None:
    documented = tomllib.loads(SCHEMAS.joinpath("codes/plan.toml").read_text())
    sources = [p for package in ("provision.plan", "provision.state") for p in files(package).iterdir() if p.is_file()]
    used = {code for p in sources for code in re.findall(r"PV6\d\d", p.read_text())}
    assert used == {c for c in documented if c != "PV590"}

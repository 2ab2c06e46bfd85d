"""The deadline on GCE: the platform deletes by itself, and a later deadline stops nothing without being asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from provision.errors import Kind
from provision.model import Change, State, utc_text
from tests.emulated.gce import lab

if TYPE_CHECKING:
    from pathlib import Path

    from provision.model import Json, Observed
    from provision_gce import GCE
    from tests.emulated.gce.lab import Strict


def shifted(**hours: float) -> str:
    return utc_text(datetime.fromisoformat(lab.EXPIRES) + timedelta(**hours))


@pytest.fixture
def cloud(existing: Json, tmp_path: Path) -> GCE:
    return lab.provider(existing, tmp_path)


def running(cloud: GCE, given: Json) -> Observed:
    lab.good(cloud.create(lab.requests(given, ["demo-w-1"])))
    return next(cloud.list(lab.OWNER))


def until(strict: Strict) -> str:
    return str(strict.machine("demo-w-1")["scheduling"].get("terminationTime", ""))


def later(thing: Observed, expires: str) -> Change:
    assert thing.labels is not None
    return Change(thing, labels=thing.labels.expiring(expires))


def test_the_platform_deletes_a_minute_before_the_machine_ends_itself(
    cloud: GCE, existing: Json, strict: Strict
) -> None:
    made = running(cloud, existing)
    assert until(strict) == made.outputs["until"] == shifted(minutes=-1)


def test_a_later_deadline_of_a_running_machine_is_refused_with_a_way_out(
    cloud: GCE, existing: Json, strict: Strict
) -> None:
    made = running(cloud, existing)
    [outcome] = cloud.change([later(made, shifted(hours=8))])
    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.code) == (Kind.UNSUPPORTED, "DeadlineNeedsStop")
    assert "poweroff" in str(outcome.error.hint)
    [seen] = cloud.list(lab.OWNER)
    assert (seen.labels, seen.state) == (made.labels, State.RUNNING)  # what the labels say is what will happen
    assert strict.counts()["instances.stop"] == 0


def test_a_stopped_machine_is_moved_without_more_stops(cloud: GCE, existing: Json, strict: Strict) -> None:
    made = running(cloud, existing)
    cloud.power(made, on=False)
    changed = lab.good(cloud.change([later(made, shifted(hours=8))]))
    assert until(strict) == shifted(hours=8, minutes=-1) == changed[0].outputs["until"]
    assert [o.labels for o in cloud.list(lab.OWNER)] == [changed[0].labels]
    assert (strict.counts()["instances.stop"], strict.counts()["instances.start"]) == (1, 0)


def test_with_leave_to_restart_it_is_moved_at_once(existing: Json, strict: Strict, tmp_path: Path) -> None:
    cloud = lab.provider({**existing, "restart_to_extend": True}, tmp_path)
    made = running(cloud, existing)
    lab.good(cloud.change([later(made, shifted(hours=8))]))
    [seen] = cloud.list(lab.OWNER)
    assert (until(strict), seen.state, seen.id) == (shifted(hours=8, minutes=-1), State.RUNNING, made.id)


def test_a_machine_is_switched_on_again_when_its_limit_cannot_be_moved(
    existing: Json, strict: Strict, tmp_path: Path
) -> None:
    cloud = lab.provider({**existing, "restart_to_extend": True}, tmp_path)
    made = running(cloud, existing)
    strict.faults({"action": "instances.setScheduling", "reason": "forbidden", "status": 403})
    [outcome] = cloud.change([later(made, shifted(hours=8))])
    assert outcome.error is not None
    assert [o.state for o in cloud.list(lab.OWNER)] == [State.RUNNING]


@pytest.mark.parametrize("expires", [shifted(hours=-2), shifted(seconds=-30)], ids=["hours", "seconds"])
def test_an_earlier_deadline_needs_no_stop(cloud: GCE, existing: Json, strict: Strict, expires: str) -> None:
    made = running(cloud, existing)
    before = until(strict)
    lab.good(cloud.change([later(made, expires)]))
    [seen] = cloud.list(lab.OWNER)
    assert seen.labels is not None
    assert (seen.labels.expires, until(strict)) == (expires, before)
    assert strict.counts()["instances.stop"] == 0


def test_within_the_hours_that_were_left_open_nothing_stops(existing: Json, strict: Strict, tmp_path: Path) -> None:
    given = {**existing, "extendable_hours": 24}
    cloud = lab.provider(given, tmp_path)
    made = running(cloud, given)
    assert until(strict) == shifted(hours=24, minutes=-1)
    lab.good(cloud.change([later(made, shifted(hours=24))]))
    assert strict.counts()["instances.stop"] == 0
    [outcome] = cloud.change([later(made, shifted(hours=25))])
    assert outcome.error is not None


def test_hours_left_open_later_make_no_other_machine(existing: Json, tmp_path: Path) -> None:
    traits = lab.provider(existing, tmp_path).traits
    more = {**existing, "extendable_hours": 24, "restart_to_extend": True, "endpoint_url": "https://example.com"}
    bodies = [lab.machine("demo-w-1", given).body(traits.access) for given in (existing, more)]
    assert bodies[0] == bodies[1]


def test_never_takes_the_limit_away(cloud: GCE, existing: Json, strict: Strict) -> None:
    made = running(cloud, existing)
    cloud.power(made, on=False)
    lab.good(cloud.change([later(made, "never")]))
    assert strict.machine("demo-w-1")["scheduling"] == {"provisioningModel": "STANDARD"}


def test_labels_of_other_hands_stay(cloud: GCE, existing: Json, strict: Strict) -> None:
    made = running(cloud, existing)
    item = strict.machine("demo-w-1")
    body = {"labels": {**item["labels"], "cost-centre": "42"}, "labelFingerprint": item["labelFingerprint"]}
    strict.send("POST", f"zones/{lab.ZONE}/instances/demo-w-1/setLabels", body)
    lab.good(cloud.change([later(made, shifted(hours=-2))]))
    marks = strict.machine("demo-w-1")["labels"]
    assert (marks["cost-centre"], marks["provision-token"]) == ("42", made.token)

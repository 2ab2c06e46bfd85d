"""FakeCloud's own promises: a test that leans on it must not lean on air."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING

import jsonschema
import pytest

from provision import registry
from provision.errors import Kind, ProviderError
from provision.model import batch_token
from provision.testing.fakecloud import FakeCloud
from provision.testing.faults import Fault
from provision.testing.rig import Rig, observed, one
from tests.conformance.test_fakecloud import make_rig

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    made = make_rig(tmp_path)
    made.parts()
    return made


def cloud(rig: Rig) -> FakeCloud:
    assert isinstance(rig.provider, FakeCloud)
    return rig.provider


def test_it_is_registered() -> None:
    assert registry.load("fake") is FakeCloud


def test_its_options_have_a_schema() -> None:
    schema = json.loads(files("provision.testing").joinpath(FakeCloud.options_schema).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"latency": 0.1, "capacity": {"a": 1}, "late_names": True}, schema)


def test_another_request_under_a_token_is_refused(rig: Rig) -> None:
    rig.make(rig.machine("core-0"))
    for other in (replace(rig.machine("core-0"), payload="other"), replace(rig.machine("core-0"), name="core-1")):
        with pytest.raises(ProviderError) as caught:
            rig.make(other)
        assert (caught.value.kind, caught.value.code) == (Kind.ALREADY_EXISTS, "IdempotentParameterMismatch")


def test_a_batch_is_all_or_nothing(tmp_path: Path) -> None:
    rig = make_rig(tmp_path, capacity={"a": 2})
    rig.parts()
    names = ["w-0", "w-1", "w-2"]
    token = batch_token(rig.wanted.uid, dict.fromkeys(names, 1), "a")
    batch = [replace(rig.machine(n), token=token, zone="a") for n in names]
    with pytest.raises(ProviderError) as caught:
        list(rig.provider.create(batch))
    assert caught.value.kind is Kind.CAPACITY
    assert rig.listed() == []


def test_several_tokens_in_a_call_are_refused(rig: Rig) -> None:
    with pytest.raises(ProviderError, match="several tokens"):
        list(rig.provider.create([rig.machine("a"), rig.machine("b")]))


def test_a_machine_needs_its_parts(rig: Rig) -> None:
    request = replace(rig.machine("core-0"), inputs={"lab-network": {"id": "network-gone"}})
    with pytest.raises(ProviderError) as caught:
        rig.make(request)
    assert caught.value.kind is Kind.INVALID


def test_parts_in_use_cannot_be_deleted(rig: Rig) -> None:
    rig.make(rig.machine("core-0"))
    network = next(o for o in cloud(rig).census() if o.kind == "network")
    error = one(rig.provider.delete([network])).error
    assert error
    assert (error.kind, error.retryable) == (Kind.CONFLICT, True)


def test_it_outlives_a_process(rig: Rig) -> None:
    child = os.fork()
    if child == 0:
        try:
            rig.make(rig.machine("core-0"))
        finally:
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert [o.name for o in rig.listed()] == ["core-0"]


def test_faults_strike_as_often_as_they_are_told(rig: Rig) -> None:
    cloud(rig).inject(Fault("create", Kind.QUOTA, times=2, name="core-0"))
    for _ in range(2):
        with pytest.raises(ProviderError):
            rig.make(rig.machine("core-0"))
    rig.make(rig.machine("core-1"))
    rig.make(rig.machine("core-0"))


@pytest.mark.parametrize("done", [True, False])
def test_a_lost_answer_is_done_or_not(rig: Rig, done: bool) -> None:
    cloud(rig).inject(Fault("create", done=done))
    with pytest.raises(ProviderError):
        rig.make(rig.machine("core-0"))
    assert len(rig.listed()) == done


def test_random_failures_can_be_repeated(tmp_path: Path) -> None:
    def failures(path: Path, seed: int) -> list[int]:
        rig = make_rig(path, failure_rate=0.3, seed=seed)
        failed = []
        for number in range(60):
            try:
                rig.listed()
            except ProviderError:
                failed.append(number)
        return failed

    first = failures(tmp_path / "1", 1)
    assert 8 <= len(first) <= 30
    assert first == failures(tmp_path / "2", 1)
    assert first != failures(tmp_path / "3", 2)


def test_time_passes_as_it_is_told(tmp_path: Path) -> None:
    rig = make_rig(tmp_path, boot=30, going=30)
    rig.parts()
    (made,) = rig.make(rig.machine("core-0"))
    assert made.state == "pending"
    going = observed(one(rig.provider.delete([made])))
    assert going.state == "deleting"
    assert [o.state for o in rig.provider.list(rig.owner) if o.kind == "machine"] == ["deleting"]


def test_sizes_are_checked_and_priced(rig: Rig) -> None:
    machine = replace(rig.wanted.machines[0], size="huge")
    report = rig.provider.check(replace(rig.wanted, machines=(machine,)))
    assert [f.code for f in report] == ["PV590"]
    assert cloud(rig).price("small", "") == 0.01
    assert cloud(rig).price("huge", "") is None

"""What every provider must do, as one suite of pytest tests.

::

    from provision.testing.conformance import Conformance
    from provision.testing.rig import Rig

    class TestMyCloud(Conformance):
        exempt = {"test_protection": "the platform has no deletion protection"}

        @pytest.fixture
        def rig(self, tmp_path):
            return Rig(connect=..., wanted=..., payload=...)

An exempted test is not run, and needs the platform's reason. The suite leaves the platform empty, and fails when it
cannot. It needs pytest, which provision itself does not.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import pytest

from provision.errors import Kind, ProviderError
from provision.model import Change, Observed, Owner, Request, State, batch_token
from provision.testing.rig import TICK, Rig, observed, one

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OTHER_UID = "0e7f6a52-6a3c-4ae0-8a6e-3f1c6f1f9b11"
KNOWN_FORMATS = {"ignition", "cloud-config"}


class Conformance:
    """Subclass it, give it a fixture ``rig``, and run pytest."""

    exempt: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        for name, reason in cls.exempt.items():
            if not hasattr(cls, name) or not reason:
                raise TypeError(f"{cls.__name__} exempts {name!r}: no such test, or no reason")
            setattr(cls, name, None)

    @pytest.fixture(autouse=True)
    def _cleared(self, rig: Rig) -> Iterator[None]:
        yield
        rig.clear()

    # ---- what a provider says of itself

    def test_traits(self, rig: Rig) -> None:
        """The traits are possible, and the model machine's name fits the pattern."""
        traits = rig.provider.traits
        assert traits.formats
        assert traits.formats <= KNOWN_FORMATS
        assert traits.encoding in {"plain", "base64", "gzip+base64"}
        assert min(traits.batch, traits.delete_batch, traits.concurrency) >= 1
        assert traits.rate > 0
        assert traits.settle >= 0
        assert re.fullmatch(traits.name_pattern, "core-0")

    def test_parts_are_pure(self, rig: Rig) -> None:
        """The same question gets the same answer, from another process too; needs are met, names and kinds in order."""
        parts = list(rig.provider.parts(rig.wanted))
        assert parts == list(rig.connect().parts(rig.wanted))
        names = [p.name for p in parts]
        assert len(set(names)) == len(names)
        assert {need for p in parts for need in p.needs} <= {*names, *(m.name for m in rig.wanted.machines)}
        if rig.provider.traits.kinds:
            assert {p.kind for p in parts} <= set(rig.provider.traits.kinds)

    def test_check_changes_nothing(self, rig: Rig) -> None:
        """A good cluster passes the preflight, and nothing has been made by it."""
        report = rig.provider.check(rig.wanted)
        assert report.ok, report.render()
        assert list(rig.provider.list(replace(rig.owner, uid=""))) == []

    # ---- making

    def test_what_is_made_is_listed_before_create_returns(self, rig: Rig) -> None:
        """Another process sees a machine as soon as its outcome is there."""
        rig.parts()
        made = observed(next(rig.provider.create([rig.machine("core-0")])))
        (seen,) = rig.listed()
        assert (seen.id, seen.name, seen.provider) == (made.id, "core-0", rig.provider.name)
        assert seen.state in {State.PENDING, State.RUNNING}

    def test_labels_round_trip(self, rig: Rig) -> None:
        """All owner labels are set with creation, and read back as they were."""
        rig.parts()
        request = rig.machine("core-0", 3)
        labels = replace(request.labels, owner="Ada.Lovelace_1@example.org", expires="2031-12-31T23:59:59Z")
        rig.make(replace(request, labels=labels))
        (seen,) = rig.listed()
        assert seen.labels == labels

    def test_a_token_makes_one_machine(self, rig: Rig) -> None:
        """The same request again, from another process, reports the machine that the first one made."""
        rig.parts()
        (first,) = rig.make(rig.machine("core-0"))
        second = observed(one(rig.connect().create([rig.machine("core-0")])))
        assert second.id == first.id
        assert [o.id for o in rig.listed()] == [first.id]

    def test_a_token_makes_one_machine_in_a_race(self, rig: Rig) -> None:
        """The same request from two threads at once makes one machine; one of them may be told to try again."""
        rig.parts()
        found: list[Observed | ProviderError] = []
        threads = [threading.Thread(target=_race, args=(rig, found), daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(rig.patience)
        assert len(found) == 2
        assert len(rig.listed()) == 1

    def test_generations_are_told_apart(self, rig: Rig) -> None:
        """A machine that is made anew is another machine."""
        rig.parts()
        (first,) = rig.make(rig.machine("core-0"))
        _delete(rig, first)
        (second,) = rig.make(rig.machine("core-0", 2))
        assert second.id != first.id
        (seen,) = rig.listed()
        assert seen.labels
        assert (seen.id, seen.labels.generation) == (second.id, 2)

    def test_a_batch_makes_each_machine_once(self, rig: Rig) -> None:
        """Machines under one token get their names; the same batch again makes no more."""
        rig.parts()
        batch = _batch(rig, 3)
        first = {o.name: observed(o).id for o in rig.provider.create(batch)}
        again = {o.name: observed(o).id for o in rig.connect().create(batch)}
        assert sorted(first) == [r.name for r in batch]
        assert again == first
        assert {o.name: o.id for o in rig.listed()} == first
        assert all(o.labels and o.labels.machine == o.name for o in rig.listed())

    # ---- lost answers

    def test_a_lost_answer_to_create(self, rig: Rig) -> None:
        """The plugin says that it does not know; a look, then the same request, end with one machine."""
        assert rig.lose_answer, "give the rig a way to lose answers, or exempt this test"
        rig.parts()
        with rig.lose_answer("create"):
            error = _failure(rig, rig.machine("core-0"))
        assert error.kind in {Kind.AMBIGUOUS, Kind.UNAVAILABLE} or error.retryable
        if not rig.listed():
            rig.make(rig.machine("core-0"))
        assert [o.name for o in rig.listed()] == ["core-0"]
        if rig.provider.traits.idempotent:
            rig.make(rig.machine("core-0"))
            assert len(rig.listed()) == 1

    def test_a_lost_answer_to_delete(self, rig: Rig) -> None:
        """To delete again is success."""
        assert rig.lose_answer, "give the rig a way to lose answers, or exempt this test"
        rig.parts()
        (made,) = rig.make(rig.machine("core-0"))
        with rig.lose_answer("delete"), pytest.raises(ProviderError):
            _raised(one(rig.provider.delete([made])))
        _delete(rig, made)
        assert rig.listed() == []

    def test_an_exception_in_the_middle_of_a_batch(self, rig: Rig) -> None:
        """Whatever was made is listed, so nothing is lost; the same batch again completes it, and doubles nothing."""
        assert rig.break_batch, "give the rig a way to break batches, or exempt this test"
        rig.parts()
        batch = _batch(rig, 3)
        with rig.break_batch("create", 1), pytest.raises(ProviderError):
            for outcome in rig.provider.create(batch):
                observed(outcome)
        assert len(rig.listed()) <= 3
        assert sorted(o.name for o in rig.provider.create(batch)) == [r.name for r in batch]
        assert sorted(o.name for o in rig.listed()) == [r.name for r in batch]

    # ---- deleting

    def test_deleting_twice_is_success(self, rig: Rig) -> None:
        """Already gone is success, and nothing of the machine is left."""
        rig.parts()
        (made,) = rig.make(rig.machine("core-0"))
        _delete(rig, made)
        _delete(rig, made)
        assert rig.listed() == []

    def test_deleting_one_leaves_the_others(self, rig: Rig) -> None:
        """Only what is named goes."""
        rig.parts()
        first, second = rig.make(rig.machine("core-0"), rig.machine("core-1"))
        _delete(rig, first)
        assert [o.id for o in rig.listed()] == [second.id]

    def test_deleting_many_in_one_call(self, rig: Rig) -> None:
        """There is an outcome for each."""
        rig.parts()
        made = rig.make(*(rig.machine(f"core-{n}") for n in range(min(3, rig.provider.traits.delete_batch))))
        outcomes = list(rig.provider.delete(made))
        assert sorted(o.name for o in outcomes) == sorted(m.name for m in made)
        assert not [o.error for o in outcomes if o.error]
        for machine in made:
            _gone(rig, machine)

    # ---- listing

    def test_a_list_is_of_one_owner(self, rig: Rig) -> None:
        """By uid, by a cluster's name alone, and all that provision ever made."""
        rig.parts()
        (mine,) = rig.make(rig.machine("core-0"))
        (other,) = rig.make(rig.machine("core-1", uid=OTHER_UID))
        assert [o.id for o in rig.listed()] == [mine.id]
        assert [o.id for o in rig.listed(Owner(rig.owner.cluster, OTHER_UID))] == [other.id]
        assert {o.id for o in rig.listed(Owner(rig.owner.cluster, ""))} == {mine.id, other.id}
        assert rig.listed(Owner("no-such-cluster", rig.owner.uid)) == []
        everything = {o.id for o in rig.connect().list(None)}
        assert {mine.id, other.id} <= everything

    def test_paging(self, rig: Rig) -> None:
        """However many there are, each is listed once."""
        rig.parts()
        made = rig.make(*(rig.machine(f"worker-{n}") for n in range(rig.many)))
        assert sorted(o.id for o in rig.listed()) == sorted(o.id for o in made)

    # ---- changing

    def test_labels_change_in_place(self, rig: Rig) -> None:
        """The deadline moves, the machine stays, and its other labels with it."""
        rig.parts()
        (made,) = rig.make(rig.machine("core-0", 2))
        assert made.labels
        labels = made.labels.expiring("2032-01-01T00:00:00Z")
        changed = observed(one(rig.provider.change([Change(made, labels=labels)])))
        (seen,) = rig.listed()
        assert (changed.id, changed.labels) == (made.id, labels)
        assert (seen.id, seen.labels) == (made.id, labels)

    def test_protection(self, rig: Rig) -> None:
        """A protected machine refuses deletion until its protection is lifted; `protect` sets it with creation."""
        rig.parts()
        (made,) = rig.make(replace(rig.machine("core-0"), protect=True))
        (seen,) = rig.listed()
        assert seen.protected
        with pytest.raises(ProviderError):
            _raised(one(rig.provider.delete([made])))
        assert [o.id for o in rig.listed()] == [made.id]
        changed = observed(one(rig.provider.change([Change(made, protected=False)])))
        assert not changed.protected
        _delete(rig, made)

    # ---- parts

    def test_parts_are_made_once_and_listed(self, rig: Rig) -> None:
        """Made again under the same tokens they are the same; each is listed, with its outputs, by another process."""
        first = rig.parts()
        rig.outputs.clear()
        second = rig.parts()
        assert [o.id for o in second] == [o.id for o in first]
        listed = {(o.kind, o.name): o for o in rig.connect().list(rig.owner)}
        for part in first:
            assert listed[part.kind, part.name].id == part.id
            assert listed[part.kind, part.name].outputs == part.outputs


def _batch(rig: Rig, count: int) -> list[Request]:
    names = [f"worker-{n}" for n in range(count)]
    requests = [rig.machine(name) for name in names]
    token = batch_token(rig.wanted.uid, dict.fromkeys(names, 1), requests[0].zone)
    return [replace(r, token=token) for r in requests]


def _race(rig: Rig, found: list[Observed | ProviderError]) -> None:
    try:
        found.append(observed(one(rig.connect().create([rig.machine("core-0")]))))
    except ProviderError as error:
        found.append(error)


def _failure(rig: Rig, request: Request) -> ProviderError:
    """Return how a creation failed: as an outcome, or by an exception."""
    try:
        observed(one(rig.provider.create([request])))
    except ProviderError as error:
        return error
    raise AssertionError("the answer was not lost")


def _raised(outcome: object) -> None:
    """Raise an outcome's error."""
    error = getattr(outcome, "error", None)
    if error is not None:
        raise error


def _delete(rig: Rig, thing: Observed) -> None:
    outcome = one(rig.provider.delete([thing]))
    assert outcome.name == thing.name
    _raised(outcome)
    _gone(rig, thing)


def _gone(rig: Rig, thing: Observed) -> None:
    deadline = time.monotonic() + rig.patience
    while thing.id in {o.id for o in rig.connect().list(replace(rig.owner, uid=""))}:
        assert time.monotonic() < deadline, f"{thing.name} is still listed after {rig.patience} s"
        time.sleep(TICK)

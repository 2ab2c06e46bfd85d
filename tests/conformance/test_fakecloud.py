"""FakeCloud passes the suite that every provider passes; and the suite finds out who does not."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from provision.model import Labels, MachineWanted, Wanted
from provision.provider import Context
from provision.testing.conformance import Conformance
from provision.testing.fakecloud import FakeCloud
from provision.testing.faults import Fault
from provision.testing.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UID = "6f6dbb0c-5d2f-4a8e-9a9b-0d5ad6ff2a11"
LABELS = Labels("lab", UID, "", 1, "ada", "2030-01-01T00:00:00Z", "0123456789abcdef")
MACHINE = MachineWanted("core-0", "core", "fcos", "small", "image", {})
WANTED = Wanted("lab", UID, LABELS, (MACHINE,), subnet="10.0.0.0/24", ssh_from=("192.0.2.0/24",))


def make_rig(path: Path, cloud: type[FakeCloud] = FakeCloud, **options: Any) -> Rig:
    context = Context(path / "cloud", path / "cache", lambda: datetime.now(UTC), path)

    @contextmanager
    def lose_answer(op: str) -> Iterator[None]:
        cloud(options, context).inject(Fault(op, done=True))
        yield

    @contextmanager
    def break_batch(op: str, after: int) -> Iterator[None]:
        cloud(options, context).inject(Fault(op, after=after))
        yield

    return Rig(lambda: cloud(options, context), WANTED, "payload", lose_answer, break_batch, patience=10)


class TestFakeCloud(Conformance):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> Rig:
        return make_rig(tmp_path, page=3)


class TestSlowFakeCloud(Conformance):
    """Names come late, machines boot, deletions take a while."""

    @pytest.fixture
    def rig(self, tmp_path: Path) -> Rig:
        return make_rig(tmp_path, late_names=True, boot=0.05, going=0.05, visible=0.02)


class TestFakeCloudWithoutTokens(Conformance):
    exempt: ClassVar = {
        "test_a_token_makes_one_machine": "this cloud knows no tokens: the engine looks before it asks again",
        "test_a_token_makes_one_machine_in_a_race": "this cloud knows no tokens",
        "test_a_batch_makes_each_machine_once": "this cloud knows no tokens, so batches are not sent to it",
        "test_an_exception_in_the_middle_of_a_batch": "this cloud knows no tokens, so batches are not sent to it",
        "test_parts_are_made_once_and_listed": "this cloud knows no tokens: a name that is taken is an error",
    }

    @pytest.fixture
    def rig(self, tmp_path: Path) -> Rig:
        return make_rig(tmp_path, FakeCloud.tuned(idempotent=False, batch=1))


class _Careless(FakeCloud):
    """Breaks the contract in one way that the options name."""

    def create(self, batch):  # type: ignore[no-untyped-def]
        if "forgets labels" in self._options:
            batch = [replace(r, labels=replace(r.labels, expires="never")) for r in batch]
        yield from super().create(batch)

    def _known(self, db, batch):  # type: ignore[no-untyped-def]
        return None if "forgets tokens" in self._options else super()._known(db, batch)

    def list(self, owner):  # type: ignore[no-untyped-def]
        found = super().list(None if "lists everybody's" in self._options else owner)
        yield from list(found)[: 5 if "lists one page" in self._options else None]

    def delete(self, batch):  # type: ignore[no-untyped-def]
        if "minds absence" in self._options and not [o for o in self.census() if o.id == batch[0].id]:
            raise KeyError(batch[0].id)
        yield from super().delete(batch)


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        ("forgets tokens", "test_a_token_makes_one_machine"),
        ("forgets tokens", "test_a_lost_answer_to_create"),
        ("forgets labels", "test_labels_round_trip"),
        ("lists everybody's", "test_a_list_is_of_one_owner"),
        ("lists one page", "test_paging"),
        ("minds absence", "test_deleting_twice_is_success"),
    ],
)
def test_the_suite_finds_careless_providers(tmp_path: Path, fault: str, test: str) -> None:
    rig = make_rig(tmp_path, _Careless, **{fault: True})
    with pytest.raises((AssertionError, KeyError)):
        getattr(Conformance(), test)(rig)


def test_exemptions_need_a_reason() -> None:
    with pytest.raises(TypeError, match="no reason"):
        type("TestX", (Conformance,), {"exempt": {"test_paging": ""}})
    with pytest.raises(TypeError, match="no such test"):
        type("TestX", (Conformance,), {"exempt": {"test_nothing": "because"}})

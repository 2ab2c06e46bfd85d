from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provision.errors import StateError
from provision.model import MACHINE, Request
from provision.state import records
from provision.state.cluster import ClusterState
from provision.state.fold import Key
from provision.state.local import LocalStore
from tests.crash.harness import LABELS, Bench, now

if TYPE_CHECKING:
    from pathlib import Path

REQUEST = Request(
    MACHINE,
    "core-0",
    "fake",
    LABELS,
    "tok",
    {"size": "small"},
    "payload",
    ("net",),
    {"net": {"id": "n-1"}},
    ("a",),
    "a",
)


@pytest.fixture
def state(tmp_path: Path) -> ClusterState:
    return ClusterState(LocalStore(tmp_path), now)


def test_requests_come_back_to_the_byte(state: ClusterState) -> None:
    state.save_requests([REQUEST])
    assert state.requests("tok") == [REQUEST]


def test_a_missing_or_damaged_request_is_refused(state: ClusterState) -> None:
    with pytest.raises(StateError, match="missing"):
        state.requests("tok")
    state.store.put("requests/tok.json", b'[{"kind":')
    with pytest.raises(StateError, match="damaged"):
        state.requests("tok")


def test_recipes_come_back_and_may_be_lost(state: ClusterState) -> None:
    state.save_recipe("abc", {"size": "s"}, {"systemd": {}})
    assert state.recipe("abc") == {"body": {"size": "s"}, "recipe": {"systemd": {}}}
    assert state.recipe("other") is None
    assert state.recipe("") is None
    state.store.put("recipes/abc.json", b'{"body"')
    assert state.recipe("abc") is None


def test_tidy_keeps_what_is_needed(state: ClusterState) -> None:
    second = Request(MACHINE, "core-1", "fake", LABELS, "tok-1", {})
    for request, fingerprint in ((REQUEST, "f-0"), (second, "f-1")):
        state.save_requests([request])
        state.save_recipe(fingerprint, {}, None)
        facts = [{"fingerprint": fingerprint, "etcd": False}]
        state.journal.append([records.will_create([request], facts)])
    error = _refusal()
    state.journal.append([records.refused("tok-1", Key("fake", MACHINE, "core-1"), error)])
    state.save_recipe("stale", {}, None)
    state.tidy()
    assert state.store.list() == ["journal.jsonl", "recipes/f-0.json", "requests/tok.json"]


def _refusal():  # type: ignore[no-untyped-def]
    from provision.errors import Kind, ProviderError

    return ProviderError("no", kind=Kind.QUOTA)


def test_no_payload_is_left_once_outcomes_are_known(tmp_path: Path) -> None:
    """Requests hold secrets; the journal and the recipes must not."""
    bench = Bench(tmp_path)
    bench.bind = lambda *_: "s3cret-token"  # type: ignore[method-assign]
    bench.up()
    texts = [p.read_text() for p in (tmp_path / "state").rglob("*") if p.is_file()]
    assert texts
    assert not [t for t in texts if "s3cret" in t]

from __future__ import annotations

import os
import stat
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.errors import SpecError, StateError
from provision.spec import lock as locks
from provision.spec.load import load_text
from provision.spec.lock import Lock
from tests.unit.spec import plugins
from tests.unit.spec.test_load import base

if TYPE_CHECKING:
    from provision.spec.model import Cluster

UID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
NAMES = st.text("abc-/.:", min_size=1, max_size=8)
LOCKS = st.builds(
    Lock,
    cluster=st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    uid=st.uuids().map(str),
    additions=st.integers(1, 99),
    spec=st.sampled_from(["", "0" * 64, "abcdef0123456789" * 4]),
    images=st.dictionaries(NAMES, st.dictionaries(NAMES, NAMES, min_size=1, max_size=3), max_size=3),
    addresses=st.dictionaries(NAMES, st.ip_addresses(v=4).map(str), max_size=4),
)


@pytest.fixture
def cluster() -> Cluster:
    return load_text(base(pools="pools: {core: {count: 2, image: stable}, more: {count: 1}}"), find_plugin=plugins.find)


@given(LOCKS)
def test_what_is_written_reads_the_same(lock: Lock) -> None:
    assert locks.parse(lock.to_text(), "cluster.lock") == lock


def test_a_fresh_lock_has_a_uid_of_its_own(cluster: Cluster) -> None:
    first, second = Lock.fresh(cluster), Lock.fresh(cluster)
    assert first.uid != second.uid
    assert uuid.UUID(first.uid).version == 4
    assert first.spec == cluster.digest
    assert first.addresses["demo-core-2"] == "10.99.0.11"


def test_renewing_keeps_what_the_cluster_has(cluster: Cluster) -> None:
    old = Lock("demo", UID, 1, "", {"here": {"stable": "id-1"}}, {"gone": "10.99.0.99"})
    new = old.renewed(cluster)
    assert (new.uid, new.additions, new.images) == (old.uid, old.additions, old.images)
    assert list(new.addresses) == [m.name for m in cluster.machines]


def test_images_are_resolved_once_and_again_on_purpose(cluster: Cluster) -> None:
    asked = []

    def resolve(provider: str, name: str) -> str:
        asked.append((provider, name))
        return f"id-{len(asked)}"

    lock = Lock("demo", UID, 1).pinned(cluster, resolve)
    assert lock.image("here", "stable") == "id-1"
    assert lock.image("here", "other") == "other"
    assert lock.pinned(cluster, resolve) == lock
    assert asked == [("here", "stable")]
    assert lock.pinned(cluster, resolve, again=True).image("here", "stable") == "id-2"


def test_images_that_mean_themselves_are_not_kept(cluster: Cluster) -> None:
    assert Lock("demo", UID, 1).pinned(cluster, lambda _, name: name).images == {}


def test_writing_replaces_the_file_in_one_step_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "cluster.lock"
    locks.write(path, Lock("demo", UID, 1))
    first = path.stat()
    locks.write(path, Lock("demo", UID, 1))
    assert path.stat().st_ino == first.st_ino  # nothing changed, nothing written
    locks.write(path, Lock("demo", UID, 2))
    assert path.stat().st_ino != first.st_ino
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [file.name for file in tmp_path.iterdir()] == ["cluster.lock"]
    assert locks.read(path) == Lock("demo", UID, 2)


def test_a_write_that_fails_leaves_the_old_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cluster.lock"
    locks.write(path, Lock("demo", UID, 1))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError, match="No space left"):
        locks.write(path, Lock("demo", UID, 2))
    assert [file.name for file in tmp_path.iterdir()] == ["cluster.lock"]
    assert locks.read(path) == Lock("demo", UID, 1)


def test_of_two_first_runs_one_uid_remains(tmp_path: Path, cluster: Cluster) -> None:
    path = tmp_path / "cluster.lock"
    first, second = Lock.fresh(cluster), Lock.fresh(cluster)
    assert locks.create(path, first) == first
    assert locks.create(path, second) == first
    assert [file.name for file in tmp_path.iterdir()] == ["cluster.lock"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_lock_that_cannot_be_made(tmp_path: Path, cluster: Cluster) -> None:
    for make in (locks.create, locks.write):
        with pytest.raises(StateError, match="cannot write"):
            make(tmp_path / "nowhere" / "cluster.lock", Lock.fresh(cluster))


def test_the_lock_lies_beside_the_spec() -> None:
    assert locks.path_for("deploy/cluster.yaml") == Path("deploy/cluster.lock")
    assert locks.path_for("two.prod.yaml") == Path("two.prod.lock")


def test_no_lock_is_none(tmp_path: Path) -> None:
    assert locks.read(tmp_path / "cluster.lock") is None


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("", ["PV092"]),
        ("- a", ["PV092"]),
        ("{", ["PV001"]),
        ("version: 2\nwhatever: new", ["PV091"]),
        (f"version: 1\ncluster: demo\nuid: {UID}\nadditions: 1\nuid: {UID}", ["PV004"]),
        ("version: 1\ncluster: demo\nuid: short\nadditions: 0", ["PV014", "PV015"]),
        (f"version: 1\ncluster: demo\nuid: {UID}\nadditions: 1\naddresses: {{a: 1.2.3, b: 1.2.3.4.}}", ["PV014"] * 2),
        (f"version: 1\ncluster: demo\nuid: {UID}\nadditions: 1\nextra: 1", ["PV011"]),
        ("version: one", ["PV013", "PV016", "PV016", "PV016"]),
    ],
)
def test_malformed_locks(text: str, codes: list[str]) -> None:
    with pytest.raises(SpecError) as wrong:
        locks.parse(text, "cluster.lock")
    assert sorted(f.code for f in wrong.value.report) == codes


def test_a_lock_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "cluster.lock").mkdir()
    with pytest.raises(SpecError) as wrong:
        locks.read(tmp_path / "cluster.lock")
    assert [f.code for f in wrong.value.report] == ["PV090"]
    (tmp_path / "dangling.lock").symlink_to("nowhere")
    with pytest.raises(SpecError):
        locks.read(tmp_path / "dangling.lock")


@given(st.text())
def test_no_text_is_a_traceback(text: str) -> None:
    with pytest.raises(SpecError) as wrong:
        locks.parse(text, "cluster.lock")
    assert wrong.value.report.errors

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from provision.cli.lock import changes
from provision.cli.main import run
from provision.spec import lock as locks
from provision.spec.lock import Lock
from tests.cli.test_validate import GOOD

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cluster.yaml").write_text(GOOD)
    return tmp_path / "cluster.yaml"


def test_a_lock_is_made_once(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lock", "cluster.yaml"]) == 0
    first = locks.read(spec.with_suffix(".lock"))
    assert first is not None
    assert capsys.readouterr().out == f"cluster.lock: cluster demo, uid {first.uid}, made\n"
    assert run(["lock", "cluster.yaml"]) == 0
    assert capsys.readouterr().out.endswith("unchanged\n")
    assert locks.read(spec.with_suffix(".lock")) == first


def test_a_changed_spec_keeps_uid_and_additions(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["lock", "cluster.yaml"])
    first = locks.read(spec.with_suffix(".lock"))
    spec.write_text(GOOD.replace("count: 3", "count: 4"))
    assert run(["lock", "cluster.yaml"]) == 0
    assert capsys.readouterr().out.endswith("changed\n")
    second = locks.read(spec.with_suffix(".lock"))
    assert first is not None
    assert second is not None
    assert (second.uid, second.additions) == (first.uid, first.additions)
    assert len(second.addresses) == 4


def test_only_update_moves_the_additions(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(["lock", "cluster.yaml"])
    monkeypatch.setattr(locks, "NEWEST_ADDITIONS", 7)
    run(["lock", "cluster.yaml"])
    kept = locks.read(spec.with_suffix(".lock"))
    run(["lock", "--update", "cluster.yaml"])
    moved = locks.read(spec.with_suffix(".lock"))
    assert kept is not None
    assert moved is not None
    assert (kept.additions, moved.additions) == (1, 7)


def test_json(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lock", "--json", "cluster.yaml"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["version"], said["cluster"], next(iter(said["addresses"]))) == (1, "demo", "demo-core-1")


def test_a_wrong_spec_makes_no_lock(spec: Path) -> None:
    spec.write_text(GOOD.replace("8h", "soon"))
    assert run(["lock", "cluster.yaml"]) == 3
    assert not spec.with_suffix(".lock").exists()


def test_the_lock_of_another_cluster_is_refused(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["lock", "cluster.yaml"])
    before = spec.with_suffix(".lock").read_text()
    spec.write_text(GOOD.replace("cluster: demo", "cluster: other"))
    assert run(["lock", "cluster.yaml"]) == 3
    assert "PV093" in capsys.readouterr().err
    assert spec.with_suffix(".lock").read_text() == before


def test_what_moved_is_told() -> None:
    old = Lock("demo", "u", 1, images={"ec2": {"a": "1", "b": "1"}})
    new = Lock("demo", "u", 2, images={"ec2": {"a": "2", "b": "1", "c": "3"}})
    assert changes(old, new) == [
        "  ec2: a is 2 now, was 1",
        "  ec2: c is 3 now, was not pinned",
        "  additions: version 2 now, was 1",
    ]
    assert changes(None, old) == ["  ec2: a is 1 now, was not pinned", "  ec2: b is 1 now, was not pinned"]

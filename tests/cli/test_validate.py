from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from provision.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
version: 1
cluster: demo
owner: you@example.com
ttl: 8h
os: lab
ssh: {keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b]}
providers: {qemu: }
pools: {core: {count: 3}}
"""


@pytest.fixture
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "warned.yaml").write_text(
        GOOD.replace("core:", "core: &a") + "etcd:\nbudget: {per_hour: 9, per_month: 1}\n"
    )
    (tmp_path / "wrong.yaml").write_text(GOOD.replace("8h", "soon").replace("lab", "lba"))
    return tmp_path


def test_a_right_spec(specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "good.yaml"]) == 0
    said = capsys.readouterr()
    assert said.out == "good.yaml: cluster demo, 3 machines in 1 pool: no findings\n"
    assert said.err == ""


def test_a_wrong_spec_tells_everything_at_once(specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "wrong.yaml"]) == 3
    said = capsys.readouterr()
    assert said.out == "wrong.yaml: 2 errors\n"
    assert "wrong.yaml:4:6" in said.err
    assert "did you mean lab?" in said.err
    assert said.err.endswith("error: 2 errors in 1 spec\n")


def test_one_wrong_spec_among_several_is_enough(specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "good.yaml", "wrong.yaml", "missing.yaml"]) == 3
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "good.yaml: cluster demo, 3 machines in 1 pool: no findings",
        "wrong.yaml: 2 errors",
        "missing.yaml: 1 error",
    ]
    assert said.err.endswith("error: 3 errors in 3 specs\n")


def test_warnings_pass_unless_strict(specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "warned.yaml"]) == 0
    assert "warning[PV024" in capsys.readouterr().err
    assert run(["validate", "--strict", "warned.yaml"]) == 3
    assert run(["validate", "--strict", "good.yaml"]) == 0


def test_json(specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "--json", "good.yaml", "wrong.yaml"]) == 3
    good, wrong = json.loads(capsys.readouterr().out)
    assert good == {
        "file": "good.yaml",
        "ok": True,
        "cluster": "demo",
        "machines": ["demo-core-1", "demo-core-2", "demo-core-3"],
        "findings": [],
    }
    assert (wrong["ok"], wrong["cluster"], wrong["machines"]) == (False, None, [])
    assert [(f["code"], f["file"], f["line"], f["path"]) for f in wrong["findings"]] == [
        ("PV014", "wrong.yaml", 4, "$.ttl"),
        ("PV013", "wrong.yaml", 5, "$.os"),
    ]


def test_a_spec_from_stdin(specs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    assert run(["validate", "-"]) == 0
    assert capsys.readouterr().out.startswith("-: cluster demo")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"owner: caf\xe9")))
    assert run(["validate", "-"]) == 3
    assert "stdin cannot be read: not UTF-8 text (byte 10)" in capsys.readouterr().err


def test_no_spec_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate"]) == 2

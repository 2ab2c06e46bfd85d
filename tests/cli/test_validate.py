from __future__ import annotations

import io
import json
import re
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
    first, second = said.out.splitlines()
    assert first == "good.yaml: cluster demo, 3 machines in 1 pool: no findings"
    assert re.fullmatch(r"  core: first-boot config of up to \d,\d{3} bytes, no limit", second)
    assert said.err == ""


def test_how_full_the_platforms_channel_is(specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ec2 = GOOD.replace("{qemu: }", "{ec2: {region: eu-west-1, image: ami-12345678}}").replace("os: lab", "os: flatcar")
    (specs / "ec2.yaml").write_text(ec2.replace("ssh: {", "ssh: {from: [203.0.113.0/24], "))
    assert run(["validate", "ec2.yaml"]) == 0
    assert re.search(r"core: first-boot config of up to [\d,]+ bytes, \d+% of 16,384\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ("core.bu", "core.bu:3:1"),
        ('{butane: "variant: fcos\\nversion: 1.4.0\\nstroage: {}\\n"}', "inline.yaml#$.pools.core.config.butane:3:1"),
        ("\n      butane: |\n        variant: fcos\n        version: 1.4.0\n        stroage: {}\n", "inline.yaml:15:9"),
    ],
)
def test_node_configs_are_compiled(specs: Path, capsys: pytest.CaptureFixture[str], config: str, place: str) -> None:
    (specs / "core.bu").write_text("variant: fcos\nversion: 1.4.0\nstroage: {}\n")
    pools = f"pools:\n  core:\n    count: 3\n    config: {config}"
    (specs / "inline.yaml").write_text(GOOD.replace("pools: {core: {count: 3}}", pools))
    run(["validate", "--strict", "inline.yaml"])
    said = capsys.readouterr().err
    assert "stroage" in said
    assert f"--> {place}" in said


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
    assert [line for line in said.out.splitlines() if not line.startswith(" ")] == [
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
        "first_boot": {
            f"demo-core-{n}": {"size": good["first_boot"]["demo-core-1"]["size"], "limit": 0, "form": "whole"}
            for n in (1, 2, 3)
        },
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

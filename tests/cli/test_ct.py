from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from provision.cli import ct
from provision.cli.goflags import parse, usage
from provision.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = {
    "ignition": {"config": {}, "security": {"tls": {}}, "timeouts": {}, "version": "2.3.0"},
    "networkd": {},
    "passwd": {},
    "storage": {},
    "systemd": {},
}
UPDATE = "update: {group: stable}\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "a.clc"
    path.write_text(UPDATE)
    return path


@pytest.mark.parametrize("dashes", ["-", "--"])
def test_flags_as_go_takes_them(dashes: str, config: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert ct.run([f"{dashes}in-file={config}", f"{dashes}pretty", f"{dashes}strict=false"]) == 0
    pretty = capsysbinary.readouterr()
    assert pretty.out.startswith(b'{\n  "ignition"')
    assert pretty.out.endswith(b"}\n")
    assert ct.run([f"{dashes}in-file", str(config)]) == 0
    plain = capsysbinary.readouterr()
    assert plain.err == b""
    assert not plain.out.endswith(b"\n")
    assert json.loads(plain.out) == json.loads(pretty.out)


def test_standard_input_and_an_output_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    target = tmp_path / "a.ign"
    assert ct.run(["-out-file", str(target)]) == 0
    assert json.loads(target.read_bytes()) == EMPTY
    assert capsysbinary.readouterr() == (b"", b"warning: Configuration is empty\n")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["-nothing"], "flag provided but not defined: -nothing\nUsage of ct:"),
        (["-in-file"], "flag needs an argument: -in-file\n"),
        (["-pretty=perhaps"], 'invalid boolean value "perhaps" for -pretty: parse error\n'),
        (["---x"], "bad flag syntax: ---x\n"),
        (["-h"], "Usage of ct:\n  -files-dir string\n    \tDirectory to read local files from.\n"),
    ],
)
def test_usage(argv: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ct.run(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(told)
    assert err.endswith(usage("ct", ct.FLAGS))


def test_words_end_the_flags(config: Path) -> None:
    assert parse(["-strict", "a", "-pretty"], ct.FLAGS).words == ["a", "-pretty"]
    assert parse(["--", "-pretty"], ct.FLAGS).words == ["-pretty"]


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert ct.run(["-help"]) == 0
    assert ct.run(["--version"]) == 0
    assert "behaves as ct v0.9.4" in capsys.readouterr().out


def test_files_that_cannot_be_read_or_written(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing"
    for name, told in (
        (missing, f"Failed to open: open {missing}: no such file or directory\n"),
        (tmp_path, f"Failed to read: read {tmp_path}: is a directory\n"),
    ):
        assert ct.run(["-in-file", str(name)]) == 1
        assert capsys.readouterr().err == told
    assert ct.run(["-in-file", str(config), "-out-file", str(missing / "a")]) == 1
    assert capsys.readouterr().err.startswith("Failed to create: open ")


def test_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.clc"
    path.write_text("systemd: {units: [{name: a.service, enabled: true, contents: '[Unit]\n\nA=b'}]}\n")
    assert ct.run(["-in-file", str(path)]) == 0
    assert ct.run(["-in-file", str(path), "-strict"]) == 1
    assert "has no install section" in capsys.readouterr().err


def test_local_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.clc"
    path.write_text("storage: {files: [{path: /a, mode: 0600, contents: {local: b}}]}\n")
    assert ct.run(["-in-file", str(path), "-files-dir", str(tmp_path / "files")]) == 1
    err = capsys.readouterr().err
    assert err == f"error at line 1, column 60\nopen {tmp_path}/files/b: no such file or directory\n"
    (tmp_path / "files/b").parent.mkdir()
    (tmp_path / "files/b").write_bytes(b"\xff")
    assert ct.run(["-in-file", str(path), "-files-dir", str(tmp_path / "files")]) == 0
    assert "data:,%FF" in capsys.readouterr().out


def test_bytes_that_are_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.clc"
    path.write_bytes(b"a: \xff\n")
    assert ct.run(["-in-file", str(path)]) == 1
    assert capsys.readouterr().err.endswith("Failed to parse config\n")


def test_the_command_tree_has_it(config: Path) -> None:
    done = CliRunner().invoke(app, ["ct", "--in-file", str(config), "--pretty"])
    assert done.exit_code == 0
    assert '"/etc/coreos/update.conf"' in done.output

"""`provision butane`: flags, exit codes and what goes where."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from provision.cli import butane
from provision.cli.main import run as run_tree

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "variant: fcos\nversion: 1.5.0\n"
WARNED = GOOD + "storage: {files: [{path: /a, mode: 644}]}\n"
BAD = GOOD + "storage: {files: [{path: a}]}\n"
COMPACT = '{"ignition":{"version":"3.4.0"}}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("good.bu", GOOD), ("warned.bu", WARNED), ("bad.bu", BAD), ("f", "hi")):
        (tmp_path / name).write_text(text)
    (tmp_path / "local.bu").write_text(GOOD + "storage: {files: [{path: /a, contents: {local: f}}]}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("argv", "code", "out", "err"),
    [
        (["good.bu"], 0, COMPACT, ""),
        (["-c", "good.bu"], 0, "", ""),
        (["--check=false", "good.bu"], 0, COMPACT, ""),
        (["--input", "good.bu"], 0, COMPACT, ""),
        (["-sc", "good.bu"], 0, "", ""),
        (["--", "good.bu"], 0, COMPACT, ""),
        (["bad.bu"], 1, "", "Error translating config: config generated was invalid\n"),
        (["--raw-errors", "bad.bu"], 1, "", "error at $.storage.files.0.path, line 3 col 26: path not absolute\n"),
        (["--strict", "warned.bu"], 1, "", "Config produced warnings and --strict was specified\n"),
        (["nowhere.bu"], 1, "", "failed to read nowhere.bu: open nowhere.bu: no such file or directory\n"),
        (["-o", "no/where", "good.bu"], 1, "", "open no/where: no such file or directory\n"),
        (["--nonsense"], 2, "", "unknown flag: --nonsense\nUsage:"),
        (["-x"], 2, "", "unknown shorthand flag: 'x' in -x\nUsage:"),
        (["-d"], 2, "", "flag needs an argument: 'd' in -d\nUsage:"),
        (["good.bu", "bad.bu"], 2, "", "Usage:"),
    ],
)
def test_flags(
    folder: Path, argv: list[str], code: int, out: str, err: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert butane.run(argv) == code
    written, said = (text.decode() for text in capfdbinary.readouterr())
    assert written == out
    assert err in said
    assert err or not said


def test_warnings_do_not_keep_the_result(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert butane.run(["warned.bu"]) == 0
    out, err = capfdbinary.readouterr()
    assert json.loads(out)["storage"]["files"][0]["mode"] == 644
    assert b"unreasonable mode" in err


def test_output_goes_to_a_file(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert butane.run(["-po", "out.ign", "good.bu"]) == 0
    assert (folder / "out.ign").read_text() == '{\n  "ignition": {\n    "version": "3.4.0"\n  }\n}\n'
    assert capfdbinary.readouterr() == (b"", b"")


def test_local_files_need_their_folder(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert butane.run(["local.bu"]) == 1
    assert butane.run(["-d.", "local.bu"]) == 0
    assert b"data:,hi" in capfdbinary.readouterr()[0]


def test_colour(folder: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    for flag, coloured in (("--color=always", True), ("--color=never", False), ("--color=auto", False)):
        butane.run([flag, "bad.bu"])
        assert (b"\x1b[" in capfdbinary.readouterr()[1]) == coloured


def test_the_config_can_come_from_a_pipe(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    assert butane.run(["-o", "out.ign"]) == 0
    assert (folder / "out.ign").read_text() == COMPACT


def test_bytes_that_are_not_utf_8_make_no_traceback(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    (folder / "bytes.bu").write_bytes(b"variant: \xff\xfe\n")
    assert butane.run(["bytes.bu"]) == 1
    assert b"Error translating config: Error unmarshaling yaml: yaml: " in capfdbinary.readouterr()[1]


def test_it_is_one_of_the_commands(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run_tree(["butane", "-p", "good.bu"]) == 0
    assert run_tree(["butane", "bad.bu"]) == 1
    assert b'"version": "3.4.0"' in capfdbinary.readouterr()[0]


def test_a_process_of_its_own(folder: Path) -> None:
    for argv, code, out in ((["good.bu"], 0, COMPACT), (["bad.bu"], 1, ""), (["--nonsense"], 2, "")):
        done = subprocess.run(
            [sys.executable, "-m", "provision", "butane", *argv],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "NO_COLOR": "1"},
        )
        assert (done.returncode, done.stdout) == (code, out)

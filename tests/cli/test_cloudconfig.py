from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest

from provision.cli import cloudconfig

if TYPE_CHECKING:
    from pathlib import Path

DASHED = "#cloud-config\ncoreos:\n  update:\n    reboot-strategy: 'off'\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "a.yaml"
    path.write_text(DASHED)
    return path


def lines(err: str) -> list[str]:
    """Return what was logged, which every line says with the time."""
    stamp = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ")
    assert all(stamp.match(line) for line in err.splitlines())
    return [stamp.sub("", line, count=1) for line in err.splitlines()]


@pytest.mark.parametrize("packed", [False, True])
def test_validate(config: Path, packed: bool, capsys: pytest.CaptureFixture[str]) -> None:
    if packed:
        config.write_bytes(gzip.compress(DASHED.encode()))
    assert cloudconfig.run(["-validate", f"--from-file={config}"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert lines(err) == [
        'Checking availability of "local-file"',
        'Fetching meta-data from datasource of type "local-file"',
        'Fetching user-data from datasource of type "local-file"',
    ]


def test_any_finding_fails(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("#cloud-config\nhostnme: a\n")
    assert cloudconfig.run(["--validate", "--from-file", str(config)]) == 1
    assert lines(capsys.readouterr().err)[3:] == ['line 2: warning: unrecognized key "hostnme"']
    config.write_text("#cloud-config\nusers: 3\n")
    assert cloudconfig.run(["--validate", "--from-file", str(config)]) == 1
    assert lines(capsys.readouterr().err)[3].startswith(
        'Failed while validating user_data ("yaml: unmarshal errors:\\n'
    )


def test_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cloudconfig.run(["--validate", f"--from-file={tmp_path}/b"]) == 1
    assert lines(capsys.readouterr().err)[-1] == "No datasources available in time"
    assert cloudconfig.run([f"{tmp_path}/b"]) == 1


def test_broken_gzip(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_bytes(b"\x1f\x8bbroken")
    assert cloudconfig.run(["--validate", f"--from-file={config}"]) == 0
    assert "Failed decompressing user-data" in capsys.readouterr().err


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cloudconfig.run([]) == 2
    assert cloudconfig.run(["--nothing"]) == 2
    assert cloudconfig.run(["--version"]) == 0
    assert "behaves as coreos-cloudinit 1.14.0" in capsys.readouterr().out


def test_dashes_become_underscores(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cloudconfig.run([str(config)]) == 0
    out, err = capsys.readouterr()
    assert out == "#cloud-config\ncoreos:\n  update:\n    reboot_strategy: 'off'\n"
    assert "PV854" in err


def test_strict(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("#cloud-config\nhostnme: a\n")
    assert cloudconfig.run([str(config)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "did you mean 'hostname'?" in err

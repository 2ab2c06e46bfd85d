"""`doctor`: what is there, what is missing and how to get it, and when it ends with 1."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from provision.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE", "DATA", "CACHE"):
        monkeypatch.setenv(f"PROVISION_{name}_DIR", str(tmp_path))
    monkeypatch.setattr("provision.cli.doctor.FREE_BYTES_WANTED", 0)


def doctor(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = run(["doctor", "--json"])
    return code, {check["what"]: check for check in json.loads(capsys.readouterr().out)}


def test_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = doctor(capsys)
    assert code == 0
    assert {found[f"provider {name}"]["state"] for name in ("ec2", "fake", "openstack", "rackspace")} == {"ok"}
    assert run(["doctor"]) == 0
    assert "provider rackspace" in capsys.readouterr().out


def test_a_missing_sdk_is_told_with_the_way_to_it_and_is_not_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provision.cli.doctor._is_installed", lambda package: package not in ("boto3", "pyrax"))
    monkeypatch.setitem(sys.modules, "pyrax", None)
    code, found = doctor(capsys)
    assert code == 0
    assert found["provider ec2"] == {
        "what": "provider ec2", "state": "missing", "detail": "pip install 'provision[ec2]'   (for boto3)",
    }  # fmt: skip
    said = found["provider rackspace"]
    assert said["state"] == "missing"
    assert "pip install 'pbr>=6' 'setuptools<81'" in said["detail"]
    assert "pip install --no-deps pyrax==1.10.0 python-novaclient==2.27.0" in said["detail"]


def test_a_pyrax_that_does_not_load_is_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pyrax").mkdir()
    (tmp_path / "pyrax" / "__init__.py").write_text("import pkg_resources_of_long_ago\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [n for n in sys.modules if n == "pyrax" or n.startswith("pyrax.")]:
        monkeypatch.delitem(sys.modules, name)
    code, found = doctor(capsys)
    assert code == 1
    assert found["provider rackspace"]["state"] == "wrong"
    assert "pkg_resources_of_long_ago" in found["provider rackspace"]["detail"]
    assert "--no-deps" in found["provider rackspace"]["detail"]

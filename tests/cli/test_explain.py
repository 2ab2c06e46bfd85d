from __future__ import annotations

import json

import pytest

from provision.cli.main import run
from provision.explain import catalogue


@pytest.mark.parametrize("code", ["PV020", "pv020", "20"])
def test_one_code(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", code]) == 0
    said = capsys.readouterr().out
    assert said.startswith("PV020: no ttl\n\n")
    assert "ttl: never" in said


def test_all_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["CODE", *catalogue()]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "PV020", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "no ttl"
    assert run(["explain", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(catalogue())


def test_a_code_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "PV02"]) == 2
    assert "there is no code 'PV02'" in capsys.readouterr().err

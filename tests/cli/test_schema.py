from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from provision.cli.main import run


@pytest.mark.parametrize("name", ["cluster", "lock", "qemu", "ec2", "butane", "butane-fcos-1.6.0"])
def test_schemas_are_written_whole(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", name]) == 0
    Draft202012Validator.check_schema(json.loads(capsys.readouterr().out))


def test_an_editor_takes_the_schema_of_the_spec_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    run(["schema", "cluster"])
    schema = json.loads(capsys.readouterr().out)
    spec = {
        "version": 1,
        "cluster": "demo",
        "owner": "you@example.com",
        "ttl": "8h",
        "os": "lab",
        "providers": {"qemu": None},
        "pools": {"core": {"count": 1, "config": {"butane": "variant: fcos\n"}, "size": {"cpus": 1, "memory": "1GiB"}}},
        "etcd": None,
        "x-anything": [1],
    }
    assert list(Draft202012Validator(schema).iter_errors(spec)) == []
    assert not Draft202012Validator(schema).is_valid({**spec, "ttl": "8 h"})


def test_all_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert {"cluster", "lock", "qemu", "ec2"} < set(names)


def test_a_name_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "clutser"]) == 2
    assert "did you mean cluster?" in capsys.readouterr().err

from __future__ import annotations

import base64
import gzip
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.firstboot.cloudconfig import compile_cloud_config
from provision.firstboot.cloudconfig.checks import is_request_uri
from provision.firstboot.cloudconfig.decoding import ContentError, decode_content
from provision.firstboot.cloudconfig.emit import emit
from provision.firstboot.cloudconfig.kinds import Kind, kind_of
from provision.firstboot.cloudconfig.model import types
from provision.firstboot.cloudconfig.scalars import go_text, go_value
from provision.firstboot.cloudconfig.validator import Unvalidated, validate
from tests.golden.ct.form import read

CASES = [case for path in Path("tests/golden/cloudconfig/cases").glob("*.txt") for case in read(path)]
LINES = sorted({line for case in CASES for line in case.text.splitlines()})


def told(body: str) -> list[str]:
    try:
        return list(map(str, validate(f"#cloud-config\n{body}")))
    except Unvalidated as problem:
        return [f"! {problem}"]


@pytest.mark.parametrize(
    ("body", "findings"),
    [
        ("hostname: 2024-01-01", ['line 2: warning: incorrect type for "hostname" (want string)']),
        ("hostname:", ['line 2: warning: incorrect type for "hostname" (want string)']),
        ("hostname: 18446744073709551615", ["! toNode(): unhandled kind uint64"]),
        ("coreos: {etcd2: {proxy: }}", None),
        ("coreos:\n  update:\n    reboot-strategy: best", []),
        ("coreos:\n  update:\n    reboot-strategy:\n      a: b", None),
        ("users:\n- name: a\n  no-create-home: perhaps", None),
        ("a: 1\na: 2", ["! couldn't parse yaml error"]),
        ("- a", ["! couldn't parse yaml error"]),
        ("1: a\ntrue: b", None),
        ("hostname: &a [*a]", None),
        ("write_files:\n- encoding: base64", ['line 0: error: content cannot be decoded as "base64"']),
        ("write-files:\n- permissions: 0899", ["line 3: error: invalid value 899"]),
        (
            "coreos: {units: [{enable: 4}]}",
            ["! yaml: unmarshal errors:\n  line 2: cannot unmarshal !!int `4` into bool"],
        ),
        # The validator looks for keys line by line, and takes the first of the name.
        (
            "name: a\nusers:\n- nam: b",
            ['line 2: warning: unrecognized key "name"', 'line 4: warning: unrecognized key "nam"'],
        ),
    ],
)
def test_validate(body: str, findings: list[str] | None) -> None:
    assert findings is None or told(body) == findings
    assert told(body) == told(body)


def test_panics_are_told_in_gos_words() -> None:
    assert told("coreos:\n  etcd2:\n    proxy:") == ["! reflect: call of reflect.Value.Interface on zero Value"]
    found = told("coreos:\n  update:\n    reboot-strategy:\n      a: b")
    assert found == ["! runtime error: comparing uncomparable type map[string]interface {}"]
    assert told("hostname: &a [*a]") == [
        "line 1: error: anchor 'a' value contains itself",
        'line 0: warning: incorrect type for "" (want struct)',
    ]
    assert told("1: a\ntrue: b") == [
        'line 0: warning: unrecognized key "%!s(int=1)"',
        'line 0: warning: unrecognized key "%!s(bool=true)"',
    ]


def test_kinds() -> None:
    assert kind_of("") is Kind.EMPTY
    assert kind_of("#!/bin/sh") is Kind.SCRIPT
    assert kind_of('{"ignitionVersion": 1}') is Kind.IGNITION
    assert kind_of('{"ignition": {}}') is Kind.UNKNOWN
    assert kind_of("Content-Type: multipart/mixed; boundary=a\n") is Kind.MULTIPART
    assert kind_of("#cloud-config \r\n") is Kind.CLOUD_CONFIG


def test_contents() -> None:
    packed = base64.b64encode(gzip.compress(b"hello")).decode()
    assert decode_content("hello", "") == b"hello"
    assert decode_content("aGVs\nbG8=", "b64") == b"hello"
    assert decode_content(packed, "gz+base64") == b"hello"
    for content, encoding in (("a", "b64"), ("a", "gzip"), ("", "gz"), (packed[:8], "gzip+b64"), ("a", "rot13")):
        with pytest.raises(ContentError):
            decode_content(content, encoding)


@pytest.mark.parametrize(
    ("value", "text"), [(1e21, "1e+21"), (1e20, "100000000000000000000"), (1e-5, "1e-05"), (0.5, "0.5"), (2.0, "2")]
)
def test_floats_as_go_writes_them(value: float, text: str) -> None:
    assert go_value(value) == text
    assert go_text(0.5) == "%!s(float64=0.5)"


def test_request_uris() -> None:
    assert all(map(is_request_uri, ("https://a.test/b", "/a", "*", "a:b")))
    assert not any(map(is_request_uri, ("", "not a url", "disco")))


def test_every_type_of_the_issue_is_there() -> None:
    coreos = types().fields["coreos"].struct
    assert coreos is not None
    sizes = {name: len(field.struct.fields) for name, field in coreos.fields.items() if field.struct}
    assert sizes == {"etcd": 49, "etcd2": 41, "flannel": 11, "fleet": 17, "locksmith": 9, "oem": 5, "update": 3}


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t #:-'\"{}&*!"), max_size=30)


@given(TEXT, TEXT, TEXT)
def test_what_is_emitted_reads_the_same(content: str, hostname: str, unit: str) -> None:
    config: dict[str, Any] = {
        "hostname": hostname,
        "write_files": [{"path": "/a", "permissions": "0644", "content": content}],
        "coreos": {"units": [{"name": unit}]},
    }
    text = emit(config)
    assert yaml.safe_load(text) == config
    compiled = compile_cloud_config(text, "a.yaml")
    assert compiled.config == {**config, "hostname": hostname} or not compiled.report.ok


@settings(max_examples=150)
@given(st.lists(st.sampled_from(LINES), max_size=12))
def test_no_mixture_of_lines_raises(lines: list[str]) -> None:
    text = "\n".join(["#cloud-config", *lines])
    compiled = compile_cloud_config(text, "a.yaml")
    assert (compiled.config is None) == (not compiled.report.ok)
    told("\n".join(lines))
    if compiled.config is not None:
        # What is strict here passes there, but for what is of the past.
        again = [each for each in validate(emit(compiled.config)) if "deprecated" not in each.text]
        assert [each for each in again if "discovery" not in each.text] == []


@given(st.text(max_size=80))
def test_no_text_raises(text: str) -> None:
    compile_cloud_config(text, "a.yaml")
    compile_cloud_config(f"#cloud-config\n{text}", "a.yaml")
    told(text)

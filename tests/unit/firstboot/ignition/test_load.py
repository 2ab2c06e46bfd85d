from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.firstboot.ignition import load
from provision.firstboot.ignition.model import types
from provision.firstboot.ignition.reader import Reader, syntax_problem

HEAD = '{"ignition": {"version": "3.4.0"}'


def told(text: str) -> list[tuple[str, str, str | None]]:
    config, report = load(text, "a.ign")
    assert (config is None) == (not report.ok)
    return [(finding.code, str(finding.span), finding.hint) for finding in report]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("", "PV204", "a.ign:1:1"),
        ("{", "PV203", "a.ign:1:2"),
        ("[]", "PV201", "a.ign:1:1"),
        ('{"ignition": {}}', "PV201", "a.ign:1:14"),
        ('{"ignition": {"version": "2.3.0"}}', "PV202", "a.ign:1:26"),
        ('{"ignition": {"version": "4"}}', "PV201", "a.ign:1:26"),
        (HEAD + ',\n "storage": 5}', "PV203", "a.ign:2:13"),
        (HEAD + ',\n "storage": {"files": [{"path": "/a", "mode": "0644"}]}}', "PV203", "a.ign:2:47"),
        (HEAD + ',\n\t"storage": {"files": [{"path": "a"}]}}', "PV231", "a.ign:2:33"),
        (HEAD + ', "x": NaN}', "PV203", "a.ign:1:1"),
        ("[" * 100_000, "PV203", "a.ign:1:1"),
    ],
)
def test_findings_have_places(text: str, code: str, place: str) -> None:
    assert [finding[:2] for finding in told(text)] == [(code, place)]


def test_unused_keys_are_errors_with_a_suggestion() -> None:
    ((code, _, hint),) = told(HEAD + ', "systemd": {"unit": []}}')
    assert (code, hint) == ("PV205", "did you mean 'units'?")


def test_nulls_are_nothing() -> None:
    config, _ = load(HEAD + ', "storage": null, "passwd": {"users": [null]}}', "a.ign")
    assert config == {"ignition": {"version": "3.4.0"}, "passwd": {"users": [{}]}}


@given(st.text('{}[]":,\\ \n\t01eE.-aignoverst', max_size=60))
def test_no_text_makes_a_traceback(text: str) -> None:
    load(text, "a.ign")
    load(HEAD + text, "a.ign")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("variant: fcos", "invalid character 'v' looking for beginning of value"),
        ("", "unexpected end of JSON input"),
        ('{"a": [1', "unexpected end of JSON input"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a": 1 "b"}', "invalid character '\"' after object key:value pair"),
        ('{"a": [1, {"]": 2} 3]}', "invalid character '3' after array element"),
        ("{'a': 1}", "invalid character '\\'' looking for beginning of object key string"),
        ("{} x", "invalid character 'x' after top-level value"),
        ('{"a": "\n"}', "invalid character '\\n' in string literal"),
        ('{"a": "\\x"}', "invalid character 'x' in string escape code"),
    ],
)
def test_syntax_errors_in_gos_words(text: str, problem: str) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads(text)
    assert syntax_problem(caught.value) == problem


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([], "json: cannot unmarshal array into Go value of type types.Config"),
        ({"storage": 5}, "json: cannot unmarshal number into Go struct field Config.storage of type types.Storage"),
        (
            {"storage": {"files": [{"mode": "0644"}]}},
            "json: cannot unmarshal string into Go struct field File.storage.files.mode of type int",
        ),
        ({"passwd": {"users": [{"uid": 1.5}]}},
         "json: cannot unmarshal number 1.5 into Go struct field PasswdUser.passwd.users.uid of type int"),
    ],
)  # fmt: skip
def test_wrong_types_in_gos_words(value: Any, problem: str) -> None:
    reader = Reader()
    reader.read(value, types("3.4.0"))
    assert reader.go == problem

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.firstboot.ignition import load

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
    assert config == {"ignition": {"version": "3.4.0"}, "passwd": {"users": []}}


@given(st.text('{}[]":,\\ \n\t01eE.-aignoverst', max_size=60))
def test_no_text_makes_a_traceback(text: str) -> None:
    load(text, "a.ign")
    load(HEAD + text, "a.ign")

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from provision.firstboot.ignition import load, serialise
from provision.firstboot.ignition.model import VERSIONS
from provision.firstboot.ignition.serialise import to_json
from tests.ignition.configs import configs


def test_gos_order_and_escapes() -> None:
    config = {
        "storage": {"files": [{"mode": 420, "path": "/<&>\u2028\b\x7f"}]},
        "ignition": {"version": "3.4.0", "config": {}},
        "passwd": {},
    }
    assert serialise(config) == (
        '{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/\\u003c\\u0026\\u003e\\u2028\\u0008\x7f","mode":420}]}}'
    )


def test_pretty() -> None:
    assert (
        serialise({"ignition": {"version": "3.4.0"}}, pretty=True)
        == '{\n  "ignition": {\n    "version": "3.4.0"\n  }\n}'
    )


@given(st.text(), st.booleans())
def test_json_comes_back(text: str, pretty: bool) -> None:
    assert json.loads(to_json({"a": [text]}, pretty=pretty)) == {"a": [text]}


@given(st.sampled_from(VERSIONS), st.data())
def test_reading_and_writing_again_changes_nothing(spec: str, data: st.DataObject) -> None:
    text = serialise(data.draw(configs(spec)))
    config, report = load(text, "a.ign")
    assert (config is None) == (not report.ok)
    if config is not None:
        assert serialise(config) == text

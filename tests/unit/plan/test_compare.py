from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.plan.compare import changed_fields, differences


def units(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"systemd": {"units": [{"name": n, "contents": c} for n, c in pairs]}}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({"size": "t3.medium"}, {"size": "t3.large"}, ("size t3.medium → t3.large",)),
        ({"size": {"cpus": 1, "memory": 2}}, {"size": {"cpus": 1, "memory": 4}}, ("size.memory 2 → 4",)),
        ({}, {"spot": True}, ("spot True added",)),
        ({"spot": True}, {}, ("spot removed",)),
        ({"tags": ["a"]}, {"tags": ["b"]}, ("tags changed",)),
        ({"text": "x" * 80}, {"text": "y"}, ("text changed",)),
        (units(("app.service", "a")), units(("app.service", "b")), ("unit app.service changed",)),
        (units(("a.service", "")), units(("b.service", "")), ("unit a.service removed", "unit b.service added")),
        ({}, units(("a.service", "")), ("systemd added",)),
        ({"systemd": {}}, units(("a.service", "")), ("unit a.service added",)),
        (units(("a", ""), ("b", "")), units(("b", ""), ("a", "")), ("order of units changed",)),
        (
            {"storage": {"files": [{"path": "/etc/x", "mode": 420}]}},
            {"storage": {"files": [{"path": "/etc/x", "mode": 384}]}},
            ("file /etc/x changed",),
        ),
        ({"passwd": {"users": []}}, {"passwd": {"users": [{"name": "core"}]}}, ("user core added",)),
        ({"same": 1}, {"same": 1}, ()),
    ],
)
def test_differences(old: dict[str, Any], new: dict[str, Any], told: tuple[str, ...]) -> None:
    assert differences(old, new) == told


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(["systemd", "units", "storage", "files", "x"]), json, max_size=4)


@given(old=objects, new=objects)
def test_something_is_told_when_and_only_when_something_differs(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert bool(differences(old, new)) == (old != new) == bool(changed_fields(old, new))
    assert differences(old, old) == ()

"""Merging: examples from Ignition's own documentation, and laws that hold for all configs."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provision.firstboot.ignition import merge, serialise
from provision.firstboot.ignition.model import VERSIONS
from tests.ignition.configs import configs

SPEC = "3.4.0"


def merged(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    version = {"ignition": {"version": SPEC}}
    result = merge({**version, **parent}, {**version, **child}).config
    assert result.pop("ignition") == version["ignition"]
    return result


def test_the_childs_values_win() -> None:
    parent = {"storage": {"files": [{"path": "/a", "mode": 420, "user": {"name": "x"}}]}}
    child = {"storage": {"files": [{"path": "/a", "mode": 384, "contents": {"source": "data:,"}}]}}
    wanted = {"path": "/a", "mode": 384, "user": {"name": "x"}, "contents": {"source": "data:,"}}
    assert merged(parent, child) == {"storage": {"files": [wanted]}}


def test_lists_go_by_key_parents_first() -> None:
    units = lambda *names: {"systemd": {"units": [{"name": name} for name in names]}}  # noqa: E731
    assert merged(units("a.service", "b.service"), units("c.service", "b.service")) == units(
        "a.service", "b.service", "c.service"
    )


def test_lists_without_keys_are_joined() -> None:
    append = lambda *sources: {  # noqa: E731
        "storage": {"files": [{"path": "/a", "append": [{"source": source} for source in sources]}]}
    }
    assert merged(append("data:,a"), append("data:,a", "data:,b")) == append("data:,a", "data:,a", "data:,b")


def test_a_path_of_another_kind_is_the_childs() -> None:
    parent = {"storage": {"files": [{"path": "/a"}, {"path": "/b"}]}}
    child = {"storage": {"links": [{"path": "/a", "target": "/b"}]}}
    assert merged(parent, child) == {"storage": {"files": [{"path": "/b"}], "links": [{"path": "/a", "target": "/b"}]}}


def test_a_header_without_a_value_removes() -> None:
    def one(*headers: dict[str, str]) -> dict[str, Any]:
        return {"storage": {"files": [{"path": "/a", "contents": {"httpHeaders": list(headers)}}]}}

    result = merged(one({"name": "A", "value": "1"}, {"name": "B", "value": "2"}), one({"name": "A"}))
    assert result == one({"name": "B", "value": "2"})


@given(st.sampled_from(VERSIONS), st.data())
def test_merging_nothing_changes_nothing(spec: str, data: st.DataObject) -> None:
    config = data.draw(configs(spec))
    empty = {"ignition": {"version": spec}}
    wanted = serialise(config)
    assert serialise(merge(config, empty).config) == wanted
    # Without duplicates, which no valid config has, the other way round is the same.
    once = merge(config, empty).config
    assert serialise(merge(empty, config, spec).config, spec=spec).count(spec) == serialise(once).count(spec)


@given(st.sampled_from(VERSIONS), st.data())
def test_the_transcript_tells_where_each_value_came_from(spec: str, data: st.DataObject) -> None:
    parent, child = data.draw(configs(spec)), data.draw(configs(spec))
    result = merge(parent, child)
    for step in result.transcript:
        if _is_leaf(found := _at(result.config, step.to)):
            assert found == _at(parent if step.side == "parent" else child, step.origin)


@given(st.sampled_from(VERSIONS), st.data())
def test_the_sides_stay_as_they_were(spec: str, data: st.DataObject) -> None:
    parent, child = data.draw(configs(spec)), data.draw(configs(spec))
    before = serialise(parent), serialise(child)
    merge(parent, child)
    assert (serialise(parent), serialise(child)) == before


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _is_leaf(value: Any) -> bool:
    return not isinstance(value, list | dict)

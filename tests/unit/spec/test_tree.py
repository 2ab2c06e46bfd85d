from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provision.located import compose
from provision.spec import tree

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(min_size=1), inner, max_size=5),
    max_leaves=20,
)


def read(text: str) -> tree.Document:
    return tree.build(compose(text, "f"), "f", text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(word, True) for word in ("true", "True", "TRUE")],
        *[(word, False) for word in ("false", "False", "FALSE")],
        *[(word, None) for word in ("", "~", "null", "Null", "NULL")],
        *[
            (word, word)
            for word in ("yes", "no", "on", "off", "y", "n", "tRUE", "2024-01-01", "12:30:45", "1_000", ".inf", "1e999")
        ],
        *[
            ("12", 12),
            ("-7", -7),
            ("+7", 7),
            ("010", 10),
            ("0x1F", 31),
            ("1.5", 1.5),
            (".5", 0.5),
            ("1.", 1.0),
            ("2.5e3", 2500.0),
        ],
        *[('"12"', "12"), ("'true'", "true"), ("!!str 12", "12"), ("=", "="), ("9" * 40, 1e40)],
    ],
)
def test_scalars_read_by_the_core_schema(text: str, value: object) -> None:
    found = read(f"[{text} ]" if text else "[~]").value[0]
    assert (found, type(found)) == (value, type(value))


def without_null(value: Any) -> Any:
    """Mappings lose the keys without a value, as in the spec."""
    if isinstance(value, dict):
        return {key: without_null(inner) for key, inner in value.items() if inner is not None}
    return [without_null(inner) for inner in value] if isinstance(value, list) else value


@given(PLAIN)
def test_json_reads_as_what_it_is(value: Any) -> None:
    text = json.dumps(value)  # ASCII alone: every character that YAML may not hold is escaped
    if "\\ud" not in text:
        assert read(text).value == without_null(value)


@given(st.lists(st.text("abc", min_size=1, max_size=3), unique=True, min_size=1, max_size=4), st.integers(0, 3))
def test_every_value_and_key_knows_its_place(keys: list[str], depth: int) -> None:
    value: Any = dict.fromkeys(keys, "here")
    for _ in range(depth):
        value = {"k": [value]}
    text = yaml.safe_dump(value)
    document, lines = read(text), text.splitlines()
    for path, node in document.scalars.items():
        place = document.places[path]
        assert lines[place.line - 1][place.column - 1 :] == node.value
    for path, place in document.keys.items():
        assert lines[place.line - 1][place.column - 1 :].startswith(f"{path[-1]}:")


def test_merge_keys_give_what_is_not_given() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], z: 3}\nd: {z: 4, <<: *a}\n"
    document = read(text)
    assert document.value["c"] == {"x": 1, "y": 1, "z": 3}
    assert document.value["d"] == {"x": 1, "y": 1, "z": 4}
    assert document.findings == []
    assert document.places["c", "x"].line == 1


def test_places_fall_back_to_what_is_there() -> None:
    document = read("a:\n  b: 1\n")
    assert document.place(("a", "b", "c")).line == 2
    assert document.key(("a", "missing")) == document.place(("a",))
    assert document.place(("zzz",)) == document.start

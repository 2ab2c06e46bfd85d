from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.firstboot.butane import tree
from provision.firstboot.decode import DecodeError, decode, resolve
from provision.firstboot.fields import Layer, build

STRUCT = build(
    [
        Layer(
            {"Config": {"s": "str", "b": "bool?", "i": "int", "l": "[str]", "o": "Inner"}, "Inner": {"s": "str"}},
            (),
            "t",
        )
    ],
    {},
)


def read(text: str) -> tuple[dict[str, Any], list[tuple[int, str]]]:
    return decode(tree.compose(text), STRUCT)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("1.10", "1.10"),
        ("0755", "0755"),
        ("yes", "yes"),
        ("true", "true"),
        ("2024-01-01", "2024-01-01"),
        ("'~'", "~"),
        ("!!binary aGk=", "hi"),
        ("!!str 5", "5"),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_strings_keep_their_text(written: str, wanted: str) -> None:
    assert read(f"s: {written}") == ({"s": wanted}, [])


@pytest.mark.parametrize("written", ["~", "null", "", "Null"])
def test_null_is_nothing(written: str) -> None:
    assert read(f"s: {written}") == ({}, [])
    assert read(f"o: {written}") == ({}, [])
    assert read(f"l: [a, {written or '~'}, b]") == ({"l": ["a", "b"]}, [])


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        *(
            ("0644", 420),
            ("0o644", 420),
            ("0x1f", 31),
            ("0b11", 3),
            ("1_000", 1000),
            ("-1", -1),
            ("+5", 5),
            ("1e3", 1000),
        ),
        *(("1.9", 1), ("-1.9", -1), ("0", 0), ("08", 8), ("9223372036854775807", (1 << 63) - 1)),
    ],
)
def test_numbers(written: str, wanted: int) -> None:
    assert read(f"i: {written}") == ({"i": wanted}, [])


@pytest.mark.parametrize(
    ("written", "wanted"), [("true", True), ("yes", True), ("On", True), ("y", True), ("no", False), ("OFF", False)]
)
def test_bools(written: str, wanted: bool) -> None:
    assert read(f"b: {written}") == ({"b": wanted}, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("b: 'true'", "cannot unmarshal !!str `true` into bool"),
        ("b: 1", "cannot unmarshal !!int `1` into bool"),
        ("i: abc", "cannot unmarshal !!str `abc` into int"),
        ("i: '5'", "cannot unmarshal !!str `5` into int"),
        ("i: 9223372036854775808", "cannot unmarshal !!int `9223372...` into int"),
        ("s: [a]", "cannot unmarshal !!seq into string"),
        ("s: {a: b}", "cannot unmarshal !!map into string"),
        ("l: a", "cannot unmarshal !!str `a` into []string"),
        ("o: []", "cannot unmarshal !!seq into t.Inner"),
    ],
)
def test_wrong_types(text: str, problem: str) -> None:
    assert read(text) == ({}, [(1, problem)])


def test_all_wrong_types_are_told() -> None:
    assert [line for line, _ in read("b: 1\ni: x\ns: []\n")[1]] == [1, 2, 3]


def test_duplicate_keys_are_told_with_both_lines() -> None:
    assert read("s: a\ni: 1\ns: b\n")[1] == [(3, 'mapping key "s" already defined at line 1')]


def test_many_duplicate_keys_end() -> None:
    _, errors = read("s: a\n" * 20_000)
    assert 1_000 <= len(errors) < 20_000


def test_merge_keys_yield_to_what_is_written() -> None:
    text = "o: &o {s: base}\n<<: {s: merged, i: 5}\ni: 1\n"
    assert read(text)[0] == {"o": {"s": "base"}, "s": "merged", "i": 1}


@pytest.mark.parametrize("text", ["o: &o {<<: *o}", "s: !!int abc", "<<: 5", "s: !!binary '%'"])
def test_what_cannot_be_decoded(text: str) -> None:
    with pytest.raises((DecodeError, tree.YamlError)):
        read(text)


@given(st.text(max_size=30))
def test_resolve_takes_every_text(text: str) -> None:
    tag, value = resolve(text)
    assert tag in ("null", "bool", "int", "float", "timestamp", "str")
    assert tag != "str" or value == text


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_numbers_come_back(number: int) -> None:
    assert read(f"i: {number}")[0] == {"i": number}
    assert read(f"i: {number:#x}".replace("-0x", "-0x"))[0] == {"i": number}

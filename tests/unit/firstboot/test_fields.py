from __future__ import annotations

import pytest

from provision.firstboot.fields import Layer, build, camel, holds

TABLE = {
    "Config": {
        "new": "str since 2",
        "old": "str until 2",
        "kept": "Inner",
        "items": "[Inner]",
        "_checks": ["check until 2"],
    },
    "Inner": {"value": ["int until 2", "int? since 2"], "_key": "value"},
}


def check(*_: object) -> None: ...


@pytest.mark.parametrize(
    ("entry", "at", "wanted"),
    [
        ("str", (1,), "str"),
        ("bool? since 1.2", (1, 2), "bool?"),
        ("bool? since 1.2", (1, 1), None),
        ("str until 3", (3,), None),
        ("[Resource] since 2 until 4", (3,), "[Resource]"),
        ("[Resource] since 2 until 4", (4,), None),
    ],
)
def test_entries_hold_at_versions(entry: str, at: tuple[int, ...], wanted: str | None) -> None:
    assert holds(entry, at) == wanted


def test_a_field_is_added_and_removed_by_the_table_alone() -> None:
    first, second = (build([Layer(TABLE, (at,), f"v{at}")], {"check": check}) for at in (1, 2))
    assert list(first.fields) == ["old", "kept", "items"]
    assert list(second.fields) == ["new", "kept", "items"]
    assert (first.checks, second.checks) == ((check,), ())
    inner = second.fields["kept"].struct
    assert inner is not None
    assert inner.fields["value"].pointer
    assert (inner.key, inner.go) == ("value", "v2.Inner")
    assert second.fields["items"].go == "[]v2.Inner"


def test_an_unknown_type_or_check_is_refused() -> None:
    with pytest.raises(KeyError):
        build([Layer({"Config": {"a": "Nothing"}}, (1,), "t")], {})
    with pytest.raises(KeyError):
        build([Layer({"Config": {"_checks": ["nothing"]}}, (1,), "t")], {})
    with pytest.raises(ValueError, match="not a table entry"):
        build([Layer({"Config": {"a": "str from 2"}}, (1,), "t")], {})


@pytest.mark.parametrize(("name", "wanted"), [("size_mib", "sizeMiB"), ("home_dir", "homeDir"), ("path", "path")])
def test_camel(name: str, wanted: str) -> None:
    assert camel(name) == wanted

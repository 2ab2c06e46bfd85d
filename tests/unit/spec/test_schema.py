from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from provision.located import compose
from provision.spec import schema, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS = ["cluster.v1.schema.json", "lock.v1.schema.json"]


def properties(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        for name, inner in node.get("properties", {}).items():
            yield f"{path}.{name}", inner
        for key, inner in node.items():
            yield from properties(inner, f"{path}.{key}")
    elif isinstance(node, list):
        for inner in node:
            yield from properties(inner, path)


def objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "properties" in node:
            yield node
        for inner in node.values():
            yield from objects(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from objects(inner)


def findings(text: str, rules: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    document = tree.build(compose(text, "f"), "f", text)
    return [(f.code, f.message, f.hint) for f in schema.check(document, document.value, schema.validator(rules))]


@pytest.mark.parametrize("name", OURS)
def test_our_schemas_are_draft_2020_12_and_refuse_unknown_keys(name: str) -> None:
    whole = schema.load(name)
    Draft202012Validator.check_schema(whole)
    assert whole["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert whole["$id"] == name
    assert all(inner.get("additionalProperties") is False for inner in objects(whole))


def test_every_key_of_the_spec_has_a_title_a_description_and_examples_that_are_right() -> None:
    whole = schema.load(OURS[0])
    for path, inner in properties(schema.inline(whole, whole)):
        assert inner.get("title"), path
        assert inner.get("description"), path
        kinds = inner.get("type", ())
        assert inner.get("examples") or "object" in kinds, path
        for example in [*inner.get("examples", []), *([inner["default"]] if "default" in inner else [])]:
            assert schema.validator(inner).is_valid(example), (path, example)


def test_inlined_schemas_say_the_same() -> None:
    whole = schema.load(OURS[0])
    inlined = schema.inline(whole, whole)
    assert "$ref" not in str(inlined)
    assert inlined["properties"]["cluster"]["pattern"] == whole["$defs"]["name"]["pattern"]
    assert inlined["properties"]["cluster"]["title"] == "Name of the cluster"


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("^a$", "a", True),
        ("^a$", "a\n", False),
        ("^(a|b$)", "b\n", False),
        (r"^a\$$", "a$", True),
        (r"^a\$$", "a$\n", False),
        ("a", "cat", True),
        ("^[$]$", "$", True),
    ],
)
def test_patterns_end_where_ecma_ends_them(pattern: str, text: str, fits: bool) -> None:
    assert schema.validator({"pattern": pattern}).is_valid(text) is fits


@pytest.mark.parametrize(
    ("rules", "text", "said"),
    [
        ({"not": {"type": "object"}}, "a: 1", ("PV014", "{'a': 1} should not be valid under {'type': 'object'}", None)),
        ({"properties": {"a": {"exclusiveMinimum": 0}}}, "a: 0", ("PV015", "0 is too small", "the least is 0")),
        ({"properties": {"a": {"maxLength": 2}}}, "a: abc", ("PV015", "3 characters are too many", "at most 2")),
        ({"properties": {"a": {"maxItems": 1}}}, "a: [1, 2]", ("PV015", "2 are too many", "at most 1")),
        ({"properties": {"a": {"const": "x"}}}, "a: y", ("PV013", "'y' is not 'x'", None)),
        (
            {"properties": {"a": {"anyOf": [{"type": "integer", "minimum": 5}, {"type": "string"}]}}},
            "a: 3",
            ("PV015", "3 is too small", "the least is 5"),
        ),
        (
            {"properties": {"a": {"oneOf": [{"type": "integer"}, {"type": "boolean"}]}}},
            "a: x",
            ("PV012", "'x' is not a whole number or true or false", "write a whole number or true or false"),
        ),
    ],
)
def test_words_for_keywords_that_plugins_use(rules: dict[str, Any], text: str, said: tuple[str, str, str]) -> None:
    assert findings(text, rules) == [said]

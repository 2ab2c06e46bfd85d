"""No input is a traceback: whatever comes in, there is a cluster or there are errors with codes and places."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from provision.explain import catalogue
from tests.unit.spec.gallery import check
from tests.unit.spec.test_load import FULL

if TYPE_CHECKING:
    from provision.spec.load import Loaded

VALUE = yaml.safe_load(FULL)
WORDS = st.sampled_from(
    [
        "",
        "yes",
        "never",
        "8h",
        "core",
        "demo-core-1",
        "10.99.0.0/24",
        "here",
        "cloud",
        "~",
        "\n",
        "x" * 300,
        "core.bu",
        "ü\0",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.sampled_from(list(VALUE)), inner, max_size=4)
    ),
    max_leaves=12,
)


def holds(loaded: Loaded) -> None:
    errors = loaded.report.errors
    assert (loaded.cluster is None) == bool(errors)
    assert all(finding.code in catalogue() for finding in loaded.report)
    assert loaded.report.render() or not loaded.report.findings
    json.dumps(loaded.report.to_json())


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in steps for found in paths(inner, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """The full spec with up to three parts replaced, removed, renamed or doubled."""
    whole = {"": copy.deepcopy(VALUE)}
    for _ in range(draw(st.integers(1, 3))):
        path = ("", *draw(st.sampled_from(paths(whole[""]))))
        above: Any = whole
        for step in path[:-1]:
            above = above[step]
        match draw(st.sampled_from(["replace", "remove", "rename"])):
            case "remove" if len(path) > 1:
                del above[path[-1]]
            case "rename" if isinstance(above, dict) and len(path) > 1:
                above[draw(WORDS)] = above.pop(path[-1])
            case _:
                above[path[-1]] = draw(TREES)
    return whole[""]


@given(st.text())
def test_any_text(text: str) -> None:
    holds(check(text))


def test_characters_that_yaml_may_not_hold() -> None:
    for text in ("\0", "a: \x07", "version: 1\n---\n\x00", "a: 1\n---\n]", "\ud800", "%YAML 9.9\n---\na: 1"):
        holds(check(text))


def test_depth_without_end() -> None:
    for text in ("[" * 5000, "{a: " * 5000, "- " * 5000, "a: &a {<<: *a}", "x: &x [*x]\n<<: *x"):
        holds(check(text))


@given(TREES)
def test_any_tree(value: Any) -> None:
    holds(check(yaml.safe_dump(value, allow_unicode=True)))


@given(mutated())
def test_any_spec_that_was_nearly_right(value: Any) -> None:
    holds(check(yaml.safe_dump(value, sort_keys=False)))


@given(st.integers(0, len(FULL)), st.integers(0, 40), st.text("{}[]:,&*!|>'\"%@`#- \n\tab1\u2028\x85", max_size=4))
def test_any_slip_of_the_hand(start: int, length: int, put: str) -> None:
    holds(check(FULL[:start] + put + FULL[start + length :]))

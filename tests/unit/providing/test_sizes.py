"""Sizes by numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provision.providing import sizes

if TYPE_CHECKING:
    from provision.providing.sizes import Problem


def test_what_is_no_mapping_or_has_other_keys_is_told() -> None:
    problems: list[Problem] = []
    assert sizes.mapping("t3.small", ("cpus", "memory"), problems) == {}
    assert sizes.mapping("", ("cpus", "memory"), problems) == {}
    assert sizes.mapping({"ram": 1, "cpus": 2}, ("cpus", "memory"), problems) == {"ram": 1, "cpus": 2}
    assert [(p.key, p.hint) for p in problems] == [("", "write cpus and memory"), ("ram", "it has cpus, memory")]


@pytest.mark.parametrize(("given", "read"), [({}, 0), ({"cpus": 1}, 1), ({"cpus": 8}, 8)])
def test_cpus(given: dict[str, object], read: int) -> None:
    problems: list[Problem] = []
    assert (sizes.cpus(given, 1, 8, problems), problems) == (read, [])


@pytest.mark.parametrize("value", [0, 9, True, "2", 1.5])
def test_what_is_no_number_of_cpus_is_told(value: object) -> None:
    problems: list[Problem] = []
    assert sizes.cpus({"cpus": value}, 1, 8, problems) == 0
    assert [p.hint for p in problems] == ["write a whole number from 1 to 8"]


@pytest.mark.parametrize(("text", "read"), [("1MiB", 1 << 20), ("2 GiB", 2 << 30), ("3TiB", 3 << 40)])
def test_amounts(text: str, read: int) -> None:
    problems: list[Problem] = []
    assert (sizes.amount({"disk": text}, "disk", problems), problems) == (read, [])


@pytest.mark.parametrize("text", ["0MiB", "1GB", "x", 4])
def test_what_is_no_amount_is_told(text: object) -> None:
    problems: list[Problem] = []
    assert sizes.amount({"disk": text}, "disk", problems) == 0
    assert [p.key for p in problems] == ["disk"]

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.providing.sizes import UNITS
from provision_qemu.size import Size, parse


@given(cpus=st.integers(1, 255), memory=st.integers(1, 9999), disk=st.integers(1, 9999), unit=st.sampled_from([*UNITS]))
def test_sizes_are_read_with_their_units(cpus, memory, disk, unit):
    size, problems = parse({"cpus": cpus, "memory": f"{memory}MiB", "disk": f"{disk}{unit}"})
    assert problems == []
    assert size == Size(cpus, memory, disk * UNITS[unit])


@pytest.mark.parametrize("nothing", ["", {}])
def test_defaults(nothing):
    assert parse(nothing) == (Size(1, 768, 0), [])
    assert parse({"memory": "1GiB"}) == (Size(1, 1024, 0), [])


@pytest.mark.parametrize(
    ("size", "key"),
    [
        ("t3.micro", ""),
        ({"ram": "1GiB"}, "ram"),
        ({"cpus": 0}, "cpus"),
        ({"cpus": True}, "cpus"),
        ({"cpus": "2"}, "cpus"),
        ({"cpus": 256}, "cpus"),
        ({"memory": 768}, "memory"),
        ({"memory": "0MiB"}, "memory"),
        ({"memory": "1GB"}, "memory"),
        ({"disk": "4 gib"}, "disk"),
        ({"disk": "512KiB"}, "disk"),
    ],
)
def test_what_is_no_size_is_named(size, key):
    _, problems = parse(size)
    assert [p.key for p in problems] == [key]
    assert problems[0].hint


def test_all_problems_at_once():
    _, problems = parse({"cpus": 0, "memory": "x", "disk": "y", "ram": 1})
    assert [p.key for p in problems] == ["ram", "cpus", "memory", "disk"]

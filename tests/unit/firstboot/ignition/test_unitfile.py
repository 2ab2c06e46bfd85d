from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.firstboot.ignition import unitfile
from provision.firstboot.ignition.golang import to_bytes

pieces = st.sampled_from(["[A]", "[", "]", "a", "b=c", "=", "\\", "\n", "\r\n", "#", ";", " ", "\t", "é", "[B]\nx=y\n"])


@given(st.lists(pieces, max_size=25).map("".join))
def test_the_quick_reader_and_the_exact_one_agree(text: str) -> None:
    def outcome(read: object) -> object:
        try:
            return read()  # type: ignore[operator]
        except unitfile.UnitError as error:
            return str(error)

    assert outcome(lambda: unitfile.sections(text)) == outcome(lambda: unitfile._Reader(to_bytes(text)).read())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", set()),
        ("[Unit]\n", set()),
        ("[Unit]\nDescription=x\n[Install]\nWantedBy=a\n", {"Unit", "Install"}),
        ("# only a comment\n", set()),
        ("[A]\nb=c \\\n  d\n", {"A"}),
    ],
)
def test_sections_that_hold_something(text: str, wanted: set[str]) -> None:
    assert unitfile.sections(text) == wanted


@pytest.mark.parametrize("text", ["[A]\nb\n", "[A", "[A]x\n", "[A]\n" + "b=" + "c" * 5000])
def test_what_is_not_a_unit(text: str) -> None:
    with pytest.raises(unitfile.UnitError):
        unitfile.sections(text)


@pytest.mark.parametrize("piece", ["\\\n", "[A]\n", "[A]\nb=c\n", " \n", "[A]\nb=\\\n#\n"])
def test_long_units_take_no_time_out_of_proportion(piece: str) -> None:
    try:
        unitfile.sections("[A]\nx=y\n" + piece * 20_000)
    except unitfile.UnitError:
        return

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.apply.serial_text import plain


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS\r\n", "SeaBIOS\n"),
        ("\x1b[32m  OK  \x1b[0m Started\tetcd\n", "  OK   Started\tetcd\n"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]52;c;cm0gLXJmIH4=\x1b\\text", "text"),
        ("\x9b31mred", "31mred"),
        ("a\rb\x00c\x7f", "abc"),
        ("grüße ✓ 終", "grüße ✓ 終"),
        ("\x1b(Btext\x1b", "text"),
    ],
)
def test_what_is_left(said: str, shown: str) -> None:
    assert plain(said) == shown


@given(st.text(alphabet=st.one_of(st.sampled_from("\x1b[]0;mc\\\x07\x9b\x9c\r\n\t"), st.characters(codec="utf-8"))))
def test_nothing_controls_a_terminal(text: str) -> None:
    shown = plain(text)
    assert all(c in "\n\t" or (ord(c) >= 0x20 and not 0x7F <= ord(c) <= 0x9F) for c in shown)

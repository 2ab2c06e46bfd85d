from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.firstboot.ignition import dataurl


@given(st.binary(max_size=600), st.booleans())
def test_what_is_encoded_comes_back(content: bytes, compress: bool) -> None:
    url, packed = dataurl.encode(content, compress=compress)
    data = dataurl.decode(url)
    assert (gzip.decompress(data) if packed else data) == content
    assert compress or not packed
    dataurl.check(url)


@given(st.binary(max_size=600))
def test_the_shortest_form_is_taken(content: bytes) -> None:
    url, _ = dataurl.encode(content, compress=False)
    assert len(url) <= len(dataurl.escaped(content))


def test_escaped_keeps_unreserved_characters() -> None:
    assert dataurl.escaped(b"aZ0-_.!~*'() \n\xff") == "data:,aZ0-_.!~*'()%20%0A%FF"


def test_gzip_is_reproducible() -> None:
    content = b"abc" * 1000
    packed = dataurl.gzip(content)
    assert packed == dataurl.gzip(content)
    assert packed[4:8] == b"\0\0\0\0"
    assert gzip.decompress(packed) == content


@pytest.mark.parametrize(
    ("url", "content"),
    [
        ("data:,", b""),
        ("data:,a%20b", b"a b"),
        ("data:;base64,aGk=", b"hi"),
        ("data:text/plain;charset=utf-8,x", b"x"),
        ("data:text/plain;charset=utf-8;base64,aGk=", b"hi"),
        ('data:;a="b c",x', b"x"),
    ],
)
def test_forms_that_are_read(url: str, content: bytes) -> None:
    assert dataurl.decode(url) == content


@pytest.mark.parametrize(
    "url",
    [
        "data:",
        "data:;base64",
        "data:,%zz",
        "data:,%2",
        "data:;base64,a",
        "data:;base64,====",
        "data:,a b",
        "data:nonsense,x",
    ],
)
def test_forms_that_are_refused(url: str) -> None:
    with pytest.raises(dataurl.DataURLError):
        dataurl.check(url)


@given(st.text('data:,;base64=%/x" \\', max_size=40))
def test_check_and_decode_agree(text: str) -> None:
    url = f"data:{text}"
    results = []
    for function in (dataurl.check, dataurl.decode):
        try:
            function(url)
            results.append("")
        except dataurl.DataURLError as error:
            results.append(str(error))
    assert results[0] == results[1]


@pytest.mark.parametrize("piece", ["=", "%", "a;", ";a=b", ';a="b"', ";a=%20", ";a", '"', "%20", "A"])
def test_long_urls_take_no_time_out_of_proportion(piece: str) -> None:
    for start in ("data:,", "data:;base64,", "data:"):
        try:
            dataurl.check(start + piece * 200_000)
        except dataurl.DataURLError:
            continue

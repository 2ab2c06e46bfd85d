"""systemd unit files, read as go-systemd's ``unit`` package reads them; what it refuses, Ignition refuses.

Its reader works on a buffer of 4,096 bytes, and looks for lines of 2,048 bytes or more only when that much lies in
the buffer; so does this one. Facts: https://github.com/coreos/go-systemd, unit/deserialize.go.
"""

from __future__ import annotations

import re

from provision.firstboot.ignition.golang import quote, to_bytes

BUFFER = 4096
LINE_MAX = 2048
_SPACE = b" \t\n\v\f\r"


class UnitError(ValueError):
    """The text is not a unit file; the message is go-systemd's."""


def sections(text: str) -> set[str]:
    """Return the names of the sections that hold an option.

    Raises:
        UnitError: the text cannot be read.
    """
    found = _simple(text)
    return _Reader(to_bytes(text)).read() if found is None else found


_LINE = re.compile(r"\[(?P<section>[^\]\n]*)\][ \t]*|(?P<option>[^\s\[#;=][^=]*=.*)|[#;].*")


def _simple(text: str) -> set[str] | None:
    """Read a unit without continued lines, which nearly all are; None for the others."""
    if "\\" in text or "\r" in text or len(text) >= LINE_MAX or not text.isascii():
        return None
    section, found = None, set()
    for line in text.split("\n"):
        if not line:
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        name = match["section"]
        if name is not None:
            section = name
        elif match["option"]:
            if section is None:
                return None
            found.add(section)
    return found


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._filled = 0
        self._found: set[str] = set()

    def read(self) -> set[str]:
        section: str | None = None
        while True:
            self._guard()
            byte = self._next()
            if byte is None:
                return self._found
            if byte == b"[":
                section = self._section()
            elif byte in (b"#", b";"):
                self._guard()
                self._skip_comment()
            elif section is not None and byte not in _SPACE and not self._unicode_space(byte):
                self._option(section, byte)

    def _section(self) -> str:
        self._guard()
        end = self._data.find(b"]", self._at)
        if end < 0:
            raise UnitError("unable to find end of section")
        name = self._data[self._at : end].decode("utf-8", "replace")
        self._advance(end + 1)
        self._guard()
        garbage = self._line()[0].strip()
        if garbage:
            raise UnitError(f"found garbage after section name : {quote(garbage.decode('utf-8', 'surrogateescape'))}")
        return name

    def _skip_comment(self) -> None:
        while True:
            line, ended = self._line()
            if ended or not line.removesuffix(b" ").endswith(b"\\"):
                return

    def _option(self, section: str, first: bytes) -> None:
        self._at -= 1
        self._guard()
        self._at += 1
        equals = b"=" if first == b"=" else None
        if equals is None:
            stops = [at for at in (self._data.find(c, self._at) for c in (b"=", b"\n", b"\r")) if at >= 0]
            if not stops:
                raise UnitError("EOF")
            self._advance(min(stops) + 1)
            if self._data[self._at - 1 : self._at] != b"=":
                raise UnitError("unexpected newline encountered while parsing option name")
        while True:
            self._guard()
            line, _ = self._line()
            if not line.strip() or not line.endswith(b"\\"):
                break
        self._found.add(section)

    def _next(self) -> bytes | None:
        if self._at >= len(self._data):
            return None
        self._advance(self._at + 1)
        return self._data[self._at - 1 : self._at]

    def _line(self) -> tuple[bytes, bool]:
        """Return the rest of the line, and whether the text ends with it."""
        end = self._data.find(b"\n", self._at)
        line = self._data[self._at : end if end >= 0 else len(self._data)]
        self._advance(end + 1 if end >= 0 else len(self._data))
        # The package strips a carriage return before the newline, so only one at the text's end goes.
        return (line.removesuffix(b"\r") if end < 0 else line), end < 0

    def _advance(self, to: int) -> None:
        """Read up to `to`, filling the buffer as a reader of 4,096 bytes would."""
        while to > self._filled:
            self._at = max(self._at, self._filled)
            self._filled = min(len(self._data), self._at + BUFFER)
            if self._filled >= len(self._data):
                break
        self._at = to

    def _guard(self) -> None:
        if self._filled - self._at < LINE_MAX:
            return
        line = self._data[self._at : self._at + LINE_MAX]
        if b"\n" not in line and b"\r" not in line:
            raise UnitError(f"line too long (max {LINE_MAX} bytes)")

    def _unicode_space(self, first: bytes) -> bool:
        if first < b"\x80":
            return False
        char = self._data[self._at - 1 : self._at + 3].decode("utf-8", "replace")[:1]
        if char.isspace() and char not in "\x1c\x1d\x1e\x1f":
            self._advance(self._at - 1 + len(char.encode()))
            return True
        return False

"""Bytes out for the drop-ins: what is no UTF-8 leaves as it came."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Write a text to stderr at once."""
    sys.stderr.flush()
    sys.stderr.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stderr.buffer.flush()


def write(target: str, data: bytes) -> None:
    """Write a result to a file, or to stdout when `target` is "".

    Raises:
        OSError, ValueError: it cannot be written, or the name cannot be one.
    """
    if target:
        with open(target, "wb") as file:  # noqa: PTH123 - messages repeat the name as it was given
            file.write(data)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()

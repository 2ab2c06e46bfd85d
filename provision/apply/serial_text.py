"""A serial console's text made fit to be shown: what runs on a machine must not reach for its reader's terminal."""

from __future__ import annotations

import re

CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, the cursor, clearing
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC and the like: titles, the clipboard
    r"|\x1b[ -/]*[0-~]"  # single functions, such as ESC c, which resets the terminal
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"  # all that is left, but for tabs and newlines
)
"""ECMA-48's control functions, seven and eight bits wide."""


def plain(text: str) -> str:
    """Return a console's text without control functions; of them only newlines and tabs stay."""
    return CONTROL.sub("", text.replace("\r\n", "\n"))

"""The text form of golden cases: a rule with the case's name and its words, the input, a rule, the result."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RULE = "#" * 20
_CASE = re.compile(rf"^{RULE} (?P<name>\S+)(?P<words>.*)\n(?P<input>(?:.*\n)*?){RULE}>\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """One input and the words that stand beside its name: flags of the tool, and `ours` for what is not a drop-in."""

    name: str
    words: tuple[str, ...]
    text: str


def read(path: Path) -> list[Case]:
    """Return the cases of a file."""
    found = _CASE.finditer(path.read_bytes().decode())
    return [Case(match["name"], tuple(match["words"].split()), match["input"]) for match in found]


def render(cases: list[Case], result: Callable[[Case], str]) -> str:
    """Return a file's text: each case with what it gives now."""
    return "".join(
        f"{RULE} {case.name}{''.join(f' {word}' for word in case.words)}\n{case.text}{RULE}>\n{result(case)}\n"
        for case in cases
    )

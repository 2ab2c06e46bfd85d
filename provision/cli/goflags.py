"""Flags as Go's ``flag`` package reads them: one dash or two, ``-name=value`` or ``-name value``, booleans alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TRUE = ("1", "t", "T", "true", "TRUE", "True")
FALSE = ("0", "f", "F", "false", "FALSE", "False")


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: what it is for, and whether it takes a text."""

    usage: str
    text: bool = False
    default: str = ""


@dataclass(slots=True)
class Flags:
    """The flags of one run: texts and booleans by name, and the words that are none."""

    texts: dict[str, str] = field(default_factory=dict)
    switches: dict[str, bool] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


class FlagProblem(Exception):
    """The command line cannot be read; the text is Go's. No text: help was asked for."""


def parse(argv: Sequence[str], known: Mapping[str, Flag]) -> Flags:
    """Read flags up to the first word that is none.

    Raises:
        FlagProblem: an unknown flag, a flag without its value, a boolean that is none, or help.
    """
    found = Flags({name: flag.default for name, flag in known.items() if flag.text}, dict.fromkeys(known, False))
    rest = list(argv)
    while rest:
        word = rest[0]
        if len(word) < 2 or word[0] != "-":
            break
        rest.pop(0)
        if word == "--":
            break
        _read(word, rest, known, found)
    found.words = rest
    return found


def _read(word: str, rest: list[str], known: Mapping[str, Flag], found: Flags) -> None:
    name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
    if not name or name[0] == "-":
        raise FlagProblem(f"bad flag syntax: {word}")
    flag = known.get(name)
    if flag is None:
        raise FlagProblem("" if name in ("help", "h") else f"flag provided but not defined: -{name}")
    if flag.text:
        if not equals and not rest:
            raise FlagProblem(f"flag needs an argument: -{name}")
        found.texts[name] = value if equals else rest.pop(0)
    elif not equals or value in TRUE:
        found.switches[name] = True
    elif value in FALSE:
        found.switches[name] = False
    else:
        raise FlagProblem(f'invalid boolean value "{value}" for -{name}: parse error')


def usage(program: str, known: Mapping[str, Flag]) -> str:
    """Return the help text, as Go prints it."""
    lines = [f"Usage of {program}:"]
    for name, flag in sorted(known.items()):
        default = f' (default "{flag.default}")' if flag.default else ""
        lines += [f"  -{name}{' string' if flag.text else ''}", f"    \t{flag.usage}{default}"]
    return "\n".join(lines) + "\n"

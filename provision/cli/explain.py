"""`provision explain`: what a finding's code means."""

from __future__ import annotations

import dataclasses
import difflib
from typing import Annotated

import typer

from provision.cli import console
from provision.errors import UsageError
from provision.explain import Explanation, catalogue


def explain(
    code: Annotated[str, typer.Argument(help="A code such as PV020; all codes if left out.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Tell what a finding's code means, and the way out.

    \b
    Example:
      provision explain PV020
    """
    found = [_one(code)] if code else list(catalogue().values())
    if as_json:
        whole = [dataclasses.asdict(one) for one in found]
        console.emit(whole[0] if code else whole)
    elif code:
        console.out(f"{found[0].code}: {found[0].title}\n\n{found[0].text}")
    else:
        console.table(("CODE", "TITLE"), [(one.code, one.title) for one in found])


def _one(code: str) -> Explanation:
    name = code.strip().upper()
    name = f"PV{name:0>3}" if name.isdecimal() else name
    if name not in catalogue():
        close = difflib.get_close_matches(name, catalogue(), n=1)
        hint = f"did you mean {close[0]}?" if close else "`provision explain` lists all codes"
        raise UsageError(f"there is no code {code!r}", hint=hint)
    return catalogue()[name]

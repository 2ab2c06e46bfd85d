"""The catalogue of findings: what each code means, and the way out. Read from ``provision_schemas/codes/*.toml``."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means: a title in a few words, and a text of some lines."""

    code: str
    title: str
    text: str


@functools.cache
def catalogue() -> dict[str, Explanation]:
    """Return every documented code, in order.

    Raises:
        ValueError: two files document the same code: a bug in provision, and found by its tests.
    """
    found: dict[str, Explanation] = {}
    for file in resources.files("provision_schemas").joinpath("codes").iterdir():
        if file.name.endswith(".toml"):
            for code, entry in tomllib.loads(file.read_text("utf-8")).items():
                if code in found:
                    raise ValueError(f"{code} is documented twice, the second time in {file.name}")
                found[code] = Explanation(code, entry["title"], entry["text"].strip())
    return dict(sorted(found.items()))

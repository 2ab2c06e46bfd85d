"""Which name was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return ``did you mean 'x'?`` for the closest of the known names, or None when none is close."""
    from difflib import get_close_matches

    names = list(known)
    folded = {other.replace("_", "").replace("-", "").lower(): other for other in names}
    plain = name.replace("_", "").replace("-", "").lower()
    if plain in folded and folded[plain] != name:
        return f"did you mean '{folded[plain]}'?"
    close = get_close_matches(name, names, n=1, cutoff=0.75)
    return f"did you mean '{close[0]}'?" if close and close[0] != name else None

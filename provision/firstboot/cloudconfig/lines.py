"""Line numbers as coreos-cloudinit's validator finds them: by looking for keys and dashes in the text, from a line on.

It knows nothing of YAML's structure, so a key of the same name that stands earlier gets the finding. Facts:
https://github.com/flatcar/coreos-cloudinit/blob/flatcar-master/config/validate/node.go
"""

from __future__ import annotations

import re
from bisect import bisect_left

_KEY = re.compile(r" *-? ?(.*?):")
_ITEM = re.compile(r" *-")


class Lines:
    """A text's lines, with an index of the keys and list items that they seem to hold. Places count from 0."""

    def __init__(self, text: str) -> None:
        lines = text.replace("\r", "").split("\n")
        self.end = len(lines)
        self._items = [i for i, line in enumerate(lines) if _ITEM.match(line)]
        self._keys: dict[str, list[int]] = {}
        for i, line in enumerate(lines):
            match = _KEY.match(line)
            if match:
                self._keys.setdefault(match[1], []).append(i)

    def key(self, name: str, start: int) -> int | None:
        """Return the first line from a place on that seems to hold a key."""
        # The validator takes an empty name for any key.
        places = self._keys.get(name, []) if name else sorted(i for found in self._keys.values() for i in found)
        return _first(places, start)

    def item(self, start: int) -> int | None:
        """Return the first line from a place on that seems to hold a list item."""
        return _first(self._items, start)


def _first(places: list[int], start: int) -> int | None:
    at = bisect_left(places, start)
    return places[at] if at < len(places) else None

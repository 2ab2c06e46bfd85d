"""URLs as Go writes those that it has read: lower-case schemes, paths escaped where they must be."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

_VALID_PATH = re.compile(r"(?:[A-Za-z0-9\-_.~$&+,/:;=@!'()*\[\]]|%[0-9A-Fa-f]{2})*\Z")
_AUTHORITY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:)?(//[^/?#]*)?([^?#]*)(.*)\Z", re.DOTALL)


def normal_url(text: str) -> str:
    """Return a URL, which ``net/url`` can read, as its ``String`` writes it."""
    match = _AUTHORITY.match(text)
    if match is None:
        return text
    scheme, authority, path, tail = (part or "" for part in match.groups())
    if scheme and not authority and not path.startswith("/"):
        return scheme.lower() + path + tail  # opaque, as data: URLs are
    if not _VALID_PATH.match(path):
        path = quote(unquote_to_bytes(path), safe="$&+,/:;=@~")
    return scheme.lower() + authority + path + tail.removesuffix("#")

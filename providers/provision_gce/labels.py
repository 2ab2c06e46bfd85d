"""Owner labels as GCE labels on machines and disks, and as a description on networks, which carry no labels.

Keys and values of GCE labels have at most 63 characters out of a-z, 0-9, ``_`` and ``-``
(https://cloud.google.com/compute/docs/labeling-resources#requirements). A value keeps its letters, digits and hyphens;
every other byte of its UTF-8 form is written as ``_`` and two hex digits, so it reads back as it was:
``2027-01-01T00:00:00Z`` is ``2027-01-01_5400_3a00_3a00_5a``. A longer value goes on in ``…-2``, ``…-3``.

A machine's name is the instance's own, so machines made by one call differ in nothing that labels hold.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from provision.model import LABEL_KEYS, Labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Json, Owner

PREFIX = "provision-"
CLUSTER, UID, TOKEN = f"{PREFIX}cluster", f"{PREFIX}uid", f"{PREFIX}token"
VALUE_LIMIT = 63
LABEL_LIMIT = 64
"""Labels on one resource."""


def encode(text: str) -> str:
    """Write any text in the characters of a label's value."""
    return "".join(_spelt(byte) for byte in text.encode())


def decode(value: str) -> str:
    """Read what `encode` wrote.

    Raises:
        ValueError: it was written by another hand.
    """
    plain = re.sub(rb"_([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), value.encode())
    text = plain.decode()
    if encode(text) != value:
        raise ValueError(f"not an encoded label: {value!r}")
    return text


def written(labels: Labels, token: str = "") -> dict[str, str]:
    """Return the GCE labels of a machine (its name apart) or of its disk."""
    texts = {name: text for name, text in labels.to_dict().items() if name != "machine"}
    if token:
        texts["token"] = token
    return {key: value for name, text in texts.items() for key, value in _split(f"{PREFIX}{name}", encode(text))}


def read(marks: Mapping[str, str], name: str) -> Labels | None:
    """Return the labels of the resource of that name; None when it is not ours."""
    try:
        texts = {key: text(marks, key) for key in LABEL_KEYS if f"{PREFIX}{key}" in marks}
        return Labels.from_dict({**texts, "machine": name})
    except (KeyError, ValueError):
        return None


def text(marks: Mapping[str, str], key: str) -> str:
    """Return one of our labels, put together and decoded; "" when there is none.

    Raises:
        ValueError: it was written by another hand.
    """
    value, number = marks.get(f"{PREFIX}{key}", ""), 2
    while more := marks.get(f"{PREFIX}{key}-{number}", ""):
        value, number = value + more, number + 1
    return decode(value)


def relabelled(marks: Mapping[str, str], labels: Labels) -> dict[str, str]:
    """Return a resource's labels with ours replaced; the token stays, and so do those of other hands."""
    token = marks.get(TOKEN, "")
    ours = re.compile(rf"{PREFIX}({'|'.join(LABEL_KEYS)})(-[0-9]+)?")
    others = {key: value for key, value in marks.items() if not ours.fullmatch(key)}
    return {**others, **written(labels), **({TOKEN: token} if token else {})}


def wanted(owner: Owner | None) -> str:
    """Return the filter that finds what one owner (or any) has; an owner without a uid is all of that name."""
    if owner is None:
        return f"labels.{UID}:*"
    pairs = {CLUSTER: owner.cluster, UID: owner.uid}
    # A label is compared in its first 63 characters; who reads the answer compares the whole.
    terms = [f'(labels.{key} = "{encode(value)[:VALUE_LIMIT]}")' for key, value in pairs.items() if value]
    return " AND ".join(terms)


def described(labels: Labels) -> str:
    """Return the description of a part."""
    return json.dumps({"provision": labels.to_dict()}, separators=(",", ":"))


def from_description(text: str) -> Labels | None:
    """Read what `described` wrote; None when it is not ours."""
    try:
        found: Json = json.loads(text)["provision"]
        return Labels.from_dict(found)
    except (KeyError, TypeError, ValueError):
        return None


def belongs(labels: Labels | None, owner: Owner | None) -> bool:
    """Tell whether a thing is one owner's; any's, when no owner is named."""
    if labels is None or owner is None:
        return labels is not None
    return labels.cluster == owner.cluster and owner.uid in ("", labels.uid)


def _spelt(byte: int) -> str:
    letter = chr(byte)
    return letter if letter in "abcdefghijklmnopqrstuvwxyz0123456789-" else f"_{byte:02x}"


def _split(key: str, value: str) -> list[tuple[str, str]]:
    pieces = [value[n : n + VALUE_LIMIT] for n in range(0, len(value), VALUE_LIMIT)] or [""]
    return [(key if n == 1 else f"{key}-{n}", piece) for n, piece in enumerate(pieces, 1)]

"""What `flatcar-stable` or `fcos-testing-arm64` means now, by the distributions' release metadata over HTTP."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from provision.model import Json
    from provision.provider import Context

ARCHITECTURES = {"flatcar": ("amd64", "arm64"), "fcos": ("x86_64", "aarch64")}
"""What each distribution calls its architectures, 64-bit ARM last."""

FCOS = "https://builds.coreos.fedoraproject.org/streams/{channel}.json"
"""https://docs.fedoraproject.org/en-US/fedora-coreos/getting-started/#_streams"""

FRESH = timedelta(hours=1)
TIMEOUT = 15.0  # seconds


class Alias(NamedTuple):
    """A distribution, its channel or stream, and whether the image is for 64-bit ARM."""

    os: str
    channel: str
    arm: bool

    @property
    def architecture(self) -> str:
        """What the distribution calls the architecture."""
        return ARCHITECTURES[self.os][self.arm]

    def address(self, source: str) -> str:
        """Return the URL that a source means for this alias: ``{channel}`` and ``{arch}`` are written out."""
        return source.replace("{channel}", self.channel).replace("{arch}", self.architecture)


def parse(name: str) -> Alias | None:
    """Read an alias; None when it is none."""
    found = re.fullmatch(r"(flatcar|fcos)-([a-z]+)(-arm64)?", name)
    return Alias(found[1], found[2], found[3] is not None) if found else None


def metadata(url: str, name: str, context: Context, hint: str) -> Json:
    """Return a JSON document, which is asked for once an hour.

    Args:
        url: where it is.
        name: under which the cache keeps it; the provider's name comes first.
        context: the provider's.
        hint: what to do when it cannot be fetched.

    Raises:
        ProviderError: UNAVAILABLE, it cannot be fetched or is no JSON.
    """
    kept = context.cache / "images" / f"{name}.json"
    now = context.clock()
    held = _held(kept, url, now)
    if held is not None:
        return held
    data = _json(url, hint)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(".part")
    partial.write_text(json.dumps({"url": url, "fetched": now.isoformat(), "data": data}))
    partial.replace(kept)
    return data


def fetch(url: str, hint: str) -> httpx.Response:
    """Return what lies under a URL.

    Raises:
        ProviderError: UNAVAILABLE, with the hint.
    """
    import httpx

    try:
        return httpx.get(url, timeout=TIMEOUT, follow_redirects=True).raise_for_status()
    except httpx.HTTPError as error:
        raise _unavailable(url, error, hint) from error


def _held(kept: Path, url: str, now: datetime) -> Json | None:
    try:
        held: Json = json.loads(kept.read_text())
        if held["url"] == url and now - datetime.fromisoformat(held["fetched"]) < FRESH:
            data: Json = held["data"]
            return data
    except (OSError, ValueError, KeyError):
        pass  # not fetched yet, or not readable: fetch
    return None


def _json(url: str, hint: str) -> Json:
    try:
        data: Json = fetch(url, hint).json()
    except ValueError as error:
        raise _unavailable(url, error, hint) from error
    return data


def _unavailable(url: str, error: Exception, hint: str) -> ProviderError:
    return ProviderError(f"{url}: {error}", kind=Kind.UNAVAILABLE, retryable=True, code="ImageMetadata", hint=hint)

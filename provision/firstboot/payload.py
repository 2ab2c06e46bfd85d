"""Fitting a bound config into the channel by which a platform hands it to the machine.

Limits and encodings are the providers' traits. What is too large as it is becomes a stub, a config that replaces itself
by a gzipped ``data:`` URL of the whole: Ignition takes that from spec 3.1 on, and takes a gzipped user data as such on
no platform but vSphere.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from provision.errors import PlanError
from provision.firstboot.ignition import dataurl, serialise
from provision.firstboot.recipe import bind, markers

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.firstboot.recipe import Recipe
    from provision.provider import Traits

STUB_FROM = (3, 1)


class Form(StrEnum):
    """How a config travels."""

    WHOLE = "whole"
    STUB = "stub"


@dataclass(frozen=True, slots=True)
class Fill:
    """How full a channel is: bytes as it counts them, at most; its limit (0: none); the form that is needed."""

    size: int
    limit: int
    form: Form

    @property
    def fits(self) -> bool:
        """Whether there is room."""
        return self.limit == 0 or self.size <= self.limit


def fit(config: str, spec_version: str, traits: Traits) -> str:
    """Return a bound config as the platform's channel takes it.

    Args:
        config: the Ignition config's text.
        spec_version: of that config.
        traits: of the machine's provider.

    Raises:
        PlanError: PV407 it fits in no form.
    """
    for form in Form:
        carried = _carried(config, spec_version, traits.encoding, form)
        if carried is not None and (not traits.payload_limit or len(carried.encode()) <= traits.payload_limit):
            return carried
    raise PlanError(f"a first-boot config of {len(config.encode())} bytes fits in no form [PV407]")


def fill(recipe: Recipe, traits: Traits) -> Fill:
    """Return how full the channel is at most, whatever materials `up` puts into the slots."""
    whole = Fill(_upper_bound(recipe), traits.payload_limit, Form.WHOLE)
    if traits.encoding == PLAIN and whole.fits:
        return whole
    config = bind(recipe, {slot.name: incompressible(slot.max_size) for slot in recipe.slots.values()})
    found = whole
    for form in Form:
        carried = _carried(config, recipe.spec_version, traits.encoding, form)
        if carried is not None:
            found = Fill(len(carried.encode()), traits.payload_limit, form)
            if found.fits:
                break
    return found


def incompressible(size: int) -> str:
    """Return a text that gzip cannot shorten much, the same each time: the worst material for a slot."""
    blocks = (hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(size // 32 + 1))
    return base64.b64encode(b"".join(blocks)).decode()[:size]


def _upper_bound(recipe: Recipe) -> int:
    """The size with every slot full, in a percent-escaped place three bytes for each."""
    size = len(serialise(recipe.body, spec=recipe.spec_version).encode())
    return size + sum(recipe.slots[name].max_size * 3 for name in markers(recipe.body))


def _carried(config: str, spec_version: str, encoding: str, form: Form) -> str | None:
    text = config if form is Form.WHOLE else _stub(config, spec_version)
    return None if text is None else ENCODERS[encoding](text)


def _stub(config: str, spec_version: str) -> str | None:
    """Return a config that replaces itself by the whole one, or None where its version cannot."""
    if tuple(map(int, spec_version.split("-", maxsplit=1)[0].split(".")[:2])) < STUB_FROM:
        return None
    source = "data:;base64," + base64.b64encode(dataurl.gzip(config.encode())).decode()
    replace = {"compression": "gzip", "source": source}
    return serialise({"ignition": {"config": {"replace": replace}, "version": spec_version}}, spec=spec_version)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _gzip_base64(text: str) -> str:
    return base64.b64encode(dataurl.gzip(text.encode())).decode()


PLAIN = "plain"
ENCODERS: dict[str, Callable[[str], str]] = {PLAIN: str, "base64": _base64, "gzip+base64": _gzip_base64}
"""By `Traits.encoding`: what becomes of a config on its way into the channel, before the limit is counted."""

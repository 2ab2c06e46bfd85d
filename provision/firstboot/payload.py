"""Fitting a bound config into the channel by which a platform hands it to the machine.

Limits and encodings are the providers' traits. What is too large as it is becomes a stub: a config that replaces itself
by a gzipped ``data:`` URL of the whole, or by a body that is fetched and checked by its hash. Ignition takes the former
from spec 3.1 on; a user data that is gzipped as such it takes on no platform but vSphere (by the encoding property).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from provision.errors import PlanError
from provision.firstboot.formats import CLOUD_CONFIG, CLOUD_INIT, is_ignition3, written
from provision.firstboot.ignition import dataurl
from provision.firstboot.inflate import unpacked
from provision.firstboot.markers import DATA, fill_slots, places
from provision.firstboot.markers import SLOTS as MARKERS
from provision.firstboot.slots import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.firstboot.recipe import Recipe
    from provision.firstboot.slots import Slot
    from provision.provider import Traits
    from provision.spec.model import Payloads

STUB_FROM = (3, 1)
"""The first spec whose references may be compressed: https://coreos.github.io/ignition/configuration-v3_1/"""


class Form(StrEnum):
    """How a config travels."""

    WHOLE = "whole"
    STUB = "stub"  # gzipped within a config that replaces itself
    EXTERNAL = "external"  # a URL and a hash; the body lies in a store


URL_ROOM = {"s3": 2048, "gs": 1536, "serve": 320}
"""Bytes of a body's address at most, by the store's scheme: what is signed with a session's credentials is long."""


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
    """Return a bound config as the platform's channel takes it: whole, or as a stub that holds it packed.

    Raises:
        PlanError: PV407 it fits in neither form.
    """
    for form in (Form.WHOLE, Form.STUB):
        text = _form(config, spec_version, form)
        data = None if text is None else ENCODERS[traits.encoding](text)
        if data is not None and _has_room(data, traits):
            return data
    raise _no_room(f"a first-boot config of {len(config.encode()):,} bytes fits in no form", traits)


def stub(spec_version: str, url: str, sha512: str, traits: Traits) -> str:
    """Return, as the platform's channel takes it, a config that replaces itself by what a store holds.

    Args:
        spec_version: of the config in the store, which is Ignition's.
        url: where it lies.
        sha512: its SHA-512 in hex. Without it, whoever can write to the store could give the machine another config.
        traits: of the machine's provider.

    Raises:
        PlanError: PV407 not even the stub fits.
    """
    data = ENCODERS[traits.encoding](_replacing(spec_version, url, sha512))
    if not _has_room(data, traits):
        raise _no_room(f"a stub of {len(data.encode()):,} bytes, for a body in the store, does not fit", traits)
    return data


def _has_room(data: str, traits: Traits) -> bool:
    return not traits.payload_limit or len(data.encode()) <= traits.payload_limit


def _no_room(what: str, traits: Traits) -> PlanError:
    hint = "embed less: large files can be fetched by URL with a verification hash"
    return PlanError(f"{what} into {traits.payload_limit:,} bytes [PV407]", hint=hint)


def fill(recipe: Recipe, traits: Traits, payloads: Payloads | None = None) -> Fill:
    """Return how full the channel is at most, whatever materials `up` puts into the slots.

    A bound for the whole config; for what is compressed the size with materials that hardly compress; for what lies in
    the spec's store, which is the last resort, the stub with the longest address.
    """
    found = _inside(recipe, traits)
    # A cloud-config cannot be replaced by another.
    if found.fits or payloads is None or recipe.spec_version in (CLOUD_CONFIG, CLOUD_INIT):
        return found
    room = URL_ROOM.get(payloads.scheme, len(payloads.store) + 80)
    longest = _replacing(recipe.spec_version, "&" * 8 + "x" * (room - 8), "0" * 128)
    return Fill(len(ENCODERS[traits.encoding](longest).encode()), traits.payload_limit, Form.EXTERNAL)


def _inside(recipe: Recipe, traits: Traits) -> Fill:
    whole = Fill(_upper_bound(recipe), traits.payload_limit, Form.WHOLE)
    if traits.encoding == PLAIN and whole.fits:
        return whole
    worst = {slot.name: incompressible(slot) for slot in recipe.slots.values()}
    config = written(fill_slots(recipe.body, worst))
    found = whole
    for form in (Form.WHOLE, Form.STUB):
        text = _form(config, recipe.spec_version, form)
        if text is not None and not (form is Form.WHOLE and traits.encoding == PLAIN):
            found = Fill(len(ENCODERS[traits.encoding](text).encode()), traits.payload_limit, form)
            if found.fits:
                break
    return found


def incompressible(slot: Slot) -> str:
    """Return a text that gzip cannot shorten below the entropy of the slot's alphabet, the same each time."""
    size = slot.max_size
    blocks = (hashlib.sha512(f"{slot.name} {n}".encode()).digest() for n in range(size // 64 + 1))
    noise = b"".join(blocks)
    if slot.kind is Kind.SECRET:  # any text at all: every printable character is as likely
        return "".join(chr(33 + byte % 94) for byte in noise)[:size]
    return base64.b64encode(noise).decode()[:size]


def _upper_bound(recipe: Recipe) -> int:
    """The size with every slot full of what takes most room in its place."""
    size = len(written(recipe.body).encode("utf-8", "surrogateescape"))
    for _, text in places(recipe.body):
        for name in MARKERS.findall(text):
            # Three bytes for each in a data: URL. Elsewhere JSON writes six (\u0001) at most for what a secret may
            # hold, and two for a line break, the worst in all else.
            worst = 3 if text.startswith(DATA) else 6 if recipe.slots[name].kind is Kind.SECRET else 2
            size += recipe.slots[name].max_size * worst
    return size


def _form(config: str, spec_version: str, form: Form) -> str | None:
    if form is Form.WHOLE:
        return config
    if not is_ignition3(spec_version) or tuple(map(int, spec_version.partition("-")[0].split(".")[:2])) < STUB_FROM:
        return None
    packed = min((dataurl.gzip(text.encode()) for text in (config, unpacked(config, spec_version))), key=len)
    source = "data:;base64," + base64.b64encode(packed).decode()
    return _stub(spec_version, {"compression": "gzip", "source": source})


def _replacing(spec_version: str, url: str, sha512: str) -> str:
    return _stub(spec_version, {"source": url, "verification": {"hash": f"sha512-{sha512}"}})


def _stub(spec_version: str, replace: dict[str, object]) -> str:
    return written({"ignition": {"config": {"replace": replace}, "version": spec_version}})


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _gzip_base64(text: str) -> str:
    return base64.b64encode(dataurl.gzip(text.encode())).decode()


PLAIN = "plain"
ENCODERS: dict[str, Callable[[str], str]] = {PLAIN: str, "base64": _base64, "gzip+base64": _gzip_base64}
"""By `Traits.encoding`: what becomes of a config on its way into the channel, before the limit is counted."""

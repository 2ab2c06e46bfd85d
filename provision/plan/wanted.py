"""What compiling hands to planning: things to have, with recipes in place of payloads."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.model import MACHINE
from provision.state.fold import Key

if TYPE_CHECKING:
    from provision.model import Json, Request


@dataclass(frozen=True, slots=True)
class Thing:
    """A machine or part as the spec wants it.

    `request` has no payload, no token, no inputs and no zone yet, and its labels' generation does not count: the plan
    and the engine fix these. Its `needs` name the parts that must exist first. `fingerprint` is the digest of body and
    recipe; another fingerprint is another thing. `recipe` is the first-boot config with its slots open (None for
    parts). `etcd` says that it votes in etcd. `protect` is the wanted deletion protection, None for whatever it is.
    `body` names the body in a store that a machine's payload points to, "" for none; it is made before the machine.
    """

    request: Request
    fingerprint: str
    recipe: Json | None = None
    etcd: bool = False
    pool: str = ""
    protect: bool | None = None
    body: str = ""

    @classmethod
    def of(
        cls,
        request: Request,
        *,
        recipe: Json | None = None,
        etcd: bool = False,
        pool: str = "",
        protect: bool | None = None,
        body: str = "",
    ) -> Thing:
        """Return a thing with its fingerprint taken."""
        return cls(request, fingerprint(request.body, recipe), recipe, etcd, pool, protect, body)

    @property
    def key(self) -> Key:
        """Which thing it is."""
        return Key(self.request.provider, self.request.kind, self.request.name)

    @property
    def name(self) -> str:
        """Its name, unique in the cluster."""
        return self.request.name

    @property
    def is_machine(self) -> bool:
        """Whether it is a machine, not a part."""
        return self.request.kind == MACHINE


def fingerprint(body: Json, recipe: Json | None) -> str:
    """Return the SHA-256, in hex, of a body and a recipe; keys' order does not matter."""
    return digest([body, recipe])


def digest(value: object) -> str:
    """Return the SHA-256, in hex, of a JSON value written with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

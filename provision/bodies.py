"""Bodies: first-boot configs that are too large for their platform's channel, each an object in a store.

A store is a provider whose only things are bodies, so the engine makes, finds, relabels and removes them as it does
all else: with an intent before each call, under the owner labels, and with their cluster. An object's name holds the
SHA-256 of what it holds, so that to send it again changes nothing; the machine checks the SHA-512 that its stub names.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from provision.diagnostics import Report
from provision.errors import Kind, ProviderError
from provision.model import LABEL_KEYS, Labels, Observed, State
from provision.provider import Outcome, Traits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provision.model import Change, Json, Owner, Request, Wanted
    from provision.provider import Context

KIND = "body"
_SUFFIX = "-body"
LONGEST_URL_LIFE = 7 * 24 * 3600
"""Seconds for which an address may be signed at most, with S3 and with GCS alike."""

TRAITS = Traits(formats=frozenset(), idempotent=True, concurrency=8, rate=100.0, settle=1.0, kinds=(KIND,))


def name_of(machine: str) -> str:
    """Return the name of a machine's body."""
    return machine + _SUFFIX


def machine_of(body: str) -> str:
    """Return the machine whose body it is."""
    return body.removesuffix(_SUFFIX)


class Store(ABC):
    """What all stores have in common; a subclass moves bytes.

    The texts that go with an object are the owner labels, "sha512" and "token".
    """

    name: ClassVar[str]
    traits: ClassVar[Traits] = TRAITS
    options_schema: ClassVar[str] = ""
    """A store's options are `payloads` in the spec, which the spec's own schema checks."""

    def __init__(self, options: Json, context: Context) -> None:
        """Keep the options: "store", "fetch", "url" and "cluster" (see `provision.spec.model.Payloads`)."""
        self.place: str = options["store"]
        self.by_role: bool = options.get("fetch") == "role"
        self.base: str = options.get("url", "")
        self.cluster: str = options.get("cluster", "")
        self.context = context

    @abstractmethod
    def put(self, key: str, data: bytes, texts: Mapping[str, str]) -> None:
        """Store an object with its texts, in one call; it may be there already."""

    @abstractmethod
    def relabel(self, key: str, texts: Mapping[str, str]) -> None:
        """Exchange an object's texts."""

    @abstractmethod
    def objects(self, folder: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield key and texts of all objects whose key begins with a folder ("" for all that are ours)."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove an object; NOT_FOUND is taken for success."""

    @abstractmethod
    def address(self, key: str, seconds: int) -> str:
        """Return where machines fetch an object; it must be good for that long. No call is made."""

    def check(self, wanted: Wanted) -> Report:  # noqa: ARG002
        """Look whether the store can be used, and by nobody else."""
        return Report()

    def parts(self, wanted: Wanted) -> Sequence[Request]:  # noqa: ARG002
        """Return nothing: bodies come of compiling, not of what is wanted."""
        return ()

    def list(self, owner: Owner | None) -> Iterator[Observed]:
        """Yield the bodies of an owner, or all that provision ever stored here."""
        folder = "" if owner is None else f"{owner.cluster}/{owner.uid}/" if owner.uid else f"{owner.cluster}/"
        for key, texts in self.objects(folder):
            found = self._observed(key, texts)
            if found is not None and found.labels is not None and _is_of(found.labels, owner):
                yield found

    def create(self, batch: Sequence[Request]) -> Iterator[Outcome]:
        """Store bodies."""
        for request in batch:
            data = request.payload.encode()
            key = f"{request.labels.cluster}/{request.labels.uid}/{hashlib.sha256(data).hexdigest()}"
            texts = {**request.labels.to_dict(), "sha512": hashlib.sha512(data).hexdigest(), "token": request.token}
            try:
                self.put(key, data, texts)
            except ProviderError as error:
                yield Outcome(request.name, error=error)
            else:
                yield Outcome(request.name, self._observed(key, texts))

    def change(self, batch: Sequence[Change]) -> Iterator[Outcome]:
        """Relabel bodies: a deadline was moved."""
        for change in batch:
            target = change.target
            labels = change.labels or target.labels
            texts = {**(labels.to_dict() if labels else {}), "sha512": target.outputs["sha512"], "token": target.token}
            try:
                self.relabel(target.id, texts)
            except ProviderError as error:
                yield Outcome(target.name, error=error)
            else:
                yield Outcome(target.name, self._observed(target.id, texts))

    def delete(self, batch: Sequence[Observed]) -> Iterator[Outcome]:
        """Remove bodies."""
        for target in batch:
            try:
                self.remove(target.id)
            except ProviderError as error:
                if error.kind is not Kind.NOT_FOUND:
                    yield Outcome(target.name, error=error)
                    continue
            yield Outcome(target.name)

    def _observed(self, key: str, texts: Mapping[str, str]) -> Observed | None:
        try:
            labels = Labels.from_dict({name: texts[name] for name in LABEL_KEYS})
        except (KeyError, ValueError):
            return None
        outputs = {"url": self.address(key, self._life(labels)), "sha512": texts.get("sha512", "")}
        return Observed(
            kind=KIND,
            name=labels.machine,
            id=key,
            provider=self.name,
            state=State.RUNNING,
            labels=labels,
            token=texts.get("token", ""),
            outputs=outputs,
        )

    def _life(self, labels: Labels) -> int:
        """Return for how many seconds an address is signed: no longer than the cluster may live."""
        if labels.deadline is None:
            return LONGEST_URL_LIFE
        left = int((labels.deadline - self.context.clock()).total_seconds())
        return max(1, min(left, LONGEST_URL_LIFE))


def _is_of(labels: Labels, owner: Owner | None) -> bool:
    return owner is None or (labels.cluster == owner.cluster and owner.uid in ("", labels.uid))

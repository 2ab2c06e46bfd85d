"""Bodies, the first-boot configs that are too large for a channel, in a bucket of Google Cloud Storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from provision.bodies import Store
from provision.errors import ProviderError
from provision_gce.storage import SIGNERS, Storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provision.diagnostics import Report
    from provision.model import Json, Wanted
    from provision.provider import Context

PREFIX = "provision-"
"""How the names of our metadata begin."""

EVERYBODY = frozenset(("allUsers", "allAuthenticatedUsers"))
PLACE = ("payloads", "store")


class GoogleBodies(Store):
    """A bucket, or what lies in it below a prefix."""

    name: ClassVar[str] = "gs"

    def __init__(self, options: Json, context: Context) -> None:
        super().__init__(options, context)
        bucket, _, prefix = self.place.removeprefix("gs://").partition("/")
        self.prefix = f"{prefix}/" if prefix else ""
        self._storage = Storage(bucket)

    def check(self, wanted: Wanted) -> Report:
        """Look whether the bucket is there, closed to everybody else, and can be pointed at."""
        report = super().check(wanted)
        bucket = self._storage.bucket
        try:
            about = self._storage.about(projection="full")
            signs = self.by_role or self._storage.can_sign()
        except ProviderError as error:
            report.error("PV424", f"the bucket {bucket} cannot be used: {error}", path=PLACE, hint=error.hint)
            return report
        if not signs:
            report.error("PV424", "these credentials cannot sign addresses", path=PLACE, hint=SIGNERS)
        self._check_closed(about, report)
        return report

    def _check_closed(self, about: Json, report: Report) -> None:
        bucket = self._storage.bucket
        if about.get("iamConfiguration", {}).get("publicAccessPrevention") == "enforced":
            return
        try:
            policy = self._storage.about("iam")
        except ProviderError as error:
            message = f"it cannot be seen whether the bucket {bucket} is public: {error}"
            report.warning("PV425", message, path=PLACE, hint="allow storage.buckets.getIamPolicy")
            return
        members = {member for binding in policy.get("bindings", ()) for member in binding.get("members", ())}
        entities = {entry.get("entity") for entry in (*about.get("acl", ()), *about.get("defaultObjectAcl", ()))}
        found = EVERYBODY & (members | entities)
        if found:
            hint = "turn on the bucket's public access prevention"
            message = f"the bucket {bucket} is open to everybody: {', '.join(sorted(found))}"
            report.error("PV423", message, path=PLACE, hint=hint)

    def put(self, key: str, data: bytes, texts: Mapping[str, str]) -> None:
        """Store an object with its metadata."""
        self._storage.insert(self.prefix + key, data, _spelt(texts))

    def relabel(self, key: str, texts: Mapping[str, str]) -> None:
        """Exchange an object's metadata."""
        self._storage.patch(self.prefix + key, _spelt(texts))

    def objects(self, folder: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield our objects; the list holds their metadata."""
        for entry in self._storage.objects(self.prefix + folder):
            yield entry["name"].removeprefix(self.prefix), _read(entry.get("metadata", {}))

    def remove(self, key: str) -> None:
        """Remove an object."""
        self._storage.delete(self.prefix + key)

    def address(self, key: str, seconds: int) -> str:
        """Return the object's gs:// URL, or an https URL that is signed."""
        name = self.prefix + key
        return f"gs://{self._storage.bucket}/{name}" if self.by_role else self._storage.signed(name, seconds)


def _spelt(texts: Mapping[str, str]) -> dict[str, str]:
    return {PREFIX + name: text for name, text in texts.items()}


def _read(metadata: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix(PREFIX): text for name, text in metadata.items() if name.startswith(PREFIX)}

"""``cluster.lock``: what a spec leaves open and a cluster has to keep. It lies beside the spec and is meant for git.

It holds the cluster's uid, the images that were resolved, the version of the additions, planned addresses and the
spec's digest. Reading, renewing and writing are apart: `renewed` is pure, `write` replaces the file in one step.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from provision.diagnostics import Diagnostic, Report
from provision.errors import SpecError, StateError
from provision.located import compose
from provision.spec import schema, tree
from provision.spec.files import FileError, read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provision.model import Json
    from provision.spec.model import Cluster

VERSION = 1
NEWEST_ADDITIONS = 1
"""The newest version of what provision adds to machines; a cluster's own version stands in its lock."""

SCHEMA = "lock.v1.schema.json"
HEAD = "# Written by provision; keep it in git beside the spec. `provision lock --update` moves it.\n"


@dataclass(frozen=True, slots=True)
class Lock:
    """A cluster's lock.

    `additions` is the version of what provision adds to machines. `images` leads, by provider, from what the spec
    calls an image to the platform's id. `addresses` are planned private addresses by machine. `claims` are machines of
    an inventory by machine. `spec` is the digest of the spec for which the lock was written, or "".
    """

    cluster: str
    uid: str
    additions: int
    spec: str = ""
    images: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def fresh(cls, cluster: Cluster, additions: int = NEWEST_ADDITIONS) -> Lock:
        """Return the first lock of a cluster, with a uid of its own."""
        return cls(cluster.name, str(uuid.uuid4()), additions).renewed(cluster)

    def renewed(self, cluster: Cluster) -> Lock:
        """Return the lock for a later spec of the same cluster; uid, additions and images stay."""
        addresses = {m.name: m.address for m in cluster.machines}
        claims = {m.name: m.claim for m in cluster.machines if m.claim}
        return replace(self, spec=cluster.digest, addresses=addresses, claims=claims)

    def pinned(self, cluster: Cluster, resolve: Callable[[str, str], str], *, again: bool = False) -> Lock:
        """Return the lock with every image of the cluster resolved, and none besides.

        Args:
            cluster: the spec whose machines name the images.
            resolve: returns, for a provider and an image's name, the id that it means now.
            again: whether to resolve also what the lock has already.
        """
        images: dict[str, dict[str, str]] = {}
        for provider, name in dict.fromkeys((m.provider, m.image) for m in cluster.machines if m.image):
            known = None if again else self.images.get(provider, {}).get(name)
            found = known or resolve(provider, name)
            if found != name:
                images.setdefault(provider, {})[name] = found
        return replace(self, images=images)

    def image(self, provider: str, wanted: str) -> str:
        """Return the id that an image was resolved to, or the image itself when it was not."""
        return self.images.get(provider, {}).get(wanted, wanted)

    def with_additions(self, version: int) -> Lock:
        """Return the lock with another version of the additions."""
        return replace(self, additions=version)

    def to_json(self) -> Json:
        """Return the file's content; empty parts are left out."""
        content: Json = {
            "version": VERSION,
            "cluster": self.cluster,
            "uid": self.uid,
            "additions": self.additions,
            "spec": self.spec,
            "images": {name: dict(sorted(images.items())) for name, images in sorted(self.images.items())},
            "addresses": dict(self.addresses),
            "claims": dict(self.claims),
        }
        return {key: value for key, value in content.items() if value}

    def to_text(self) -> str:
        """Return the file's text: the same lock, the same bytes."""
        return HEAD + yaml.safe_dump(self.to_json(), sort_keys=False, allow_unicode=True)


def path_for(spec: str | Path) -> Path:
    """Return the lock's path: beside the spec, ``cluster.lock`` for ``cluster.yaml``."""
    return Path(spec).with_suffix(".lock")


def read(path: str | Path) -> Lock | None:
    """Read a lock; None when there is none.

    Raises:
        SpecError: it cannot be read, or is malformed; with every finding.
    """
    file = str(path)
    if not os.path.lexists(path):
        return None
    try:
        text = read_text(Path(path))
    except FileError as error:
        finding = Diagnostic("PV090", f"{file} cannot be read: {error}", hint="restore it from git")
        raise SpecError(Report([finding])) from None
    return parse(text, file)


def parse(text: str, file: str) -> Lock:
    """Read a lock's text.

    Raises:
        SpecError: it is malformed, or of a newer version.
    """
    try:
        document = tree.build(compose(text, file), file, text)
    except UnicodeEncodeError:
        raise SpecError(Report([Diagnostic("PV090", f"{file} cannot be read: not text")])) from None
    except tree.TooLarge as error:
        raise SpecError(Report([error.finding], {file: text})) from None
    findings = document.findings or _faults(document)
    if findings:
        raise SpecError(Report(findings, {file: text}))
    value: Json = document.value
    return Lock(**{key: part for key, part in value.items() if key != "version"})


def _faults(document: tree.Document) -> list[Diagnostic]:
    value, place = document.value, document.place(("version",))
    if not isinstance(value, dict):
        return [Diagnostic("PV092", "the lock is not a mapping", span=document.start, hint="restore it from git")]
    version = value.get("version")
    if isinstance(version, int) and version > VERSION:
        message = f"the lock was written by a newer provision (version {version})"
        return [Diagnostic("PV091", message, path=("version",), span=place, hint="upgrade provision")]
    return schema.check(document, value, schema.ours(SCHEMA))


def write(path: str | Path, lock: Lock) -> None:
    """Replace the file in one step, and only when it changes; readers see the old lock or the new one.

    Raises:
        StateError: it cannot be written.
    """
    target, text = Path(path), lock.to_text()
    try:
        if target.exists() and target.read_text("utf-8", errors="replace") == text:
            return
        _replace(target, text)
    except OSError as error:
        raise StateError(f"cannot write {target}: {error.strerror or error}") from None


def create(path: str | Path, lock: Lock) -> Lock:
    """Write the first lock of a cluster and return it; or return the one that another run wrote a moment before.

    Raises:
        SpecError: the other run's lock is malformed.
        StateError: it cannot be written.
    """
    target = Path(path)
    try:
        _replace(target, lock.to_text(), only_new=True)
    except FileExistsError:
        return read(path) or lock
    except OSError as error:
        raise StateError(f"cannot write {target}: {error.strerror or error}") from None
    return lock


def _replace(target: Path, text: str, *, only_new: bool = False) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        if only_new:
            target.hardlink_to(name)  # unlike a rename, it refuses to replace
            Path(name).unlink()
        else:
            Path(name).replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise

"""Which clusters this computer knows: a directory each, with whom to ask when the spec is not at hand."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from provision.errors import StateError
from provision.model import Owner
from provision.state.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from provision.model import Json

ABOUT = "cluster.json"
_UID = len("-00000000-0000-0000-0000-000000000000")


@dataclass(frozen=True, slots=True)
class Known:
    """A cluster that this computer has state of.

    `spec` is the absolute path of the spec that it was last brought up from, `providers` the options of each of its
    providers then, so that it can be listed and taken down without the spec.
    """

    cluster: str
    uid: str
    spec: str
    providers: Mapping[str, Json]

    @property
    def owner(self) -> Owner:
        """The owner that its machines are labelled with."""
        return Owner(self.cluster, self.uid)


def directory(root: Path, owner: Owner) -> Path:
    """Return a cluster's directory below that of all states."""
    return root / f"{owner.cluster}-{owner.uid}"


def store(root: Path, owner: Owner) -> LocalStore:
    """Return a cluster's store."""
    return LocalStore(directory(root, owner))


def known_hosts(root: Path, owner: Owner) -> Path:
    """Return the file in which ssh keeps the host keys of a cluster's machines."""
    return directory(root, owner) / "known_hosts"


def remember(root: Path, known: Known) -> None:
    """Write down what a cluster is, for the commands that are given only its name.

    Raises:
        StateError: it cannot be written.
    """
    data = json.dumps(asdict(known), indent=2).encode()
    target = store(root, known.owner)
    blob = target.get(ABOUT)
    if blob is None or blob.data != data:
        target.put(ABOUT, data)


def forget(root: Path, owner: Owner) -> None:
    """Take a cluster that is gone out of the list; its journal stays, since it remembers which generations were used.

    Raises:
        StateError: it cannot be removed.
    """
    store(root, owner).delete(ABOUT)


def known(root: Path, *, cluster: str = "", uid: str = "") -> list[Known]:
    """Return the clusters with state here, sorted by name: all, or those of a name or uid.

    Raises:
        StateError: a note of one of them is damaged.
    """
    owners = [o for o in owners_in(root) if cluster in ("", o.cluster) and uid in ("", o.uid)]
    return [_read(directory(root, owner)) for owner in owners]


def owners_in(root: Path) -> list[Owner]:
    """Return whose state is here, sorted by name; directories tell, so that a damaged note hides no other cluster."""
    places = sorted(root.iterdir()) if root.is_dir() else []
    return [Owner(p.name[:-_UID], p.name[1 - _UID :]) for p in places if (p / ABOUT).is_file()]


def _read(place: Path) -> Known:
    blob = LocalStore(place).get(ABOUT)
    try:
        data = json.loads(blob.data if blob else b"")
        return Known(data["cluster"], data["uid"], data["spec"], data["providers"])
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(f"{place / ABOUT} is damaged: {error}", hint="bring the cluster up again") from error

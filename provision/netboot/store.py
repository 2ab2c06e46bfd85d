"""The boot store: a directory through which providers tell the boot service what machines shall boot, and hear of it.

::

    <data>/                     default: PROVISION_DATA_DIR/netboot
      machines/<id>.json        an Entry, written by its provider, whole and atomically (0600)
      configs/<id>-<sha256>     the first-boot config of that entry, written before it (0600)
      bodies/<hash>             bodies of payload stubs by SHA-256 or SHA-512 in hex, served at /bodies/<hash> (0600)
      states.sqlite             how far each machine came, and which strangers asked; the service alone writes it
      service.json              where the running service is reached; `lock` is held while it runs
      tftp/ dnsmasq/ nginx/     what the service renders for the daemons that it supervises

A provider uses it so::

    store = BootStore(default_directory())
    store.put(Entry(id="rack1-07", cluster="demo", uid=uid, macs=("52:54:00:98:00:01",), kernel=Artefact(...),
                    initrds=(Artefact(...),), args=("console=ttyS0",), os="lab", mode=Mode.LIVE,
                    nonce=secrets.token_hex(16), phone_home=phone_home_nonce), config=b"{...}")   # then power on
    store.entries()                           # every Entry, of all clusters; get(id) for one
    store.progress("rack1-07").state          # State.PENDING ... State.UP; progress() for all, in one read
    store.progress("rack1-07").report         # {"machine":..., "failed":[...]} of its phone-home, or None
    store.strangers()                         # machines that asked and have no entry, with MAC, UUID, serial
    store.service()                           # Service(url, files_url, discovery_url, pid) or None when none runs
    store.remove("rack1-07")                  # entry, config and progress; it boots from its disk from now on

`put` again with the same nonce changes an entry in place (another deadline, `desired`); with a new nonce the machine's
story begins anew: state pending, boots 0. `put(entry)` without `config` keeps the config that is there. The service
sees a change within `provision.netboot.index.POLL_SECONDS`, and at once when an unknown machine or nonce is asked for,
so nobody has to tell it.

In a machine's first-boot config these URLs of the service are meant: ``{url}/phone-home/{phone_home}`` (POST of the
additions' report: state up), ``{url}/installed/{nonce}`` (POST, by an installer that is done: the machine boots from
its disk from then on), ``{discovery_url}/{token}`` for etcd, ``{url}/bodies/{hash}`` for stubs.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from provision import paths
from provision.errors import StateError
from provision.netboot.entry import Entry, Progress, State, Stranger
from provision.netboot.states import States, story
from provision.state.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MACHINES = "machines"
CONFIGS = "configs"
BODIES = "bodies"
SERVICE = "service.json"


@dataclass(frozen=True, slots=True)
class Service:
    """Where a running service is reached. URLs are as machines see them, without a slash at the end.

    `files_url` is where the artefacts are: nginx' port where nginx serves them, else below `url`.
    """

    url: str
    files_url: str
    discovery_url: str
    pid: int


def default_directory() -> Path:
    """Return where the store is, unless the operator names another place."""
    return paths.data() / "netboot"


class BootStore:
    """The directory, for the provider's side. Any number of processes may use it at once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._files = LocalStore(directory)
        self._states = States(directory)

    def put(self, entry: Entry, config: bytes | None = None, *, durable: bool = True) -> Entry:
        """Write an entry, and its config before it; return the entry as written.

        Args:
            entry: what the machine shall boot.
            config: the first-boot config; None keeps the one that is there (or none).
            durable: sync to the disk.

        Raises:
            StateError: the disk refused.
        """
        before = self.get(entry.id)
        if config is None:
            digest = before.config if before else ""
        else:
            digest = hashlib.sha256(config).hexdigest()
            self._files.put(config_key(entry.id, digest), config, durable=durable)
        written = replace(entry, config=digest)
        self._files.put(_key(entry.id), json.dumps(written.to_json(), indent=1).encode(), durable=durable)
        if before and before.config not in {"", digest}:
            self._files.delete(config_key(entry.id, before.config))
        return written

    def get(self, machine: str) -> Entry | None:
        """Return an entry, or None.

        Raises:
            StateError: it cannot be read.
        """
        blob = self._files.get(_key(machine))
        return None if blob is None else parse(blob.data, machine)

    def entries(self) -> Iterator[Entry]:
        """Yield every entry, by id.

        Raises:
            StateError: one cannot be read.
        """
        folder = self.directory / MACHINES
        for name in sorted(p.name for p in folder.glob("*.json")) if folder.is_dir() else ():
            if (entry := self.get(name.removesuffix(".json"))) is not None:  # or it was removed since
                yield entry

    def remove(self, machine: str) -> None:
        """Forget a machine: its entry first, so that it boots from its disk. Nothing there is success.

        Raises:
            StateError: the disk refused.
        """
        self._files.delete(_key(machine))
        folder = self.directory / CONFIGS
        for path in folder.glob(f"{machine}-*") if folder.is_dir() else ():
            if len(path.name) == len(machine) + 65:  # rack1-07's config, and not that of rack1-07-b
                path.unlink(missing_ok=True)

    def config(self, entry: Entry) -> bytes | None:
        """Return an entry's config, or None when it has none (or another entry replaced it since)."""
        if not entry.config:
            return None
        blob = self._files.get(config_key(entry.id, entry.config))
        return None if blob is None or blob.version != entry.config else blob.data

    def progress(self, machine: str) -> Progress:
        """Return how far one machine came: pending when nothing was heard, unknown when it has no entry.

        Raises:
            StateError: the states cannot be read.
        """
        entry = self.get(machine)
        if entry is None:
            return Progress(machine, state=State.UNKNOWN)
        found = self._states.one(machine)
        return found if found and found.story == story(entry.nonce) else Progress(machine, story(entry.nonce))

    def all_progress(self) -> dict[str, Progress]:
        """Return how far every machine came, by id, in one read. Those of which nothing was heard are missing."""
        return self._states.all()

    def strangers(self) -> list[Stranger]:
        """Return the machines that asked and have no entry, the last one first."""
        return self._states.strangers()

    def service(self) -> Service | None:
        """Return where the service of this store is reached, or None when none runs."""
        from provision.netboot.locked import held

        blob = self._files.get(SERVICE)
        return Service(**json.loads(blob.data)) if blob and held(self.directory) else None

    def announce(self, service: Service) -> None:
        """Write where the service is reached; the service does that."""
        self._files.put(SERVICE, json.dumps(asdict(service)).encode(), durable=False)

    def put_body(self, body: bytes) -> str:
        """Keep a payload's body and return its SHA-512 in hex; `{url}/bodies/{hash}` serves it.

        Raises:
            StateError: the disk refused.
        """
        digest = hashlib.sha512(body).hexdigest()
        self._files.put(f"{BODIES}/{digest}", body)
        return digest

    def remove_body(self, digest: str) -> None:
        """Forget a body; nothing there is success."""
        self._files.delete(f"{BODIES}/{digest}")


def parse(data: bytes, machine: str) -> Entry:
    """Read an entry's file.

    Raises:
        StateError: it is damaged.
    """
    try:
        return Entry.from_json(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(f"the boot store's entry of {machine} is damaged: {error} [PV583]") from error


def config_key(machine: str, digest: str) -> str:
    """Return where a config lies."""
    return f"{CONFIGS}/{machine}-{digest}"


def _key(machine: str) -> str:
    return f"{MACHINES}/{machine}.json"

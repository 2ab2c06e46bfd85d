"""`provision etcd`: look at etcd and its members."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli import console, options
from provision.errors import Unhealthy, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set

    from provision.etcd.health import Health
    from provision.etcd.tls import Tls

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="""Look at etcd and its members.

    \b
    Example:
      provision etcd status cluster.yaml
      provision etcd snapshot cluster.yaml -o before-the-upgrade.db
    """,
)


_Members = Annotated[
    list[str] | None,
    typer.Argument(metavar="SPEC|NAME|MEMBER=URL...", help="A cluster, or every expected member with its client URL."),
]
_Ca = Annotated[Path | None, typer.Option("--ca", help="The cluster's CA (PEM).")]
_Certificate = Annotated[Path | None, typer.Option("--cert", help="A client certificate (PEM).")]
_Key = Annotated[Path | None, typer.Option("--key", help="The certificate's private key (PEM).")]
_Timeout = Annotated[float, typer.Option(min=0.1, help="Seconds that a member has for an answer.")]


@app.command()
def status(
    members: _Members = None,
    ca: _Ca = None,
    certificate: _Certificate = None,
    key: _Key = None,
    timeout: _Timeout = 3.0,
    identity: options.Identity = None,
    as_json: options.Json = False,
) -> None:
    """Check that exactly these members form one cluster with a leader, and that it takes a write.

    A key below provision/health/ is written, read from every member and deleted. Exit code 9 when something is wrong.

    \b
    Example:
      provision etcd status cluster.yaml
      provision etcd status demo-core-1=http://10.0.0.11:2379 demo-core-2=http://10.0.0.12:2379
    """
    from provision.etcd.health import check

    with _reached(members, identity, _tls(ca, certificate, key)) as found:
        health = check(found.urls, found.expected, tls=found.tls, timeout=timeout)
    if as_json:
        console.emit(health.to_json())
    else:
        _write(health)
    if not health.ok:
        raise Unhealthy(health.problems[0], hint="; ".join(health.problems[1:]) or None)


@app.command()
def snapshot(
    members: _Members = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; else one in the state.")] = None,
    keep: Annotated[int, typer.Option(min=1, help="How many the state keeps.")] = 5,
    ca: _Ca = None,
    certificate: _Certificate = None,
    key: _Key = None,
    timeout: _Timeout = 30.0,
    identity: options.Identity = None,
    as_json: options.Json = False,
) -> None:
    """Save etcd's database, checked by its checksum, as `etcdctl snapshot restore` takes it.

    \b
    Example:
      provision etcd snapshot cluster.yaml
      provision etcd snapshot demo-core-1=http://10.0.0.11:2379 -o before-the-upgrade.db
    """
    from provision.etcd import snapshot as snapshots
    from provision.etcd.cluster import Cluster

    with _reached(members, identity, _tls(ca, certificate, key)) as found:
        if output is None and found.snapshots is None:
            raise UsageError("say where the snapshot goes: --output FILE")
        path = output or _timed(found.snapshots or Path())
        cluster = Cluster(found.urls, tls=found.tls, timeout=timeout)
        saved = cluster.ask(lambda client: snapshots.save(client, path))
    if output is None:
        snapshots.prune(path.parent, keep)
    if as_json:
        console.emit({"file": str(saved.path), "bytes": saved.size})
    else:
        console.out(str(saved.path))


@dataclass(frozen=True, slots=True)
class _Ways:
    """Each member's URL as this computer reaches it, the expected names, and where the state keeps snapshots."""

    urls: Mapping[str, str]
    expected: Set[str]
    tls: Tls | None = None
    snapshots: Path | None = None


@contextmanager
def _reached(members: list[str] | None, identity: Path | None, given: Tls | None) -> Iterator[_Ways]:
    words = members or ["cluster.yaml"]
    if any("=http" in word for word in words):
        named = _named(words)
        yield _Ways(named, named.keys(), given)
        return
    if len(words) > 1:
        raise UsageError("give one cluster, or MEMBER=URL for each member")
    with _members_of(words[0], identity, given) as found:
        yield found


@contextmanager
def _members_of(target: str, identity: Path | None, given: Tls | None) -> Iterator[_Ways]:
    from provision import paths
    from provision.apply.certificates import client_of
    from provision.apply.session import now
    from provision.apply.target import find
    from provision.apply.ways import endpoints, login
    from provision.model import MACHINE, State
    from provision.state import home
    from provision.state.cluster import ClusterState

    found = find(target)
    state = ClusterState(found.store, now)
    entries = [entry for entry in state.recorded.entries.values() if entry.etcd and entry.exists]
    voters = {entry.name for entry in entries}
    if not voters:
        raise UsageError(f"{found.owner.cluster} has no etcd that this computer knows of")
    running = [o for o in found.observed() if o.kind == MACHINE and o.name in voters and o.state is State.RUNNING]
    known_hosts = home.known_hosts(paths.state(), found.owner)
    with (
        nullcontext(given) if given else client_of(found, state, entries, now) as tls,
        endpoints(
            running, known_hosts, scheme="https" if tls else "http", login=partial(login, state), identity=identity
        ) as urls,
    ):
        yield _Ways(urls, voters, tls, known_hosts.parent / "snapshots")


def _timed(directory: Path) -> Path:
    from provision.apply.session import now

    return directory / f"{now():%Y-%m-%dT%H%M%SZ}.db"


def _named(endpoints: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in endpoints]
    for name, _, url in pairs:
        if not name or not url.startswith(("http://", "https://")):
            raise UsageError(f"{name!r} is not MEMBER=URL", hint="write demo-core-1=http://10.0.0.11:2379")
    return {name: url for name, _, url in pairs}


def _tls(ca: Path | None, certificate: Path | None, key: Path | None) -> Tls | None:
    from provision.etcd.tls import Tls

    return Tls(ca, certificate, key) if ca or certificate else None


def _write(health: Health) -> None:
    rows = [
        (m["name"] or "-", m["id"], _role(m), ",".join(m["peer_urls"]), m["version"] or "-", m["db_size"] or "-")
        for m in health.to_json()["members"]
    ]
    console.table(("NAME", "ID", "ROLE", "PEER URLS", "VERSION", "DB BYTES"), rows)


def _role(member: dict[str, object]) -> str:
    if not member["started"]:
        return "not started"
    if not member["answers"]:
        return "silent"
    if member["learner"]:
        return "learner"
    return "leader" if member["leader"] else "follower"

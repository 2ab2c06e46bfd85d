"""`provision etcd`: look at etcd and its members."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli import console
from provision.errors import Unhealthy, UsageError

if TYPE_CHECKING:
    from provision.etcd.health import Health
    from provision.etcd.tls import Tls

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Look at etcd and its members.",
)


@app.callback()
def etcd() -> None:
    """Look at etcd and its members."""


@app.command()
def status(
    endpoints: Annotated[
        list[str], typer.Argument(metavar="NAME=URL...", help="Every expected member and its client URL.")
    ],
    ca: Annotated[Path | None, typer.Option("--ca", help="The cluster's CA (PEM).")] = None,
    certificate: Annotated[Path | None, typer.Option("--cert", help="A client certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="The certificate's private key (PEM).")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that a member has for an answer.")] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Check that exactly these members form one cluster with a leader, and that it takes a write.

    A key below provision/health/ is written, read from every member and deleted. Exit code 9 when something is wrong.

    \b
    Example:
      provision etcd status demo-core-1=http://10.0.0.11:2379 demo-core-2=http://10.0.0.12:2379
    """
    from provision.etcd.health import check

    named = _named(endpoints)
    health = check(named, named.keys(), tls=_tls(ca, certificate, key), timeout=timeout)
    if as_json:
        console.emit(health.to_json())
    else:
        _write(health)
    if not health.ok:
        raise Unhealthy(health.problems[0], hint="; ".join(health.problems[1:]) or None)


def _named(endpoints: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in endpoints]
    for name, _, url in pairs:
        if not name or not url.startswith(("http://", "https://")):
            raise UsageError(f"{name!r} is not NAME=URL", hint="write demo-core-1=http://10.0.0.11:2379")
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

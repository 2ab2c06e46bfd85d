"""`provision discovery`: serve tokens for etcd's bootstrap, make them, look at them, repair them."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli import console
from provision.errors import UsageError

if TYPE_CHECKING:
    from provision.etcd.discovery.client import DiscoveryClient, Shown

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="""Serve and look after discovery tokens, with which the voters of a new etcd cluster find each other.

    \b
    Example:
      provision discovery serve --host 10.0.0.1 --directory /var/lib/provision-discovery
      provision discovery new --size 3 --url http://10.0.0.1:4001
    """,
)

DEFAULT_URL = "http://127.0.0.1:4001"

_Url = Annotated[
    str, typer.Option("--url", envvar="PROVISION_DISCOVERY_URL", help="The discovery service.", metavar="URL")
]
_Ca = Annotated[Path | None, typer.Option("--ca", help="The CA that the service's certificate is checked with (PEM).")]
_AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]
_Token = Annotated[str, typer.Argument(metavar="TOKEN", help="The token's URL, or its 32 hex digits with --url.")]


@app.command()
def serve(
    directory: Annotated[Path, typer.Option("--directory", help="Where the registry is kept.")] = Path("discovery"),
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")] = 4001,
    public_url: Annotated[
        str, typer.Option(metavar="URL", help="What tokens' URLs start with, if not with what the client used.")
    ] = "",
    certificate: Annotated[Path | None, typer.Option("--cert", help="Serve TLS with this certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="The certificate's private key (PEM).")] = None,
    as_json: _AsJson = False,
) -> None:
    """Run the discovery service until Ctrl-C or SIGTERM.

    Tokens survive a restart and a crash. Anybody who reaches the port can make tokens; nobody can list or guess them.

    \b
    Example:
      provision discovery serve --host 10.0.0.1 --directory /var/lib/provision-discovery
      provision discovery serve --host 0.0.0.0 --cert server.pem --key server.key --public-url https://etcd.example.org:4001
    """
    from provision.etcd.discovery.limits import Limits
    from provision.etcd.discovery.server import raise_file_limit, serving

    if (certificate is None) != (key is None):
        raise UsageError("--cert and --key belong together")
    raise_file_limit(Limits().connections + 256)
    stop: SimpleQueue[int] = SimpleQueue()  # unlike an Event's, its lock is safe in a handler
    kept = {number: signal.signal(number, lambda got, _: stop.put(got)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with serving(directory, host, port, certificate=certificate, key=key, public_url=public_url) as url:
            _announce(public_url or url, directory, as_json=as_json)
            stop.get()
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@app.command()
def new(
    size: Annotated[int, typer.Option("--size", min=1, max=9, help="How many voters the cluster starts with.")] = 3,
    url: _Url = DEFAULT_URL,
    ca: _Ca = None,
    as_json: _AsJson = False,
) -> None:
    """Make a token and write its URL, the value for ETCD_DISCOVERY. A token serves one bootstrap.

    \b
    Example:
      provision discovery new --size 3 --url http://10.0.0.1:4001
    """
    with _client(url, ca) as client:
        token = client.new(size)
    if size % 2 == 0:
        console.note(f"warning: {size} voters survive no more losses than {size - 1}")
    if as_json:
        console.emit({"url": token, "size": size})
    else:
        console.out(token)


@app.command()
def show(token: _Token, url: _Url = DEFAULT_URL, ca: _Ca = None, as_json: _AsJson = False) -> None:
    """Show who has registered with a token, and how many are missing.

    \b
    Example:
      provision discovery show http://10.0.0.1:4001/6d5f40ca14d3c50e6c3a4f2a1fbd3bd1
    """
    with _client(url, ca) as client:
        shown = client.show(token)
    _write(shown, as_json=as_json)


@app.command()
def repair(
    token: _Token,
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="The name or id of a member that is gone.")],
    url: _Url = DEFAULT_URL,
    ca: _Ca = None,
    as_json: _AsJson = False,
) -> None:
    """Clear a member that registered and died, so that another can take its place.

    Only while members are missing: once the list is full, etcd may have begun with the dead member in it, and the
    token is used up. Make a new one then, or replace the member in the running cluster.

    \b
    Example:
      provision discovery repair http://10.0.0.1:4001/6d5f40ca14d3c50e6c3a4f2a1fbd3bd1 demo-core-2
    """
    from provision.etcd.discovery.repair import clear

    with _client(url, ca) as client:
        shown = clear(client, token, member)
    _write(shown, as_json=as_json)


@app.command()
def rotate(token: _Token, url: _Url = DEFAULT_URL, ca: _Ca = None, as_json: _AsJson = False) -> None:
    """Give a token up, and make another of the same size: for a token that leaked, or a bootstrap that went wrong.

    Members that wait on the old token, or come with it later, are refused and end. Give the new one to new machines.
    Clusters that `up` makes need none of this: every generation gets a token of its own.

    \b
    Example:
      provision discovery rotate http://10.0.0.1:4001/6d5f40ca14d3c50e6c3a4f2a1fbd3bd1
    """
    from provision.etcd.discovery.client import is_token, split
    from provision.etcd.discovery.repair import rotate as rotated

    with _client(split(token)[0] if is_token(token) else url, ca) as client:
        made = rotated(client, token)
    if as_json:
        console.emit({"url": made, "retired": token})
    else:
        console.out(made)


def _client(url: str, ca: Path | None) -> DiscoveryClient:
    from provision.etcd.discovery.client import DiscoveryClient
    from provision.etcd.tls import Tls

    return DiscoveryClient(url, tls=Tls(ca) if ca else None)


def _announce(url: str, directory: Path, *, as_json: bool) -> None:
    if as_json:
        console.line({"url": url, "directory": str(directory)})
        return
    console.note(f"the registry is in {directory}; Ctrl-C ends the service")
    console.out(url)
    sys.stdout.flush()  # whoever started the service reads the URL from a pipe


def _write(shown: Shown, *, as_json: bool) -> None:
    if as_json:
        console.emit(shown.to_json())
        return
    rows = [
        (m.name, m.id, ",".join(m.peer_urls), "member" if place < shown.size else "too late")
        for place, m in enumerate(shown.members)
    ]
    console.table(("NAME", "ID", "PEER URLS", "ROLE"), rows)
    console.note(
        f"{min(len(rows), shown.size)} of {shown.size} voters are here"
        + ("" if shown.complete else f", {shown.missing} missing")
    )

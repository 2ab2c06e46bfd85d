"""`provision ca`: look after a cluster's certificates."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli import console, options
from provision.errors import ProvisionError, UsageError

if TYPE_CHECKING:
    from provision.apply.target import Target
    from provision.pki.rotation import Authorities

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="""Look after the cluster's certificates.

    \b
    Example:
      provision ca show cluster.yaml
      provision ca issue cluster.yaml --client alice -o ~/.etcd
    """,
)


@app.command()
def show(target: options.Target = "cluster.yaml", as_json: options.Json = False) -> None:
    """Show the cluster's CA: until when it holds, when it is due for renewal, and whether a rotation is under way.

    \b
    Example:
      provision ca show cluster.yaml
    """
    from provision.apply.target import find
    from provision.pki.inspect import read

    found = _authorities(find(target))
    pairs = [("in use", found.current), *([("successor", found.successor)] if found.successor else [])]
    facts = [(role, read(pair.certificate)) for role, pair in pairs]
    if as_json:
        console.emit({"phase": str(found.phase), "authorities": [{"role": r, **f.to_json()} for r, f in facts]})
        return
    rows = [(f.name, role, f"{f.ends:%Y-%m-%d}", f"{f.renewal:%Y-%m-%d}", f.fingerprint[:16]) for role, f in facts]
    console.table(("CA", "ROLE", "ENDS", "RENEW BY", "SHA-256"), rows)
    console.note(f"rotation: {found.phase}")


@app.command()
def issue(
    target: options.Target = "cluster.yaml",
    client: Annotated[
        str,
        typer.Option(
            "--client", metavar="NAME", help="For whom: the certificate's common name, a person's or program's."
        ),
    ] = "",
    directory: Annotated[Path, typer.Option("--output", "-o", help="Where the files go.")] = Path(),
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it holds.")] = 90,
    as_json: options.Json = False,
) -> None:
    """Issue a client certificate for etcd: writes ca.pem, NAME.pem and NAME.key (0600).

    \b
    Example:
      provision ca issue cluster.yaml --client alice -o ~/.etcd
      etcdctl --cacert ca.pem --cert alice.pem --key alice.key --endpoints https://10.0.0.11:2379 endpoint health
    """
    from datetime import timedelta

    from provision.apply.session import now
    from provision.apply.target import find
    from provision.pki import authority

    if not client or Path(client).name != client or client.startswith("."):
        raise UsageError("say for whom the certificate is: --client NAME")
    found = _authorities(find(target))
    usage = authority.Usage.CLIENT
    pair = authority.issue(found.signer, client, usage, now=now(), life=timedelta(days=days))
    contents = {"ca.pem": found.trusted, f"{client}.pem": pair.certificate, f"{client}.key": pair.key}
    written = [str(_write(directory / name, data)) for name, data in contents.items()]
    if as_json:
        console.emit({"files": written})
    else:
        console.out("\n".join(written))


def _authorities(target: Target) -> Authorities:
    from provision.pki.rotation import KEY, load

    blob = target.store.get(KEY)
    if blob is None:
        hint = "write `tls: true` in the spec's etcd section, and bring the cluster up"
        raise UsageError(f"{target.owner.cluster} has no CA", hint=hint)
    return load(blob.data)


def _write(path: Path, data: bytes) -> Path:
    """Write a file that only its owner reads; an old one is replaced as a whole."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        temporary.replace(path)
    except OSError as error:
        raise ProvisionError(f"cannot write {path}: {error.strerror}") from error
    return path

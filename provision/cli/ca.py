"""`provision ca`: look after a cluster's certificates."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli import console, options
from provision.errors import ProvisionError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.apply.renewing import Renewing
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
      provision ca renew cluster.yaml
      provision ca rotate cluster.yaml
    """,
)

NO_CA = "write `tls: true` in the spec's etcd section, and bring the cluster up"

_Patience = Annotated[
    float, typer.Option("--timeout", min=1, help="Seconds that etcd has to be healthy after each restart.")
]


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


@app.command()
def renew(
    spec: options.Spec = "cluster.yaml",
    every: Annotated[bool, typer.Option("--all", help="Reissue those that are not due yet, too.")] = False,
    identity: options.Identity = None,
    timeout: _Patience = 300,
    lock_timeout: options.LockTimeout = 0,
    as_json: options.Json = False,
) -> None:
    """Reissue the members' certificates that are past two thirds of their life, over ssh.

    etcd is restarted on one machine after another, each only while the cluster is healthy. Ends with 8 when machines
    were not reached; run it again then.

    \b
    Example:
      provision ca renew cluster.yaml
      provision ca renew --all -i ~/.ssh/cluster cluster.yaml
    """
    with _renewing(spec, identity, timeout, lock_timeout) as run:
        renewed = run.renew(every=every)
    if as_json:
        console.emit({"renewed": renewed})
    else:
        console.out(f"renewed: {', '.join(renewed)}" if renewed else "no certificate is due")


@app.command()
def rotate(
    spec: options.Spec = "cluster.yaml",
    identity: options.Identity = None,
    timeout: _Patience = 300,
    lock_timeout: options.LockTimeout = 0,
    as_json: options.Json = False,
) -> None:
    """Exchange the CA while the cluster runs: trust both, reissue every certificate, distrust the old one.

    Each phase passes over all members by ssh before the next begins, and restarts etcd on one after another. Ends with
    8 when machines were not reached; run it again then, and it goes on. Client certificates of the old CA end with it:
    issue new ones.

    \b
    Example:
      provision ca rotate cluster.yaml
      provision ca rotate -i ~/.ssh/cluster cluster.yaml
    """
    from provision.pki.inspect import read

    with _renewing(spec, identity, timeout, lock_timeout) as run:
        run.rotate()
        made = read(run.certificates.authorities().current.certificate)
    if as_json:
        console.emit({"phase": "steady", "authority": made.to_json()})
    else:
        console.out(f"{made.name} {made.fingerprint[:16]} is in use until {made.ends:%Y-%m-%d}")


@contextmanager
def _renewing(spec: str, identity: Path | None, patience: float, lock_timeout: float) -> Iterator[Renewing]:
    from provision.apply.certificates import Certificates
    from provision.apply.fleet import reached
    from provision.apply.renewing import Renewing
    from provision.apply.session import now, opened

    with opened(spec, mode="exclusive", lock_timeout=lock_timeout) as session:
        etcd = session.cluster.etcd
        if etcd is None or not etcd.tls:
            raise UsageError(f"{session.cluster.name} has no certificates", hint=NO_CA)
        certificates = Certificates(session.state.store, session.owner, now)
        certificates.authorities()
        with reached(session, identity) as fleet:
            yield Renewing(fleet, certificates, etcd, console.note, patience)


def _authorities(target: Target) -> Authorities:
    from provision.pki.rotation import KEY, load

    blob = target.store.get(KEY)
    if blob is None:
        raise UsageError(f"{target.owner.cluster} has no CA", hint=NO_CA)
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

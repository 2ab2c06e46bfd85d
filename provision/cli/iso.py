"""`provision iso`: CDs and USB sticks for machines that cannot boot from the network, or shall not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli import console, options
from provision.errors import ProvisionError, UsageError

if TYPE_CHECKING:
    from provision.netboot.entry import Entry
    from provision.netboot.store import BootStore


def iso(
    spec: options.Spec = "cluster.yaml",
    machine: Annotated[
        str, typer.Option("--machine", "-m", help="Make the ISO of this machine, with its config inside.")
    ] = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The ISO to write.")] = None,
    image: Annotated[
        Path | None, typer.Option("--image", help="Embed the config in this live ISO of Fedora CoreOS.")
    ] = None,
    url: Annotated[
        str, typer.Option(metavar="URL", help="Where machines reach the boot service, if it does not run yet.")
    ] = "",
    data: Annotated[Path | None, typer.Option("--data", help="The boot store, shared with `provision up`.")] = None,
) -> None:
    """Make an ISO that boots by BIOS and UEFI, from a CD or written to a USB stick as it is.

    Without --machine it is the same for all: it asks the boot service what to do, as a network boot would. With it, the
    machine's system and its first-boot config are inside, as the boot service would hand them out: `provision up` has
    claimed the machine before (`--no-wait`), and goes on when it reports. Such an ISO holds the machine's secrets.

    \b
    Example:
      provision iso cluster.yaml -o boot.iso
      provision up --no-wait cluster.yaml && provision iso cluster.yaml -m demo-core-1
    """
    from provision.netboot.store import BootStore, default_directory

    if image and not machine:
        raise UsageError("--image needs --machine: a live ISO of Fedora CoreOS carries one machine's config")
    out = (output or Path(f"{machine or 'boot'}.iso")).absolute()
    store = BootStore(data.absolute() if data else default_directory())
    try:
        if machine:
            _of_machine(store, _entry(store, spec, machine), image, out)
        else:
            _for_all(store, url, out)
    except OSError as error:
        raise ProvisionError(f"{out} cannot be written: {error.strerror or error} [PV599]") from error
    console.out(str(output or out.name))


def _of_machine(store: BootStore, entry: Entry, image: Path | None, out: Path) -> None:
    from provision import paths
    from provision.iso import build, coreos
    from provision.iso.machine import with_config
    from provision.netboot.cache import Cache

    config = store.config(entry)
    if config is None:
        raise ProvisionError(f"{entry.id} has no config yet [PV599]", hint="wait for `provision up`")
    if image is None:
        build.build(with_config(entry, config, Cache(paths.cache() / "netboot").fetch), out)
    else:
        coreos.embed(image, config, _private(out))


def _for_all(store: BootStore, url: str, out: Path) -> None:
    from provision.iso import build
    from provision.iso.machine import for_all

    running = store.service()
    where = url.rstrip("/") or (running.url if running else "")
    if not where:
        raise UsageError("no boot service runs here", hint="run `provision serve`, or say with --url where it will be")
    build.build(for_all(where), out)


def _entry(store: BootStore, spec: str, machine: str) -> Entry:
    """Return what the boot store has for a machine of a spec, by the machine's name or its hardware's.

    Raises:
        ProvisionError: it has nothing.
    """
    from provision.apply.target import find

    uid = find(spec).owner.uid
    for entry in store.entries():
        if entry.uid == uid and machine in (entry.hostname, entry.id):
            return entry
    hint = "`provision up --no-wait` claims the spec's machines first"
    raise ProvisionError(f"{machine} is not among the machines that boot [PV599]", hint=hint)


def _private(out: Path) -> Path:
    """Make a file that its owner alone may read, before anything is in it."""
    os.close(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    out.chmod(0o600)
    return out

"""`provision serve`: the boot service, with DHCP and TFTP beside it where that is wanted."""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli import console
from provision.cli.options import Json as AsJson
from provision.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.model import Json
    from provision.netboot.dnsmasq import Network
    from provision.netboot.server import Running, Settings

DEFAULT_PORT = 8080
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound


def serve(
    data: Annotated[Path | None, typer.Option("--data", help="The boot store, shared with `provision up`.")] = None,
    cache: Annotated[Path | None, typer.Option("--cache", help="Where kernels, initrds and images are kept.")] = None,
    host: Annotated[str, typer.Option(help="The address to listen on; the interface's by default.")] = "",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = DEFAULT_PORT,
    url: Annotated[str, typer.Option(metavar="URL", help="Where machines reach the service, if not there.")] = "",
    certificate: Annotated[Path | None, typer.Option("--cert", help="Serve TLS with this certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="The certificate's private key (PEM).")] = None,
    dhcp: Annotated[
        str,
        typer.Option(metavar="proxy|full|none", help="Run dnsmasq: beside another DHCP server, or as the only one."),
    ] = "none",
    interface: Annotated[str, typer.Option(help="The network interface that the machines are on.")] = "",
    range_: Annotated[
        str, typer.Option("--range", metavar="FIRST,LAST", help="The addresses to hand out (full).")
    ] = "",
    gateway: Annotated[str, typer.Option(help="The router to hand out (full).")] = "",
    dns: Annotated[str, typer.Option(help="The DNS server to hand out (full).")] = "",
    native: Annotated[bool, typer.Option("--native", help="Send firmware to PXELINUX and GRUB, not to iPXE.")] = False,
    loaders: Annotated[
        Path | None, typer.Option(help="A folder with loaders of your own, such as a newer iPXE.")
    ] = None,
    nginx: Annotated[
        bool | None, typer.Option("--nginx/--no-nginx", help="Let nginx serve the boot files; by default if installed.")
    ] = None,
    files_port: Annotated[int, typer.Option(min=0, max=65535, help="nginx' port; 0 takes a free one.")] = 0,
    show: Annotated[
        bool, typer.Option("--print", help="Write dnsmasq's configuration for a server of yours, and end.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show what dnsmasq and nginx say.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the boot service until Ctrl-C or SIGTERM: machines without an operating system boot from it.

    Machines come from the boot store, where `provision up` writes them. One that nobody wrote there is sent to its disk
    and shown with its MAC address. Each change of a machine is shown as it comes.

    \b
    Example:
      provision serve --interface eth1 --dhcp proxy
      provision serve --interface eth1 --dhcp full --range 10.0.0.100,10.0.0.199
      provision serve --host 10.0.0.1 --dhcp proxy --interface eth1 --print
    """
    from provision.netboot.dnsmasq import Dhcp, Network

    if (certificate is None) != (key is None):
        raise UsageError("--cert and --key belong together")
    if dhcp not in set(Dhcp):
        raise UsageError(f"--dhcp {dhcp!r} is not one of {', '.join(Dhcp)}")
    network = _network(Network(Dhcp(dhcp), interface, range_, gateway=gateway, dns=dns, native=native))
    settings = _settings(data, cache, host or _address(interface), port, url, certificate, key)
    if show:
        _print(network, settings)
        return
    settings = replace(settings, loaders=settings.data / "tftp", native=native)
    with ExitStack() as stack:
        stop = _signals(stack)
        running = _start(stack, settings, loaders, dhcp=network.dhcp is not Dhcp.NONE, as_json=as_json)
        tell = console.note if verbose else _nothing
        _daemons(stack, settings, network, running, nginx, files_port, tell)
        _announce(running, settings, as_json=as_json)
        stop.get()


def _settings(
    data: Path | None, cache: Path | None, host: str, port: int, url: str, certificate: Path | None, key: Path | None
) -> Settings:
    from provision import paths
    from provision.netboot.server import Settings
    from provision.netboot.store import default_directory

    if host in WILDCARDS and not url:
        raise UsageError(f"--host {host} does not say where machines reach the service", hint="give --url as well")
    found = (data or default_directory()).absolute()
    return Settings(found, (cache or paths.cache() / "netboot").absolute(), host, port, url, certificate, key)


def _address(interface: str) -> str:
    from provision.netboot.interfaces import network

    return str(network(interface).ip) if interface else "127.0.0.1"


def _network(network: Network) -> Network:
    """Fill in what the interface tells, and check the rest."""
    from provision.netboot import dnsmasq, interfaces
    from provision.netboot.dnsmasq import Dhcp

    if network.dhcp is Dhcp.NONE:
        return network
    if network.dhcp is Dhcp.PROXY and not network.range and network.interface:
        network = replace(network, range=str(interfaces.network(network.interface).network.network_address))
    dnsmasq.check(network)
    return network


def _print(network: Network, settings: Settings) -> None:
    from provision.etcd.discovery.server import url_of
    from provision.netboot import dnsmasq
    from provision.netboot.accounts import account
    from provision.netboot.dnsmasq import Dhcp

    if network.dhcp is Dhcp.NONE:
        raise UsageError("--print needs --dhcp proxy or full")
    scheme = "https" if settings.certificate else "http"
    url = settings.url or url_of(scheme, settings.host, settings.port)
    tftp = settings.data / "tftp"
    sys.stdout.write(dnsmasq.configuration(network, url, tftp, None, None, account(tftp)))


def _signals(stack: ExitStack) -> SimpleQueue[int]:
    """Return what fills when the service shall end.

    No Event: its lock is not reentrant, and a signal that comes while we begin to wait for it would never be over.
    """
    stop: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        stack.callback(signal.signal, number, signal.signal(number, lambda got, _: stop.put(got)))
    return stop


def _start(stack: ExitStack, settings: Settings, loaders: Path | None, *, dhcp: bool, as_json: bool) -> Running:
    from provision.etcd.discovery.limits import Limits
    from provision.etcd.discovery.server import raise_file_limit
    from provision.netboot.loaders import gather
    from provision.netboot.server import serving
    from provision.netboot.service import as_text

    def changed(event: Json) -> None:
        if as_json:
            console.line(event)
        else:
            console.note(as_text(event))

    raise_file_limit(Limits().connections + 256)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    missing = gather(settings.loaders, loaders) if settings.loaders else {}
    if dhcp and missing:
        packages = ", ".join(sorted(set(missing.values())))
        console.note(f"not installed, so firmware that needs it does not boot: {', '.join(missing)} ({packages})")
    return stack.enter_context(serving(settings, changed))


def _daemons(
    stack: ExitStack,
    settings: Settings,
    network: Network,
    running: Running,
    nginx: bool | None,
    files_port: int,
    tell: Callable[[str], None],
) -> None:
    from provision.netboot.daemons import free_port, program, serving_dhcp, serving_files
    from provision.netboot.dnsmasq import Dhcp
    from provision.netboot.nginx import Files

    if nginx or (nginx is None and program("nginx")):
        files = Files(
            settings.cache, settings.host, files_port or free_port(settings.host), settings.certificate, settings.key
        )
        stack.enter_context(serving_files(settings.data, files, running, tell))
    if network.dhcp is not Dhcp.NONE and settings.loaders:
        stack.enter_context(serving_dhcp(settings.data, settings.loaders, network, running, tell))


def _announce(running: Running, settings: Settings, *, as_json: bool) -> None:
    if as_json:
        console.line({"url": running.url, "data": str(settings.data), "cache": str(settings.cache)})
        return
    console.note(f"the boot store is {settings.data}; Ctrl-C ends the service")
    console.out(running.url)
    sys.stdout.flush()  # whoever started the service reads the URL from a pipe


def _nothing(_text: str) -> None:
    return

"""The daemons beside the service: their configurations written, and they run for as long as it does."""

from __future__ import annotations

import shutil
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provision.errors import ProvisionError
from provision.netboot import dnsmasq, nginx
from provision.netboot.accounts import account
from provision.netboot.dnsmasq import Dhcp
from provision.netboot.rendered import read_by
from provision.netboot.supervise import Daemon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from provision.netboot.dnsmasq import Network
    from provision.netboot.entry import Entry
    from provision.netboot.nginx import Files
    from provision.netboot.server import Running

SBIN = "/usr/sbin:/sbin:/usr/local/sbin"
"""Where daemons are; it need not be on everybody's PATH."""


def program(name: str) -> str | None:
    """Return where a daemon is installed, or None."""
    return shutil.which(name) or shutil.which(name, path=SBIN)


@contextmanager
def serving_dhcp(
    data: Path, tftp: Path, network: Network, running: Running, tell: Callable[[str], None]
) -> Iterator[Daemon]:
    """Run dnsmasq for the length of the context.

    Raises:
        ProvisionError: it is not installed, or does not take its configuration.
    """
    binary = program("dnsmasq")
    if binary is None:
        raise ProvisionError("dnsmasq is not installed [PV586]", hint="apt install dnsmasq-base")
    work = data / "dnsmasq"
    hosts, config = work / "hosts", work / "dnsmasq.conf"
    data.chmod(0o711)  # a way through for a daemon without rights; what else is in it nobody may read
    _folder(work)
    _public(hosts, dnsmasq.hosts_file([k.entry for k in running.service.index.machines.values()]))
    text = dnsmasq.configuration(network, running.url, tftp, hosts, work / "leases", account(tftp, work))
    _public(config, text)

    def line(said: str) -> None:
        if found := read_by(said):
            running.read(*found)
        tell(said)

    command = [binary, "--keep-in-foreground", "--log-facility=-", "--conf-file=" + str(config)]
    daemon = Daemon("dnsmasq", command, pid_file=work / "pid", line=line)

    def hosts_changed(entries: Sequence[Entry]) -> None:
        if network.dhcp is Dhcp.FULL and _public(hosts, dnsmasq.hosts_file(entries)):
            daemon.signal(signal.SIGHUP)

    running.service.follow = hosts_changed
    with daemon.running():
        yield daemon


@contextmanager
def serving_files(data: Path, files: Files, running: Running, tell: Callable[[str], None]) -> Iterator[Daemon]:
    """Run nginx for the length of the context, and send machines there for boot files while it runs.

    Raises:
        ProvisionError: it is not installed, or does not take its configuration.
    """
    binary = program("nginx")
    if binary is None:
        raise ProvisionError("nginx is not installed [PV586]", hint="apt install nginx-light, or leave --nginx away")
    work = data / "nginx"
    _folder(work)
    config = work / "nginx.conf"
    _public(config, nginx.configuration(files, work, account(files.cache)))
    scheme, _, rest = running.url.partition("://")
    url = f"{scheme}://{_host(rest)}:{files.port}"
    command = [binary, "-p", str(work), "-e", "stderr", "-c", str(config)]
    daemon = Daemon(
        "nginx", command, pid_file=work / "pid", line=tell, state=lambda up: running.files_at(url if up else "")
    )
    with daemon.running():
        yield daemon


def free_port(host: str) -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server((host, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _host(rest: str) -> str:
    """Return a URL's host, without its port; an IPv6 address keeps its brackets."""
    netloc = rest.partition("/")[0]
    head, _, tail = netloc.rpartition(":")
    return head if head and tail.isdigit() else netloc


def _folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)


def _public(path: Path, text: str) -> bool:
    """Write a file that a daemon without rights reads; return whether it is another now."""
    if path.exists() and path.read_text() == text:
        return False
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text)
    temporary.chmod(0o644)
    temporary.replace(path)
    return True

"""How this computer gets to the members' client ports: directly, by a forwarded port, or through ssh."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from provision.etcd.variables import CLIENT_PORT
from provision.remote import Remote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from provision.model import Observed


@contextmanager
def endpoints(
    machines: Iterable[Observed],
    known_hosts: Path,
    *,
    scheme: str = "http",
    user: str = "core",
    identity: Path | None = None,
) -> Iterator[dict[str, str]]:
    """Yield each machine's name and the base URL of its client port, as this computer reaches it.

    Raises:
        ProvisionError: a machine can be reached only through ssh, and ssh failed.
    """
    with ExitStack() as stack:
        yield {m.name: f"{scheme}://{_way(Remote(m, known_hosts, user, identity), stack)}" for m in machines}


def _way(remote: Remote, stack: ExitStack) -> str:
    if "etcd" in remote.machine.reach:
        return remote.machine.reach["etcd"]
    return f"127.0.0.1:{stack.enter_context(remote.forward(CLIENT_PORT))}"

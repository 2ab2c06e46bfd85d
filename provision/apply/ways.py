"""How this computer gets to the members' client ports: directly, by a forwarded port, or through ssh."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from provision.etcd.variables import CLIENT_PORT
from provision.firstboot.additions.system import system
from provision.remote import Remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from provision.model import Observed
    from provision.state.cluster import ClusterState

CORE = "core"


def login(state: ClusterState, name: str) -> str:
    """Return the user that has the keys on a machine, by the operating system that its recipe was made for.

    Machines that the state does not know are taken for container Linux, which has "core".
    """
    entry = next((e for e in state.recorded.live() if e.name == name and e.fingerprint), None)
    known = state.recipe(entry.fingerprint) if entry else None
    return system(known["body"]["os"]).user if known and known["body"].get("os") else CORE


@contextmanager
def endpoints(
    machines: Iterable[Observed],
    known_hosts: Path,
    *,
    scheme: str = "http",
    login: Callable[[str], str] = lambda _: CORE,
    identity: Path | None = None,
) -> Iterator[dict[str, str]]:
    """Yield each machine's name and the base URL of its client port, as this computer reaches it.

    `login` tells the user name on a machine.

    Raises:
        ProvisionError: a machine can be reached only through ssh, and ssh failed.
    """
    with ExitStack() as stack:
        yield {m.name: f"{scheme}://{_way(Remote(m, known_hosts, login(m.name), identity), stack)}" for m in machines}


def _way(remote: Remote, stack: ExitStack) -> str:
    if "etcd" in remote.machine.reach:
        return remote.machine.reach["etcd"]
    return f"127.0.0.1:{stack.enter_context(remote.forward(CLIENT_PORT))}"

"""Whether the account's limits have room for what is not there yet: how much, and how often. Pure.

https://docs-ospc.rackspace.com/cloud-servers/v2/general-api-info/limits
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provision.providing.checking import error, warning
from provision_rackspace.rules import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provision.diagnostics import Diagnostic
    from provision.model import Json

HINT = "ask Rackspace's support for a higher limit, or remove what is not needed; servers in ERROR count too"


def absolute(given: Mapping[str, int], machines: int, memory: int, cores: int, networks: int) -> Iterator[Diagnostic]:
    """Check machines, MiB of memory, cores and cloud networks; -1 is no limit."""
    needed = {
        "machines": (machines, "Instances", "Instances"),
        "MiB of memory": (memory, "RAMSize", "RAM"),
        "cores": (cores, "Cores", "Cores"),
        "cloud networks": (networks, "PrivateNetworks", "PrivateNetworks"),
    }
    for what, (count, limit, used) in needed.items():
        most, taken = given.get(f"maxTotal{limit}", -1), given.get(f"total{used}Used", 0)
        if most >= 0 and count > 0 and taken + count > most:
            message = f"the cluster needs {count} more {what}, and {taken} of {most} are in use"
            yield error("PV564", message, OPTIONS, HINT)


def rate(given: Sequence[Json], machines: int) -> Iterator[Diagnostic]:
    """Tell when making the machines takes longer than the account may ask at once; the engine waits."""
    for group in given:
        for limit in group.get("limit", []):
            if limit["verb"] == "POST" and limit["remaining"] < machines and _is_servers(group):
                message = (
                    f"the account may ask for {limit['remaining']} more machines now (POST {group['uri']}: "
                    f"{limit['value']} a {limit['unit'].lower()}), and the cluster needs {machines}: `up` will wait"
                )
                yield warning("PV564", message, OPTIONS, "ask for a higher rate limit")
                return


def _is_servers(group: Json) -> bool:
    """Tell whether a rate limit is for making servers; its regular expression is for paths, ``.*`` for all of them."""
    return re.search(group.get("regex") or "$.", "/servers") is not None

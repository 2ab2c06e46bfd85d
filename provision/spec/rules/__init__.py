"""What JSON Schema cannot say: rules across fields, each a small function that yields findings with codes of its own.

Every rule sees the whole draft and runs whatever else is wrong, so that all findings come at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.spec.rules import access, cluster, configs, etcd, machines, network, options, providers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provision.diagnostics import Diagnostic
    from provision.spec.draft import Draft

RULES: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    *cluster.RULES,
    *access.RULES,
    *network.RULES,
    *etcd.RULES,
    *providers.RULES,
    *options.RULES,
    *machines.RULES,
    *configs.RULES,
)
"""All rules, in the order of the spec's sections."""


def run(draft: Draft) -> Iterator[Diagnostic]:
    """Yield the findings of every rule."""
    for rule in RULES:
        yield from rule(draft)

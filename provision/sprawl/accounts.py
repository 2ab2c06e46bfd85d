"""Which accounts there are to ask: those of `provision.accounts.yaml`, of every cluster known here, of the spec at hand.

| asked | where its options stand |
| --- | --- |
| every account that is written down | ``provision.accounts.yaml`` in the working directory or above it, else ``accounts.yaml`` in the user's configuration directory |
| every account of a cluster that was brought up here | the state directory |
| the accounts of the spec in the working directory | ``cluster.yaml`` |
| this computer | local platforms need no options |
"""  # noqa: E501 - a table

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from provision import paths, registry
from provision.apply.session import providers_for
from provision.apply.target import local_options
from provision.errors import ProviderMissing
from provision.spec import load
from provision.sprawl import document
from provision.state import home

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Json
    from provision.provider import Provider

FILE = "provision.accounts.yaml"
SCHEMA = "accounts.v1.schema.json"
SPEC = "cluster.yaml"


@dataclass(frozen=True)
class Account:
    """One account of one platform: what one list call covers.

    `name` is the user's, or says by its options what it is. `directory` is where relative paths in options start.
    """

    name: str
    provider_name: str
    options: Json
    directory: Path = field(default_factory=Path.cwd)

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from other accounts: the provider and those of its options that say where it asks."""
        chosen = {k: v for k, v in self.options.items() if k in self._telling}
        return self.provider_name, json.dumps(chosen, sort_keys=True)

    @cached_property
    def provider(self) -> Provider:
        """The provider that asks it.

        Raises:
            ProviderMissing: its plugin is not installed.
        """
        return providers_for({self.provider_name: self.options}, self.directory)[self.provider_name]

    @property
    def _telling(self) -> frozenset[str]:
        try:
            return registry.load(self.provider_name).traits.account or frozenset(self.options)
        except ProviderMissing:
            return frozenset(self.options)


def configured(states: Sequence[Path], start: Path | None = None) -> list[Account]:
    """Return every account once, the user's own names first.

    Args:
        states: state directories whose clusters' accounts are asked.
        start: where `provision.accounts.yaml` is searched from, upwards, and where a spec may lie; the working
            directory if None.

    Raises:
        SpecError: the file of accounts is wrong.
        StateError: a state directory is damaged.
    """
    found: dict[tuple[str, str], Account] = {}
    start = start or Path.cwd()
    for account in (*_written(start), *_known(states), *_of_spec(start), *_local(start)):
        found.setdefault(account.key, account)
    return list(found.values())


def named(provider: str, options: Json, directory: Path | None = None) -> Account:
    """Return an account that nobody named, called by its provider and the options that say where it is."""
    plain = Account(provider, provider, options, directory or Path.cwd())
    texts = [str(v) for v in json.loads(plain.key[1]).values() if isinstance(v, (str, int))]
    return replace(plain, name=" ".join([provider, *texts]))


def _written(start: Path) -> Iterator[Account]:
    path = next(iter(document.upwards(FILE, start)), paths.config() / "accounts.yaml")
    if not path.is_file():
        return
    value: Json = document.read(path, SCHEMA).value
    for name, entry in value["accounts"].items():
        yield Account(name, entry["provider"], entry.get("options", {}), path.parent)


def _known(states: Sequence[Path]) -> Iterator[Account]:
    for known in (k for state in states for k in home.known(state)):
        for provider, options in known.providers.items():
            yield named(provider, options, Path(known.spec).parent)


def _of_spec(start: Path) -> Iterator[Account]:
    """Yield the accounts of the spec at hand; one that is wrong hides nothing that is known otherwise."""
    cluster = load.check(start / SPEC).cluster if (start / SPEC).is_file() else None
    for provider, options in (cluster.providers if cluster else {}).items():
        yield named(provider, options, start)


def _local(start: Path) -> Iterator[Account]:
    for provider, options in local_options().items():
        yield named(provider, options, start)

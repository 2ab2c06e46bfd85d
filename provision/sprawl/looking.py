"""The inventory as commands take it: accounts found, asked, sorted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from provision import paths
from provision.apply.session import now
from provision.sprawl import accounts, ask, inventory
from provision.sprawl.prices import Prices
from provision.state import home

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provision.sprawl.inventory import Inventory

TIMEOUT = 60.0
"""Seconds that an account has to answer."""


def states(more: Sequence[Path] = ()) -> list[Path]:
    """Return the state directories that are looked at: this computer's own, and more that the user names."""
    return list(dict.fromkeys([paths.state(), *(path.absolute() for path in more)]))


def look(more: Sequence[Path] = (), *, timeout: float = TIMEOUT, prices: Prices | None = None) -> Inventory:
    """Ask every configured account what is there.

    Args:
        more: further state directories; what they know is tended.
        timeout: seconds that an account has to answer.
        prices: who knows what things cost.

    Raises:
        SpecError: the file of accounts is wrong.
        StateError: a state directory is damaged.
    """
    directories = states(more)
    answers = ask.everything(accounts.configured(directories, Path.cwd()), timeout=timeout)
    tended = {known.uid for state in directories for known in home.known(state)}
    return inventory.take(answers, tended, prices or Prices(), now())

"""Where provision keeps things on the operator's computer (XDG base directories; each can be moved by a variable).

| variable | holds | default |
| --- | --- | --- |
| PROVISION_STATE_DIR | journals, keys, tokens, recipes: what no platform can give back | ~/.local/state/provision |
| PROVISION_DATA_DIR | machines of local platforms (QEMU, Vagrant) | ~/.local/share/provision |
| PROVISION_CONFIG_DIR | accounts.yaml: the accounts that the inventory asks | ~/.config/provision |
| PROVISION_CACHE_DIR | downloads and built images; may be deleted at any time | ~/.cache/provision |
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Callable


def state() -> Path:
    """Return the directory of all clusters' states."""
    return _directory("PROVISION_STATE_DIR", platformdirs.user_state_dir)


def config() -> Path:
    """Return the directory of what the user sets for all clusters."""
    return _directory("PROVISION_CONFIG_DIR", platformdirs.user_config_dir)


def data() -> Path:
    """Return the directory in which local platforms keep machines."""
    return _directory("PROVISION_DATA_DIR", platformdirs.user_data_dir)


def cache() -> Path:
    """Return the directory for downloads and images."""
    return _directory("PROVISION_CACHE_DIR", platformdirs.user_cache_dir)


def _directory(variable: str, default: Callable[[str], str]) -> Path:
    chosen = os.environ.get(variable)
    return Path(chosen).expanduser().absolute() if chosen else Path(default("provision"))

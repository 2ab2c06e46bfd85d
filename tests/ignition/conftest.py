from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def folder() -> Iterator[Path]:
    """A new folder that every user may enter: Ignition writes SSH keys as the user whose they are."""
    with tempfile.TemporaryDirectory(prefix="provision-ignition-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path

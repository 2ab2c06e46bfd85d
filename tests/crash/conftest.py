from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = Path("/dev/shm")


@pytest.fixture
def ram() -> Iterator[Path]:
    """A directory in memory: kill -9 loses nothing that is written, so a thousand runs need not wait for a disk."""
    base = MEMORY if os.access(MEMORY, os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix="provision-crash-", dir=base))
    yield path
    shutil.rmtree(path)

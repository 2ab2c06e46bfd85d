"""For all strict clouds: a place in memory, for states that are written again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crash.harness import in_memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ram() -> Iterator[Path]:
    with in_memory() as path:
        yield path

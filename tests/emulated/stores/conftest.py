from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.emulated.stores.shelves import SHELVES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.emulated.stores.shelves import Shelf


@pytest.fixture(params=sorted(SHELVES))
def shelf(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """Each sort of store in turn, with credentials in the environment."""
    with SHELVES[request.param](tmp_path, monkeypatch) as found:
        yield found

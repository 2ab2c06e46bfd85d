from __future__ import annotations

import pytest

from tests.unit.providers.vagrant.kit import kit as started


@pytest.fixture
def kit(tmp_path, monkeypatch):
    with started(tmp_path, monkeypatch) as computer:
        yield computer

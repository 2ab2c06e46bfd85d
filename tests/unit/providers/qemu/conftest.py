from __future__ import annotations

import pytest

from tests.unit.providers.qemu.kit import tidy


@pytest.fixture
def kit(tmp_path):
    with tidy(tmp_path) as kit:
        yield kit

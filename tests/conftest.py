"""What holds for every tier of tests."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

# A loaded machine is no fault of the code: examples are counted, not timed. The suite's own timeout stays.
settings.register_profile("provision", deadline=None)
settings.load_profile("provision")


# A job in the background ignores Ctrl-C, and so would every program that it starts, and that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let golden files be written anew."""
    parser.addoption("--update-golden", action="store_true", help="write what the code does now into tests/golden")

"""What holds for every tier of tests."""

from __future__ import annotations

from hypothesis import settings

# A loaded machine is no fault of the code: examples are counted, not timed. The suite's own timeout stays.
settings.register_profile("provision", deadline=None)
settings.load_profile("provision")

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.spec import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30m", 1800), ("8h", 28800), ("7d", 604800), ("2w", 1209600), ("1d12h", 129600), ("1w1d1h1m", 694860)],
)
def test_durations_are_seconds(text: str, seconds: int) -> None:
    assert duration.parse(text) == seconds
    assert duration.write(seconds) == text.replace("7d", "1w")


@pytest.mark.parametrize("text", ["", "8", "h", "8 h", "12h1d", "-8h", "8h\n", "1.5h", "never", "99999h", "١h"])  # noqa: RUF001
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="such as 30m"):
        duration.parse(text)


@given(st.integers(0, 9999 * 7 * 24 * 60))
def test_what_is_written_reads_the_same(minutes: int) -> None:
    assert duration.parse(duration.write(minutes * 60)) == minutes * 60

"""Aliases, and the metadata behind them; the providers' own tests ask a mirror."""

from __future__ import annotations

import pytest

from provision.providing.releases import Alias, parse


@pytest.mark.parametrize(
    ("name", "alias", "address"),
    [
        ("flatcar-stable", Alias("flatcar", "stable", False), "https://stable/amd64"),
        ("flatcar-lts-arm64", Alias("flatcar", "lts", True), "https://lts/arm64"),
        ("fcos-testing", Alias("fcos", "testing", False), "https://testing/x86_64"),
        ("fcos-next-arm64", Alias("fcos", "next", True), "https://next/aarch64"),
    ],
)
def test_aliases(name: str, alias: Alias, address: str) -> None:
    assert parse(name) == alias
    assert alias.address("https://{channel}/{arch}") == address


@pytest.mark.parametrize(
    "name", ["", "flatcar", "flatcar-", "debian-stable", "ubuntu-24.04", "fcos-stable-arm", "Flatcar-stable"]
)
def test_what_is_no_alias(name: str) -> None:
    assert parse(name) is None

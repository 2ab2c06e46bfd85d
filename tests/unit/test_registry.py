from __future__ import annotations

import pytest

from provision import registry
from provision.errors import ProviderMissing
from provision.testing.fakecloud import FakeCloud


def test_built_in_plugins_register_as_anybodys_do() -> None:
    assert {"ec2", "fake", "qemu"} <= set(registry.available())
    assert registry.load("fake") is FakeCloud


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(ProviderMissing, match="no provider 'qmeu'") as caught:
        registry.load("qmeu")
    assert caught.value.hint == "did you mean 'qemu'?"


def test_plugins_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISION_DISABLED_PROVIDERS", "fake,ec2")
    assert not {"fake", "ec2"} & set(registry.available())
    with pytest.raises(ProviderMissing):
        registry.load("fake")

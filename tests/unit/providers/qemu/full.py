"""Run by test_machines.py on a file system of 64 KiB: a creation fails with clear words and takes its files back."""

import sys
from pathlib import Path

import pytest

from provision.errors import Kind, ProviderError
from tests.unit.providers.qemu.kit import Kit

kit = Kit(Path(sys.argv[1]))
with pytest.raises(ProviderError, match="No space left on device") as error:
    kit.make("one")
assert error.value.kind is Kind.CAPACITY
assert kit.list() == []
assert list(kit.context.work.iterdir()) == []

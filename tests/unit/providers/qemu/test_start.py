from __future__ import annotations

import subprocess
import sys

from provision.provider import HasConsole, HasPower, Provider
from provision_qemu import QEMU

HEAVY = {"asyncio", "httpx", "jsonschema", "qemu", "subprocess", "rich", "yaml"}


def test_loading_the_plugin_loads_nothing_heavy():
    code = f"import sys, provision_qemu; print(*sorted({HEAVY} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_making_an_instance_does_nothing(tmp_path):
    provider = QEMU({}, None)  # not even the context is looked at
    assert isinstance(provider, Provider)
    assert isinstance(provider, HasConsole)
    assert isinstance(provider, HasPower)
    assert list(provider.parts(None)) == []

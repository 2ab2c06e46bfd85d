"""What version 1 of the additions gives each system on each sort of platform, to the byte of each file and unit.

The recipes' meaning is compared, with contents as text: two builds of zlib pack the same file into different bytes.
A released version never changes: these files move only when a new version is made. Write them anew with
``PROVISION_WRITE_GOLDEN=1 pytest tests/golden/recipes``, and read the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from provision.firstboot.compile import compile_cluster
from provision.spec.model import Etcd, Update
from tests.unit.firstboot.clusters import TRAITS, butane, cluster, pool

HERE = Path(__file__).parent
CASES = [
    (system, provider, role)
    for system in ("lab", "flatcar", "fcos")
    for provider in TRAITS
    for role in ("voter", "worker")
]


@pytest.mark.parametrize(("system", "provider", "role"), CASES)
def test_golden(system: str, provider: str, role: str) -> None:
    machines = (
        *pool(3, "core", os=system, provider=provider, etcd=True),
        *pool(1, "worker", 10, os=system, provider=provider, config=butane()),
    )
    planned = TRAITS[provider].planned_addresses
    wanted = cluster(
        *machines,
        etcd=Etcd(bootstrap="auto", tls=planned),
        update=Update("off" if system == "lab" else "reboot", "sun 04:00", "2h"),
    )
    found = compile_cluster(wanted, traits=TRAITS, additions_version=1)
    assert found.report.ok, found.report.render()
    name = "demo-core-1" if role == "voter" else "demo-worker-1"
    recipe = found.recipes[name]
    text = json.dumps(recipe.meaning, indent=1, sort_keys=True) + "\n"
    path = HERE / f"v1-{system}-{provider}-{role}.json"
    if os.environ.get("PROVISION_WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text(), f"{path.name}: a released version of the additions must not change"


def test_every_golden_file_is_compared() -> None:
    assert {p.name for p in HERE.glob("*.json")} == {f"v1-{s}-{p}-{r}.json" for s, p, r in CASES}

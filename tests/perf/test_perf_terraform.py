"""A plan of terraform's, of as many things that cost nothing to ask for, for comparison. Runs where terraform is."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.perf, pytest.mark.timeout(1800)]

# Built in: no provider is downloaded. https://developer.hashicorp.com/terraform/language/resources/terraform-data
MAIN = 'resource "terraform_data" "machine" {\n  count = COUNT\n  input = "payload ${count.index}"\n}\n'


def children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def state(count: int) -> dict[str, Any]:
    """Return the state after an apply, which would take minutes: terraform writes all of it after each thing."""

    def instance(n: int) -> dict[str, Any]:
        value = {"value": f"payload {n}", "type": "string"}
        held = {"id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(n))), "input": value, "output": value}
        return {"index_key": n, "schema_version": 0, "attributes": {**held, "triggers_replace": None}}

    machines = {
        "mode": "managed",
        "type": "terraform_data",
        "name": "machine",
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [instance(n) for n in range(count)],
    }
    return {
        "version": 4,
        "terraform_version": "1.4.0",
        "serial": 1,
        "lineage": str(uuid.uuid4()),
        "resources": [machines],
    }


@pytest.mark.parametrize(("count", "fresh"), [(1000, True), (5000, False)])
def test_terraform(tmp_path: Path, count: int, fresh: bool) -> None:
    program = shutil.which("terraform") or shutil.which("tofu")
    if program is None:
        pytest.skip("neither terraform nor tofu is installed: there is nothing to compare with")
    (tmp_path / "main.tf").write_text(MAIN.replace("COUNT", str(count)))

    def run(*words: str) -> None:
        subprocess.run([program, *words], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)

    run("init", "-input=false")
    if not fresh:
        (tmp_path / "terraform.tfstate").write_text(json.dumps(state(count)))
    wall, cpu = time.perf_counter(), children()
    run("plan", "-input=false", "-out=plan", *(["-detailed-exitcode"] if not fresh else []))
    what = "fresh" if fresh else "unchanged"
    print(f"\nterraform's plan of {count} {what}: {time.perf_counter() - wall:.2f} s, {children() - cpu:.2f} s CPU")

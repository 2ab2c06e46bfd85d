"""The how-to's role has the right to each call that the provider makes."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

import provision_gce
from tests.emulated.gce.discovery import document

HOME = Path(provision_gce.__file__).parent
PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "gce.md"
VERBS = {"insert": "create", "bulkInsert": "create", "patch": "update", "aggregatedList": "list", "wait": "get"}
SPELT = {
    *(f"{kind}.{verb}" for kind in ("networks", "subnetworks", "firewalls") for verb in ("insert", "get", "delete")),
    *(f"{scope}Operations.wait" for scope in ("zone", "region", "global")),
    "disks.delete", "instances.start", "instances.stop",
}  # fmt: skip
"""Calls whose names are put together."""

BESIDES = {
    "compute.disks.create", "compute.disks.setLabels", "compute.images.useReadOnly", "compute.instances.setMetadata",
    "compute.instances.setServiceAccount", "compute.instances.setTags", "compute.networks.updatePolicy",
    "compute.subnetworks.use", "compute.subnetworks.useExternalIp",
}  # fmt: skip
"""What instances.insert and firewalls.insert ask for besides: the lists of rights in their reference."""


def calls() -> set[str]:
    methods = {
        m["id"].removeprefix("compute.") for r in document()["resources"].values() for m in r["methods"].values()
    }
    text = "".join(file.read_text() for file in HOME.rglob("*.py"))
    return {name for name in re.findall(r'"([a-zA-Z]+\.[a-zA-Z]+)"', text) if name in methods} | SPELT


def right(call: str) -> str:
    service, verb = call.split(".")
    return f"compute.{service}.{VERBS.get(verb, verb)}"


def test_the_role_has_each_right_and_no_other() -> None:
    block = next(b for b in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL) if "includedPermissions" in b)
    granted = yaml.safe_load(block)["includedPermissions"]
    needed = {right(call) for call in calls() if not call.endswith("testIamPermissions")} | BESIDES
    assert sorted(needed) == granted

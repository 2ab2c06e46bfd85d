"""What there is at Google before anybody makes anything: regions, machine types, images, a default network."""

from __future__ import annotations

import re
from typing import Any

PROJECT = "demo-project"
REGIONS = {
    "us-central1": ("us-central1-a", "us-central1-b", "us-central1-c"),
    "europe-west1": ("europe-west1-b", "europe-west1-c"),
}
TYPES = {
    "e2-small": (2, "X86_64"),
    "e2-standard-4": (4, "X86_64"),
    "n2-standard-2": (2, "X86_64"),
    "t2a-standard-1": (1, "ARM64"),
}
LACKING = {("us-central1-c", "n2-standard-2"), ("us-central1-c", "t2a-standard-1")}
DISK_TYPES = ("pd-standard", "pd-balanced", "pd-ssd")

IMAGES: dict[str, list[dict[str, Any]]] = {
    "kinvolk-public": [
        {"name": "flatcar-stable-3815-2-0", "family": "flatcar-stable", "architecture": "X86_64"},
        {"name": "flatcar-stable-3975-2-1", "family": "flatcar-stable", "architecture": "X86_64"},
        {"name": "flatcar-stable-arm64-3975-2-1", "family": "flatcar-stable-arm64", "architecture": "ARM64"},
        {
            "name": "flatcar-stable-2605-6-0",
            "family": "flatcar-old",
            "architecture": "X86_64",
            "deprecated": {"state": "OBSOLETE"},
        },
    ],
    "fedora-coreos-cloud": [
        {"name": "fedora-coreos-41-20250101-3-0-gcp-x86-64", "family": "fedora-coreos-stable", "architecture": "X86_64"}
    ],
}


def zones() -> list[str]:
    return [zone for names in REGIONS.values() for zone in names]


def region_of(zone: str) -> str:
    return zone.rpartition("-")[0]


def machine_type(zone: str, name: str) -> dict[str, Any] | None:
    """Return cpus and architecture of a machine type in a zone."""
    if (zone, name) in LACKING:
        return None
    if custom := re.fullmatch(r"(e2|n2)-custom-([0-9]+)-([0-9]+)", name):
        return {"name": name, "guestCpus": int(custom[2]), "architecture": "X86_64"}
    if name not in TYPES:
        return None
    return {"name": name, "guestCpus": TYPES[name][0], "architecture": TYPES[name][1]}


def image(project: str, name: str) -> dict[str, Any] | None:
    found = next((image for image in IMAGES.get(project, []) if image["name"] == name), None)
    return {"status": "READY", "diskSizeGb": "10", **found} if found else None


def newest(project: str, family: str) -> dict[str, Any] | None:
    """Return the newest image of a family that is not deprecated."""
    found = [i for i in IMAGES.get(project, []) if i["family"] == family and "deprecated" not in i]
    return image(project, found[-1]["name"]) if found else None

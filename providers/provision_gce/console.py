"""The serial console of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.model import Observed
    from provision_gce.sdk import Cloud

PORT = 1


def text(cloud: Cloud, machine: Observed) -> str:
    """Return what the first serial port has said: GCE keeps the last megabyte, and gives it in pieces.

    https://cloud.google.com/compute/docs/reference/rest/v1/instances/getSerialPortOutput
    """
    said: str = ""
    start = 0
    while True:
        answer = cloud.call(
            "instances.getSerialPortOutput", zone=machine.zone, instance=machine.id, port=PORT, start=start
        )
        said += answer.get("contents", "")
        following = int(answer.get("next", start))
        if following <= start or not answer.get("contents"):
            return said
        start = following

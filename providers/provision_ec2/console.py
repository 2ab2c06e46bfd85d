"""The serial console of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from provision_ec2.sdk import Cloud


def text(cloud: Cloud, machine: str) -> str:
    """Return the console's text: the latest on Nitro machines, what EC2 kept of the last boot on older ones.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
    """
    try:
        answer = cloud.call("get_console_output", InstanceId=machine, Latest=True)
    except ProviderError as error:
        if error.kind not in (Kind.UNSUPPORTED, Kind.INVALID):
            raise
        answer = cloud.call("get_console_output", InstanceId=machine)
    return str(answer.get("Output", ""))

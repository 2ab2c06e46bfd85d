"""Switching machines on and off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import ProviderError

if TYPE_CHECKING:
    from provision_vmware.cloud import Cloud


def switch(cloud: Cloud, machine: str, *, on: bool) -> None:
    """Switch a machine; switching it to the state that it has is success.

    Raises:
        ProviderError: the machine is gone, or vSphere refuses.
    """
    try:
        cloud.one("PowerOnVM_Task" if on else "PowerOffVM_Task", cloud.machine(machine))
    except ProviderError as error:
        if error.code != "InvalidPowerState":
            raise

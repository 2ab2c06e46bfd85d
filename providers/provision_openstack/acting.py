"""What is done to a machine that stays: its console is read, it is switched on and off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.model import State
from provision_openstack import observe

if TYPE_CHECKING:
    from provision_openstack.sdk import Cloud


def console(cloud: Cloud, machine: str) -> str:
    """Return the console's text so far.

    https://docs.openstack.org/api-ref/compute/#show-console-output-os-getconsoleoutput-action
    """
    return str(_act(cloud, machine, {"os-getConsoleOutput": {}}).get("output", ""))


def power(cloud: Cloud, machine: str, on: bool) -> None:
    """Switch a machine; switching it to the state that it has is success."""
    try:
        _act(cloud, machine, {"os-start" if on else "os-stop": None})
    except ProviderError as error:
        if error.kind is not Kind.CONFLICT:
            raise
        item = cloud.call("compute", "GET", f"/servers/{machine}")["server"]
        if observe.state(item) is not (State.RUNNING if on else State.STOPPED):
            raise


def _act(cloud: Cloud, machine: str, action: dict[str, object]) -> dict[str, object]:
    return cloud.call("compute", "POST", f"/servers/{machine}/action", action)

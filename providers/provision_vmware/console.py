"""The serial console of a machine: a file beside its disks, written by its first serial port."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from provision.errors import Kind, ProviderError
from provision_vmware import marks, properties

if TYPE_CHECKING:
    from provision_vmware.cloud import Cloud


def text(cloud: Cloud, machine: str) -> str:
    """Return the console's text so far.

    Raises:
        ProviderError: the machine is gone or has no console, or the file cannot be read.
    """
    rows = properties.of_objects(cloud.session, "VirtualMachine", [cloud.machine(machine)], ("name", *marks.PATHS))
    row = next(rows)
    file = marks.of(row).get(marks.CONSOLE)
    if not file:
        raise ProviderError(
            f"{row.get('name')} was made without a console",
            kind=Kind.UNSUPPORTED,
            code="NoConsole",
            hint="set the option `console: true`; the machine is then made anew",
        )
    try:
        return cloud.session.fetch(path(cloud, file)).decode("utf-8", "replace")
    except ProviderError as error:
        if error.kind is Kind.NOT_FOUND:
            return ""  # it has not written anything yet
        raise


def path(cloud: Cloud, file: str) -> str:
    """Return the path of a datastore's file at the server's door for files.

    https://developer.broadcom.com/xapis/vsphere-web-services-api/latest/vim.FileManager.html
    """
    store, _, name = file.removeprefix("[").partition("] ")
    query = {"dcPath": cloud.places.datacenter.get("name"), "dsName": store}
    return f"/folder/{quote(name)}?{urlencode(query)}"

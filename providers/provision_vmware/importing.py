"""Importing an OVA: vSphere reads the descriptor, gives a lease, takes the disks over HTTP; then it is a template.

https://developer.broadcom.com/xapis/vsphere-web-services-api/latest/vim.HttpNfcLease.html. A lease that nobody speaks
of for five minutes ends, so progress is told while disks are sent. What was begun and not ended is aborted, which
removes the machine; and the template gets its name only at the end, so a torn import is never taken for a whole one.
"""

from __future__ import annotations

import http.client
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from provision.errors import Kind, ProviderError
from provision_vmware import folders, images, ova, properties, sdk, trust

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from provision_vmware.cloud import Cloud
    from provision_vmware.ova import Package
    from provision_vmware.sdk import Managed

UNFINISHED = "importing-"
"""What the name of a template begins with until all of its disks are there."""

READY_SECONDS = 300.0
TELL_SECONDS = 10.0
"""Seconds between two words to the lease."""


def run(cloud: Cloud, image: str, progress: Callable[[int, int], None]) -> str:
    """Import an OVA unless it is there; return the template's name.

    Raises:
        ProviderError: it is no OVA, has another digest, or vSphere refuses it.
    """
    found = images.read(image)
    if not isinstance(found, images.Ova):
        raise ProviderError(
            f"{image} names a template, which is there already or not at all",
            kind=Kind.INVALID,
            code="NoOVA",
            hint="write the file or URL of an OVA, with #sha256= and its digest behind it",
        )
    folder = cloud.places.imported()
    if folder is not None and cloud.places.child(folder, found.template) is not None:
        return found.template
    package = ova.verified(found, cloud.context.spec_dir, cloud.context.cache, progress)
    folder = _folder(cloud)
    _leftover(cloud, folder, UNFINISHED + found.template)
    machine = _Import(cloud, package, folder, UNFINISHED + found.template).run(progress)
    cloud.one("Rename_Task", machine, newName=found.template)
    return found.template


def _folder(cloud: Cloud) -> Managed:
    if cloud.settings.esxi:
        return cloud.places.datacenter.get("vmFolder")
    parent = folders.common(cloud)
    return folders.ensured(cloud, parent, images.FOLDER)


def _leftover(cloud: Cloud, folder: Managed, name: str) -> None:
    """Remove what an import left that did not even come to its abort."""
    left = cloud.places.child(folder, name)
    if left is not None:
        cloud.one("Destroy_Task", left)


class _Import:
    """One import."""

    def __init__(self, cloud: Cloud, package: Package, folder: Managed, name: str) -> None:
        self.cloud, self.package, self.folder, self.name = cloud, package, folder, name
        self.session = cloud.session

    def run(self, progress: Callable[[int, int], None]) -> Managed:
        """Send everything; return the machine, which is a template where vSphere has such."""
        settings = self.cloud.settings
        pool = self.cloud.places.pool(settings.resource_pool).object
        spec = self._spec(pool)
        lease = self.session.call(pool, "ImportVApp", spec=spec.importSpec, folder=self.folder)
        try:
            info = self._ready(lease)
            self._send(lease, info, spec.fileItem or (), progress)
            self.session.call(lease, "HttpNfcLeaseComplete")
        except BaseException:
            with suppress(Exception):
                self.session.call(lease, "HttpNfcLeaseAbort")
            raise
        if not settings.esxi:
            self._finish(info.entity)
        return info.entity

    def _finish(self, machine: Managed) -> None:
        """Take the snapshot that linked clones hang on, then make a template of the machine."""
        params = {"name": "provision", "description": "for linked clones", "memory": False, "quiesce": False}
        self.cloud.one("CreateSnapshot_Task", machine, **params)
        self.session.call(machine, "MarkAsTemplate")

    def _spec(self, pool: Managed) -> Any:  # noqa: ANN401
        vim, settings = sdk.types(), self.cloud.settings
        if settings.datastore_cluster:
            members = self.cloud.places.datastores_of(settings.datastore_cluster)
            store = max(members, key=lambda row: row.get("summary.freeSpace") or 0).object
        else:
            store = self.cloud.places.datastore(settings.datastore).object
        network = self.cloud.places.network(settings.network).object
        mapping = [vim.OvfManager.NetworkMapping(name=name, network=network) for name in self.package.networks]
        params = vim.OvfManager.CreateImportSpecParams(
            entityName=self.name, networkMapping=mapping, diskProvisioning="thin"
        )
        found = self.session.call(
            self.session.content.ovfManager,
            "CreateImportSpec",
            ovfDescriptor=self.package.descriptor,
            resourcePool=pool,
            datastore=store,
            cisp=params,
        )
        if found.error:
            raise sdk.faulted(
                "CreateImportSpec", found.error[0].fault if hasattr(found.error[0], "fault") else found.error[0]
            )
        return found

    def _ready(self, lease: Managed) -> Any:  # noqa: ANN401
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            [row] = properties.of_objects(self.session, "HttpNfcLease", [lease], ["state", "info", "error"])
            match row.get("state"):
                case "ready":
                    return row.get("info")
                case "error":
                    raise sdk.faulted("ImportVApp", row.get("error"))
            time.sleep(0.5)
        raise ProviderError(
            "the lease did not become ready", kind=Kind.UNAVAILABLE, retryable=True, code="LeaseTimeout"
        )

    def _send(self, lease: Managed, info: Any, items: Any, progress: Callable[[int, int], None]) -> None:  # noqa: ANN401
        total = sum(self.package.files.get(item.path, 0) for item in items) or 1
        done = 0
        for item in items:
            url = next(d for d in info.deviceUrl if d.importKey == item.deviceId)
            if item.path not in self.package.files:
                raise ProviderError(f"the OVA lacks {item.path}", kind=Kind.INVALID, code="BadOVA")
            with self.package.opened(item.path) as file:
                told = self._telling(lease, file, done, total, progress)
                self._put(url, told, self.package.files[item.path], create=item.create)
            done += self.package.files[item.path]
        self.session.call(lease, "HttpNfcLeaseProgress", percent=100)

    def _telling(
        self, lease: Managed, file: IO[bytes], done: int, total: int, progress: Callable[[int, int], None]
    ) -> Iterator[bytes]:
        """Yield a file's content, and tell the lease and the user how far it is."""
        told = time.monotonic()
        while chunk := file.read(ova.CHUNK):
            yield chunk
            done += len(chunk)
            progress(done, total)
            if time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                self.session.call(lease, "HttpNfcLeaseProgress", percent=min(99, done * 100 // total))

    def _put(self, device: Any, content: Iterator[bytes], size: int, *, create: bool) -> None:  # noqa: ANN401
        """Send one disk. An asterisk in the URL's host is the server that the lease is from."""
        url = urlsplit(device.url)
        host = self.cloud.settings.host if "*" in url.netloc else (url.hostname or "")
        port = self.cloud.settings.port if "*" in url.netloc else (url.port or 443)

        def put() -> int:
            link = self._link(host, port, device.sslThumbprint or "")
            try:
                headers = {"Content-Type": "application/x-vnd.vmware-streamVmdk", "Content-Length": str(size)}
                headers |= {"Cookie": self.session.cookie()} if host == self.cloud.settings.host else {}
                link.request("PUT" if create else "POST", url.path, content, headers)
                return link.getresponse().status
            finally:
                link.close()

        status = sdk.translated(f"{host}:{port}", "upload", put)
        if status >= http.client.BAD_REQUEST:
            raise ProviderError(
                f"{host} answers {status} to a disk", kind=Kind.UNAVAILABLE, retryable=True, code=str(status)
            )

    def _link(self, host: str, port: int, thumbprint: str) -> http.client.HTTPSConnection:
        """Return a connection to whom vCenter names: itself, or a host, which is known by its thumbprint alone."""
        if host == self.cloud.settings.host:
            return self.session.connection(host, port)
        return http.client.HTTPSConnection(
            host, port, timeout=sdk.TIMEOUT, context=trust.of_host(host, port, thumbprint)
        )

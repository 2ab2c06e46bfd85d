"""Images of the cluster's own: downloaded, verified, unpacked on the way, uploaded, verified again by glance's digest.

The image's id is the request's token, so that glance refuses to make it twice. Nothing is booted that was not whole:
an image becomes active with its last byte, and one whose digest is wrong is deleted at once.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import zlib
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from provision.errors import Kind, ProviderError
from provision_openstack import labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from provision.model import Json, Request
    from provision_openstack.sdk import Cloud

CHUNK = 1 << 20
FETCH_TIMEOUT = 60.0  # seconds without a byte


_OPENERS: dict[str, Callable[[Path], IO[bytes] | gzip.GzipFile]] = {
    ".xz": lzma.open,
    ".gz": gzip.open,
    ".bz2": bz2.open,
}


def image(cloud: Cloud, request: Request, cache: Path) -> Json:
    """Upload an image, or find that an earlier call has done so; return it as glance shows it.

    Raises:
        ProviderError: the file cannot be fetched or is not what its digest says, or glance refuses it.
    """
    source: str = request.body["source"]
    item = _entry(cloud, request)
    if item["status"] in ("saving", "importing"):
        message = f"{request.name} is still being uploaded"
        raise ProviderError(message, kind=Kind.NOT_YET_VISIBLE, retryable=True, code="Uploading")
    if item["status"] == "queued":
        _send(cloud, item["id"], fetched(source, cache), urlsplit(source).path)
        item = cloud.call("image", "GET", f"/images/{item['id']}")
    if item["status"] != "active":
        message = f"{request.name} is {item['status']} after its upload"
        raise ProviderError(message, kind=Kind.AMBIGUOUS, retryable=True, code="NotActive")
    return item


def fetched(source: str, cache: Path) -> Path:
    """Return the file of ``URL#ALGORITHM=HEX`` in the cache, downloaded and verified where it is not there.

    Raises:
        ProviderError: it cannot be fetched (UNAVAILABLE), or has another digest (INVALID).
    """
    url, _, digest = source.rpartition("#")
    algorithm, _, wanted = digest.partition("=")
    file = cache / "images" / f"openstack-{wanted[:64]}"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        if (found := _download(url, part, algorithm)) != wanted:
            part.unlink()
            message = f"{url} has the {algorithm} {found}, not {wanted}"
            hint = "do not use it; compare with the publisher's list"
            raise ProviderError(message, kind=Kind.INVALID, code="WrongDigest", hint=hint)
        part.replace(file)
    return file


def unpacked(file: Path, name: str) -> Iterator[bytes]:
    """Yield a file's content, unpacked as its name's ending says.

    Raises:
        ProviderError: it cannot be unpacked.
    """
    opener = _OPENERS.get(PurePosixPath(name).suffix, _plain)
    try:
        with opener(file) as packed:
            while chunk := packed.read(CHUNK):
                yield chunk
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise ProviderError(f"{name} cannot be unpacked: {error}", kind=Kind.INVALID, code="BadArchive") from error


def _plain(file: Path) -> IO[bytes]:
    return file.open("rb")


def _entry(cloud: Cloud, request: Request) -> Json:
    """Return glance's entry: made, or made before."""
    body = {
        "id": request.token,
        "name": labels.name(request.labels.whose, PurePosixPath(urlsplit(request.body["source"]).path).name),
        "disk_format": "qcow2",
        "container_format": "bare",
        "visibility": "private",
        **labels.properties(request.labels),
    }
    try:
        return cloud.call("image", "POST", "/images", body)
    except ProviderError as error:
        if error.kind not in (Kind.CONFLICT, Kind.ALREADY_EXISTS):
            raise
    return _known(cloud, request)


def _known(cloud: Cloud, request: Request) -> Json:
    try:
        return cloud.call("image", "GET", f"/images/{request.token}")
    except ProviderError as error:
        if error.kind is not Kind.NOT_FOUND:
            raise
        message = f"{request.name}: glance has deleted an image of this id"
        raise ProviderError(message, kind=Kind.ALREADY_EXISTS, code="IdSpent") from error


def _send(cloud: Cloud, number: str, file: Path, name: str) -> None:
    digest = hashlib.sha512()

    def content() -> Iterator[bytes]:
        for chunk in unpacked(file, name):
            digest.update(chunk)
            yield chunk

    headers = {"Content-Type": "application/octet-stream"}
    try:
        cloud.call("image", "PUT", f"/images/{number}/file", data=content(), headers=headers)
    except ProviderError as error:
        if error.kind is Kind.INVALID:  # not what glance takes for a qcow2: what it holds of it is of no use
            cloud.call("image", "DELETE", f"/images/{number}")
        raise
    item = cloud.call("image", "GET", f"/images/{number}")
    if item.get("os_hash_algo") == "sha512" and item.get("os_hash_value") not in (None, digest.hexdigest()):
        cloud.call("image", "DELETE", f"/images/{number}")
        message = f"glance received another content than was sent to image {number}; it is deleted"
        raise ProviderError(message, kind=Kind.AMBIGUOUS, retryable=True, code="WrongDigest")


def _download(url: str, part: Path, algorithm: str) -> str:
    import httpx

    digest = hashlib.new(algorithm)
    try:
        with (
            httpx.stream("GET", url, follow_redirects=True, timeout=FETCH_TIMEOUT) as answer,
            part.open("wb") as file,
        ):
            answer.raise_for_status()
            for chunk in answer.iter_raw(CHUNK):
                digest.update(chunk)
                file.write(chunk)
    except httpx.HTTPError as error:
        message = f"downloading {url}: {error or type(error).__name__}"
        raise ProviderError(message, kind=Kind.UNAVAILABLE, retryable=True, code="Download") from error
    return digest.hexdigest()

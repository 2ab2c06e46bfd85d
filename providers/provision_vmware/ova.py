"""Reading an OVA: a tar whose first member is the OVF descriptor, then a manifest, then the disks.

https://www.dmtf.org/standards/ovf (OVF specification, section 5). The disks are sent from within the tar as they lie
there; nothing is unpacked.
"""

from __future__ import annotations

import hashlib
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from provision_vmware.images import Ova

CHUNK = 1 << 20
_OVF = "{http://schemas.dmtf.org/ovf/envelope/1}"


@dataclass(frozen=True, slots=True)
class Package:
    """An OVA that has been verified.

    `networks` are the names by which the descriptor knows networks; `files` the sizes of its members in bytes.
    """

    path: Path
    descriptor: str
    networks: tuple[str, ...]
    files: dict[str, int]

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """Yield a member's content."""
        with tarfile.open(self.path) as archive:
            member = archive.extractfile(name)
            if member is None:
                raise _bad(self.path, f"{name} is no file")
            with member:
                yield member


def verified(image: Ova, base: Path, cache: Path, progress: Callable[[int, int], None]) -> Package:
    """Return an OVA whose SHA-256 is right, downloaded first where it lies elsewhere.

    Args:
        image: which one.
        base: where a relative path starts.
        cache: where downloads are kept.
        progress: is told bytes received and bytes in all.

    Raises:
        ProviderError: it cannot be had, has another digest, or is no OVA.
    """
    path = _downloaded(image, cache, progress) if image.remote else base / Path(image.source).expanduser()
    digest = _sha256(path)
    if digest != image.sha256:
        if image.remote:
            path.unlink()
        message = f"{image.source} has SHA-256 {digest}, not {image.sha256}"
        raise ProviderError(
            message, kind=Kind.INVALID, code="WrongDigest", hint="do not use it; compare with the publisher's list"
        )
    return _read(path)


def _read(path: Path) -> Package:
    try:
        with tarfile.open(path) as archive:
            files = {member.name: member.size for member in archive if member.isfile()}
            name = next((name for name in files if name.endswith(".ovf")), "")
            held = archive.extractfile(name) if name else None
            text = held.read().decode() if held else ""
        root = ET.fromstring(text)  # noqa: S314 - see above
    except (OSError, tarfile.TarError, UnicodeDecodeError, ET.ParseError) as error:
        raise _bad(path, str(error)) from error
    networks = tuple(e.get(f"{_OVF}name", "") for e in root.iter(f"{_OVF}Network"))
    return Package(path, text, networks, files)


def _bad(path: Path, why: str) -> ProviderError:
    return ProviderError(f"{path} is not an OVA: {why}", kind=Kind.INVALID, code="BadOVA")


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        message = f"the image {path} cannot be read: {error.strerror}"
        raise ProviderError(message, kind=Kind.NOT_FOUND, code="NoFile") from error


def _downloaded(image: Ova, cache: Path, progress: Callable[[int, int], None]) -> Path:
    """Return a download's file; a broken one is begun anew, a whole one is kept."""
    import httpx

    file = cache / "images" / f"{image.sha256}.ova"
    if file.exists():
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    try:
        with httpx.stream("GET", image.source, follow_redirects=True, timeout=60) as answer, part.open("wb") as out:
            answer.raise_for_status()
            size = int(answer.headers.get("Content-Length", 0))
            for chunk in answer.iter_bytes(CHUNK):
                out.write(chunk)
                progress(out.tell(), size)
    except httpx.HTTPStatusError as error:
        kind = Kind.NOT_FOUND if error.response.is_client_error else Kind.UNAVAILABLE
        message = f"downloading {image.source}: the server answers {error.response.status_code}"
        raise ProviderError(message, kind=kind, retryable=kind is Kind.UNAVAILABLE, code="Download") from error
    except (httpx.TransportError, OSError) as error:
        message = f"downloading {image.source}: {error or type(error).__name__}"
        raise ProviderError(message, kind=Kind.UNAVAILABLE, retryable=True, code="Download") from error
    return part.replace(file)

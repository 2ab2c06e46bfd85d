"""Images from elsewhere: downloaded once, verified by SHA-256, unpacked, kept in the cache.

A file appears in the cache under its final name only when it is whole and right. What a broken download left is
continued when the server allows that (RFC 9110, section 14), and begun anew when it does not.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from provision.errors import Kind, ProviderError
from provision_qemu import errors
from provision_qemu.locks import lock, waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from provision_qemu.image import Download

CHUNK = 1 << 20
WAIT = 3600.0
"""Seconds to wait for another process that downloads the same image."""

_OPENERS: dict[str, Callable[[Path], IO[bytes] | gzip.GzipFile]] = {
    ".xz": lzma.open,
    ".gz": gzip.open,
    ".bz2": bz2.open,
}


def cached(image: Download, cache: Path) -> Path:
    """Return where the image lies, or will lie, in the cache."""
    return cache / "images" / f"{image.sha256}.img"


def fetch(image: Download, cache: Path) -> Path:
    """Return the image's file, downloading it first where it is not there.

    Raises:
        ProviderError: the server cannot be reached or refuses (UNAVAILABLE, NOT_FOUND), the content is not what its
            digest says (INVALID), or the disk is full (CAPACITY).
    """
    file = cached(image, cache)
    with errors.translated(f"downloading {image.url}"):
        file.parent.mkdir(parents=True, exist_ok=True)
        for _ in waiting(WAIT):
            if file.exists():
                return file
            with lock(file.with_suffix(".lock"), create=True) as got:
                if got is not None and not file.exists():
                    _complete(image, file)
    raise ProviderError(f"another process still downloads {image.url}", kind=Kind.UNAVAILABLE, retryable=True)


def _complete(image: Download, file: Path) -> None:
    part = file.with_suffix(".part")
    if not part.exists() or _sha256(part) != image.sha256:
        _receive(image.url, part)
        _verify(image, part)
    _unpack(part, file, PurePosixPath(urlsplit(image.url).path).suffix)
    file.with_suffix(".lock").unlink(missing_ok=True)


def _verify(image: Download, part: Path) -> None:
    digest = _sha256(part)
    if digest != image.sha256:
        part.unlink()
        message = f"{image.url} has SHA-256 {digest}, not {image.sha256}"
        raise ProviderError(message, kind=Kind.INVALID, hint="do not use it; compare with the publisher's list")


def _receive(url: str, part: Path) -> None:
    import httpx

    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with httpx.stream("GET", url, headers=headers, follow_redirects=True, timeout=60) as answer:
            if have and answer.status_code != httpx.codes.PARTIAL_CONTENT:
                # No ranges, a part longer than the file, or another file: begin anew.
                part.unlink()
                return _receive(url, part) if answer.is_error else _write(answer, part)
            _check(answer, url)
            return _write(answer, part)
    except httpx.TransportError as error:
        message = f"downloading {url}: {error or type(error).__name__}"
        raise ProviderError(message, kind=Kind.UNAVAILABLE, retryable=True) from error


def _check(answer: httpx.Response, url: str) -> None:
    if answer.is_error:
        gone = answer.status_code in (404, 410)
        kind = Kind.NOT_FOUND if gone else Kind.UNAVAILABLE
        message = f"downloading {url}: the server answers {answer.status_code} {answer.reason_phrase}"
        raise ProviderError(message, kind=kind, retryable=answer.is_server_error, code=str(answer.status_code))


def _write(answer: httpx.Response, part: Path) -> None:
    with part.open("ab") as file:
        for chunk in answer.iter_bytes(CHUNK):
            file.write(chunk)


def _unpack(part: Path, file: Path, suffix: str) -> None:
    opener = _OPENERS.get(suffix)
    if opener is None:
        part.replace(file)
        return
    whole = file.with_suffix(".unpacked")
    try:
        with opener(part) as packed, whole.open("wb") as out:
            while chunk := packed.read(CHUNK):
                # Holes for zeros: a raw disk image is mostly that.
                out.write(chunk) if chunk.strip(b"\0") else out.seek(len(chunk), os.SEEK_CUR)
            out.truncate(out.tell())
    except (lzma.LZMAError, EOFError, gzip.BadGzipFile) as error:
        raise ProviderError(f"the image cannot be unpacked: {error}", kind=Kind.INVALID) from error
    whole.replace(file)
    part.unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

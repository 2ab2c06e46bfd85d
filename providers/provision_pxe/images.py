"""What machines load: a kernel, initrds, and what an installer writes to disks; from the spec or a folder."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from provision.errors import Kind, ProviderError
from provision.netboot.entry import Artefact

if TYPE_CHECKING:
    from provision.model import Json

CHUNK = 1 << 20
KEYS = ("kernel", "initrds", "rootfs", "args", "install")


@dataclass(frozen=True, slots=True)
class Image:
    """A system as machines load it. `install` is what its installer writes, None where the installer knows itself."""

    kernel: Artefact
    initrds: tuple[Artefact, ...] = ()
    rootfs: Artefact | None = None
    args: tuple[str, ...] = ()
    install: Artefact | None = None


def image(named: str | Json, base: Path) -> Image:
    """Return the image that a spec names.

    Args:
        named: a folder with an image.json, or its content: kernel, initrds, rootfs, args, install. A file is a path,
            ``URL#sha256=DIGEST``, or a mapping of `url` and `sha256`.
        base: where relative paths start.

    Raises:
        ProviderError: it is missing or not usable.
    """
    if isinstance(named, str):
        if not named:
            raise _wrong("no image is named", "write `image:` with a folder, or with kernel and initrds")
        return _folder(base / Path(named).expanduser())
    try:
        return _described(named, base)
    except KeyError as error:
        raise _wrong(f"the image has no {error}", f"it has {', '.join(KEYS)}") from None


def _folder(folder: Path) -> Image:
    try:
        said: Json = json.loads((folder / "image.json").read_text("utf-8"))
        return _described(said.get("netboot", said), folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "the folder's image.json names kernel, initrds, args and install; see the how-to"
        raise _wrong(f"{folder} is no image that machines boot from the network: {error!r}", hint) from None


def _described(said: Json, base: Path) -> Image:
    return Image(
        kernel=_artefact(said["kernel"], base),
        initrds=tuple(_artefact(one, base) for one in said.get("initrds", ())),
        rootfs=_artefact(said["rootfs"], base) if said.get("rootfs") else None,
        args=tuple(said.get("args", ())),
        install=_artefact(said["install"], base) if said.get("install") else None,
    )


def _artefact(source: str | Json, base: Path) -> Artefact:
    if isinstance(source, dict):
        return _remote(str(source["url"]), str(source["sha256"]))
    if re.match(r"https?://", source):
        url, _, digest = source.partition("#sha256=")
        return _remote(url, digest)
    path = (base / Path(source).expanduser()).resolve()
    try:
        stat = path.stat()
        return Artefact(path.name, _sha256(path, stat.st_size, stat.st_mtime_ns), str(path))
    except OSError as error:
        raise _wrong(f"{path}: {error.strerror}", "say where kernel and initrds lie") from None


def _remote(url: str, digest: str) -> Artefact:
    try:
        return Artefact(urlsplit(url).path.rpartition("/")[2], digest.lower(), url)
    except ValueError as error:
        raise _wrong(f"{url}: {error}", "add its SHA-256, 64 hex digits, as the publisher gives it") from None


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, _size: int, _changed: int) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            total.update(chunk)
    return total.hexdigest()


def _wrong(message: str, hint: str) -> ProviderError:
    return ProviderError(message, kind=Kind.INVALID, hint=hint)

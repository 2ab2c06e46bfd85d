"""What a machine boots from: the lab OS, a folder with an image.json, a local disk image, or a download."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision_qemu import errors

if TYPE_CHECKING:
    from provision.model import Json

BUILD_LAB = "build it with: python -m provision_qemu.labos"
FORMATS = ("qcow2", "raw")
SQUEEZED = (".xz", ".gz", ".bz2")


@dataclass(frozen=True, slots=True)
class Image:
    """A disk that overlays are put on, with its format and virtual size in bytes.

    `kernel` and `initrd` are set when QEMU loads them itself; `append` is then the kernel's command line. `os` is ""
    when the image does not say.
    """

    disk: Path
    format: str
    bytes: int
    kernel: Path | None = None
    initrd: Path | None = None
    append: str = ""
    os: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """An image that lies elsewhere; `sha256` is of the file as it is served."""

    url: str
    sha256: str


Source = Path | Download
"""Where an image comes from; the lab OS and folders are paths."""


def source(image: str | Json, os: str, base: Path) -> Source:
    """Say where an image comes from. `base` is where relative paths start.

    A text is ``lab``, a path, or a URL that ends in ``#sha256=`` and the digest; "" is the lab OS when that is the
    operating system that the spec names.

    Raises:
        ProviderError: there is no default, a URL has no digest, or the lab OS is not built.
    """
    if not image and os not in ("", "lab"):
        raise _wrong(f"QEMU has no image of {os} of its own", "set the provider's option `image`: a file, or a URL")
    if not image or image == "lab":
        return _lab_directory()
    if isinstance(image, str) and not re.match(r"https?://", image):
        return base / Path(image).expanduser()
    if isinstance(image, str):
        url, _, digest = image.partition("#sha256=")
        return _download(url, digest)
    return _download(str(image.get("url", "")), str(image.get("sha256", "")))


def inspect(path: Path) -> Image:
    """Look at a local image or a folder with an image.json.

    Raises:
        ProviderError: it is missing, of another format, or leans on another file.
    """
    with errors.translated("reading the image"):
        if path.is_dir():
            return _folder(path)
        path.stat()
    if path.suffix in SQUEEZED:
        raise _wrong(f"{path} is compressed", f"unpack it first ({path.suffix[1:]})")
    told = _qemu_img_info(path)
    if told["format"] not in FORMATS:
        raise _wrong(f"{path} is a disk image of format {told['format']}", f"use {' or '.join(FORMATS)}")
    if "backing-filename" in told or _data_file(told):
        # Such a header can name any file of this computer, and the guest would read it.
        raise _wrong(f"{path} leans on another file", "flatten it with: qemu-img convert -O qcow2")
    return Image(path.resolve(), told["format"], told["virtual-size"])


def _lab_directory() -> Path:
    from provision_qemu import labos

    if not labos.is_built():
        raise ProviderError("the lab OS is not built", kind=Kind.NOT_FOUND, hint=BUILD_LAB)
    return Path(labos.image_dir())


def _download(url: str, digest: str) -> Download:
    if not re.match(r"https?://[^/]+/.", url):
        raise _wrong(f"{url!r} is not the URL of an image", "write `url: https://…` and `sha256: …`")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
        raise _wrong(
            f"the image {url} needs its SHA-256", "add `sha256:` with 64 hex digits, as the publisher gives it"
        )
    return Download(url, digest.lower())


def _folder(path: Path) -> Image:
    try:
        said = json.loads((path / "image.json").read_text())
        image = replace(inspect(path / said["disk"]), os=str(said.get("os", "")))
        if "kernel" not in said:
            return image
        kernel, initrd = (path / said[key] if key in said else None for key in ("kernel", "initrd"))
    except (ValueError, KeyError, TypeError) as error:
        raise _wrong(f"{path / 'image.json'} is not usable: {error!r}", "it must name at least `disk`") from error
    for file in filter(None, (kernel, initrd)):
        file.stat()
    return replace(image, kernel=kernel, initrd=initrd, append=str(said.get("append", "")))


def _qemu_img_info(path: Path) -> dict[str, Any]:
    # An absolute path is never taken for a protocol such as json: or nbd:.
    run = subprocess.run(
        ["qemu-img", "info", "--output=json", path.resolve()], capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise errors.from_words("reading the image", run.stderr)
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def _data_file(told: dict[str, Any]) -> bool:
    return "data-file" in told.get("format-specific", {}).get("data", {})


def _wrong(message: str, hint: str) -> ProviderError:
    return ProviderError(message, kind=Kind.INVALID, hint=hint)

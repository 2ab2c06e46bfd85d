"""The live ISO of Fedora CoreOS and its kin: the area that is kept free in it for a first-boot config.

The last 24 bytes of the ISO's system area say where: the magic ``coreiso+``, offset and length of the area, each as 64
bits little-endian. The area takes a newc archive with the file ``config.ign``, compressed with xz, and zeros after it.
https://coreos.github.io/coreos-installer/iso-embed-ignition/
"""

from __future__ import annotations

import lzma
import shutil
import struct
from typing import TYPE_CHECKING, BinaryIO

from provision.errors import ProvisionError
from provision.iso import cpio

if TYPE_CHECKING:
    from pathlib import Path

HEADER = struct.Struct("<8sQQ")
HEADER_AT = 32768 - HEADER.size
MAGIC = b"coreiso+"
CONFIG = "config.ign"
OTHERS = "other ISOs have no such area: leave --image out, and one is made of the machine's kernel and initrds"


def embed(iso: Path, config: bytes, out: Path) -> None:
    """Write a copy of an ISO with a config in it.

    Raises:
        ProvisionError: it is no ISO of this kind, has a config already, or the config is too large.
        OSError: a file cannot be read or written.
    """
    packed = lzma.compress(cpio.archive({CONFIG: config}), format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32)
    with iso.open("rb") as file:
        offset, length = _area(file, iso)
        if len(packed) > length:
            message = f"the config takes {len(packed):,} bytes, and {iso} has room for {length:,} [PV599]"
            raise ProvisionError(message, hint="embed less: large files can be fetched by URL with a verification hash")
        if any(_read(file, offset, length)):
            raise ProvisionError(f"{iso} has a config already [PV599]", hint="take the image as its publisher made it")
    shutil.copyfile(iso, out)
    with out.open("r+b") as file:
        file.seek(offset)
        file.write(packed)


def _area(file: BinaryIO, iso: Path) -> tuple[int, int]:
    header = _read(file, HEADER_AT, HEADER.size)
    magic, offset, length = HEADER.unpack(header) if len(header) == HEADER.size else (b"", 0, 0)
    if magic != MAGIC:
        raise ProvisionError(f"{iso} is no live ISO of Fedora CoreOS: it lacks their mark [PV599]", hint=OTHERS)
    file.seek(0, 2)
    if offset < HEADER_AT or offset + length > file.tell():
        raise ProvisionError(f"{iso} is damaged: its embed area lies outside it [PV599]", hint="download it again")
    return offset, length


def _read(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)

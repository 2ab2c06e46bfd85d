"""Archives that the kernel unpacks as a further initrd. Pure: the same files, the same bytes.

The format is "newc": https://www.kernel.org/doc/html/latest/driver-api/early-userspace/buffer-format.html
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DIRECTORY, FILE = 0o040755, 0o100600
BLOCK = 512


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of files by their paths (relative), which root alone may read, and the directories above."""
    parents = {str(p) for path in files for p in PurePosixPath(path).parents if str(p) != "."}
    entries = [(path, DIRECTORY, b"") for path in parents] + [(path, FILE, data) for path, data in files.items()]
    whole = b"".join(_entry(n, *entry) for n, entry in enumerate(sorted(entries), 1)) + _entry(0, "TRAILER!!!", 0, b"")
    return whole + bytes(-len(whole) % BLOCK)


def _entry(number: int, path: str, mode: int, data: bytes) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if mode == DIRECTORY else 1
    fields = (number, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)

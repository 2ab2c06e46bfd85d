# ruff: noqa: D103 - the rules are named after what they check
"""Ignition 2's rules about disks, partitions, arrays and filesystems."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provision.firstboot.ignition import messages as m3
from provision.firstboot.ignition.disk_checks import LABEL_LIMITS
from provision.firstboot.ignition.golang import quote, to_bytes
from provision.firstboot.ignition2 import messages as m
from provision.firstboot.ignition2.messages import error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.firstboot.ignition2.messages import Said

Value = dict[str, Any]
FORMATS = frozenset(("ext4", "btrfs", "xfs", "swap", "vfat"))
LEVELS = frozenset(("raid1", "1", "mirror", "raid4", "4", "raid5", "5", "raid6", "6", "raid10", "10"))
WITHOUT_SPARES = frozenset(("linear", "raid0", "0", "stripe"))
SECTORS_PER_MIB = 2048
_GUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\Z")


def device(value: Value) -> Iterator[Said]:
    path = value.get("device", "")
    if not path:
        yield error(m3.DEVICE_REQUIRED)
    elif not path.startswith("/"):
        yield error(m3.PATH_RELATIVE)


def partitions(value: Value) -> Iterator[Said]:
    found = value.get("partitions", ())
    numbers = [p["number"] for p in found if p.get("number")]
    if len(set(numbers)) < len(numbers):
        yield error(m3.PARTITION_NUMBERS)
    if _overlap(found):
        yield error(m3.PARTITIONS_OVERLAP)
    if any(p.get("start", 0) % SECTORS_PER_MIB for p in found):
        yield error(m.MISALIGNED)
    if any(p.get("shouldExist") is False for p in found) and any(not p.get("number") for p in found):
        yield error(m3.PARTITION_ZERO_ABSENT)
    if any(_sectors(p) for p in found) and any(_mib(p) for p in found):
        yield error(m.UNITS_MIXED)


def _overlap(found: list[Value]) -> bool:
    """Whether partitions overlap that are measured in sectors; those in MiB were never looked at."""
    placed = [(p["start"], p["start"] + max(p["size"] - 1, 0)) for p in found if p.get("start") and "size" in p]
    return any(
        other_start <= start <= other_end
        or other_start <= end <= other_end
        or (start < other_start and end > other_end)
        for i, (start, end) in enumerate(placed)
        for j, (other_start, other_end) in enumerate(placed)
        if i != j
    )


def _sectors(value: Value) -> bool:
    return "size" in value or "start" in value


def _mib(value: Value) -> bool:
    return "sizeMiB" in value or "startMiB" in value


def partition(value: Value) -> Iterator[Said]:
    if _sectors(value) and _mib(value):
        yield error(m.UNITS_MIXED)
    others = "label" in value or value.get("typeGuid") or value.get("guid") or _sectors(value)
    if value.get("shouldExist") is False and others:
        yield error(m3.PARTITION_ABSENT_FIELDS)


def size(value: Value) -> Iterator[Said]:
    if "size" in value:
        yield warning(m.SIZE_IS_OLD)


def start(value: Value) -> Iterator[Said]:
    if "start" in value:
        yield warning(m.START_IS_OLD)


def label(value: Value) -> Iterator[Said]:
    text = value.get("label", "")
    if len(to_bytes(text)) > 36:
        yield error(m3.PARTITION_LABEL_LONG)
    if ":" in text:
        yield warning(m3.PARTITION_LABEL_COLON)


def guid(value: Value) -> Iterator[Said]:
    yield from _guid(value.get("guid", ""))


def type_guid(value: Value) -> Iterator[Said]:
    yield from _guid(value.get("typeGuid", ""))


def _guid(text: str) -> Iterator[Said]:
    if text and not _GUID.match(text):
        yield error(m3.GUID)


def level(value: Value) -> Iterator[Said]:
    name = value.get("level", "")
    if name in WITHOUT_SPARES:
        if value.get("spares"):
            yield error(m.SPARES)
    elif name not in LEVELS:
        yield error(m3.RAID_LEVEL)


def devices(value: Value) -> Iterator[Said]:
    for path in value.get("devices", ()):
        if not path.startswith("/"):
            yield error(m3.PATH_RELATIVE)


def filesystem(value: Value) -> Iterator[Said]:
    inner = value.get("mount")
    if inner is None:
        if "path" not in value:
            yield error(m.NO_MOUNT_OR_PATH)
        return
    if "path" in value:
        yield error(m.MOUNT_AND_PATH)
    if "create" in inner:
        if inner.get("wipeFilesystem"):
            yield error(m.CREATE_AND_WIPE)
        if inner.get("options"):
            yield error(m.CREATE_AND_OPTIONS)
        yield warning(m.CREATE_IS_OLD)


def filesystem_path(value: Value) -> Iterator[Said]:
    if "path" in value and not value["path"].startswith("/"):
        yield error(m.FILESYSTEM_PATH.format(name=quote(value.get("name", ""))))


def mount(value: Value) -> Iterator[Said]:
    if value.get("format", "") not in FORMATS:
        yield error(m3.FORMAT_INVALID)


def mount_device(value: Value) -> Iterator[Said]:
    if not value.get("device", "").startswith("/"):
        yield error(m3.PATH_RELATIVE)


def mount_label(value: Value) -> Iterator[Said]:
    kind = value.get("format", "")
    limit = LABEL_LIMITS.get(kind)
    if limit and len(to_bytes(value.get("label", ""))) > limit:
        yield error(m3.LABEL_LONG.format(limit=limit, format=kind))

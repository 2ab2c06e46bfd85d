"""Ignition's own checks of disks: partitions, arrays, filesystems, encryption. See `checks` for the form."""

# ruff: noqa: D103 -- each function is one rule, and its name and message say which
from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provision.firstboot.ignition import messages as m
from provision.firstboot.ignition.checks import path_problem, url_problem

if TYPE_CHECKING:
    from provision.firstboot.ignition.validate import Found, Path

Value = dict[str, Any]
LABEL_LIMITS = {"ext4": 16, "btrfs": 256, "xfs": 12, "swap": 15, "vfat": 11}
FORMATS = frozenset(LABEL_LIMITS)
_GUID = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\Z")
_RAID_LEVELS = frozenset(
    ("linear", "raid0", "0", "stripe", "raid1", "1", "mirror", "raid4", "4", "raid5", "5", "raid6", "6", "raid10", "10")
)
_NO_SPARES = frozenset(("linear", "raid0", "0", "stripe"))


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


def disk(value: Value, path: Path, found: Found) -> None:
    device = value.get("device", "")
    if not device:
        found.error((*path, "device"), m.DEVICE_REQUIRED)
        return
    found.maybe((*path, "device"), path_problem(device))
    partitions = value.get("partitions", [])
    here = (*path, "partitions")
    found.at(here, _second([p.get("number") or None for p in partitions]), m.PARTITION_NUMBERS)
    found.at(here, _overlap(partitions), m.PARTITIONS_OVERLAP)
    if any(p.get("shouldExist") is False for p in partitions) and any(not p.get("number") for p in partitions):
        found.error(here, m.PARTITION_ZERO_ABSENT)
    found.at(here, _second([p.get("label") for p in partitions]), m.PARTITION_LABELS)


def _second(keys: list[Any]) -> int | None:
    seen = set()
    for i, key in enumerate(keys):
        if key is not None and key in seen:
            return i
        seen.add(key)
    return None


def _overlap(partitions: list[Value]) -> int | None:
    placed = [
        (i, p["startMiB"], p["startMiB"] + p["sizeMiB"] - 1 if p["sizeMiB"] else p["startMiB"])
        for i, p in enumerate(partitions)
        if p.get("startMiB") and "sizeMiB" in p
    ]
    for i, start, end in placed:
        for j, other_start, other_end in placed:
            # Go compares two partitions by their pointers: copies of one are told apart, too.
            if i != j and (
                other_start <= start <= other_end
                or other_start <= end <= other_end
                or (start < other_start and end > other_end)
            ):
                return j
    return None


def partition(value: Value, path: Path, found: Found) -> None:
    others = "label" in value or value.get("typeGuid") or value.get("guid") or "startMiB" in value or "sizeMiB" in value
    if value.get("shouldExist") is False and others:
        found.error(path, m.PARTITION_ABSENT_FIELDS)
    if not value.get("number") and "label" not in value:
        found.error(path, m.PARTITION_IDENTITY)
    label = value.get("label", "")
    if _bytes(label) > 36:
        found.error((*path, "label"), m.PARTITION_LABEL_LONG)
    elif ":" in label:
        found.error((*path, "label"), m.PARTITION_LABEL_COLON)
    for name in ("guid", "typeGuid"):
        if value.get(name) and not _GUID.match(value[name]):
            found.error((*path, name), m.GUID)


def raid(value: Value, path: Path, found: Found) -> None:
    level = value.get("level", "")
    if not level and found.spec >= (3, 3):
        found.error((*path, "level"), m.RAID_LEVEL_REQUIRED)
    elif level not in _RAID_LEVELS:
        found.error((*path, "level"), m.RAID_LEVEL)
    elif level in _NO_SPARES and value.get("spares"):
        found.error((*path, "level"), m.RAID_SPARES)
    if not value.get("devices"):
        found.error((*path, "devices"), m.RAID_DEVICES)


def device(value: str, path: Path, found: Found) -> None:
    found.maybe(path, path_problem(value))


def filesystem(value: Value, path: Path, found: Found) -> None:
    if value.get("path"):
        found.maybe((*path, "path"), path_problem(value["path"]))
    found.maybe((*path, "device"), path_problem(value.get("device", "")))
    kind = value.get("format", "")
    if not kind:
        texts = any(value.get(name) for name in ("path", "label", "uuid", "wipeFilesystem", "options"))
        if texts or value.get("mountOptions"):
            found.error((*path, "format"), m.FORMAT_REQUIRED)
    elif kind not in FORMATS and not (kind == "none" and found.spec >= (3, 3)):
        found.error((*path, "format"), m.FORMAT_INVALID)
    label = value.get("label", "")
    if label and not kind:
        found.error((*path, "label"), m.LABEL_NEEDS_FORMAT)
    elif _bytes(label) > LABEL_LIMITS.get(kind, 1 << 62):
        found.error((*path, "label"), m.LABEL_LONG.format(limit=LABEL_LIMITS[kind], format=kind))


def filesystems_on_disks(value: Value, path: Path, found: Found) -> None:
    disks = {each.get("device", ""): each for each in value.get("disks", ())}
    for i, each in enumerate(value.get("filesystems", ()) if disks else ()):
        below = disks.get(each.get("device", ""))
        if below is None:
            continue
        if below.get("partitions"):
            found.warn((*path, "filesystems", i, "device"), m.FILESYSTEM_ON_PARTITIONS)
        elif below.get("wipeTable") and not each.get("wipeFilesystem"):
            found.warn((*path, "filesystems", i, "device"), m.FILESYSTEM_WIPED)


def luks(value: Value, path: Path, found: Found) -> None:
    if "/" in value.get("name", ""):
        found.error((*path, "name"), m.LUKS_NAME)
    if _bytes(value.get("label", "")) > 47:
        found.error((*path, "label"), m.LUKS_LABEL)
    found.maybe((*path, "device"), path_problem(value["device"]) if value.get("device") else m.DEVICE_REQUIRED)
    clevis = value.get("clevis", {})
    # Before 3.3 custom was a pointer: present is enough; since then it counts when it has a pin.
    custom = "custom" in clevis if found.spec < (3, 3) else clevis.get("custom", {}).get("pin")
    if custom and (clevis.get("tang") or clevis.get("tpm2") or clevis.get("threshold")):
        found.error((*path, "clevis"), m.CLEVIS_CUSTOM_ALONE)
    key = value.get("keyFile", {}).get("source")
    if key and url_problem(key, found.spec):
        found.error((*path, "keys"), m.LUKS_KEY_FILE)


def cex_alone(value: Value, path: Path, found: Found) -> None:
    if not value.get("cex", {}).get("enabled"):
        return
    clevis = value.get("clevis", {})
    pin = clevis.get("custom", {}).get("pin")
    if pin or clevis.get("tang") or clevis.get("tpm2") or clevis.get("threshold"):
        found.error((*path, "cex"), m.CEX_WITH_CLEVIS)
    if value.get("keyFile", {}).get("source"):
        found.error((*path, "cex"), m.CEX_WITH_KEY_FILE)


def custom(value: Value, path: Path, found: Found) -> None:
    """Check a custom Clevis config before 3.3."""
    pin, config = value.get("pin", ""), value.get("config", "")
    if not pin and not config:
        return
    if pin not in ("tpm2", "tang", "sss"):
        found.error((*path, "pin"), m.CLEVIS_PIN)
    if not config:
        found.error((*path, "config"), m.CLEVIS_CONFIG_REQUIRED)


def clevis_custom(value: Value, path: Path, found: Found) -> None:
    """Check a custom Clevis config since 3.3."""
    pin, config = value.get("pin"), value.get("config")
    if not pin and not config and not value.get("needsNetwork"):
        return
    if not pin:
        found.error((*path, "pin"), m.CLEVIS_PIN_REQUIRED)
    elif found.spec < (3, 6) and pin not in ("tpm2", "tang", "sss"):
        found.error((*path, "pin"), m.CLEVIS_PIN)
    if not config:
        found.error((*path, "config"), m.CLEVIS_CONFIG_REQUIRED)

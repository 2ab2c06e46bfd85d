"""``boot_device``: a mirrored and an encrypted root disk, and ``grub.users``.

The layouts copy those of the operating system's image and must not change:
https://github.com/coreos/coreos-assembler/blob/main/src/create_disk.sh
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.firstboot.butane import messages as m
from provision.firstboot.butane.origins import Origins

if TYPE_CHECKING:
    from provision.firstboot.butane.translate import Translation
    from provision.firstboot.fields import Plain
    from provision.firstboot.ignition.messages import Message

Value = dict[str, Any]
PARTITIONS = {
    "reserved": (1, "8DA63339-0007-60C0-C436-083AC8230908"),
    "bios": (1, "21686148-6449-6E6F-744E-656564454649"),
    "prep": (4, "9E1A2D38-C612-4316-AA26-8B49521E5A8B"),
    "esp": (127, "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"),
}
"""Label -> size in MiB and type."""
FIRST_TWO = {"x86_64": ("bios", "esp"), "aarch64": ("reserved", "esp"), "ppc64le": ("prep", "reserved")}
BOOT_SIZE = 384
RESERVED_NUMBERS = {"BIOS-BOOT": 1, "PowerPC-PReP-boot": 1, "EFI-SYSTEM": 2, "boot": 3, "root": 4}
ROOT_SIZE = 8192
"""MiB that the root partition should have."""


def boot_device(value: Value) -> tuple[Value, Origins]:
    """Return a config with what ``boot_device`` asks for, and its origins; empty when it asks for nothing."""
    boot = value.get("boot_device", {})
    luks = boot.get("luks", {})
    cex = bool(luks.get("cex", {}).get("enabled"))
    encrypted = bool(luks.get("tpm2") or luks.get("tang") or cex)
    devices = boot.get("mirror", {}).get("devices", ())
    origins = Origins(user=False)
    if not encrypted and not devices:
        return {}, origins
    storage: Value = {"filesystems": []}
    if devices:
        _mirror(devices, boot.get("layout", "x86_64"), storage, origins)
    if encrypted:
        storage["luks"] = [_volume(boot, luks, mirrored=bool(devices), cex=cex)]
        _record_luks(luks, origins, cex=cex)
    root = "/dev/mapper/root" if encrypted else "/dev/md/md-root"
    origins.set_below(("storage", "filesystems", len(storage["filesystems"])), ("boot_device",))
    storage["filesystems"].append(_filesystem(root, "xfs", "root"))
    for path in (("storage",), ("storage", "filesystems")):
        origins.set(path, ("boot_device",))
    return {"storage": storage}, origins


def _filesystem(device: str, kind: str, label: str) -> Value:
    return {"device": device, "format": kind, "label": label, "wipeFilesystem": True}


def _mirror(devices: Plain, layout: str, storage: Value, origins: Origins) -> None:
    storage["disks"] = []
    first_two = FIRST_TWO.get(layout, ("reserved", "reserved"))
    for i, device in enumerate(devices):
        source = ("boot_device", "mirror", "devices", i)
        partitions: list[Value] = []
        for label in first_two:
            size, kind = PARTITIONS[label]
            partitions.append({"label": f"{label}-{i + 1}", "sizeMiB": size, "typeGuid": kind})
        partitions += [{"label": f"boot-{i + 1}", "sizeMiB": BOOT_SIZE}, {"label": f"root-{i + 1}"}]
        origins.set_below(("storage", "disks", i), source)
        storage["disks"].append({"device": device, "partitions": partitions, "wipeTable": True})
        if "esp" in first_two:
            origins.set_below(("storage", "filesystems", len(storage["filesystems"])), source)
            label = f"esp-{i + 1}"
            storage["filesystems"].append(_filesystem(f"/dev/disk/by-partlabel/{label}", "vfat", label))
    origins.set(("storage", "disks"), ("boot_device", "mirror", "devices"))
    storage["raid"] = [
        # The superblock goes to the end, so that GRUB on a BIOS need not know RAID.
        {"devices": _members("boot", devices), "level": "raid1", "name": "md-boot", "options": ["--metadata=1.0"]},
        {"devices": _members("root", devices), "level": "raid1", "name": "md-root"},
    ]
    origins.set_below(("storage", "raid"), ("boot_device", "mirror"))
    origins.set_below(("storage", "filesystems", len(storage["filesystems"])), ("boot_device", "mirror"))
    storage["filesystems"].append(_filesystem("/dev/md/md-boot", "ext4", "boot"))


def _members(label: str, devices: Plain) -> list[str]:
    return [f"/dev/disk/by-partlabel/{label}-{i + 1}" for i in range(len(devices))]


def _volume(boot: Value, luks: Value, *, mirrored: bool, cex: bool) -> Value:
    layout = boot.get("layout")
    if layout in ("s390x-eckd", "s390x-zfcp"):
        device = luks["device"] + ("2" if layout == "s390x-eckd" else "4")
    else:
        device = "/dev/md/md-root" if mirrored else "/dev/disk/by-partlabel/root"
    volume: Value = {"device": device, "label": "luks-root", "name": "root", "wipeVolume": True}
    if "discard" in luks:
        volume["discard"] = luks["discard"]
    if cex:
        volume["cex"] = dict(luks["cex"])
    else:
        volume["clevis"] = {name: luks[name] for name in ("tang", "threshold", "tpm2") if name in luks}
    return volume


def _record_luks(luks: Value, origins: Origins, *, cex: bool) -> None:
    source, here = ("boot_device", "luks"), ("storage", "luks", 0)
    origins.set(("storage", "luks"), source)
    origins.set_below(here, source)
    origins.set((*here, "discard"), (*source, "discard"))
    if cex:
        origins.set_below((*here, "cex"), (*source, "cex"))
        return
    for name in ("threshold", "tpm2", "tang"):
        origins.set((*here, "clevis", name), (*source, name))
    for i, server in enumerate(luks.get("tang", ())):
        origins.set((*here, "clevis", "tang", i), (*source, "tang", i))
        for name in server:
            origins.set((*here, "clevis", "tang", i, name), (*source, "tang", i, name))


def partition_advice(config: Value) -> list[tuple[tuple[str | int, ...], Message]]:
    """Return warnings about a root partition that is too small, and reserved labels with the wrong number."""
    told: list[tuple[tuple[str | int, ...], Message]] = []
    for i, disk in enumerate(config.get("storage", {}).get("disks", ())):
        partitions = disk.get("partitions", [])
        for j, partition in enumerate(partitions):
            here = ("storage", "disks", i, "partitions", j)
            label = partition.get("label")
            if label == "root":
                size = partition.get("sizeMiB", 0)
                if not size and any(not p.get("startMiB") for k, p in enumerate(partitions) if k != j):
                    told.append(((*here, "label"), m.ROOT_CONSTRAINED))
                elif size and size < ROOT_SIZE:
                    told.append(((*here, "size_mib"), m.ROOT_SMALL))
            wanted = RESERVED_NUMBERS.get(label or "")
            if wanted and not disk.get("wipeTable") and partition.get("number", 0) != wanted:
                told.append(((*here, "label"), m.WRONG_PARTITION_NUMBER))
    return told


def grub_users(value: Value, job: Translation) -> tuple[Value, Origins]:
    """Return a config that gives GRUB its users, and its origins; empty when there are none."""
    users = value.get("grub", {}).get("users", ())
    origins = Origins(user=False)
    if not users:
        return {}, origins
    names = " ".join(user["name"] for user in users)
    commands = [f"password_pbkdf2 {user['name']} {user['password_hash']}" for user in users]
    text = f'# Generated by Butane\n\nset superusers="{names}"\n' + "\n".join(commands) + "\n"
    url, compression = job.resource(text.encode("utf-8", "surrogateescape"), None)
    appended = {"source": url} | ({} if compression is None else {"compression": compression})
    origins.set_below(("storage",), ("grub", "users"))
    return {
        "storage": {
            "filesystems": [{"device": "/dev/disk/by-label/boot", "format": "ext4", "path": "/boot"}],
            "files": [{"path": "/boot/grub2/user.cfg", "append": [appended]}],
        }
    }, origins

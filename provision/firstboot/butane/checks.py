"""Butane's own checks of its input, by the names under which the field tables list them.

Each takes a value (a dict of what is set), its path, and the collector of findings. Facts: the ``Validate`` methods
of https://github.com/coreos/butane, base/v0_* and config/*.
"""

# ruff: noqa: D103 -- each function is one rule, and its name and message say which
from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provision.firstboot.butane import messages as m
from provision.firstboot.butane.quadlets import instance_of
from provision.firstboot.ignition.messages import CEX_WITH_CLEVIS

if TYPE_CHECKING:
    from provision.firstboot.butane.inputs import Inputs
    from provision.firstboot.ignition.validate import Path

Value = dict[str, Any]
BOOT_DISK = "/dev/disk/by-id/coreos-boot-disk"
LAYOUTS = frozenset(("aarch64", "ppc64le", "x86_64"))
LAYOUTS_S390X = frozenset(("s390x-eckd", "s390x-zfcp", "s390x-virt"))
ROLE_LABEL = "machineconfiguration.openshift.io/role"
CEX_ARGUMENT = "rd.luks.key=/etc/luks/cex.key"
QUADLETS = (".container", ".volume", ".network", ".kube", ".image", ".build", ".pod", ".artifact")
_MOUNT_POINT = re.compile(r"/(etc|var)(/|\Z)")
_DASD = re.compile(r"/dev/dasd[a-z]\Z")
_SD = re.compile(r"/dev/sd[a-z]\Z")


def one_source(value: Value, path: Path, found: Inputs) -> None:
    present = [name for name in ("local", "inline", "source") if name in value]
    if len(present) > 1:
        # With two sources the oldest version named inline, the others the last of this list.
        name = "inline" if found.base == 1 else present[-1]
        found.error((*path, name), m.MANY_SOURCES)


def inline_config(value: Value, path: Path, found: Inputs) -> None:
    if (
        found.drop_in
        and path[:2] == ("ignition", "config")
        and "inline" in value
        and not {"local", "source"} & value.keys()
    ):
        found.child_config(value["inline"], path)


def decimal_file_mode(value: Value, path: Path, found: Inputs) -> None:
    if "mode" in value and _looks_decimal(value["mode"], directory=False):
        found.warn((*path, "mode"), m.DECIMAL_MODE)


def decimal_directory_mode(value: Value, path: Path, found: Inputs) -> None:
    if "mode" in value and _looks_decimal(value["mode"], directory=True):
        found.warn((*path, "mode"), m.DECIMAL_MODE)


def _looks_decimal(mode: int, *, directory: bool) -> bool:
    if not 0 <= mode <= 7777 or set(str(mode)) & {"8", "9"}:
        return False
    return not _is_typical(mode, directory) and _is_typical(int(str(mode), 8), directory)


def _is_typical(mode: int, directory: bool) -> bool:
    """Whether a mode surprises nobody: who is closer to the file has no less, and nobody has w or x without r."""
    if mode == 0:
        return True
    had = 0
    for bits in (mode & 7, mode >> 3 & 7, mode >> 6 & 7):
        if had & ~bits or (bits & 1 and had & 4 and not had & 1) or (bits & 3 and not bits & 4):
            return False
        had |= bits
    if not had & 4:
        return False
    if directory:
        return bool(had & 1) and not mode & 0o4000 and (not mode & 0o3000 or bool(had & 2))
    return not mode & 0o1000 and (not mode & 0o6000 or (bool(had & 1) and not mode & 2))


def tree(value: Value, path: Path, found: Inputs) -> None:
    if not value.get("local"):
        found.error(path, m.TREE_NO_LOCAL)


def mount_unit_path_first(value: Value, path: Path, found: Inputs) -> None:
    """Check a mount unit before swap units existed."""
    if value.get("with_mount_unit"):
        if not value.get("path"):
            found.error((*path, "path"), m.MOUNT_NO_PATH)
        if not value.get("format"):
            found.error((*path, "format"), m.MOUNT_NO_FORMAT)


def mount_unit(value: Value, path: Path, found: Inputs) -> None:
    if value.get("with_mount_unit"):
        if not value.get("format"):
            found.error((*path, "format"), m.MOUNT_NO_FORMAT)
        elif value["format"] != "swap" and not value.get("path"):
            found.error((*path, "path"), m.MOUNT_NO_PATH)


def one_contents(value: Value, path: Path, found: Inputs) -> None:
    if "contents" in value and "contents_local" in value:
        found.error((*path, "contents_local"), m.MANY_CONTENTS)


def quadlet(value: Value, path: Path, found: Inputs) -> None:
    name = value.get("name", "")
    if instance_of(name) and ("contents" in value or "contents_local" in value):
        found.error(path, m.QUADLET_TEMPLATE)
    if not name.endswith(QUADLETS):
        found.error((*path, "name"), m.QUADLET_EXTENSION)


def partition_reuse(value: Value, path: Path, found: Inputs) -> None:
    storage = value.get("storage", {})
    mirrored = value.get("boot_device", {}).get("mirror", {}).get("devices", ())
    for i, disk in enumerate(storage.get("disks", ())):
        device = disk.get("device", "")
        if device == BOOT_DISK or disk.get("wipe_table") or device in mirrored:
            continue
        for j, partition in enumerate(disk.get("partitions", ())):
            if not partition.get("number") and "label" in partition:
                found.warn((*path, "storage", "disks", i, "partitions", j, "number"), m.REUSE_BY_LABEL)


def mount_point(value: Value, path: Path, found: Inputs) -> None:
    for i, filesystem in enumerate(value.get("storage", {}).get("filesystems", ())):
        if "path" in filesystem and filesystem.get("with_mount_unit") and not _MOUNT_POINT.match(filesystem["path"]):
            found.error((*path, "storage", "filesystems", i, "path"), m.MOUNT_FORBIDDEN)


def mirror_layout_advised(value: Value, path: Path, found: Inputs) -> None:
    if value.get("mirror", {}).get("devices") and "layout" not in value:
        found.warn((*path, "mirror"), m.MIRROR_LAYOUT)


def mirror_layout_required(value: Value, path: Path, found: Inputs) -> None:
    if value.get("mirror", {}).get("devices") and "layout" not in value:
        found.error((*path, "mirror"), m.MIRROR_LAYOUT)


def layout_three(value: Value, path: Path, found: Inputs) -> None:
    if "layout" in value and value["layout"] not in LAYOUTS:
        found.error((*path, "layout"), m.LAYOUT_OLD)


def layout_s390x(value: Value, path: Path, found: Inputs) -> None:
    if "layout" not in value:
        return
    layout, device = value["layout"], value.get("luks", {}).get("device")
    here = (*path, "layout")
    if layout in ("s390x-eckd", "s390x-zfcp"):
        if not device:
            found.error(here, m.LUKS_NO_DEVICE)
        elif not (_DASD if layout == "s390x-eckd" else _SD).search(device):
            found.error(here, m.LUKS_BAD_DEVICE)
    elif layout not in LAYOUTS and layout not in LAYOUTS_S390X:
        found.error(here, m.LAYOUT)
    if layout.startswith("s390x") and value.get("mirror", {}).get("devices"):
        found.error(here, m.MIRROR_S390X)


def boot_cex(value: Value, path: Path, found: Inputs) -> None:
    luks = value.get("luks", {})
    if not luks.get("cex", {}).get("enabled"):
        return
    if "layout" not in value:
        found.error((*path, "luks", "cex"), m.CEX_LAYOUT)
    elif not value["layout"].startswith("s390x"):
        found.error((*path, "layout"), m.CEX_LAYOUT)
    if luks.get("tang") or luks.get("tpm2"):
        found.error((*path, "luks"), CEX_WITH_CLEVIS)


def mirror_count(value: Value, path: Path, found: Inputs) -> None:
    # Butane checks the mirror once from here and once as a section of its own, and so says it twice.
    if found.drop_in:
        mirror_devices(value.get("mirror", {}), (*path, "mirror"), found)


def mirror_devices(value: Value, path: Path, found: Inputs) -> None:
    if len(value.get("devices", ())) == 1:
        found.error((*path, "devices"), m.MIRROR_COUNT)


def boot_luks_method(value: Value, path: Path, found: Inputs) -> None:
    tang = any(server.get("url") or server.keys() - {"url"} for server in value.get("tang", ()))
    if value.get("device") and not (tang or value.get("tpm2") or value.get("cex", {}).get("enabled")):
        found.error((*path, "luks"), m.LUKS_NO_METHOD)


def grub_user(value: Value, path: Path, found: Inputs) -> None:
    if not value.get("name"):
        found.error((*path, "name"), m.GRUB_NAME)
    if not value.get("password_hash"):
        found.error((*path, "password_hash"), m.GRUB_PASSWORD)


def metadata(value: Value, path: Path, found: Inputs) -> None:
    if not value.get("name"):
        found.error((*path, "name"), m.NAME_REQUIRED)
    if not value.get("labels", {}).get(ROLE_LABEL):
        found.error((*path, "labels"), m.ROLE_REQUIRED)


def kernel_type(value: Value, path: Path, found: Inputs) -> None:
    if value.get("kernel_type", "") not in ("", "default", "realtime"):
        found.error((*path, "kernel_type"), m.KERNEL_TYPE)


def cex_kernel_argument(value: Value, path: Path, found: Inputs) -> None:
    boot = value.get("boot_device", {}).get("luks", {}).get("cex", {}).get("enabled")
    volumes = value.get("storage", {}).get("luks", ())
    root = any(volume.get("cex", {}).get("enabled") and volume.get("name") == "root" for volume in volumes)
    if CEX_ARGUMENT not in value.get("openshift", {}).get("kernel_arguments", ()):
        for wanted in (boot, root):
            if wanted:
                found.error((*path, "openshift", "kernel_arguments"), m.CEX_KERNEL_ARGUMENT)

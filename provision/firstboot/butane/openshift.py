"""The openshift variant: the MachineConfig around the Ignition config, and what its operator does not support."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.firstboot.butane import messages as m
from provision.firstboot.ignition.golang import parse_url

if TYPE_CHECKING:
    from provision.firstboot.butane.translate import Translation
    from provision.firstboot.ignition.messages import Message
    from provision.firstboot.ignition.validate import Path

Value = dict[str, Any]
API_VERSION = "machineconfiguration.openshift.io/v1"
GRUB_CONFIG = "/boot/grub2/user.cfg"
FIPS_CIPHER = ["--cipher", "aes-cbc-essiv:sha256"]
FIELDS = ("kernel_arguments", "extensions", "fips", "kernel_type")


def grub_as_contents(config: Value, job: Translation) -> None:
    """Turn the appended GRUB config into the file's contents, since the operator cannot append (from 4.20)."""
    for i, file in enumerate(config.get("storage", {}).get("files", ())):
        if file.get("path") == GRUB_CONFIG:
            if len(file.get("append", ())) == 1:
                file["contents"] = file.pop("append")[0]
                here: Path = ("storage", "files", i)
                job.origins.move((*here, "append", 0), (*here, "contents"))
            return


def fips_ciphers(value: Value, config: Value, job: Translation) -> None:
    """Give each volume without a cipher of its own one that FIPS allows (until 4.19)."""
    if not value.get("openshift", {}).get("fips"):
        return
    for i, volume in enumerate(config.get("storage", {}).get("luks", ())):
        options = volume.get("options", [])
        if any(o in ("--cipher", "-c") or o.startswith("--cipher=") for o in options):
            continue
        here: Path = ("storage", "luks", i, "options")
        for j in range(2):
            job.origins.set((*here, len(options) + j), ("openshift", "fips"))
        if not options:
            job.origins.set(here, ("openshift", "fips"))
        volume["options"] = [*options, *FIPS_CIPHER]


def unsupported(config: Value, version: tuple[int, ...]) -> list[tuple[Path, Message]]:
    """Return what OpenShift's machine config operator, or its operating system, refuses."""
    told: list[tuple[Path, Message]] = []
    storage = config.get("storage", {})
    for kind, message in (("btrfs", m.BTRFS_SUPPORT), ("none", m.NONE_SUPPORT)):
        for i, filesystem in enumerate(storage.get("filesystems", ())):
            if filesystem.get("format") == kind and (kind == "btrfs" or version >= (4, 14)):
                told.append((("storage", "filesystems", i, "format"), message))
    for i, file in enumerate(storage.get("files", ())):
        source = file.get("contents", {}).get("source")
        url = parse_url(source) if source is not None and not source.startswith("data:") else None
        if url is not None and url.scheme != "data":
            told.append((("storage", "files", i, "contents", "source"), m.FILE_SCHEME_SUPPORT))
        if file.get("mode", 0) & ~0o777 and version >= (4, 10):
            told.append((("storage", "files", i, "mode"), m.FILE_MODE_SUPPORT))
    for i, user in enumerate(config.get("passwd", {}).get("users", ())):
        if user.get("name") != "core":
            told.append((("passwd", "users", i, "name"), m.USER_NAME_SUPPORT))
    return told


def machine_config(value: Value, ignition: Value) -> Value:
    """Wrap a finished Ignition config (ordered, without empty parts)."""
    metadata: Value = {"name": value["metadata"]["name"]}
    if value["metadata"].get("labels"):
        metadata["labels"] = value["metadata"]["labels"]
    spec: Value = {"config": ignition}
    section = value.get("openshift", {})
    for name, key in (("kernel_arguments", "kernelArguments"), ("extensions", "extensions")):
        if section.get(name):
            spec[key] = section[name]
    for name, key in (("fips", "fips"), ("kernel_type", "kernelType")):
        if name in section:
            spec[key] = section[name]
    return {"apiVersion": API_VERSION, "kind": "MachineConfig", "metadata": metadata, "spec": spec}

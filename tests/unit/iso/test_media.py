"""What is on an ISO: its files, its script, the same bytes each time."""

from __future__ import annotations

import hashlib
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from provision.errors import ProvisionError
from provision.iso import build, grub
from provision.iso.machine import IPXE, for_all, with_config
from provision.netboot.entry import Artefact, Entry

needs_tools = pytest.mark.skipif(bool(build.missing()), reason=f"not installed: {build.missing()}")


def entry(folder: Path) -> Entry:
    def artefact(name: str) -> Artefact:
        (folder / name).write_bytes(name.encode() * 1000)
        return Artefact(name, hashlib.sha256(name.encode() * 1000).hexdigest(), str(folder / name))

    kernel, initrd = artefact("vmlinuz"), artefact("initrd.img")
    return Entry("node-1", "demo", "uid", kernel, "0" * 32, initrds=(initrd,), args=("console=ttyS0", "quote='x'"))


def medium(folder: Path) -> build.Medium:
    return with_config(entry(folder), b'{"secret":1}', lambda a: Path(a.source))


def test_the_script_loads_the_system_and_then_the_config(tmp_path):
    linux, initrd, boot = medium(tmp_path).script.splitlines()[-3:]
    assert linux.startswith("linux /boot/vmlinuz console=ttyS0 'quote=")
    assert linux.endswith(" ignition.firstboot ignition.platform.id=metal")
    assert (initrd, boot) == ("initrd /boot/initrd.img /boot/config.img", "boot")


@pytest.mark.parametrize(("os", "path"), [("flatcar", b"oem/config.ign"), ("fcos", b"config.ign")])
def test_the_config_lies_where_each_system_looks(tmp_path, os, path):
    made = with_config(replace(entry(tmp_path), os=os), b"{}", lambda a: Path(a.source))
    config = made.files["boot/config.img"]
    assert isinstance(config, bytes)
    assert path + b"\0" in config


def test_a_root_file_system_that_the_kernel_would_fetch_is_an_initrd_here(tmp_path):
    rootfs = replace(entry(tmp_path).kernel, name="rootfs.img")
    made = with_config(replace(entry(tmp_path), os="fcos", rootfs=rootfs), b"{}", lambda a: Path(a.source))
    assert "initrd /boot/initrd.img /boot/rootfs.img /boot/config.img\n" in made.script


def test_an_unknown_system_is_refused(tmp_path):
    with pytest.raises(ProvisionError, match="takes no config from an ISO"):
        with_config(replace(entry(tmp_path), os="plan9"), b"{}", lambda a: Path(a.source))


def test_the_medium_for_all_asks_the_service():
    script = grub.service("http://10.0.0.1:8080", "/boot/ipxe.lkrn", "/boot/boot.ipxe")
    assert "for mac in $net_efinet0_dhcp_mac " in script
    assert "configfile (http,10.0.0.1:8080)/grub?mac=$mac; done\n" in script
    assert "chain --replace --autofree http://10.0.0.1:8080/boot.ipxe" in grub.ipxe("http://10.0.0.1:8080")


@needs_tools
def test_an_iso_boots_by_bios_and_uefi_and_is_the_same_each_time(tmp_path):
    made = medium(tmp_path)
    build.build(made, tmp_path / "a.iso")
    time.sleep(2.1)  # the file systems on it count in steps of two seconds
    build.build(made, tmp_path / "b.iso")
    assert (tmp_path / "a.iso").read_bytes() == (tmp_path / "b.iso").read_bytes()
    assert (tmp_path / "a.iso").stat().st_mode & 0o777 == 0o600
    report = subprocess.run(
        ["xorriso", "-indev", tmp_path / "a.iso", "-report_el_torito", "plain", "-report_system_area", "plain"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "El Torito boot img :   1  BIOS" in report
    assert "El Torito boot img :   2  UEFI" in report
    assert "MBR partition      :   2   0x00  0xef" in report  # a USB stick's EFI system partition
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.iso", "b.iso", "initrd.img", "vmlinuz"]


@needs_tools
def test_another_config_gives_other_bytes(tmp_path):
    build.build(medium(tmp_path), tmp_path / "a.iso")
    build.build(with_config(entry(tmp_path), b"{}", lambda a: Path(a.source)), tmp_path / "b.iso")
    assert (tmp_path / "a.iso").read_bytes() != (tmp_path / "b.iso").read_bytes()


def test_missing_tools_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "missing", lambda: ["xorriso", "mtools"])
    with pytest.raises(ProvisionError, match="PV599") as caught:
        build.build(medium(tmp_path), tmp_path / "a.iso")
    assert caught.value.hint == "apt-get install mtools xorriso"


@pytest.mark.skipif(not any(p.is_file() for p in IPXE), reason="ipxe is not installed")
def test_for_all_holds_ipxe():
    made = for_all("http://10.0.0.1:8080")
    assert set(made.files) == {"boot/ipxe.lkrn", "boot/boot.ipxe"}

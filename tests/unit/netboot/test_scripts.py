"""The texts that firmware reads, for each operating system."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provision.netboot import scripts
from provision.netboot.arguments import arguments
from provision.netboot.entry import Artefact, Entry
from provision.netboot.scripts import Firmware

SHA = "ab" * 32
URL, FILES = "http://10.0.0.1:8080", "http://10.0.0.1:8081"
ENTRY = Entry(
    id="rack1-07",
    cluster="demo",
    uid="u",
    nonce="0" * 32,
    kernel=Artefact("vmlinuz", SHA, "/k"),
    initrds=(Artefact("initrd.img", SHA, "/i"),),
    args=("console=ttyS0",),
)
CONFIG = f"{URL}/ignition/{ENTRY.nonce}"


@pytest.mark.parametrize(
    ("os", "wanted"),
    [
        ("lab", f"ignition.firstboot ignition.platform.id=metal ignition.config.url={CONFIG}"),
        ("fcos", f"ignition.firstboot ignition.platform.id=metal ignition.config.url={CONFIG}"),
        ("flatcar", f"flatcar.first_boot=1 flatcar.config.url={CONFIG}"),
        ("container-linux", f"coreos.first_boot=1 coreos.config.url={CONFIG}"),
    ],
)
def test_arguments_name_the_config_as_each_system_wants_it(os, wanted):
    assert " ".join(arguments(replace(ENTRY, os=os), CONFIG, FILES)) == f"console=ttyS0 {wanted}"


def test_fedora_coreos_fetches_its_root_file_system_itself():
    rootfs = Artefact("rootfs.img", SHA, "/r")
    fcos = replace(ENTRY, os="fcos", rootfs=rootfs)
    assert f"coreos.live.rootfs_url={FILES}/artefacts/{SHA}/rootfs.img" in arguments(fcos, CONFIG, FILES)
    assert "initrd --name rootfs.img" not in scripts.boot(Firmware.IPXE, fcos, CONFIG, URL, FILES)
    lab = replace(ENTRY, rootfs=rootfs)
    assert "initrd --name rootfs.img" in scripts.boot(Firmware.IPXE, lab, CONFIG, URL, FILES)


def test_a_system_that_does_not_boot_from_the_network():
    with pytest.raises(ValueError, match="does not boot from the network"):
        arguments(replace(ENTRY, os="plan9"), CONFIG, FILES)


def test_ipxe():
    text = scripts.boot(Firmware.IPXE, ENTRY, CONFIG, URL, FILES)
    assert text.startswith("#!ipxe\n")
    assert f"kernel {FILES}/artefacts/{SHA}/vmlinuz initrd=initrd.img console=ttyS0 ignition.firstboot" in text
    assert f"initrd --name initrd.img {FILES}/artefacts/{SHA}/initrd.img || goto failed\n" in text
    assert text.endswith(f"chain --replace --autofree {URL}/boot.ipxe\n")


def test_pxelinux_and_grub():
    text = scripts.boot(Firmware.PXELINUX, ENTRY, CONFIG, URL, FILES)
    assert f"  INITRD {FILES}/artefacts/{SHA}/initrd.img\n  APPEND console=ttyS0 ignition" in text
    odd = replace(ENTRY, args=("x='$(reboot)'",))
    text = scripts.boot(Firmware.GRUB, odd, CONFIG, URL, FILES)
    assert f"linux (http,10.0.0.1:8081)/artefacts/{SHA}/vmlinuz 'x='\\''$(reboot)'\\''' 'ignition" in text
    assert text.endswith("\nboot\n")


@pytest.mark.parametrize("firmware", list(Firmware))
def test_waiting_and_the_disk_load_nothing(firmware):
    for text in (scripts.wait(firmware, "m is not ready", URL, "/grub?mac=x"), scripts.local(firmware, "up")):
        assert "vmlinuz" not in text
        assert text.endswith("\n")


@pytest.mark.parametrize("bad", ["a\nboot", "${net0/mac}", "||", "&&", ";", "\x00", "é", ""])
def test_arguments_that_firmware_would_take_for_more(bad):
    with pytest.raises(ValueError, match="cannot stand on a kernel's command line"):
        replace(ENTRY, args=(bad,))


@pytest.mark.parametrize("name", ["a b", "../x", "a\nb", ".x", "", "x" * 200])
def test_names_that_would_lead_elsewhere(name):
    with pytest.raises(ValueError, match="cannot name a file"):
        Artefact(name, SHA, "/k")

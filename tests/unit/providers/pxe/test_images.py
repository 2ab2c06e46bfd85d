"""What machines load, and the live system's config that installs: as the spec names it."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess

import pytest

from provision.errors import ProviderError
from provision.netboot.entry import Artefact
from provision_pxe import images, install

DIGEST = "ab" * 32
REPORT = "http://10.0.0.1:8080/installed/" + "0" * 32


def order(os: str = "fcos", **more: object) -> install.Order:
    return install.Order(os, "/dev/sda", '{"ignition":{}}', REPORT, **more)  # type: ignore[arg-type]


def test_a_folder_a_path_and_a_url(tmp_path):
    for name in ("vmlinuz", "initrd", "disk.raw"):
        (tmp_path / name).write_text(name)
    (tmp_path / "image.json").write_text('{"kernel": "vmlinuz", "initrds": ["initrd"], "install": "disk.raw"}')
    found = images.image("../" + tmp_path.name, tmp_path)
    assert found.kernel == Artefact("vmlinuz", hashlib.sha256(b"vmlinuz").hexdigest(), str(tmp_path / "vmlinuz"))
    assert [a.name for a in (*found.initrds, found.install)] == ["initrd", "disk.raw"]
    kernel = f"https://x.example/a/linux?v=1#sha256={DIGEST.upper()}"
    named = {"kernel": kernel, "rootfs": {"url": "http://y/r.img", "sha256": DIGEST}}
    other = images.image(named, tmp_path)
    assert (other.kernel.name, other.kernel.sha256, other.rootfs.name) == ("linux", DIGEST, "r.img")


def test_a_file_that_changed_has_another_digest(tmp_path):
    (tmp_path / "k").write_text("one")
    first = images.image({"kernel": "k"}, tmp_path).kernel.sha256
    (tmp_path / "k").write_text("other")
    assert images.image({"kernel": "k"}, tmp_path).kernel.sha256 != first


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("", "no image is named"),
        ("nowhere", "is no image that machines boot"),
        ({"initrds": []}, "has no 'kernel'"),
        ({"kernel": "missing"}, "No such file"),
        ({"kernel": "https://x.example/linux"}, "no SHA-256"),
        ({"kernel": "https://x.example/#sha256=" + DIGEST}, "cannot name a file"),
    ],
)
def test_what_cannot_be_an_image(tmp_path, named, words):
    with pytest.raises(ProviderError, match=words):
        images.image(named, tmp_path)


@pytest.mark.parametrize(
    ("os", "more", "line"),
    [
        (
            "fcos",
            {"args": ("console=ttyS0", "quiet")},
            "coreos-installer install /dev/sda --ignition-file /etc/provision/install.ign --append-karg=console=ttyS0",
        ),
        ("flatcar", {"args": ("console=ttyS0",)}, "flatcar-install -d /dev/sda -i /etc/provision/install.ign"),
        ("container-linux", {}, "coreos-install -d /dev/sda -i /etc/provision/install.ign"),
        (
            "flatcar",
            {"image": Artefact("f.bz2", DIGEST, "/f"), "image_url": "http://h/f.bz2"},
            "flatcar-install -d /dev/sda -i /etc/provision/install.ign -f /run/provision-install.image",
        ),
        (
            "lab",
            {"image": Artefact("d", DIGEST, "/d"), "image_url": "http://h/d"},
            f"/usr/lib/provision-lab/install /dev/sda http://h/d {DIGEST} /etc/provision/install.ign",
        ),
    ],
)
def test_each_system_is_installed_by_its_own_installer(tmp_path, os, more, line):
    script = install.script(order(os, **more))
    assert f"  {line}\n" in script.replace(" \n", "\n")
    assert f"--request POST {REPORT}\nsystemctl reboot\n" in script
    assert ("sha256sum --check" in script) is (os == "flatcar" and "image" in more)
    (tmp_path / "script").write_text(script)
    subprocess.run(["sh", "-n", tmp_path / "script"], check=True)


def test_the_installing_config_carries_the_machines_own():
    config = json.loads(install.config(order("fcos")))
    files = {f["path"]: f for f in config["storage"]["files"]}
    payload = files["/etc/provision/install.ign"]
    assert (payload["mode"], config["ignition"]["version"]) == (0o600, "3.3.0")
    assert base64.b64decode(payload["contents"]["source"].partition(",")[2]) == b'{"ignition":{}}'
    (unit,) = config["systemd"]["units"]
    assert (unit["name"], unit["enabled"]) == ("provision-install.service", True)
    old = json.loads(install.config(order("container-linux")))
    assert {f["filesystem"] for f in old["storage"]["files"]} == {"root"}


def test_what_cannot_be_installed():
    with pytest.raises(ProviderError, match="cannot be installed"):
        install.config(order("debian"))
    with pytest.raises(ProviderError, match="brings no image"):
        install.config(order("lab"))

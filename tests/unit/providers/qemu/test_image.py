from __future__ import annotations

import json
import subprocess

import pytest

from provision.errors import Kind, ProviderError
from provision_qemu import image, labos
from provision_qemu.image import Download

SHA = "0123456789abcdef" * 4


def qemu_img(*words: object) -> None:
    subprocess.run(["qemu-img", *map(str, words)], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def qcow2(tmp_path):
    qemu_img("create", "-q", "-f", "qcow2", tmp_path / "a.qcow2", "3M")
    return tmp_path / "a.qcow2"


def refused(path) -> ProviderError:
    with pytest.raises(ProviderError) as error:
        image.inspect(path)
    return error.value


def test_formats_are_told_apart_by_content(tmp_path, qcow2):
    raw = tmp_path / "named.qcow2"
    raw.write_bytes(bytes(1 << 20))
    assert image.inspect(raw) == image.Image(raw, "raw", 1 << 20)
    assert image.inspect(qcow2) == image.Image(qcow2, "qcow2", 3 << 20)


def test_other_formats_are_refused(tmp_path):
    qemu_img("create", "-q", "-f", "vmdk", tmp_path / "a.vmdk", "1M")
    assert "format vmdk" in refused(tmp_path / "a.vmdk").message


def test_an_image_that_could_read_other_files_is_refused(tmp_path, qcow2):
    qemu_img("create", "-q", "-f", "qcow2", "-b", "/etc/hostname", "-F", "raw", tmp_path / "b.qcow2")
    assert "leans on another file" in refused(tmp_path / "b.qcow2").message
    qemu_img("create", "-q", "-f", "qcow2", "-o", f"data_file={tmp_path / 'data'}", tmp_path / "c.qcow2", "1M")
    assert "leans on another file" in refused(tmp_path / "c.qcow2").message


def test_a_compressed_image_is_refused(tmp_path):
    (tmp_path / "a.qcow2.xz").write_bytes(b"\xfd7zXZ")
    error = refused(tmp_path / "a.qcow2.xz")
    assert (error.kind, error.hint) == (Kind.INVALID, "unpack it first (xz)")


def test_a_missing_image(tmp_path):
    error = refused(tmp_path / "none.qcow2")
    assert error.kind is Kind.NOT_FOUND
    assert "none.qcow2" in error.message


def test_a_folder(tmp_path, qcow2):
    for name in ("vmlinuz", "initrd"):
        (tmp_path / name).touch()
    said = {"os": "flatcar", "disk": "a.qcow2", "kernel": "vmlinuz", "initrd": "initrd", "append": "quiet"}
    (tmp_path / "image.json").write_text(json.dumps(said))
    kernel, initrd = tmp_path / "vmlinuz", tmp_path / "initrd"
    assert image.inspect(tmp_path) == image.Image(qcow2, "qcow2", 3 << 20, kernel, initrd, "quiet", "flatcar")
    initrd.unlink()
    assert refused(tmp_path).kind is Kind.NOT_FOUND


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"disk": 1}'])
def test_a_folder_with_a_wrong_description(tmp_path, text):
    (tmp_path / "image.json").write_text(text)
    assert "image.json is not usable" in refused(tmp_path).message


def test_a_folder_without_a_description(tmp_path):
    assert refused(tmp_path).kind is Kind.NOT_FOUND


@pytest.mark.parametrize(
    "named",
    [f"https://example.com/a.qcow2.xz#sha256={SHA.upper()}", {"url": "https://example.com/a.qcow2.xz", "sha256": SHA}],
)
def test_downloads(named, tmp_path):
    assert image.source(named, "fcos", tmp_path) == Download("https://example.com/a.qcow2.xz", SHA)


@pytest.mark.parametrize(
    "named",
    [
        "https://example.com/a.qcow2",
        "https://example.com/a.qcow2#sha256=abc",
        f"https://example.com#sha256={SHA}",
        {"url": "file:///etc/passwd", "sha256": SHA},
        {},
        {"url": "https://example.com/a"},
    ],
)
def test_downloads_without_a_digest_or_place(named, tmp_path):
    with pytest.raises(ProviderError) as error:
        image.source(named or {"sha256": SHA}, "fcos", tmp_path)
    assert error.value.kind is Kind.INVALID


def test_paths_start_at_the_spec(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert image.source("a.qcow2", "", tmp_path) == tmp_path / "a.qcow2"
    assert str(image.source("/b.qcow2", "", tmp_path)) == "/b.qcow2"
    assert str(image.source("~/b.qcow2", "", tmp_path)) == "/home/me/b.qcow2"


@pytest.mark.parametrize("named", ["", "lab"])
def test_the_lab_system_says_how_it_is_built(named, tmp_path, monkeypatch):
    monkeypatch.setenv("PROVISION_CACHE_DIR", str(tmp_path))
    with pytest.raises(ProviderError) as error:
        image.source(named, "lab", tmp_path)
    assert "python -m provision_qemu.labos" in error.value.hint
    labos.image_dir().mkdir(parents=True)
    (labos.image_dir() / "image.json").touch()
    assert image.source(named, "lab", tmp_path) == labos.image_dir()


def test_other_systems_have_no_default(tmp_path):
    with pytest.raises(ProviderError, match="no image of flatcar"):
        image.source("", "flatcar", tmp_path)

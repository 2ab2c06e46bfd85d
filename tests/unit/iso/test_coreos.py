"""Fedora CoreOS' embed area, on files that are laid out as its ISOs are."""

from __future__ import annotations

import lzma
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from provision.errors import ProvisionError
from provision.iso import coreos

if TYPE_CHECKING:
    from pathlib import Path

AREA_AT, ROOM = 65536, 4096


def live_iso(path: Path, *, magic: bytes = b"coreiso+", offset: int = AREA_AT, room: int = ROOM) -> Path:
    whole = bytearray(AREA_AT + ROOM + 2048)
    struct.pack_into("<8sQQ", whole, 32768 - 24, magic, offset, room)
    whole[-2048:] = b"\x55" * 2048
    path.write_bytes(whole)
    return path


def test_the_config_is_in_the_area_and_nothing_else_changes(tmp_path):
    iso = live_iso(tmp_path / "live.iso")
    coreos.embed(iso, b'{"ignition":{"version":"3.3.0"}}', tmp_path / "out.iso")
    before, after = iso.read_bytes(), (tmp_path / "out.iso").read_bytes()
    assert (after[:AREA_AT], after[AREA_AT + ROOM :]) == (before[:AREA_AT], before[AREA_AT + ROOM :])
    packed = after[AREA_AT : AREA_AT + ROOM]
    archive = lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(packed)
    subprocess.run(["cpio", "--quiet", "-i"], input=archive, cwd=tmp_path, check=True)
    assert (tmp_path / "config.ign").read_text() == '{"ignition":{"version":"3.3.0"}}'
    assert packed.startswith(b"\xfd7zXZ\0\x00\x01")  # CRC32, the only check that the kernel knows


def test_the_same_config_gives_the_same_bytes(tmp_path):
    iso = live_iso(tmp_path / "live.iso")
    for name in ("a", "b"):
        coreos.embed(iso, b"{}", tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ({"magic": b"something"[:8]}, "no live ISO of Fedora CoreOS"),
        ({"room": 64}, "has room for 64"),
        ({"offset": 1 << 40}, "is damaged"),
        ({"offset": 0}, "is damaged"),
    ],
)
def test_what_is_no_such_iso_is_refused(tmp_path, layout, words):
    iso = live_iso(tmp_path / "live.iso", **layout)
    with pytest.raises(ProvisionError, match=words):
        coreos.embed(iso, b"{}", tmp_path / "out.iso")
    assert not (tmp_path / "out.iso").exists()


def test_a_short_file_is_refused(tmp_path):
    (tmp_path / "short").write_bytes(b"x")
    with pytest.raises(ProvisionError, match="no live ISO"):
        coreos.embed(tmp_path / "short", b"{}", tmp_path / "out.iso")


def test_an_iso_that_has_a_config_keeps_it(tmp_path):
    coreos.embed(live_iso(tmp_path / "live.iso"), b"{}", tmp_path / "one.iso")
    with pytest.raises(ProvisionError, match="has a config already"):
        coreos.embed(tmp_path / "one.iso", b"{}", tmp_path / "two.iso")

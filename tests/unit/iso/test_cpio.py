"""Archives for the kernel, read back by cpio itself."""

from __future__ import annotations

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from provision.iso.cpio import archive

NAMES = st.text("abcdefgh.-", min_size=1, max_size=12).filter(lambda name: name.strip("."))


def unpacked(data: bytes, into) -> dict[str, bytes]:
    subprocess.run(["cpio", "--quiet", "-idm"], input=data, cwd=into, check=True)
    return {str(p.relative_to(into)): p.read_bytes() for p in into.rglob("*") if p.is_file()}


def test_cpio_reads_it(tmp_path):
    files = {"config.ign": b'{"ignition":{}}', "usr/share/oem/config.ign": b"x" * 5, "empty": b""}
    assert unpacked(archive(files), tmp_path) == files
    assert (tmp_path / "config.ign").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "usr/share").stat().st_mode & 0o777 == 0o755


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=40), min_size=1, max_size=4))
def test_order_does_not_matter_and_the_size_fits_a_block(files):
    backwards = dict(reversed(list(files.items())))
    assert archive(files) == archive(backwards)
    assert len(archive(files)) % 512 == 0
    assert archive(files).startswith(b"070701")

"""Letting one other user read a file: by the real kernel, as the real user `nobody`."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from pathlib import Path

import pytest

from provision_vagrant import access

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can try what another user may")
NOBODY = pwd.getpwnam("nobody")
READER = ["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups", "cat"]


@pytest.fixture
def place(monkeypatch):
    """A folder of our own, above which others may enter: pytest's own are closed to them."""
    monkeypatch.setattr(access, "qemu_user", lambda: NOBODY)
    with tempfile.TemporaryDirectory(prefix="provision-access-") as folder:
        if list(access.barred(Path(folder))):
            pytest.skip(f"others may not enter the folders above {folder}")
        yield Path(folder)


def reads(file):
    return subprocess.run([*READER, file], capture_output=True, text=True, check=False).stdout


def test_who_is_admitted_reads_and_nobody_else(place):
    config = place / "config"
    config.write_text("secret")
    config.chmod(0o600)
    assert reads(config) == ""
    assert list(access.barred(config)) == [place]
    access.admit(place, access.ENTER)
    access.admit(config, access.READ)
    once = os.getxattr(place, access.ATTRIBUTE)
    access.admit(place, access.ENTER)
    assert os.getxattr(place, access.ATTRIBUTE) == once
    assert list(access.barred(config)) == []
    assert reads(config) == "secret"
    assert config.stat().st_mode & 0o007 == 0
    other = ["setpriv", "--reuid=1", "--regid=1", "--clear-groups", "cat", config]
    assert subprocess.run(other, capture_output=True, text=True, check=False).stdout == ""

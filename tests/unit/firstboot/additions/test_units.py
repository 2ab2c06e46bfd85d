"""The units that go to machines, read by our own parser and by systemd's."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from provision.firstboot import ignition
from provision.firstboot.additions.assemble import additions
from provision.firstboot.additions.render_ignition3 import render
from provision.spec.model import Etcd, Update
from tests.unit.firstboot.clusters import TRAITS, cluster, pool

if TYPE_CHECKING:
    from pathlib import Path

    from provision.firstboot.additions.model import Additions

# A unit of ours runs programs that this computer need not have.
NOT_HERE = ("is not executable",)


def everything(os: str, provider: str) -> Additions:
    machines = pool(1, os=os, provider=provider, etcd=True)
    bootstrap = "static" if TRAITS[provider].planned_addresses else "discovery"
    etcd = Etcd(bootstrap=bootstrap, tls=TRAITS[provider].planned_addresses)
    return additions(machines[0], cluster(*machines, etcd=etcd, update=Update("etcd-lock")), TRAITS[provider], 1)


CASES = pytest.mark.parametrize(
    ("os", "provider"), [("lab", "qemu"), ("flatcar", "qemu"), ("fcos", "qemu"), ("lab", "openstack")]
)


@CASES
def test_our_parser_takes_them(os: str, provider: str) -> None:
    assert ignition.validate(render(everything(os, provider), "3.3.0")) == []


@CASES
def test_systemd_takes_them(os: str, provider: str, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        return  # a container's Debian may lack systemd; then our own parser has to do
    units = []
    for unit in everything(os, provider).units:
        path = tmp_path / unit.name
        # A unit of the system's own, which is not here, is stood in for by the least that takes its drop-ins.
        path.write_text(unit.text or "[Service]\nExecStart=/bin/true\n")
        units.append(path)
        for drop_in in unit.drop_ins:
            folder = tmp_path / f"{unit.name}.d"
            folder.mkdir(exist_ok=True)
            (folder / drop_in.name).write_text(drop_in.text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units],
        capture_output=True,
        text=True,
        check=False,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:/usr/lib/systemd/system:/lib/systemd/system"},
    )
    told = [line for line in done.stderr.splitlines() if not any(words in line for words in NOT_HERE)]
    assert told == []


def test_systemd_would_tell(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        return
    (tmp_path / "x.service").write_text("[Service]\nExecStrat=/bin/true\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "x.service"], capture_output=True, text=True, check=False
    )
    assert "Unknown key" in done.stderr

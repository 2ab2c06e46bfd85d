from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provision.errors import ProvisionError
from provision.model import MACHINE, Labels, Observed
from provision.remote import Remote

if TYPE_CHECKING:
    from pathlib import Path

LABELS = Labels("demo", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "demo-core-1", 3, "me", "never", "0" * 16)


def test_a_host_key_belongs_to_a_machine_and_its_generation(tmp_path: Path) -> None:
    machine = Observed(MACHINE, "demo-core-1", "i-1", "fake", labels=LABELS, addresses={"public": "192.0.2.1"})
    line = Remote(machine, tmp_path / "known_hosts").command(["true"])
    assert "HostKeyAlias=demo-core-1.3" in line
    assert line[-2:] == ["core@192.0.2.1", "true"]


def test_a_forwarded_port_is_preferred_to_the_address(tmp_path: Path) -> None:
    machine = Observed(MACHINE, "m", "1", "fake", addresses={"private": "10.0.0.1"}, reach={"ssh": "127.0.0.1:40022"})
    line = Remote(machine, tmp_path / "known_hosts", identity=tmp_path / "key").command()
    assert line[1:3] == ["-p", "40022"]
    assert line[-1] == "core@127.0.0.1"
    assert "IdentitiesOnly=yes" in line


def test_a_machine_without_an_address_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="no address yet"):
        Remote(Observed(MACHINE, "m", "1", "fake"), tmp_path / "known_hosts").command()


def test_ssh_that_cannot_connect_answers_255(tmp_path: Path) -> None:
    machine = Observed(MACHINE, "m", "1", "fake", reach={"ssh": "127.0.0.1:1"})
    answer = Remote(machine, tmp_path / "known_hosts").run(["true"])
    assert answer.code == 255
    assert "refused" in answer.stderr

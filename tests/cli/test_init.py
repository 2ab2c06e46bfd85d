from __future__ import annotations

from pathlib import Path

import pytest

from provision.cli.init import name_from
from provision.cli.main import run
from provision.spec.load import check


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_what_is_written_is_a_right_spec(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "web"]) == 0
    assert capsys.readouterr().out == "web/cluster.yaml\nweb/node.bu\n"
    loaded = check("web/cluster.yaml")
    assert loaded.cluster is not None
    assert [m.name for m in loaded.cluster.machines] == ["web-core-1", "web-core-2", "web-core-3"]
    assert {f.code for f in loaded.report} == {"PV030"}


def test_the_users_own_key_is_let_in(home: Path) -> None:
    (home / ".ssh").mkdir()
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b\n"
    (home / ".ssh" / "id_ed25519.pub").write_text(key)
    assert run(["init", "--name", "mine"]) == 0
    loaded = check("cluster.yaml")
    assert loaded.report.findings == []
    assert loaded.cluster is not None
    assert (loaded.cluster.name, loaded.cluster.ssh_keys) == ("mine", (key.strip(),))


@pytest.mark.parametrize("there", ["cluster.yaml", "node.bu"])
def test_nothing_is_overwritten(home: Path, there: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(there).write_text("precious")
    assert run(["init"]) == 2
    assert f"{there} exists already" in capsys.readouterr().err
    assert Path(there).read_text() == "precious"
    assert [p.name for p in Path().iterdir() if p.is_file()] == [there]


def test_a_name_that_is_none(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--name", "My Cluster"]) == 2
    assert "'My Cluster' cannot be a cluster's name" in capsys.readouterr().err
    assert not Path("cluster.yaml").exists()


def test_a_place_that_cannot_be_written(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("")
    assert run(["init", "file/below"]) == 2
    assert "cannot write file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("web", "web"),
        ("Web_Shop 2", "web-shop-2"),
        ("42-", "demo"),
        ("", "demo"),
        ("provision", "demo"),
        ("a" * 50, "a" * 32),
    ],
)
def test_names_from_folders(folder: str, name: str) -> None:
    assert name_from(folder) == name

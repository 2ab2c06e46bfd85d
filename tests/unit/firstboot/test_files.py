from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from provision.firstboot import files as module
from provision.firstboot.files import Escape, Files, LocalFileError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a").write_bytes(b"a")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "rootless").mkdir()
    (root / "out").symlink_to("../secret")
    (root / "in").symlink_to("sub/a")
    (root / "dir-out").symlink_to("..")
    return root


@pytest.mark.parametrize("name", ["sub/a", "./sub/a", "sub/../sub/a", "/sub/a", "in"])
def test_files_inside_are_read(root: Path, name: str) -> None:
    assert Files(root).read(name) == b"a"


@pytest.mark.parametrize("name", ["../secret", "sub/../../secret", "../rootless/x", "/../secret"])
@pytest.mark.parametrize("follow", [True, False])
def test_names_that_lead_out_are_refused(root: Path, name: str, follow: bool) -> None:
    files = Files(root, follow=follow)
    if name.startswith("/.."):  # an absolute name is cleaned below the folder
        with pytest.raises(LocalFileError, match=r"outside|no such file"):
            files.read(name)
        return
    with pytest.raises(Escape):
        files.read(name)


def test_links_that_lead_out_are_followed_by_the_drop_in_only(root: Path) -> None:
    assert Files(root, follow=True).read("out") == b"secret"
    for name in ("out", "dir-out/secret"):
        with pytest.raises(Escape):
            Files(root).read(name)


@pytest.mark.parametrize(
    ("name", "problem"),
    [("none", "no such file or directory"), ("sub", "is a directory"), ("a\0b", "invalid argument")],
)
def test_what_cannot_be_read(root: Path, name: str, problem: str) -> None:
    with pytest.raises(LocalFileError, match=problem):
        Files(root).read(name)


def test_giant_files_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE", 1 << 20)
    with (root / "big").open("wb") as file:
        file.truncate((1 << 20) + 1)
    with pytest.raises(LocalFileError, match="larger than 1 MiB"):
        Files(root).read("big")


def test_walks_go_by_name_and_do_not_follow_links(root: Path) -> None:
    files = Files(root)
    top, is_folder = files.tree(".")
    assert is_folder
    entries = [entry for entry in files.walk(top) if not isinstance(entry, LocalFileError)]
    assert [entry.relative for entry in entries] == [".", "dir-out", "in", "out", "sub", "sub/a"]
    assert [entry.relative for entry in entries if files.leaves(entry)] == ["dir-out", "out"]
    assert files.read_entry(entries[-1]) == b"a"


def test_a_link_to_itself_is_an_error_and_no_hang(root: Path) -> None:
    (root / "loop").symlink_to("loop")
    with pytest.raises(LocalFileError):
        Files(root, follow=True).read("loop")


def test_a_pipe_is_refused_without_waiting(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(LocalFileError, match="not a regular file"):
        Files(root).read("pipe")

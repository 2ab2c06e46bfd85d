"""Every group of cases must come out as its file says; the files hold what butane 0.29.0 printed.

`pytest tests/golden/butane --update-golden` writes what the code does now; read the diff before committing it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from .groups import GROUPS_FOLDER, read, render

HERE = Path(__file__).parent
GROUPS = sorted(GROUPS_FOLDER.glob("*.txt"))
LINKS = {"conf": "../app.conf", "abs": "/usr/local/bin/app"}
EXECUTABLE = ("setup.sh", "tree/usr/local/bin/app")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the local files; links and modes are made here, since not every copy of a repository keeps them."""
    folder = tmp_path_factory.mktemp("golden")
    shutil.copytree(HERE / "files", folder / "files", copy_function=shutil.copyfile)
    links = folder / "files/tree/etc/app/links"
    links.mkdir()
    for name, target in LINKS.items():
        (links / name).symlink_to(target)
    for path in (folder / "files").rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o755 if os.fspath(path.relative_to(folder / "files")) in EXECUTABLE else 0o644)
    return folder


@pytest.mark.parametrize("path", GROUPS, ids=lambda path: path.stem)
def test_golden(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(folder)
    made = render(read(path))
    if request.config.getoption("--update-golden"):
        path.write_bytes(made.encode())
    assert made == path.read_bytes().decode()


def test_every_case_is_read() -> None:
    for path in GROUPS:
        assert path.read_text("utf-8").count("\n####################>\n") == len(read(path)), path
    assert sum(len(read(path)) for path in GROUPS) > 600

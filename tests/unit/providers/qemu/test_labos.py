"""The lab OS without a machine: when it is built, what a build leaves, and whether the recipe's files agree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provision.errors import ProviderError
from provision_qemu.labos import host, image
from provision_qemu.labos.image import RECIPE
from tests.unit.providers.qemu.kit import until

OVERLAY = RECIPE / "overlay"
UNITS = OVERLAY / "usr/lib/systemd/system"
PROGRAMS = sorted(path for path in RECIPE.rglob("*") if path.is_file() and path.read_bytes().startswith(b"#!"))


def entries(name: str) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in (RECIPE / name).read_text().splitlines())
    return [line for line in lines if line]


# --- when a build runs, and what it leaves ---------------------------------------------------------------------


@pytest.fixture
def recipe(tmp_path) -> Path:
    """A recipe that takes no time: it writes down that it ran, and makes the one file that counts."""
    folder = tmp_path / "recipe"
    folder.mkdir()
    gate = tmp_path / "gate"
    wait = f"[ ! -p {gate} ] || read -r _ <{gate}"
    script = f'set -e; echo run >>{tmp_path}/runs; {wait}; echo {{}} >"$1/image.json"'
    (folder / "build").write_text(script)
    return folder


@pytest.fixture(autouse=True)
def tools(monkeypatch):
    """These tests build with a recipe that needs none of the tools."""
    monkeypatch.setattr(host, "TOOLS", {})


def runs(tmp_path: Path) -> int:
    log = tmp_path / "runs"
    return len(log.read_text().split()) if log.exists() else 0


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_an_image_is_built_once(tmp_path, recipe):
    folder = tmp_path / "images" / "lab"
    assert not image.is_built(folder)
    assert image.build(folder, recipe=recipe) == folder
    assert image.build(folder, recipe=recipe) == folder
    assert image.is_built(folder)
    assert runs(tmp_path) == 1
    assert visible(folder.parent) == ["lab"]


def test_force_replaces_the_image_as_a_whole(tmp_path, recipe):
    folder = tmp_path / "images" / "lab"
    image.build(folder, recipe=recipe)
    (folder / "old").touch()
    image.build(folder, force=True, recipe=recipe)
    assert visible(folder) == ["image.json"]
    assert visible(folder.parent) == ["lab"]
    assert runs(tmp_path) == 2


def test_a_failed_build_leaves_nothing(tmp_path, recipe):
    folder = tmp_path / "images" / "lab"
    (recipe / "build").write_text('echo half >"$1/vmlinuz"; echo {} >"$1/image.json"; exit 3')
    with pytest.raises(ProviderError, match="ended with 3") as caught:
        image.build(folder, recipe=recipe)
    assert caught.value.code == "build-failed"
    assert not image.is_built(folder)
    assert visible(folder.parent) == []


def test_a_failed_rebuild_keeps_the_old_image(tmp_path, recipe):
    folder = tmp_path / "images" / "lab"
    image.build(folder, recipe=recipe)
    (recipe / "build").write_text("exit 1")
    with pytest.raises(ProviderError):
        image.build(folder, force=True, recipe=recipe)
    assert image.is_built(folder)


def test_of_two_builds_at_once_one_waits_and_finds_the_work_done(tmp_path, recipe):
    folder = tmp_path / "images" / "lab"
    os.mkfifo(tmp_path / "gate")
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(image.build, folder, recipe=recipe) for _ in range(2)]
        until(lambda: runs(tmp_path) == 1)
        with (tmp_path / "gate").open("w") as gate:  # opens when the running build reads
            gate.write("go\n")
        assert [build.result(30) for build in both] == [folder, folder]
    assert runs(tmp_path) == 1


def test_the_folder_follows_the_recipe_and_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PROVISION_CACHE_DIR", str(tmp_path))
    assert image.image_dir() == tmp_path / "images" / f"lab-{image.digest()}"
    monkeypatch.delenv("PROVISION_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert image.image_dir().is_relative_to(tmp_path / "xdg")


def test_the_digest_is_of_names_and_contents(tmp_path):
    def tree(name: str, files: dict[str, str]) -> str:
        for path, text in files.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return image.digest(tmp_path / name)

    trees = [{"a": "x", "d/b": "y"}, {"a": "z", "d/b": "y"}, {"a": "x", "d/c": "y"}, {"a": "x", "b": "y"}, {"a": "x"}]
    digests = [tree(f"t{number}", files) for number, files in enumerate(trees)]
    assert len(set(digests)) == len(trees)
    assert tree("again", trees[0]) == digests[0]
    assert re.fullmatch("[0-9a-f]{12}", digests[0])


# --- the command line ------------------------------------------------------------------------------------------


def labos(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "provision_qemu.labos", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


def test_a_missing_tool_is_named_with_its_package(tmp_path):
    done = labos("--output", str(tmp_path / "lab"), PATH=str(tmp_path))
    assert done.returncode == 6
    assert "qemu-img" in done.stderr
    assert re.search(r"^apt-get install .*\bqemu-utils\b", done.stderr, re.MULTILINE)
    assert visible(tmp_path) == []


def test_the_packages_are_printed_for_apt(monkeypatch):
    monkeypatch.undo()
    printed = labos("--packages").stdout.split()
    assert set(host.TOOLS.values()) <= set(printed)


def test_asking_for_the_image_loads_nothing_heavy():
    code = (
        "import sys; from provision_qemu import labos; labos.is_built;"
        "print({'platformdirs', 'jsonschema', 'yaml', 'rich', 'typer', 'qemu'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# --- the recipe's files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", [*PROGRAMS, RECIPE / "build"], ids=lambda path: path.name)
def test_shellcheck_has_no_complaint(program):
    dialect = "bash" if program.name in ("build", "media") else "sh"
    done = subprocess.run(["shellcheck", "-s", dialect, program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_a_boot_pulls_in_exists():
    links = dict(line.split(maxsplit=1) for line in entries("links.txt"))
    units = {*entries("units.txt"), *(unit.name for unit in UNITS.iterdir())}
    pulled = {Path(target).name for path, target in links.items() if ".wants/" in path}
    assert pulled
    assert pulled <= units


def test_units_call_programs_that_exist():
    called = {
        path
        for unit in UNITS.rglob("*")
        if unit.is_file()
        for path in re.findall(r"^Exec\w+=(/usr/lib/(?:provision-lab|coreos)/\S+)", unit.read_text(), re.MULTILINE)
    }
    assert called
    for path in called:
        assert OVERLAY.joinpath(path[1:]) in PROGRAMS, path


def test_the_account_files_agree():
    def table(name: str) -> dict[str, list[str]]:
        rows = (line.split(":") for line in (OVERLAY / "etc" / name).read_text().splitlines())
        return {row[0]: row for row in rows}

    users, groups = table("passwd"), table("group")
    assert list(users) == list(table("shadow"))
    assert list(groups) == list(table("gshadow"))
    assert {user[3] for user in users.values()} <= {group[2] for group in groups.values()}
    for rows in (users, groups):
        numbers = [row[2] for row in rows.values()]
        assert len(numbers) == len(set(numbers))


def test_no_account_has_a_password():
    fields = [line.split(":")[1] for line in (OVERLAY / "etc/shadow").read_text().splitlines()]
    assert set(fields) == {"*"}


def test_the_image_says_how_it_boots():
    said = json.loads((RECIPE / "image.json").read_text())
    assert said["os"] == "lab"
    assert {said["kernel"], said["initrd"], said["disk"]} == {"vmlinux", "initramfs.img", "root.qcow2"}
    assert "console=ttyS0" in said["append"]
    assert "ignition.platform.id=qemu" in said["append"]


def test_ignition_takes_the_base_config():
    base = OVERLAY / "usr/lib/ignition/base.d/00-core.ign"
    subprocess.run(["ignition-validate", base], check=True)

"""The examples and the starter are right, by the plugins that are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.cli.init import FILES, starter
from provision.cli.main import run
from provision.spec.load import check

EXAMPLES = Path(__file__).parents[3] / "examples"
OURS = ["minimal", "qemu-flatcar", "vagrant", "ec2-flatcar", "gce-flatcar", "two-clouds", "vmware"]


@pytest.mark.parametrize("name", OURS)
def test_examples(name: str) -> None:
    report = check(EXAMPLES / name / "cluster.yaml").report
    assert {f.code for f in report} <= {"PV030"}, report.render()  # the least spec has no SSH key


def test_every_folder_of_examples_holds_a_spec() -> None:
    assert {file.parent.name for file in EXAMPLES.glob("*/cluster.yaml")} >= set(OURS)
    assert all((folder / "cluster.yaml").is_file() for folder in EXAMPLES.iterdir() if folder.is_dir())


@pytest.mark.parametrize("comments", [False, True])
def test_the_starter_is_right_with_and_without_its_comments(tmp_path: Path, comments: bool) -> None:
    for file in FILES:
        text = starter(file, "demo", has_key=False)
        (tmp_path / file).write_text(text if comments else without_comments(text))
    report = check(tmp_path / "cluster.yaml").report
    assert {f.code for f in report} == {"PV030"}, report.render()


def without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))


def test_what_the_starter_has_commented_out_is_right_as_well(tmp_path: Path) -> None:
    for file in FILES:
        text = starter(file, "demo", has_key=False)
        for line in (
            "# update:",
            "# network:",
            "  # ec2:",
            "    # zones:",
            "    # provider:",
            "    # template:",
            "    # vars:",
        ):
            text = text.replace(line, line.replace("# ", "", 1))
        text = text.replace("# secrets:\n#   registry", "secrets:\n  registry")
        text = text.replace("# machines:\n#   demo", "machines:\n  demo")
        (tmp_path / file).write_text(text)
    report = check(tmp_path / "cluster.yaml").report
    assert report.ok, report.render()
    assert {f.code for f in report} == {"PV030", "PV053"}, report.render()  # no key; nothing is made on ec2


@pytest.mark.parametrize("name", OURS)
def test_the_examples_node_configs_compile(name: str) -> None:
    assert run(["validate", str(EXAMPLES / name / "cluster.yaml")]) == 0

"""Every case must come out as its file says; the files hold what ct 0.9.4 printed.

`pytest tests/golden/ct --update-golden` writes what the code does now; read the diff before committing it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.cli.ct import FLAGS, Folder, rendered
from provision.cli.goflags import parse
from provision.firstboot.container_linux import compile_ct
from provision.firstboot.container_linux.dynamic import Dynamic
from provision.firstboot.files import Files
from provision.firstboot.ignition.serialise import to_json

from .form import Case, read, render

HERE = Path(__file__).parent
FILES = sorted((HERE / "cases").glob("*.txt"))


def result(case: Case) -> str:
    ours = "ours" in case.words
    flags = parse([word for word in case.words if word != "ours"], FLAGS)
    folder = flags.texts["files-dir"]
    reader = (Files(HERE / folder) if ours else Folder(str(HERE / folder))) if folder else None
    compiled = compile_ct(case.text, f"{case.name}.clc", reader, Dynamic(flags.texts["platform"]), drop_in=not ours)
    strict = flags.switches["strict"]
    if ours:
        findings = "".join(f"{f.severity} {f.code} {f.span}: {f.message} ({f.hint})\n" for f in compiled.report)
    else:
        findings = rendered(compiled.parsed)
        if not compiled.parsed.ok or (strict and len(compiled.parsed)):
            return f"{findings}Failed to parse config\n"
        findings += rendered(compiled.converted)
    if compiled.ignition is None or (strict and len(compiled.converted)):
        return findings
    return findings + to_json(compiled.ignition, pretty=True) + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden(path: Path, request: pytest.FixtureRequest) -> None:
    made = render(read(path), result)
    if request.config.getoption("--update-golden"):
        path.write_bytes(made.encode())
    assert made == path.read_bytes().decode()


def test_every_case_is_read() -> None:
    for path in FILES:
        assert path.read_text("utf-8").count("\n####################>\n") == len(read(path)), path
    assert sum(len(read(path)) for path in FILES) > 60

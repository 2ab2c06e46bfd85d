"""Every case must come out as its file says; the files hold what coreos-cloudinit 1.14.0 printed, its lines sorted.

`pytest tests/golden/cloudconfig --update-golden` writes what the code does now; read the diff before committing it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.firstboot.cloudconfig import compile_cloud_config
from provision.firstboot.cloudconfig.emit import emit
from provision.firstboot.cloudconfig.validator import Unvalidated, validate
from provision.firstboot.ignition.golang import quote
from tests.golden.ct.form import Case, read, render

FILES = sorted((Path(__file__).parent / "cases").glob("*.txt"))


def result(case: Case) -> str:
    if "ours" in case.words:
        compiled = compile_cloud_config(case.text, f"{case.name}.yaml")
        found = "".join(f"{f.severity} {f.code} {f.span}: {f.message} ({f.hint})\n" for f in compiled.report)
        return found + (emit(compiled.config) if compiled.config is not None else "")
    try:
        findings = validate(case.text)
    except Unvalidated as problem:
        return f"Failed while validating user_data ({quote(str(problem))})\n"
    return "".join(f"{line}\n" for line in sorted(map(str, findings)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden(path: Path, request: pytest.FixtureRequest) -> None:
    made = render(read(path), result)
    if request.config.getoption("--update-golden"):
        path.write_bytes(made.encode())
    assert made == path.read_bytes().decode()


def test_every_case_is_read() -> None:
    assert sum(len(read(path)) for path in FILES) > 35

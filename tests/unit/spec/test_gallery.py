"""Every wrong spec of the gallery is told of in exactly the words that stand there."""

from __future__ import annotations

import os
import re

import pytest

from provision.explain import catalogue
from tests.unit.spec import gallery

FILES = sorted((gallery.HERE / "wrong").glob("*.txt"))
CASES = [case for file in FILES for case in gallery.cases(file)]
ELSEWHERE = {"PV003", "PV090", "PV091", "PV092"}
"""Codes about files as such, which test_load and test_lock bring about."""

if os.environ.get("UPDATE_GOLDEN"):
    for file in FILES:
        gallery.write(file)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_what_is_said(case: gallery.Case) -> None:
    assert gallery.said_of(case) == case.said


def test_every_code_of_the_spec_has_a_case() -> None:
    shown = set(re.findall(r"(?:error|warning)\[(PV\d{3})", "".join(case.said for case in CASES)))
    wanted = {code for code in catalogue() if code < "PV100"}
    assert wanted - shown == ELSEWHERE


def test_the_base_of_the_gallery_is_right() -> None:
    loaded = gallery.check("".join(f"{line}\n" for line in gallery.BASE.values()))
    assert loaded.report.findings == []
    assert loaded.cluster is not None

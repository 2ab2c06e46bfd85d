"""Our Ignition checks against the real ones: every finding and its path, over generated configs and golden cases.

IGNITION_EXAMPLES=800 runs more of the generated ones, for each version.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.diagnostics import path_text
from provision.firstboot import ignition
from provision.firstboot.butane.compiler import compile_butane
from provision.firstboot.butane.tree import YamlError, decode_bytes
from provision.firstboot.files import Files
from provision.firstboot.ignition import load, serialise
from provision.firstboot.ignition import messages as m
from tests.golden.butane.groups import read
from tests.golden.butane.test_golden import GROUPS, folder
from tests.ignition import real
from tests.ignition.configs import configs

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["folder"]

VERSIONS = [version for version in ignition.VERSIONS if version <= real.NEWEST]
EXAMPLES = int(os.environ.get("IGNITION_EXAMPLES", "40"))
NEWER = {
    m.MODE_SPECIAL.code,  # 2.14 says it in other words
    m.HARD_LINK_OWNER.code,
    m.FILESYSTEM_ON_PARTITIONS.code,
    m.FILESYSTEM_WIPED.code,
    m.TEMPLATE_NO_INSTALL.code,
    m.PATH_IS_UNIT.code,
}
"""Findings that came after Ignition 2.14."""
_LINE = re.compile(r"(error|warning)(?: at (\S+?)(?:, line \d+ col \d+)?)?: (.*)")
_OLD_WORDS = "setuid/setgid/sticky bits are not supported in spec versions older than 3.4.0"
Told = set[tuple[str, str, str]]


def told_by_ignition(text: str) -> Told:
    done = subprocess.run([real.binary(real.VALIDATE), "-"], input=text.encode(), capture_output=True, check=False)
    output = (done.stdout + done.stderr).decode("utf-8", "replace")
    found = {(f[1], f[2] or "", f[3]) for f in map(_LINE.fullmatch, output.splitlines()) if f}
    assert bool(done.returncode) == any(each[0] == "error" for each in found), output
    return {each for each in found if each[2] != _OLD_WORDS}


def told_by_us(text: str) -> Told:
    _, report = load(text, "a.ign")
    return {(str(f.severity), path_text(f.path), f.message) for f in report if f.code not in NEWER}


@pytest.mark.parametrize("spec", VERSIONS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_every_finding_agrees(spec: str, data: st.DataObject) -> None:
    text = json.dumps(data.draw(configs(spec)), indent=1)
    assert told_by_us(text) == told_by_ignition(text)


@pytest.mark.parametrize("spec", VERSIONS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_what_a_merge_makes_is_accepted_when_both_sides_are(spec: str, data: st.DataObject) -> None:
    sides = [data.draw(configs(spec)) for _ in range(2)]
    merged = serialise(ignition.merge(*sides, spec).config, spec=spec)
    assert told_by_us(merged) == told_by_ignition(merged)


@pytest.mark.parametrize("path", GROUPS, ids=lambda path: path.stem)
def test_what_the_golden_cases_become_is_accepted(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for case in read(path):
        try:
            text = decode_bytes(case.data)
        except YamlError:
            continue
        compiled = compile_butane(text, "a.bu", Files("files", follow=True), drop_in=True, raw=True)
        if compiled.ignition is not None and compiled.spec_version <= real.NEWEST:
            config = serialise(compiled.ignition)
            assert told_by_ignition(config) == told_by_us(config), case.name
            assert not any(each[0] == "error" for each in told_by_us(config)), case.name

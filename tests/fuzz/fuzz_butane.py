"""Coverage-guided fuzzing of the Butane compiler, for as long as one likes; no part of the everyday tests.

    python -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris pyyaml
    PYTHONPATH=.:schemas /tmp/fuzz/bin/python tests/fuzz/fuzz_butane.py -max_total_time=600 /tmp/fuzz/corpus

A traceback, an input that takes longer than 10 seconds, or more than 1 GiB of memory ends the run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["provision.firstboot", "provision.located"]):
    from provision.firstboot.butane import compile_butane
    from provision.firstboot.butane.dropin import output, render_findings
    from provision.firstboot.butane.tree import YamlError, decode_bytes
    from provision.firstboot.ignition import load, serialise


def one(data: bytes) -> None:
    """Compile as the drop-in and as ourselves; what comes out must be Ignition."""
    try:
        text = decode_bytes(data)
    except YamlError:
        return
    for drop_in in (True, False):
        made = compile_butane(text, "a.bu", drop_in=drop_in)
        render_findings(made, text, "a.bu", raw=False)
        if made.ignition is None:
            assert not made.report.ok
        else:
            output(made, pretty=False)
            config, report = load(serialise(made.ignition), "a.ign")
            assert config is not None, report.findings
            assert serialise(config) == serialise(made.ignition)


def seed(folder: Path) -> None:
    """Write the golden inputs as the first inputs."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from golden.butane.groups import GROUPS_FOLDER, read

    folder.mkdir(parents=True, exist_ok=True)
    for path in GROUPS_FOLDER.glob("*.txt"):
        for case in read(path):
            (folder / case.name).write_bytes(case.data)


if __name__ == "__main__":
    if not sys.argv[-1].startswith("-") and len(sys.argv) > 1:
        seed(Path(sys.argv[-1]))
    atheris.Setup([*sys.argv, "-timeout=10", "-rss_limit_mb=1024", "-max_len=4096"], one)
    atheris.Fuzz()

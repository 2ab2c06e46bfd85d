"""Start-up: what the light commands load. Times belong to tests/perf; modules do not depend on the machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

from provision.cli import main

HEAVY = {
    "boto3",
    "pydantic",
    "rich",
    "jsonschema",
    "yaml",
    "asyncio",
    "httpx",
    "jinja2",
    "cryptography",
    "qemu",
    "starlette",
}


def loaded_by(*argv: str) -> set[str]:
    script = (
        "import sys; from provision.__main__ import main\n"
        "sys.argv = ['provision', *sys.argv[1:]]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *argv], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.splitlines()}


@pytest.mark.parametrize("argv", [["--version"], ["--help"]])
def test_light_commands_load_nothing_heavy(argv: list[str]) -> None:
    assert not loaded_by(*argv) & HEAVY


def test_the_version_needs_no_command_tree() -> None:
    assert "typer" not in loaded_by("--version")


# `provision butane` prints butane's own help, as it prints butane's own messages.
@pytest.mark.parametrize("name", sorted(set(main.COMMANDS) - {"butane"}))
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example" in shown
    assert f"  provision {name}" in shown


def test_a_wrong_command_is_a_usage_error() -> None:
    done = subprocess.run([sys.executable, "-m", "provision", "nope"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "nope" in done.stderr


def test_a_reader_that_leaves_gets_no_traceback() -> None:
    done = subprocess.run(
        f"{sys.executable} -m provision explain | head -1; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr

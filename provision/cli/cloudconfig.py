"""``provision cloudconfig``: checks a cloud-config as coreos-cloudinit does, or writes it as coreos-cloudinit reads it.

With ``--validate`` it is a drop-in for ``coreos-cloudinit --validate --from-file=FILE``: flags, findings and exit
codes (0, 1, 2). With a file alone it checks more strictly, and writes the config with underscores for dashes.
"""

from __future__ import annotations

import sys
import time
import zlib
from typing import TYPE_CHECKING, Annotated

from provision.cli.goflags import Flag, FlagProblem, Flags, parse, usage
from provision.cli.streams import say

if TYPE_CHECKING:
    from collections.abc import Sequence

BEHAVES_AS = "1.14.0"
EXAMPLE = """
Example:
  provision cloudconfig --validate --from-file=user-data.yaml
  provision cloudconfig user-data.yaml >mended.yaml
"""
FLAGS = {
    "help": Flag("Print help and exit"),
    "version": Flag("Print the version and exit"),
    "validate": Flag("Validate the user-data but do not apply it to the system"),
    "from-file": Flag("Read user-data from provided file", text=True),
}
GZIP = b"\x1f\x8b"
MAX_UNPACKED = 64 << 20


def cloudconfig(file: Annotated[str, "the cloud-config"] = "", from_file: str = "", validate: bool = False) -> None:
    """Check a cloud-config, as `coreos-cloudinit` does; without --validate, write it with underscores for dashes.

    \b
    Example:
      provision cloudconfig --validate --from-file=user-data.yaml
    """
    sys.exit(_run(Flags({"from-file": from_file}, {"validate": validate}, [file] if file else [])))


def run(argv: Sequence[str]) -> int:
    """Run with the arguments that follow ``cloudconfig``; returns the exit code, raises nothing."""
    try:
        flags = parse(argv, FLAGS)
    except FlagProblem as problem:
        sys.stderr.write(f"{problem}\n{usage('cloudconfig', FLAGS)}".lstrip("\n"))
        return 2
    if flags.switches["help"]:
        sys.stdout.write(usage("cloudconfig", FLAGS) + EXAMPLE)
        return 0
    if flags.switches["version"]:
        from provision import __version__

        sys.stdout.write(f"provision {__version__} (behaves as coreos-cloudinit {BEHAVES_AS})\n")
        return 0
    return _run(flags)


def _run(flags: Flags) -> int:
    name = flags.texts["from-file"] or next(iter(flags.words), "")
    if not name:
        sys.stderr.write("Provide --from-file, or the name of a file\n")
        return 2
    return _validate(name) if flags.switches["validate"] else _normalise(name)


def _validate(name: str) -> int:
    _log('Checking availability of "local-file"')
    data = _read(name)
    if data is None:
        _log("No datasources available in time")
        return 1
    _log('Fetching meta-data from datasource of type "local-file"')
    _log('Fetching user-data from datasource of type "local-file"')
    return _report(_text(data))


def _report(text: str) -> int:
    from provision.firstboot.cloudconfig.validator import Unvalidated, validate
    from provision.firstboot.ignition.golang import quote

    try:
        found = validate(text)
    except Unvalidated as problem:
        _log(f"Failed while validating user_data ({quote(str(problem))})")
        return 1
    for finding in found:
        _log(str(finding))
    return 1 if found else 0


def _normalise(name: str) -> int:
    from provision.firstboot.cloudconfig import compile_cloud_config
    from provision.firstboot.cloudconfig.emit import emit

    data = _read(name)
    if data is None:
        sys.stderr.write(f"{name} cannot be read\n")
        return 1
    compiled = compile_cloud_config(_text(data), name)
    if len(compiled.report):
        say(compiled.report.render() + "\n")
    if compiled.config is None:
        return 1
    sys.stdout.write(emit(compiled.config))
    return 0


def _read(name: str) -> bytes | None:
    try:
        with open(name, "rb") as file:  # noqa: PTH123
            return file.read()
    except (OSError, ValueError):
        return None


def _text(data: bytes) -> str:
    """Return user data's text, unpacked where it is gzipped; what is not UTF-8 is kept as surrogates."""
    if data.startswith(GZIP):
        unpacker = zlib.decompressobj(31)
        try:
            data = unpacker.decompress(data, MAX_UNPACKED)
        except zlib.error as problem:
            _log(f"Failed decompressing user-data from datasource: {problem}. Continuing...")
            data = b""
    return data.decode("utf-8", "surrogateescape")


def _log(text: str) -> None:
    say(f"{time.strftime('%Y/%m/%d %H:%M:%S')} {text}\n")


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))

"""``provision ct``: a drop-in for ct 0.9.4, with its flags, its messages and its exit codes (0, 1, 2)."""

from __future__ import annotations

import posixpath
import sys
from typing import TYPE_CHECKING, Annotated

from provision.cli.goflags import Flag, FlagProblem, Flags, parse, usage
from provision.cli.streams import say, write
from provision.firstboot.files import LocalFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provision.diagnostics import Diagnostic, Report

BEHAVES_AS = "0.9.4"
PLATFORMS = "azure digitalocean ec2 gce packet openstack-metadata vagrant-virtualbox cloudstack-configdrive custom"
EXAMPLE = """
Example:
  provision ct --platform ec2 --in-file node.clc --out-file node.ign
"""
FLAGS = {
    "help": Flag("Print help and exit."),
    "pretty": Flag("Indent the resulting Ignition config."),
    "version": Flag("Print the version and exit."),
    "in-file": Flag("Path to the container linux config. Standard input unless specified otherwise.", text=True),
    "out-file": Flag("Path to the resulting Ignition config. Standard output unless specified otherwise.", text=True),
    "strict": Flag("Fail if any warnings are encountered."),
    "platform": Flag(f"Platform to target. Accepted values: [{PLATFORMS}].", text=True),
    "files-dir": Flag("Directory to read local files from.", text=True),
}


def ct(
    in_file: Annotated[str, "--in-file"] = "",
    out_file: str = "",
    files_dir: str = "",
    platform: str = "",
    pretty: bool = False,
    strict: bool = False,
) -> None:
    """Compile a Container Linux Config to Ignition 2.3, as `ct` does.

    \b
    Example:
      provision ct --platform ec2 --in-file node.clc --out-file node.ign
    """
    texts = {"in-file": in_file, "out-file": out_file, "files-dir": files_dir, "platform": platform}
    sys.exit(transpile(Flags(texts, {"pretty": pretty, "strict": strict})))


def run(argv: Sequence[str]) -> int:
    """Run with the arguments that follow ``ct``; returns the exit code, raises nothing."""
    try:
        flags = parse(argv, FLAGS)
    except FlagProblem as problem:
        say(f"{problem}\n{usage('ct', FLAGS)}" if str(problem) else usage("ct", FLAGS))
        return 2
    if flags.switches["help"]:
        sys.stdout.write(usage("ct", FLAGS) + EXAMPLE)
        return 0
    if flags.switches["version"]:
        from provision import __version__

        sys.stdout.write(f"provision {__version__} (behaves as ct v{BEHAVES_AS})\n")
        return 0
    return transpile(flags)


class Folder:
    """Reads local files as ct does: any path is joined to the folder and opened."""

    def __init__(self, root: str) -> None:
        self._root = root

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            LocalFileError: it cannot be read.
        """
        joined = posixpath.normpath(f"{self._root}/{name}")
        path = joined[1:] if joined.startswith("//") else joined
        try:
            with open(path, "rb") as file:  # noqa: PTH123
                return file.read()
        except IsADirectoryError:
            raise LocalFileError(f"read {path}: is a directory") from None
        except (OSError, ValueError) as error:
            raise LocalFileError(f"open {path}: {_reason(error)}") from None


def transpile(flags: Flags) -> int:
    """Read, compile, print the findings, write the output; returns the exit code."""
    source = flags.texts["in-file"]
    try:
        data = _read(source)
    except IsADirectoryError:
        say(f"Failed to read: read {source}: is a directory\n")
        return 1
    except (OSError, ValueError) as error:
        say(f"Failed to open: open {source}: {_reason(error)}\n")
        return 1
    return _compile(data, flags)


def _compile(data: bytes, flags: Flags) -> int:
    from provision.firstboot.butane.tree import YamlError, decode_bytes
    from provision.firstboot.container_linux.compiler import compile_ct
    from provision.firstboot.container_linux.dynamic import Dynamic

    try:
        text = decode_bytes(data)
    except YamlError as problem:
        say(f"error: yaml: {problem}\nFailed to parse config\n")
        return 1
    folder = Folder(flags.texts["files-dir"]) if flags.texts["files-dir"] else None
    name = flags.texts["in-file"] or "<stdin>"
    compiled = compile_ct(text, name, folder, Dynamic(flags.texts["platform"]), drop_in=True)
    strict = flags.switches["strict"]
    say(rendered(compiled.parsed))
    if not compiled.parsed.ok or (strict and len(compiled.parsed)):
        say("Failed to parse config\n")
        return 1
    say(rendered(compiled.converted))
    if compiled.ignition is None or (strict and len(compiled.converted)):
        return 1
    return _write(compiled.ignition, flags)


def rendered(report: Report) -> str:
    """Return findings as ct prints them."""
    from provision.firstboot.container_linux.gotext import sprintf

    text = sprintf("\n".join(map(_line, report)))
    return f"{text.removesuffix(chr(10))}\n" if len(report) else ""


def _line(finding: Diagnostic) -> str:
    # ct knows no place of what its YAML library says; the message has it.
    if finding.span is None or finding.code in ("PV820", "PV821"):
        return f"{finding.severity}: {finding.message}"
    return f"{finding.severity} at line {finding.span.line}, column {finding.span.column}\n{finding.message}"


def _read(name: str) -> bytes:
    if not name:
        return sys.stdin.buffer.read()
    with open(name, "rb") as file:  # noqa: PTH123
        return file.read()


def _write(config: dict[str, object], flags: Flags) -> int:
    from provision.firstboot.ignition.serialise import to_json

    pretty, target = flags.switches["pretty"], flags.texts["out-file"]
    data = (to_json(config, pretty=pretty) + ("\n" if pretty else "")).encode("utf-8", "surrogateescape")
    try:
        write(target, data)
    except (OSError, ValueError) as error:
        say(f"Failed to create: open {target or '/dev/stdout'}: {_reason(error)}\n")
        return 1
    return 0


def _reason(error: OSError | ValueError) -> str:
    reason = error.strerror if isinstance(error, OSError) else "invalid argument"
    return (reason or str(error)).lower()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))

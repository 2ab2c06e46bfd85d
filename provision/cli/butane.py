"""``provision butane``: a drop-in for butane, with its flags, its messages and its exit codes (0, 1, 2)."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.cli.streams import say, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.firstboot.butane.compiler import Compiled

BEHAVES_AS = "0.29.0"
USAGE = """\
Usage: provision butane [options] [input-file]
Options:
  -c, --check              check config without producing output
      --color string       control color output: "auto", "always", or "never" (default "auto")
  -d, --files-dir string   allow embedding local files from this directory
  -h, --help               show usage and exit
  -o, --output string      write to output file instead of stdout
  -p, --pretty             output formatted json
  -r, --raw                never wrap in a MachineConfig; force Ignition output
      --raw-errors         show raw errors, rather than pretty printing them
  -s, --strict             fail on any warning
  -V, --version            print the version and exit
"""


@dataclass(slots=True)
class Options:
    """The flags of one run, by butane's names."""

    check: bool = False
    color: str = "auto"
    debug: bool = False
    files_dir: str = ""
    help: bool = False
    input: str = ""
    output: str = ""
    pretty: bool = False
    raw: bool = False
    raw_errors: bool = False
    strict: bool = False
    version: bool = False


_SHORT = {"c": "check", "d": "files_dir", "D": "debug", "h": "help", "o": "output", "p": "pretty", "r": "raw"}
_SHORT |= {"s": "strict", "V": "version"}
_TEXTS = frozenset(("color", "files_dir", "input", "output"))


class UsageProblem(Exception):
    """The command line cannot be read; the text is pflag's."""


def run(argv: Sequence[str]) -> int:
    """Run with the arguments that follow ``butane``; returns the exit code, raises nothing."""
    try:
        options = parse(argv)
    except UsageProblem as problem:
        say(f"{problem}\n{USAGE}" if str(problem) else USAGE)
        return 2
    if options.help:
        sys.stdout.write(USAGE)
        return 0
    if options.version:
        from provision import __version__

        sys.stdout.write(f"provision {__version__} (behaves as Butane v{BEHAVES_AS})\n")
        return 0
    return compile_file(options)


def parse(argv: Sequence[str]) -> Options:
    """Read flags as pflag does: ``-ps``, ``-dDIR``, ``--files-dir=DIR``, ``--color`` alone for always.

    Raises:
        UsageProblem: an unknown flag, a flag without its value, or two files.
    """
    options = Options()
    words: list[str] = []
    rest = iter(argv)
    for word in rest:
        if word == "--":
            words += rest
        elif word.startswith("--"):
            _long(word, rest, options)
        elif word.startswith("-") and word != "-":
            _shorts(word, rest, options)
        else:
            words.append(word)
    if len(words) == 1 and not options.input:
        options.input = words[0]
    elif words:
        raise UsageProblem
    return options


def _long(word: str, rest: Iterator[str], options: Options) -> None:
    name, equals, value = word[2:].partition("=")
    key = {"colour": "color"}.get(name, name.replace("-", "_"))
    if "_" in name or key not in Options.__slots__:
        raise UsageProblem(f"unknown flag: --{name}")
    if key == "color":
        options.color = value if equals else "always"
    elif key in _TEXTS:
        setattr(options, key, value if equals else _next(rest, f"flag needs an argument: --{name}"))
    else:
        setattr(options, key, _flag(value, f"--{name}") if equals else True)


def _shorts(word: str, rest: Iterator[str], options: Options) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        key = _SHORT.get(letter)
        if key is None:
            raise UsageProblem(f"unknown shorthand flag: '{letter}' in {word}")
        if key in _TEXTS:
            value = letters.removeprefix("=") or _next(rest, f"flag needs an argument: '{letter}' in {word}")
            setattr(options, key, value)
            return
        if letters.startswith("="):
            setattr(options, key, _flag(letters[1:], f"-{letter}"))
            return
        setattr(options, key, True)


def _next(rest: Iterator[str], problem: str) -> str:
    value = next(rest, None)
    if value is None:
        raise UsageProblem(problem)
    return value


def _flag(value: str, name: str) -> bool:
    if value in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if value in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise UsageProblem(
        f'invalid argument "{value}" for "{name}" flag: strconv.ParseBool: parsing "{value}": invalid syntax'
    )


def compile_file(options: Options) -> int:
    """Read, compile, print the findings, write the output; returns the exit code."""
    name = options.input or "<stdin>"
    try:
        data = _read(options.input)
    except OSError as error:
        say(f"failed to read {name}: open {name}: {_reason(error)}\n")
        return 1
    compiled, text = _compile(data, name, options)
    findings = _findings(compiled, text, name, options)
    say(findings)
    if compiled.failure is not None:
        say(f"Error translating config: {compiled.failure}\n")
        return 1
    if options.strict and findings:
        say("Config produced warnings and --strict was specified\n")
        return 1
    return 0 if options.check else _write(compiled, options)


def _read(name: str) -> bytes:
    if not name:
        return sys.stdin.buffer.read()
    with open(name, "rb") as file:  # noqa: PTH123
        return file.read()


def _compile(data: bytes, name: str, options: Options) -> tuple[Compiled, str]:
    from provision.firstboot.butane.compiler import compile_butane, failed_yaml
    from provision.firstboot.butane.tree import YamlError, decode_bytes
    from provision.firstboot.files import Files

    files = Files(options.files_dir, follow=True) if options.files_dir else None
    try:
        text = decode_bytes(data)
    except YamlError as error:
        return failed_yaml(error, "", name), ""
    return compile_butane(text, name, files, drop_in=True, raw=options.raw), text


def _findings(compiled: Compiled, text: str, name: str, options: Options) -> str:
    if not compiled.report:
        return ""
    from provision.firstboot.butane.dropin import render_findings

    colour = options.color in ("always", "yes") or (
        options.color == "auto" and "NO_COLOR" not in os.environ and stat.S_ISCHR(os.fstat(2).st_mode)
    )
    return render_findings(compiled, text, name, raw=options.raw_errors, colour=colour)


def _write(compiled: Compiled, options: Options) -> int:
    from provision.firstboot.butane.dropin import output

    data = output(compiled, pretty=options.pretty).encode("utf-8", "surrogateescape")
    try:
        write(options.output, data)
    except OSError as error:
        where = options.output or "/dev/stdout"
        say(f"failed to open {where}: open {where}: {_reason(error)}\n")
        return 1
    return 0


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))

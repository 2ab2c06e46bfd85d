"""Build or reuse the lab OS: ``python -m provision_qemu.labos``.

The folder of the image goes to stdout, progress to stderr.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from provision.errors import ProviderError
from provision_qemu.labos import host
from provision_qemu.labos.image import build


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0, or ProviderError's exit code after saying what went wrong."""
    options = _parser().parse_args(arguments)
    if options.packages:
        print(*host.PACKAGES)
        return 0
    try:
        print(build(options.output and options.output.absolute(), force=options.force))
    except ProviderError as error:
        print(error.message, error.hint, sep="\n", file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m provision_qemu.labos", description=__doc__)
    parser.add_argument("--output", type=Path, metavar="DIR", help="build here, not in the cache")
    parser.add_argument("--force", action="store_true", help="build anew even if the image is there")
    parser.add_argument("--packages", action="store_true", help="print the Debian packages that a build needs")
    return parser


if __name__ == "__main__":
    sys.exit(main())

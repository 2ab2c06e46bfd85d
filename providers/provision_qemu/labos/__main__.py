"""Build or reuse the lab OS: ``python -m provision_qemu.labos``.

The folder of the image goes to stdout, progress to stderr.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from provision.errors import ProviderError
from provision_qemu.labos import host, media
from provision_qemu.labos.image import build


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0, or ProviderError's exit code after saying what went wrong."""
    options = _parser().parse_args(arguments)
    if options.packages:
        print(*dict.fromkeys((*host.PACKAGES, *(media.PACKAGES if options.media else ()))))
        return 0
    try:
        folder = build(options.output and options.output.absolute(), force=options.force)
        print(media.build(folder) if options.media else folder)
    except ProviderError as error:
        print(error.message, error.hint, sep="\n", file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m provision_qemu.labos", description=__doc__)
    parser.add_argument("--output", type=Path, metavar="DIR", help="build here, not in the cache")
    parser.add_argument("--force", action="store_true", help="build anew even if the image is there")
    parser.add_argument("--packages", action="store_true", help="print the Debian packages that a build needs")
    parser.add_argument("--media", action="store_true", help="make the media for network boots, CDs and disks as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())

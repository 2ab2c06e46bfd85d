"""The way in: `provision` and `python -m provision`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] == ["--version"]:  # scripts ask this in loops: no command tree is built for it
        from importlib.metadata import version

        sys.stdout.write(f"provision {version('provision')}\n")
        return
    if sys.argv[1:2] == ["butane"]:  # a drop-in reads flags as butane does, and starts as quickly
        from provision.cli import butane

        sys.exit(butane.run(sys.argv[2:]))
    if sys.argv[1:2] == ["ct"]:
        from provision.cli import ct

        sys.exit(ct.run(sys.argv[2:]))
    if sys.argv[1:2] == ["cloudconfig"]:
        from provision.cli import cloudconfig

        sys.exit(cloudconfig.run(sys.argv[2:]))
    from provision.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

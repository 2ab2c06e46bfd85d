"""The way in: `provision` and `python -m provision`."""

from __future__ import annotations

import importlib
import signal
import sys

from provision import __version__

DROP_INS = ("butane", "ct", "cloudconfig")
"""Commands that read their flags as the tools do that they stand in for, and start as quickly."""
INTERRUPTED = 130
"""The exit code of `provision.errors.Interrupted`, which `--version` need not import."""


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] == ["--version"]:  # scripts ask this in loops: no command tree is built for it
        sys.stdout.write(f"provision {__version__}\n")
        return
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in DROP_INS:
        sys.exit(importlib.import_module(f"provision.cli.{name}").run(sys.argv[2:]))
    from provision.cli.main import run

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: in good order
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # one more, while the first was being told of
        code = INTERRUPTED
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # all is done: the exit code shall be the command's own
    sys.exit(code)


if __name__ == "__main__":
    main()

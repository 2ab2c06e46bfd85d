"""Reading the spec's secrets: from the environment, a file, or a command. Only `up` does; they are never printed."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

from provision.errors import ProvisionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from provision.spec.model import Cluster, Secret

COMMAND_SECONDS = 30.0


def read(cluster: Cluster, names: Iterable[str]) -> dict[str, str]:
    """Return the values of secrets by name, one final newline dropped.

    Raises:
        ProvisionError: one cannot be had, or is larger than its `max_size`; its value is never shown.
    """
    return {name: _one(name, cluster.secrets[name], cluster.directory) for name in names}


def _one(name: str, secret: Secret, directory: Path) -> str:
    try:
        value = _value(secret, directory)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ProvisionError(f"secret {name!r} cannot be read: {_why(error)}") from None
    if len(value.encode()) > secret.max_size:
        hint = "set its max_size in the spec, if it is meant to be so large"
        raise ProvisionError(f"secret {name!r} is larger than {secret.max_size} bytes", hint=hint)
    return value.removesuffix("\n")


def _value(secret: Secret, directory: Path) -> str:
    if secret.env is not None:
        if secret.env not in os.environ:
            raise ValueError(f"the environment has no {secret.env}")
        return os.environ[secret.env]
    if secret.file is not None:
        with (directory / os.path.expanduser(secret.file)).open(encoding="utf-8") as file:  # noqa: PTH111
            return file.read(secret.max_size + 2)
    return _output(secret.command or (), directory, secret.max_size)


def _output(command: Sequence[str], directory: Path, max_size: int) -> str:
    """Run a command in a process group of its own, so that all of it can be ended when it hangs."""
    with subprocess.Popen(
        command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        raise ValueError(f"{command[0]} ended with {process.returncode}")
    return output[: max_size + 2]


def _why(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"its command did not end within {COMMAND_SECONDS:.0f} s"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)

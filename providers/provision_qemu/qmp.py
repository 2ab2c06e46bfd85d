"""Orders to a running QEMU over its monitor socket (QMP), for callers that are not asynchronous."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError, ProviderMissing

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 5.0
"""Seconds for connecting and one answer; QEMU serves one monitor client at a time."""


def execute(directory: Path, order: str, limit: float = LIMIT) -> object:
    """Send one order without arguments to the QEMU of a machine's directory, and return its answer.

    Raises:
        ProviderMissing: the package qemu.qmp is not installed.
        ProviderError: nobody listens, or QEMU refuses or does not answer in time.
    """
    try:
        from qemu.qmp import QMPError
    except ImportError as error:
        raise ProviderMissing("the Python package qemu.qmp is missing", hint="pip install 'provision[qemu]'") from error
    fd = os.open(directory, os.O_PATH | os.O_CLOEXEC)
    try:
        # Through the descriptor the path is short: a socket's address holds 107 characters.
        return asyncio.run(asyncio.wait_for(_talk(f"/proc/self/fd/{fd}/qmp.sock", order), limit))
    except (QMPError, TimeoutError, OSError, EOFError) as error:
        message = f"qemu does not take the order {order}: {error or type(error).__name__}"
        raise ProviderError(message, kind=Kind.UNAVAILABLE, retryable=True) from error
    finally:
        os.close(fd)


async def _talk(address: str, order: str) -> object:
    from qemu.qmp import QMPClient

    client = QMPClient("provision")
    await client.connect(address)
    try:
        return await client.execute(order)
    finally:
        with suppress(EOFError, OSError):  # after `quit` QEMU is the first to hang up
            await client.disconnect()

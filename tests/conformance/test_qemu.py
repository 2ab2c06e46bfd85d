"""The QEMU provider passes the suite that every provider passes, with tiny but real machines."""

from __future__ import annotations

import errno
import shutil
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from provision.model import Labels, MachineWanted, Wanted
from provision.provider import Context
from provision.testing.conformance import Conformance
from provision.testing.rig import Rig
from provision_qemu import QEMU, place
from tests.unit.providers.qemu.kit import PAYLOAD, TINY, processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UID = "3d0f0f0e-3f55-4a3e-8f0a-6ce3f4f0a5d1"
LABELS = Labels("tiny", UID, "", 1, "me@example.org", "2030-01-01T00:00:00Z", "0123456789abcdef")

FAILING = """#!/bin/sh
# A qemu that starts so many machines, and is then refused memory.
echo >>{calls}
[ "$(wc -l <{calls})" -le {after} ] && exec {qemu} "$@"
echo "qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory" >&2
exit 1
"""

KILLED = """#!/bin/sh
# A qemu that starts the machine, and is killed before it can say so.
{qemu} "$@"
kill -KILL $$
"""


@contextmanager
def instead_of_qemu(script: str, folder: Path, **values: object) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    program = folder / "qemu-system-x86_64"
    program.write_text(script.format(qemu=shutil.which(program.name), calls=folder / "calls", **values))
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=":")
        yield


@contextmanager
def failing_after_removal() -> Iterator[None]:
    real = place.discard

    def discard(gone: place.Place) -> None:
        real(gone)
        raise OSError(errno.EIO, "Input/output error")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, "discard", discard)
        yield


class TestQEMU(Conformance):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> Iterator[Rig]:
        image = tmp_path / "empty.img"
        image.write_bytes(bytes(1 << 20))
        context = Context(tmp_path / "work", tmp_path / "cache", lambda: datetime.now(UTC), tmp_path)
        options = {"image": str(image), "accelerator": "tcg", "disk_cache": "unsafe"}
        machine = MachineWanted("core-0", "core", "lab", TINY, "", options, address="10.99.0.1")

        def lose_answer(operation: str):
            if operation == "create":
                return instead_of_qemu(KILLED, tmp_path / "bin")
            return failing_after_removal()

        def break_batch(_operation: str, after: int):
            return instead_of_qemu(FAILING, tmp_path / "bin", after=after)

        wanted = Wanted("tiny", UID, LABELS, (machine,), options, subnet="10.99.0.0/24")
        yield Rig(lambda: QEMU(options, context), wanted, PAYLOAD, lose_answer, break_batch, many=5)
        assert processes(tmp_path) == []
        assert not context.work.exists() or list(context.work.iterdir()) == []

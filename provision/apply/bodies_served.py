"""Bodies in this computer's own boot service: files below the data directory, which it serves by their SHA-256.

The service answers ``GET /bodies/<sha256>`` with the file of that name, and with nothing else of the directory: the
labels lie beside each body, in ``<sha256>.json``.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import TYPE_CHECKING, ClassVar

from provision import paths
from provision.bodies import Store
from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def folder() -> Path:
    """Return the directory of all bodies that this computer serves."""
    return paths.data() / "netboot" / "bodies"


def path_of(sha256: str) -> str:
    """Return the path under which the boot service, and the reception of `up`, serve a body."""
    return f"/bodies/{sha256}"


class ServedBodies(Store):
    """The bodies of this computer's boot service."""

    name: ClassVar[str] = "serve"

    def put(self, key: str, data: bytes, texts: Mapping[str, str]) -> None:
        """Write the labels, then the body, each whole or not at all."""
        try:
            folder().mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(_labels(key), json.dumps({**texts, "key": key}).encode())
            _write(_body(key), data)
        except OSError as error:
            raise _refused(error) from error

    def relabel(self, key: str, texts: Mapping[str, str]) -> None:
        """Write the labels anew."""
        try:
            _write(_labels(key), json.dumps({**texts, "key": key}).encode())
        except OSError as error:
            raise _refused(error) from error

    def objects(self, folder: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield what the labels' files tell."""
        for file in sorted(_all()):
            try:
                texts = json.loads(file.read_text("utf-8"))
            except FileNotFoundError:  # removed meanwhile
                continue
            except (OSError, ValueError) as error:
                message = f"{file} cannot be read: {error}"
                raise ProviderError(message, kind=Kind.INVALID, hint="remove it, and the body beside it") from error
            if texts["key"].startswith(folder):
                yield texts["key"], texts

    def remove(self, key: str) -> None:
        """Remove the body, then its labels: what is left after a crash is still found."""
        try:
            _body(key).unlink(missing_ok=True)
            _labels(key).unlink(missing_ok=True)
        except OSError as error:
            raise _refused(error) from error

    def address(self, key: str, seconds: int) -> str:  # noqa: ARG002
        """Return the boot service's URL; a path where `up` itself serves, since its host depends on the machine."""
        return self.base + path_of(_sha256(key))


def _all() -> Iterator[Path]:
    here = folder()
    return here.glob("*.json") if here.is_dir() else iter(())


def _sha256(key: str) -> str:
    return key.rpartition("/")[2]


def _body(key: str) -> Path:
    return folder() / _sha256(key)


def _labels(key: str) -> Path:
    return folder() / f"{_sha256(key)}.json"


def _write(path: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # mode 0600: bodies hold keys and secrets
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)  # noqa: PTH105
    except BaseException:
        os.unlink(name)  # noqa: PTH108
        raise


def _refused(error: OSError) -> ProviderError:
    return ProviderError(f"{folder()}: {error.strerror or error}", kind=Kind.INVALID, hint="see PROVISION_DATA_DIR")

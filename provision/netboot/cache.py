"""Kernels, initrds and images: fetched from release servers once, verified by SHA-256, served from the disk.

A file appears under its final name, ``artefacts/<sha256>/<name>``, only when it is whole and right.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from provision.errors import ProvisionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from provision.netboot.entry import Artefact

FOLDER = "artefacts"
CHUNK = 1 << 20
CONNECT_SECONDS = 30.0
AS_IT_IS = {"Accept-Encoding": "identity"}
RETRY_SECONDS = (5.0, 15.0, 60.0, 300.0)


class Cache:
    """The files, and a thread that fetches those that are wanted and not there."""

    def __init__(self, directory: Path) -> None:
        """Use a directory; it may be shared with other services and be emptied while none runs.

        Raises:
            ProvisionError: it cannot be used.
        """
        self.directory = directory
        self.failures: dict[str, str] = {}
        self._here: set[str] = set()
        self._wanted: dict[str, Artefact] = {}
        self._tries: dict[str, int] = {}
        self._wake, self._end = threading.Event(), threading.Event()
        try:
            (directory / FOLDER).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ProvisionError(f"{directory} cannot hold the boot files: {error.strerror}") from error

    def path(self, artefact: Artefact) -> Path:
        """Return where an artefact lies or will lie."""
        return self.directory / FOLDER / artefact.path

    def ready(self, artefacts: Iterable[Artefact]) -> bool:
        """Whether all of these are here. Those that are not are wanted from now on."""
        missing = [a for a in artefacts if a.path not in self._here and not self._found(a)]
        for artefact in missing:
            if artefact.path not in self._wanted:
                self._wanted[artefact.path] = artefact
                self._wake.set()
        return not missing

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Fetch what is wanted for the length of the context."""
        thread = threading.Thread(target=self._fill, name="artefacts", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._end.set()
            self._wake.set()

    def fetch(self, artefact: Artefact) -> Path:
        """Return an artefact's file, fetching it first where it is not there.

        Raises:
            ProvisionError: it cannot be fetched, or is not what its SHA-256 says.
        """
        path = self.path(artefact)
        if not path.exists():
            part = path.with_name(f".{artefact.name}.{os.getpid()}-{threading.get_ident()}.part")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                _copy(artefact.source, part)
                _verify(artefact, part)
                _sync(part)
                part.replace(path)
            except OSError as error:
                raise ProvisionError(f"{artefact.name} cannot be kept: {error.strerror or error}") from error
            finally:
                part.unlink(missing_ok=True)
        self._here.add(artefact.path)
        return path

    def _found(self, artefact: Artefact) -> bool:
        if found := self.path(artefact).is_file():
            self._here.add(artefact.path)
        return found

    def _fill(self) -> None:
        pause: float | None = None
        while not self._end.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            tried = [self._try(artefact) for artefact in list(self._wanted.values()) if not self._end.is_set()]
            pause = min((p for p in tried if p), default=None)

    def _try(self, artefact: Artefact) -> float | None:
        """Fetch one; return after how many seconds to try again, or None when it is here."""
        try:
            self.fetch(artefact)
        except ProvisionError as error:
            self.failures[artefact.path] = error.message
            tries = self._tries[artefact.path] = self._tries.get(artefact.path, 0) + 1
            return RETRY_SECONDS[min(tries, len(RETRY_SECONDS)) - 1]
        self.failures.pop(artefact.path, None)
        self._wanted.pop(artefact.path, None)
        return None


def _copy(source: str, part: Path) -> None:
    try:
        parts = urlsplit(source)
    except ValueError as error:
        raise ProvisionError(f"{source} is no URL: {error}") from error
    if parts.scheme in {"", "file"}:
        try:
            shutil.copyfile(parts.path, part)
        except OSError as error:
            raise ProvisionError(f"{parts.path} cannot be read: {error.strerror}") from error
    elif parts.scheme in {"http", "https"}:
        _download(source, part)
    else:
        raise ProvisionError(f"{source} is neither an http or https URL nor a file")


def _download(url: str, part: Path) -> None:
    import httpx

    try:
        with httpx.stream("GET", url, timeout=CONNECT_SECONDS, follow_redirects=True, headers=AS_IT_IS) as answer:
            answer.raise_for_status()
            with part.open("wb") as file:
                for chunk in answer.iter_raw(CHUNK):
                    file.write(chunk)
    except httpx.HTTPStatusError as error:
        raise ProvisionError(f"{url} answered {error.response.status_code}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProvisionError(f"{url} cannot be fetched: {error or type(error).__name__}") from error


def _verify(artefact: Artefact, part: Path) -> None:
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != artefact.sha256:
        message = f"{artefact.source} has SHA-256 {digest}, not {artefact.sha256}: it is not served [PV585]"
        raise ProvisionError(message, hint="compare with the publisher's list")


def _sync(file: Path) -> None:
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

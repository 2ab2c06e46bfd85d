"""What firmware starts with: iPXE, PXELINUX and GRUB as the distribution brings them, copied into one folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provision.errors import ProvisionError
from provision.netboot.arguments import table

if TYPE_CHECKING:
    from collections.abc import Iterable

LOADERS = "loaders.toml"


@dataclass(frozen=True, slots=True)
class Firmware:
    """One kind of firmware; ``loaders.toml`` says what the fields mean."""

    name: str
    numbers: tuple[int, ...]
    services: tuple[str, ...]
    ipxe: str
    native: str

    @property
    def http(self) -> bool:
        """Whether it loads by HTTP."""
        return self.name.startswith("http")

    def loader(self, *, native: bool) -> str:
        """Return what it loads: iPXE, or what does without."""
        return self.native if native else self.ipxe


def firmware() -> list[Firmware]:
    """Return all firmware that is known."""
    rows = table(LOADERS)["firmware"].items()
    return [Firmware(n, tuple(r["numbers"]), tuple(r["services"]), r["ipxe"], r["native"]) for n, r in rows]


def gather(folder: Path, extra: Path | None = None) -> dict[str, str]:
    """Copy all loaders that this computer has into a folder, and return those that it has not, with their packages.

    Args:
        folder: where they are served from; it is made.
        extra: a folder of the operator's own, whose files go before the distribution's.

    Raises:
        ProvisionError: they cannot be copied.
    """
    missing = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        for name, row in table(LOADERS)["files"].items():
            if not _copy(name, row["places"], folder):
                missing[name] = row["package"]
        _modules(folder)
        for file in sorted(extra.iterdir()) if extra else ():
            if file.is_file():
                _place(file, folder / file.name)
                missing.pop(file.name, None)
    except OSError as error:
        raise ProvisionError(f"{folder} cannot hold the loaders: {error}") from error
    return missing


def _modules(folder: Path) -> None:
    for platform, row in table(LOADERS)["modules"].items():
        for source in (Path(row["place"], name) for name in row["names"]):
            if source.is_file():
                target = folder / "grub" / platform / source.name
                target.parent.mkdir(parents=True, exist_ok=True)
                _place(source, target)


def _copy(name: str, places: Iterable[str], folder: Path) -> bool:
    found = next((p for p in map(Path, places) if p.is_file()), None)
    if found:
        _place(found, folder / name)
    return found is not None


def _place(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}")
    shutil.copyfile(source, temporary)
    temporary.chmod(0o644)
    temporary.replace(target)

"""Build the lab OS once per recipe, and find it again.

The folder's name holds the digest of the recipe's own files: a changed recipe is a new image, an unchanged one is
reused. Only the standard library is imported until a folder is asked for.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision_qemu.labos import host

if TYPE_CHECKING:
    from collections.abc import Iterator

RECIPE = Path(__file__).with_name("recipe")


def digest(recipe: Path = RECIPE) -> str:
    """Return 12 hexadecimal digits that change with the name or the content of any file of the recipe."""
    total = hashlib.sha256()
    for file in sorted(path for path in recipe.rglob("*") if path.is_file()):
        name = file.relative_to(recipe).as_posix().encode()
        content = file.read_bytes()
        total.update(b"%d %s %d " % (len(name), name, len(content)) + content)
    return total.hexdigest()[:12]


def cache_dir() -> Path:
    """Return the directory for images; `PROVISION_CACHE_DIR` moves it, as it moves all of provision's cache."""
    chosen = os.environ.get("PROVISION_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute() / "images"
    import platformdirs

    return Path(platformdirs.user_cache_dir("provision")) / "images"


def image_dir() -> Path:
    """Return the folder in which the image of this recipe lies, or would lie."""
    return cache_dir() / f"lab-{digest()}"


def is_built(folder: Path | None = None) -> bool:
    """Say whether the image is there. A build appears whole or not at all, so one file speaks for all."""
    return ((folder or image_dir()) / "image.json").is_file()


def build(folder: Path | None = None, *, force: bool = False, recipe: Path = RECIPE) -> Path:
    """Build the image unless it is there already; return its folder.

    Takes about half a minute and 500 MB of disk, a third of it for good. Two builds of one folder wait for each
    other, and the second finds the work done. Progress goes to stderr.

    Raises:
        ProviderError: a program is missing (the hint names its Debian package), or the build failed.
    """
    folder = folder or image_dir()
    if is_built(folder) and not force:
        return folder
    _require_tools()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(f".{folder.name}.lock")):
        if force or not is_built(folder):
            _build(folder, recipe)
    return folder


def _require_tools() -> None:
    lacking = host.missing()
    if lacking:
        raise ProviderError(
            f"the lab OS cannot be built: {', '.join(lacking)} not found",
            kind=Kind.UNSUPPORTED,
            code="missing-tool",
            hint=f"apt-get install {' '.join(sorted(set(lacking.values())))}",
        )


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold `path`'s lock; the kernel releases it however the process ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(folder: Path, recipe: Path) -> None:
    """Run the recipe in a folder beside, then rename: whoever looks sees the whole image or none."""
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
        made = Path(temporary) / "made"
        made.mkdir()
        command = ["bash", str(recipe / "build"), str(made), str(folder.parent / ".apt")]
        done = subprocess.run(command, check=False, env={**os.environ, "PATH": host.PATH}, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise ProviderError(
                f"the lab OS could not be built: {recipe.name}/build ended with {done.returncode}",
                kind=Kind.UNAVAILABLE,
                code="build-failed",
                hint="the lines above say why; PROVISION_LAB_APT can name other archives (lines of a sources.list)",
            )
        if folder.exists():
            folder.rename(Path(temporary) / "old")
        made.rename(folder)
        shutil.rmtree(Path(temporary) / "old", ignore_errors=True)

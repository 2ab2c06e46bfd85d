"""The services' programs: an environment of their own in the cache, made once for each list of versions."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from provision import paths

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PINS = HERE / "pins.txt"
DISTRIBUTIONS = (
    "keystone", "glance", "nova", "neutron", "openstack-placement", "PyMySQL", "gunicorn", "openstacksdk",
)  # fmt: skip
PROGRAMS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/sbin/mariadbd", "/usr/bin/mariadb", "/usr/bin/epmd")
"""Of the Debian packages rabbitmq-server, mariadb-server-core and mariadb-client-core: `tools/packages lab`."""


def home() -> Path:
    """Return the cache's directory for these versions and this lab's code; an old one is not used any more."""
    digest = hashlib.sha256()
    for file in sorted(HERE.glob("*")):
        if file.name in ("pins.txt", "settings.py", "databases.py", "seed.py", "ml2.py"):
            digest.update(file.read_bytes())
    return paths.cache() / "openstack-lab" / digest.hexdigest()[:12]


def environment() -> Path:
    """Return the virtual environment, made when it is not there."""
    missing = [program for program in PROGRAMS if not Path(program).exists()]
    if missing:
        raise RuntimeError(f"not installed: {', '.join(missing)}; run tools/packages lab")
    where = paths.cache() / "openstack-lab" / f"venv-{hashlib.sha256(PINS.read_bytes()).hexdigest()[:12]}"
    with locked(where.with_suffix(".lock")):
        if not (where / "complete").exists():
            _install(where)
            (where / "complete").touch()
    return where


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep other test runs out."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def clean() -> dict[str, str]:
    """Return the environment without what would change a service: PYTHON*, OS_*, proxies.

    Where PYTHONDONTWRITEBYTECODE is set, each service would compile two thousand modules at every start.
    """
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("OS_", "PYTHON")) and "proxy" not in key.lower()
    }


def _install(where: Path) -> None:
    uv = shutil.which("uv", path=f"{ROOT / '.venv-uv/bin'}:{os.environ['PATH']}")
    if uv is None:
        raise RuntimeError("uv is not there; run tools/setup")
    python = where / "bin/python"
    log = where.with_suffix(".log")
    with log.open("wb") as out:
        for command in (
            [uv, "venv", "--clear", "--python", sys.executable, where],
            [uv, "pip", "install", "--python", python, "-c", PINS, *DISTRIBUTIONS],
            # Their own tests are two thirds of these packages.
            [python, "-m", "compileall", "-q", "-j", "0", "-x", r"[/\\]tests[/\\]", where / "lib"],
        ):
            done = subprocess.run(list(map(str, command)), stdout=out, stderr=out, env=clean(), check=False)
            if done.returncode:
                raise RuntimeError(f"the lab cannot be installed:\n{log.read_text()[-2000:]}")

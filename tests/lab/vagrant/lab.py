"""A real Vagrant with vagrant-libvirt, libvirt and QEMU, in a world of its own.

The world has its own network, mounts and processes (unshare(1)): the computer's own libvirt, bridges and firewall are
neither used nor touched, and whatever was started in it ends with its first process, however a test ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provision import paths

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
BOX = "provision/tiny"
START_LIMIT = 120.0


@dataclass(frozen=True, slots=True)
class Lab:
    """One world; `directory` holds everything that is kept in it."""

    directory: Path
    first: int

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a user whose boxes are in here."""
        own = {
            "VAGRANT_HOME": str(self.directory / "home"),
            "VAGRANT_DEFAULT_PROVIDER": "libvirt",
            "VAGRANT_CHECKPOINT_DISABLE": "1",
            "LIBVIRT_DEFAULT_URI": "qemu:///system",
            "PROVISION_STATE_DIR": str(self.directory / "state"),
            "PROVISION_DATA_DIR": str(self.directory / "data"),
            "PROVISION_CACHE_DIR": str(self.directory / "cache"),
        }
        return {**{k: v for k, v in os.environ.items() if not k.startswith("VAGRANT_")}, **own}

    def command(self, *words: str, directory: Path | None = None) -> list[str]:
        """Return the command line that runs words in here, in a directory or in the present one."""
        place = f"--wdns={directory or Path.cwd()}"
        return ["nsenter", f"--target={self.first}", "--net", "--mount", "--pid", place, "--", *words]

    def run(
        self, *words: str, directory: Path | None = None, timeout: float = 300, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in here, to its end; its failure is the test's unless `check` is False."""
        done = subprocess.run(
            self.command(*words, directory=directory),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.environment,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done

    def leftovers(self) -> list[str]:
        """Return what libvirt still has: domains, networks but the plugin's own, disks but boxes."""
        asked = (("list", "--all", "--name"), ("net-list", "--all", "--name"), ("vol-list", "default"))
        found: list[str] = []
        for words in asked:
            lines = self.run("virsh", "-q", *words, check=False).stdout.splitlines()
            found += [line.strip() for line in lines if line.strip() and not _stays(line)]
        return found


def box() -> Path:
    """Return the tiny box, built unless it is there already."""
    folder = paths.cache() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"tiny-{_digest()}.box"
    with (folder / ".tiny.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            subprocess.run([HERE / "build-box", made, folder], check=True, stdin=subprocess.DEVNULL)
    return made


@contextmanager
def running(directory: Path) -> Iterator[Lab]:
    """Start libvirt in a world of its own, and end all of it."""
    directory.mkdir(parents=True, exist_ok=True)
    flags = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with (directory / "first.log").open("w") as log:
        # However this process ends, by SIGKILL too, the world ends with it.
        order = ["setpriv", "--pdeathsig", "KILL", "unshare", *flags, str(HERE / "libvirt"), str(directory / "libvirt")]
        holder = subprocess.Popen(order, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield _ready(Lab(directory, _child(holder)), holder)
    finally:
        holder.kill()  # and with it, by --kill-child, the first process, and with that the rest
        holder.wait()


def add_box(lab: Lab) -> None:
    """Give the lab's user the tiny box."""
    (lab.directory / "home").mkdir(exist_ok=True)
    lab.run("vagrant", "box", "add", "--name", BOX, "--provider", "libvirt", str(box()))


def _ready(lab: Lab, holder: subprocess.Popen[bytes]) -> Lab:
    deadline = time.monotonic() + START_LIMIT
    while lab.run("virsh", "version", check=False).returncode:
        log = (lab.directory / "first.log").read_text()
        assert holder.poll() is None, log
        assert time.monotonic() < deadline, log
        time.sleep(0.2)
    return lab


def _child(holder: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + START_LIMIT
    while True:
        with suppress(FileNotFoundError):
            children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
            if children:
                return int(children[0])
        assert holder.poll() is None, "unshare ended at once"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _stays(line: str) -> bool:
    return "vagrant-libvirt" in line or "_vagrant_box_image_" in line or line.strip() == "default"


def _digest() -> str:
    """Return 12 hexadecimal digits that change with whatever the box is made from here."""
    total = hashlib.sha256()
    alone = [HERE / name for name in ("build-box", "initrd-init", "Vagrantfile.box")]
    for file in sorted([*alone, *(p for p in (HERE / "root").rglob("*") if p.is_file())]):
        total.update(file.relative_to(HERE).as_posix().encode() + b"\0" + file.read_bytes())
    return total.hexdigest()[:12]

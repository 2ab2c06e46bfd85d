"""A real OpenStack control plane on loopback: keystone, glance, placement, neutron, nova with its fake hypervisor.

Not real are the two ends that need hardware: nova's virt driver keeps guests in memory (they become ACTIVE, nothing
boots), and neutron binds ports to nothing. Cinder is not there.

What costs minutes is kept in the cache: the programs, and the databases as they are at first. A run copies the latter,
chooses free ports, and leaves nothing behind.
"""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING

from tests.lab.openstack import install, settings
from tests.lab.openstack.databases import CATALOGUE, Database
from tests.lab.openstack.processes import Processes
from tests.lab.openstack.settings import REGION, Place

if TYPE_CHECKING:
    from pathlib import Path

SEED = install.HERE / "seed.py"
KEPT = ("mariadb", "keystone", "glance", "nova", "secrets")


class OpenStackLab:
    """One control plane; `clouds` is its clouds.yaml, with the clouds `lab` (an ordinary user) and `lab-admin`."""

    def __init__(self, root: Path) -> None:
        self.venv = install.environment()
        pristine = install.home() / "pristine"
        with install.locked(install.home() / "lock"):
            if not pristine.exists():
                self._make_pristine(pristine)
        root.mkdir(parents=True)
        for name in KEPT:
            shutil.copytree(pristine / name, root / name)
        self._prepare(root)
        try:
            self._up()
            self._seed("ready")
        except BaseException:
            self.down()
            raise

    def _prepare(self, root: Path) -> None:
        self.place = Place.new(root, self.venv)
        settings.write(self.place)
        self.processes = Processes(self.place)
        self.database = Database(self.place, self.processes)
        self.clouds = root / "clouds.yaml"
        self.clouds.write_text(json.dumps({"clouds": {name: self.cloud(name) for name in ("lab", "lab-admin")}}))

    def cloud(self, name: str, **more: str) -> dict[str, object]:
        """Return one entry of clouds.yaml."""
        user = "admin" if name == "lab-admin" else "demo"
        auth = {
            "auth_url": f"{self.place.url('keystone')}/v3", "username": user, "password": self.place.secret(user),
            "project_name": user, "user_domain_name": "Default", "project_domain_name": "Default",
        }  # fmt: skip
        return {"auth": auth, "region_name": REGION, "identity_api_version": "3", "interface": "public", **more}

    def down(self) -> None:
        """End all processes."""
        self.processes.stop()
        self.database.close()

    def _make_pristine(self, pristine: Path) -> None:
        began = time.monotonic()
        fresh = pristine.with_name("fresh")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        self._prepare(fresh)
        try:
            self.database.create()
            self._up(new=True)
            nova = [self.venv / "bin/nova-manage", self.place.root / "etc/nova/nova.conf"]
            self._seed("cloud", *nova)
        finally:
            self.down()
        kept = pristine.with_name("kept")
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        for name in KEPT:
            shutil.move(fresh / name, kept / name)
        shutil.rmtree(fresh)
        kept.rename(pristine)
        print(f"\nthe lab's databases were made in {time.monotonic() - began:.0f} s")

    def _up(self, new: bool = False) -> None:
        place, processes = self.place, self.processes
        processes.start("epmd", "/usr/bin/epmd", "-port", place.ports["epmd"], "-address", settings.IP)
        processes.start("rabbit", "/usr/lib/rabbitmq/bin/rabbitmq-server")
        self.database.start()
        if new:
            self.database.make_tables()
        else:
            self.database.readdress()
        self._serve("keystone")
        processes.await_http("keystone")
        if new:
            catalogue = {kind: (name, place.url(name) + path) for kind, (name, path) in CATALOGUE.items()}
            self._seed("identity", place.secret("service"), place.secret("demo"), json.dumps(catalogue))
        services = [name for name in settings.SERVICES if name != "keystone"]
        for name in services:
            self._serve(name)
        processes.await_port("rabbit", "rabbit")
        for name in ("conductor", "scheduler", "compute"):
            log = ("--log-file", place.root / f"log/nova-{name}.log")
            config = ("--config-file", place.root / "etc/nova/nova.conf")
            processes.start(f"nova-{name}", self.venv / f"bin/nova-{name}", *config, *log)
        for name in services:
            processes.await_http(name)

    def _serve(self, name: str) -> None:
        # Gunicorn's options go through the environment: these services read the command line as their own.
        options = f"-c {self.place.root}/gunicorn/{name}.conf.py"
        self.processes.start(name, self.venv / "bin/gunicorn", GUNICORN_CMD_ARGS=options)

    def _seed(self, what: str, *more: object) -> None:
        self.processes.run(self.venv / "bin/python", SEED, what, self.clouds, *more)

"""MariaDB, the services' tables, and the addresses that stand in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.openstack.install import clean
from tests.lab.openstack.settings import DATABASES, IP, REGION

if TYPE_CHECKING:
    from tests.lab.openstack.processes import Processes
    from tests.lab.openstack.settings import Place

CATALOGUE = {"identity": ("keystone", "/v3/"), "image": ("glance", ""), "placement": ("placement", ""),
             "network": ("neutron", ""), "compute": ("nova", "/v2.1")}  # fmt: skip
"""By the service's type: who offers it, and the path of its endpoint."""


class Database:
    """One MariaDB server; its socket's path must be short."""

    def __init__(self, place: Place, processes: Processes) -> None:
        self.place, self.processes = place, processes
        self._run = Path(tempfile.mkdtemp(prefix="provision-lab-"))
        self._data = place.root / "mariadb"
        self._common = ["--no-defaults", f"--datadir={self._data}", *(["--user=root"] if os.geteuid() == 0 else [])]

    def create(self) -> None:
        """Make an empty one."""
        self._data.mkdir()
        options = ["--skip-test-db", "--auth-root-authentication-method=normal", "--skip-name-resolve"]
        self.processes.run("/usr/bin/mariadb-install-db", *self._common, *options)

    def start(self) -> None:
        self.processes.start(
            "mariadb", "/usr/sbin/mariadbd", *self._common, f"--socket={self._run}/sock", f"--bind-address={IP}",
            f"--port={self.place.ports['mariadb']}", f"--pid-file={self._run}/pid",
            "--lc-messages-dir=/usr/share/mysql",
            "--skip-name-resolve", "--max-connections=500", "--character-set-server=utf8mb4",
            # A lab may lose its last second.
            "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--skip-innodb-doublewrite",
            "--innodb-buffer-pool-size=128M", "--innodb-log-file-size=16M", "--performance-schema=off",
            "--skip-log-bin",
        )  # fmt: skip
        self.processes.await_port("mariadb", "mariadb")

    def sql(self, text: str) -> str:
        command = ["/usr/bin/mariadb", "--no-defaults", f"--socket={self._run}/sock", "-u", "root", "-N", "-B"]
        done = subprocess.run(command, input=text, text=True, capture_output=True, env=clean(), check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def close(self) -> None:
        shutil.rmtree(self._run, ignore_errors=True)

    def make_tables(self) -> None:
        """Create all databases and their tables, two tools at a time."""
        password = self.place.secret("database")
        grants = (f"create database {name}; grant all on {name}.* to 'lab'@'%';" for name in DATABASES)
        self.sql(f"create user 'lab'@'%' identified by '{password}';\n" + "\n".join(grants))
        run, tool, done = self.processes.run, self.processes.tool, self.processes.done
        bin_, etc = self.place.venv / "bin", self.place.root / "etc"
        nova = [bin_ / "nova-manage", "--config-file", etc / "nova/nova.conf"]
        neutron = tool(
            bin_ / "neutron-db-manage", "--config-file", etc / "neutron/neutron.conf", "upgrade", "heads"
        )  # fmt: skip
        self._identity()
        run(*nova, "api_db", "sync")
        run(*nova, "cell_v2", "map_cell0", "--database_connection", self.place.database("nova_cell0"))
        run(*nova, "db", "sync")
        run(*nova, "cell_v2", "create_cell", "--name", "cell1")
        run(bin_ / "placement-manage", "--config-file", etc / "placement/placement.conf", "db", "sync")
        run(bin_ / "glance-manage", "--config-file", etc / "glance/glance-api.conf", "db_sync")
        done(neutron)

    def _identity(self) -> None:
        manage = [
            self.place.venv / "bin/keystone-manage", "--config-file", self.place.root / "etc/keystone/keystone.conf",
        ]  # fmt: skip
        who = ["--keystone-user", "root", "--keystone-group", "root"] if os.geteuid() == 0 else []
        url = f"{self.place.url('keystone')}/v3/"
        urls = [word for kind in ("public", "internal", "admin") for word in (f"--bootstrap-{kind}-url", url)]
        self.processes.run(*manage, "db_sync")
        self.processes.run(*manage, "fernet_setup", *who)
        self.processes.run(*manage, "credential_setup", *who)
        self.processes.run(
            *manage, "bootstrap", "--bootstrap-password", self.place.secret("admin"), "--bootstrap-username", "admin",
            "--bootstrap-project-name", "admin", "--bootstrap-region-id", REGION, *urls,
        )  # fmt: skip

    def readdress(self) -> None:
        """Write this run's ports where tables hold addresses: keystone's catalogue, nova's cells."""
        place = self.place
        endpoints = (
            f"update keystone.endpoint e join keystone.service s on s.id = e.service_id "
            f"set e.url = '{place.url(name)}{path}' where s.type = '{kind}';"
            for kind, (name, path) in CATALOGUE.items()
        )
        cells = (
            f"update nova_api.cell_mappings set transport_url = '{place.transport}', "
            f"database_connection = '{place.database('nova')}' where name = 'cell1';",
            f"update nova_api.cell_mappings set database_connection = '{place.database('nova_cell0')}' "
            f"where name = 'cell0';",
        )
        self.sql("\n".join((*endpoints, *cells)))

"""Where the lab's services keep things, on which ports they listen, and their configuration files."""

from __future__ import annotations

import secrets
import shutil
import socket
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

IP = "127.0.0.1"
REGION = "RegionOne"
SERVICES = ("keystone", "glance", "placement", "neutron", "nova")
DATABASES = ("keystone", "glance", "placement", "neutron", "nova_api", "nova", "nova_cell0")
APPLICATIONS = {
    "keystone": "keystone.wsgi.api",
    "glance": "glance.wsgi.api",
    "placement": "placement.wsgi.api",
    "neutron": "neutron.wsgi.api",
    "nova": "nova.wsgi.osapi_compute",
}
THREADS = 8
POOL = "max_pool_size = 10\nmax_overflow = 40\n"


@dataclass(frozen=True)
class Place:
    """One run of the lab: its directory, the programs, and ports that were free."""

    root: Path
    venv: Path
    ports: dict[str, int] = field(default_factory=dict)

    @classmethod
    def new(cls, root: Path, venv: Path) -> Place:
        names = (*SERVICES, "mariadb", "rabbit", "rabbit-dist", "epmd")
        return cls(root, venv, dict(zip(names, _free(len(names)), strict=True)))

    def url(self, service: str) -> str:
        return f"http://{IP}:{self.ports[service]}"

    def database(self, name: str) -> str:
        login = f"lab:{self.secret('database')}"
        return f"mysql+pymysql://{login}@{IP}:{self.ports['mariadb']}/{name}?charset=utf8mb4"

    @property
    def transport(self) -> str:
        return f"rabbit://lab:{self.secret('rabbit')}@{IP}:{self.ports['rabbit']}/"

    def secret(self, name: str) -> str:
        """Return a password, made up when it is first asked for."""
        file = self.root / "secrets" / name
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file.write_text(secrets.token_hex(12))
        return file.read_text()


def _free(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind((IP, 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def write(place: Place) -> None:
    """Write all configuration files."""
    for name in ("keystone/fernet", "keystone/credential", "keystone/receipts", "glance/images", "glance/staging",
                 "glance/tasks", "glance/lock", "glance/cache", "neutron/lock", "neutron/policy.d", "nova/lock",
                 "nova/instances", "rabbit", "gunicorn", "log", "site"):  # fmt: skip
        (place.root / name).mkdir(parents=True, exist_ok=True)
    for configure in (_keystone, _glance, _placement, _neutron, _nova, _rabbit, _gunicorn, _driver):
        configure(place)


def _ini(file: Path, **sections: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(f"[{name}]\n{textwrap.dedent(body).strip()}\n" for name, body in sections.items()))


def _login(place: Place) -> str:
    return textwrap.dedent(f"""
        auth_url = {place.url("keystone")}/v3
        auth_type = password
        username = service
        password = {place.secret("service")}
        project_name = service
        user_domain_name = Default
        project_domain_name = Default
        region_name = {REGION}
        """)


def _authtoken(place: Place) -> str:
    roles = "service_token_roles_required = true\nservice_token_roles = service\n"
    return f"www_authenticate_uri = {place.url('keystone')}/v3\n{_login(place)}{roles}"


def _keystone(place: Place) -> None:
    _ini(
        place.root / "etc/keystone/keystone.conf",
        DEFAULT=f"log_file = {place.root}/log/keystone.log\npublic_endpoint = {place.url('keystone')}/",
        database=f"connection = {place.database('keystone')}\n{POOL}",
        token="provider = fernet",
        fernet_tokens=f"key_repository = {place.root}/keystone/fernet",
        fernet_receipts=f"key_repository = {place.root}/keystone/receipts",
        credential=f"key_repository = {place.root}/keystone/credential",
        cache="enabled = true\nbackend = dogpile.cache.memory",
        oslo_messaging_notifications="driver = noop",
    )


def _glance(place: Place) -> None:
    store = place.root / "glance"
    _ini(
        place.root / "etc/glance/glance-api.conf",
        DEFAULT=f"""
            log_file = {place.root}/log/glance.log
            enabled_backends = disk:file
            node_staging_uri = file://{store}/staging
            image_cache_dir = {store}/cache
            show_multiple_locations = false""",
        database=f"connection = {place.database('glance')}\n{POOL}",
        glance_store="default_backend = disk",
        disk=f"filesystem_store_datadir = {store}/images",
        os_glance_staging_store=f"filesystem_store_datadir = {store}/staging",
        os_glance_tasks_store=f"filesystem_store_datadir = {store}/tasks",
        keystone_authtoken=_authtoken(place),
        paste_deploy=f"flavor = keystone\nconfig_file = {place.venv}/etc/glance/glance-api-paste.ini",
        oslo_concurrency=f"lock_path = {store}/lock",
        oslo_messaging_notifications="driver = noop",
    )


def _placement(place: Place) -> None:
    _ini(
        place.root / "etc/placement/placement.conf",
        DEFAULT=f"log_file = {place.root}/log/placement.log",
        placement_database=f"connection = {place.database('placement')}\n{POOL}",
        api="auth_strategy = keystone",
        keystone_authtoken=_authtoken(place),
    )


def _neutron(place: Place) -> None:
    # No agents: calls to them would go to nobody, so a bus within the process will do.
    _ini(
        place.root / "etc/neutron/neutron.conf",
        DEFAULT=f"""
            log_file = {place.root}/log/neutron.log
            state_path = {place.root}/neutron
            api_paste_config = {place.venv}/etc/neutron/api-paste.ini
            core_plugin = ml2
            service_plugins = router
            auth_strategy = keystone
            transport_url = fake://
            notify_nova_on_port_status_changes = false
            notify_nova_on_port_data_changes = true
            dhcp_agent_notification = false
            rpc_workers = 0""",
        database=f"connection = {place.database('neutron')}\n{POOL}",
        keystone_authtoken=_authtoken(place),
        nova=_login(place),
        ml2="""
            type_drivers = local,flat,vlan
            tenant_network_types = local
            mechanism_drivers = lab
            extension_drivers = port_security""",
        ml2_type_flat="flat_networks = *",
        oslo_concurrency=f"lock_path = {place.root}/neutron/lock",
        oslo_messaging_notifications="driver = noop",
        oslo_policy=f"policy_dirs = {place.root}/neutron/policy.d",
    )


def _nova(place: Place) -> None:
    login = _login(place)
    _ini(
        place.root / "etc/nova/nova.conf",
        DEFAULT=f"""
            host = lab-compute
            my_ip = {IP}
            state_path = {place.root}/nova
            transport_url = {place.transport}
            compute_driver = fake.FakeDriverWithoutFakeNodes
            sync_power_state_interval = -1""",
        api="auth_strategy = keystone",
        wsgi=f"api_paste_config = {place.venv}/etc/nova/api-paste.ini",
        api_database=f"connection = {place.database('nova_api')}\n{POOL}",
        database=f"connection = {place.database('nova')}\n{POOL}",
        keystone_authtoken=_authtoken(place),
        service_user=f"send_service_user_token = true\n{login}",
        placement=login,
        neutron=login,
        glance=login,
        vnc="enabled = false",
        conductor="workers = 1",
        scheduler="workers = 1\ndiscover_hosts_in_cells_interval = 60",
        oslo_concurrency=f"lock_path = {place.root}/nova/lock",
        oslo_messaging_rabbit="heartbeat_in_pthread = false",
        oslo_messaging_notifications="driver = noop",
    )
    # nova's application takes every file of its configuration directory, this one among them.
    shutil.copy(place.venv / "etc/nova/api-paste.ini", place.root / "etc/nova/api-paste.ini")


def _rabbit(place: Place) -> None:
    etc = place.root / "etc"
    (etc / "rabbitmq.conf").write_text(
        textwrap.dedent(f"""\
            listeners.tcp.default = {IP}:{place.ports["rabbit"]}
            default_user = lab
            default_pass = {place.secret("rabbit")}
            loopback_users = none
            log.console = true
            log.console.level = warning
            log.file = false
            """)
    )
    (etc / "rabbitmq-env.conf").write_text("")
    (etc / "enabled_plugins").write_text("[].\n")


def _gunicorn(place: Place) -> None:
    # Named *.conf.py: gunicorn's directory is on the services' path, where a nova.py would be in the way.
    for name, application in APPLICATIONS.items():
        (place.root / f"gunicorn/{name}.conf.py").write_text(
            textwrap.dedent(f"""\
                wsgi_app = "{application}:application"
                bind = "{IP}:{place.ports[name]}"
                workers = 1
                worker_class = "gthread"
                threads = {THREADS}
                timeout = 300
                graceful_timeout = 2
                keepalive = 30
                control_socket_disable = True
                worker_tmp_dir = "/dev/shm"
                """)
        )


def _driver(place: Place) -> None:
    """Put neutron's mechanism driver where neutron finds it: an installed distribution with an entry point."""
    site = place.root / "site"
    info = site / "provision_lab_ml2-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: provision-lab-ml2\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[neutron.ml2.mechanism_drivers]\nlab = provision_lab_ml2:BindAll\n")
    shutil.copy(Path(__file__).with_name("ml2.py"), site / "provision_lab_ml2.py")

"""A voter fetches its key with the script that machines run, from the desk that `up` opens, over real TLS."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager

import pytest

from provision.apply.certificates import Certificates
from provision.apply.key_desk import WINDOW, KeyDesk, serving
from provision.etcd.client import EtcdClient
from provision.etcd.variables import CertificateFiles, Node, first
from provision.firstboot.additions.system import text
from provision.firstboot.additions.tls import CA, CERTIFICATE, FETCH, KEY
from provision.model import Owner
from provision.pki import authority, inspect
from provision.spec.model import Etcd
from provision.state.local import LocalStore
from tests.etcd.lab import BOTH, decided, healthy
from tests.etcd.test_renewing import spec
from tests.etcd.test_tls import UID, now

NONCE = "0123456789abcdef" * 2


class World:
    """The CA in a state, one voter's directory, and a desk that knows the voter."""

    def __init__(self, root, node) -> None:
        self.home, self.now = root / "tls", now()
        self.home.mkdir(parents=True)
        self.store = LocalStore(root / "state")
        self.certificates = Certificates(self.store, Owner("demo", UID), lambda: self.now)
        self.authorities = self.certificates.begun()
        self.node = node
        (self.home / CA).write_bytes(self.authorities.trusted)

    @contextmanager
    def desk(self):
        def issue(_):
            return self.certificates.member(self.authorities, spec(self.node), Etcd(tls=True))

        found = KeyDesk({NONCE: self.node.name}, issue, self.store, lambda: self.now)
        with (
            self.certificates.server(self.authorities, ["127.0.0.1"]) as tls,
            serving(found, "127.0.0.1", 0, tls) as port,
        ):
            yield f"https://127.0.0.1:{port}/etcd-key/{NONCE}"

    def fetch(self, url, seconds=60) -> subprocess.CompletedProcess:
        script = text(1, FETCH).replace("/etc/provision/tls", str(self.home)).replace("/dev/console", "/dev/stderr")
        environment = {"PATH": "/usr/bin:/bin", "PROVISION_KEY_URL": url, "PROVISION_KEY_OWNER": "root"}
        return subprocess.run(
            ["timeout", str(seconds), "sh", "-c", script], env=environment, capture_output=True, text=True
        )

    def files(self) -> list[str]:
        return sorted(path.name for path in self.home.iterdir())


@pytest.fixture
def world(lab):
    if shutil.which("curl") is None:
        pytest.fail("curl is not installed: apt-get install curl")
    (node,) = lab.nodes(1).values()
    return World(lab.directory / "machine", node)


@BOTH
def test_a_voter_starts_with_the_key_that_it_fetched(lab, world):
    with world.desk() as url:
        done = world.fetch(url)
    assert (done.returncode, done.stderr) == (0, "")
    assert world.files() == [CA, CERTIFICATE, KEY]
    assert [(world.home / name).stat().st_mode & 0o777 for name in (CERTIFICATE, KEY)] == [0o644, 0o600]
    assert world.node.address in inspect.read((world.home / CERTIFICATE).read_bytes()).names

    files = CertificateFiles(*(str(world.home / name) for name in (CA, CERTIFICATE, KEY)))
    node = Node(world.node.name, world.node.address, timing=world.node.timing, files=files)
    boot = decided([node], Etcd(version=lab.version, tls=True))
    member = lab.member(node, first(node, boot, cluster_token="uid")).start()
    with world.certificates.client(world.authorities) as tls:
        healthy([member], tls=tls)
        with EtcdClient(member.url, tls=tls) as client:
            client.put("colour", "grün")


def test_a_spent_nonce_is_refused_and_said_on_the_console(world):
    with world.desk() as url:
        assert world.fetch(url).returncode == 0
        world.now += WINDOW * 2
        again = world.fetch(url)
    assert again.returncode == 1
    assert "provision: etcd's key is refused (410)" in again.stderr
    assert world.files() == [CA, CERTIFICATE, KEY]


def test_nothing_is_taken_from_whom_the_authority_does_not_vouch_for(world):
    (world.home / CA).write_bytes(authority.create("demo", UID, now=now()).certificate)
    with world.desk() as url:
        waited = world.fetch(url, seconds=2)
    assert waited.returncode == 124
    assert "provision: waiting for etcd's key" in waited.stderr
    assert KEY not in world.files()

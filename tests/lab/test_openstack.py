"""The OpenStack provider on the real keystone, glance, placement, neutron and nova.

Nova's hypervisor and neutron's wire are fakes: machines become ACTIVE and boot nothing, so `up` does not wait for etcd.
Cinder is not there: booting from volumes is proven on the strict OpenStack alone.
"""

from __future__ import annotations

import bz2
import hashlib
import http.server
import json
import os
import struct
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from provision.errors import Kind
from provision.model import MACHINE, Labels, Owner, Request, State, batch_token
from provision.provider import Context
from provision.testing.conformance import Conformance
from provision_openstack import OpenStack
from provision_openstack.sdk import Cloud
from provision_openstack.settings import Settings
from tests.emulated.openstack import lab as model
from tests.emulated.openstack import shapes
from tests.emulated.openstack.patient import Patient
from tests.lab.openstack.cloud import OpenStackLab
from tests.lab.openstack.proxy import Dropping

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from provision.model import Observed

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]

PATIENCE = 240
LOST = {"create": ("POST", "/servers"), "change": ("POST", "/metadata"), "delete": ("DELETE", "")}
SPEC = """
version: 1
cluster: web
owner: you@example.com
ttl: 8h
os: flatcar
ssh:
  keys: [{key}]
  from: [203.0.113.0/24]
network: {{subnet: 10.97.0.0/24}}
etcd: {{version: "3.5", tls: false}}
providers:
  openstack:
    image: cirros
    floating_ip: {floating}
pools:
  core: {{count: 3, size: m1.tiny, etcd: true, options: {{server_group: {{name: core, policy: soft-anti-affinity}}}}}}
  worker: {{count: {workers}, size: {size}, options: {{floating_ip: false}}}}
"""


class Site:
    """The control plane, with proxies in front of nova and neutron that can lose answers."""

    def __init__(self, root: Path) -> None:
        self.lab = OpenStackLab(root)
        self.nova = Dropping(self.lab.place.ports["nova"])
        self.neutron = Dropping(self.lab.place.ports["neutron"])
        self.clouds = root / "proxied.yaml"
        self.clouds.write_text(json.dumps({"clouds": {"lab": self._proxied(), "lab-admin": self._admin()}}))

    def _proxied(self) -> dict[str, object]:
        overrides = {
            "compute_endpoint_override": f"http://127.0.0.1:{self.nova.port}/v2.1",
            "network_endpoint_override": f"http://127.0.0.1:{self.neutron.port}/v2.0",
        }
        return self.lab.cloud("lab", **overrides)

    def _admin(self) -> dict[str, object]:
        return self.lab.cloud("lab-admin")

    def close(self) -> None:
        self.nova.close()
        self.neutron.close()
        self.lab.down()

    def left(self) -> dict[str, int]:
        """Return what the project still has, past the provider's own listing."""
        cloud = Cloud(Settings())
        calls = {
            "server": ("compute", "/servers", "servers"), "key pair": ("compute", "/os-keypairs", "keypairs"),
            "server group": ("compute", "/os-server-groups", "server_groups"), "port": ("network", "/ports", "ports"),
            "router": ("network", "/routers", "routers"),
            "floating address": ("network", "/floatingips", "floatingips"),
        }  # fmt: skip
        found = {what: len(cloud.call(service, "GET", path)[key]) for what, (service, path, key) in calls.items()}
        networks = cloud.call("network", "GET", "/networks")["networks"]
        own = {n["id"] for n in networks if not n["router:external"]}
        subnets = cloud.call("network", "GET", "/subnets")["subnets"]
        groups = cloud.call("network", "GET", "/security-groups")["security_groups"]
        images = cloud.call("image", "GET", "/images")["images"]
        found["network"] = len(own)
        found["subnet"] = len([s for s in subnets if s["network_id"] in own])
        found["security group"] = len([g for g in groups if g["name"] != "default"])
        found["image"] = len([i for i in images if i["visibility"] != "public"])
        return {what: count for what, count in found.items() if count}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    began = time.monotonic()
    made = Site(tmp_path_factory.mktemp("openstack") / "lab")
    print(f"\nOpenStack is up after {time.monotonic() - began:.0f} s")
    yield made
    made.close()


@pytest.fixture
def site(started: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The control plane; whoever uses it must leave nothing behind."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(started.clouds))
    monkeypatch.setenv("OS_CLOUD", "lab")
    yield started
    assert started.left() == {}


class Operator:
    """Runs the real program in a directory of its own."""

    def __init__(self, where: Path) -> None:
        self.where = where
        names = ("STATE", "DATA", "CACHE")
        self.environment = {**os.environ, **{f"PROVISION_{n}_DIR": str(where / n.lower()) for n in names}}

    def spec(self, *, workers: int = 0, size: str = "m1.tiny", floating: bool = False) -> None:
        text = SPEC.format(key=model.KEY, workers=workers, size=size, floating=str(floating).lower())
        (self.where / "cluster.yaml").write_text(text)

    def run(self, *argv: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "provision", *argv],
            cwd=self.where,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        print(f"$ provision {' '.join(argv)} -> {done.returncode}\n{done.stdout}{done.stderr}")
        assert done.returncode == code
        return done.stdout + done.stderr

    def machines(self) -> dict[str, Observed]:
        """Return the machines as the provider lists them; `status` would try to reach an etcd that never boots."""
        found = provider(self.where, {}).list(Owner("web", ""))
        return {o.name: o for o in found if o.kind == MACHINE}

    def down(self) -> None:
        self.run("down", "--yes", "--allow-destroy", "40", "web")


@pytest.fixture
def operator(site: Site, tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def provider(where: Path, given: dict[str, Any]) -> OpenStack:
    return OpenStack(given, Context(where, where, lambda: datetime.now(UTC), where))


# ---- the strict OpenStack's model


def test_the_real_answers_have_the_recorded_shapes(site: Site, request: pytest.FixtureRequest) -> None:
    real = shapes.record(Cloud(Settings()))
    if request.config.getoption("--update-golden"):
        shapes.FILE.write_text(json.dumps(real, indent=1, sort_keys=True) + "\n")
    assert list(shapes.differences(json.loads(shapes.FILE.read_text()), real)) == []


# ---- a cluster's life, by the real program


def test_three_machines_five_one_replaced_none(operator: Operator) -> None:
    operator.spec(floating=True)
    operator.run("up", "--no-wait", "--yes")
    first = operator.machines()
    assert sorted(first) == ["web-core-1", "web-core-2", "web-core-3"]
    assert sorted(m.addresses["private"] for m in first.values()) == [f"10.97.0.{n}" for n in (10, 11, 12)]
    assert {m.state for m in first.values()} == {State.RUNNING}
    assert all(m.addresses["public"].startswith("198.51.100.") for m in first.values())
    operator.spec(floating=True, workers=2)
    operator.run("up", "--no-wait", "--yes")
    five = operator.machines()
    assert len(five) == 5
    assert {n: five[n].id for n in first} == {n: m.id for n, m in first.items()}
    assert "FAKE CONSOLE" in operator.run("console", "web-core-1")
    operator.run("up", "--no-wait", "--yes", "--replace", "web-worker-1")
    again = operator.machines()
    assert [n for n in five if again[n].id != five[n].id] == ["web-worker-1"]
    [listed] = operator.run("list").splitlines()[1:-1]
    assert listed.split()[:3] == ["web", "openstack", "5"]
    assert "reap" in listed
    operator.down()


def test_a_quota_is_seen_before_anything_is_made(operator: Operator, site: Site) -> None:
    operator.spec(workers=80)
    said = operator.run("up", "--no-wait", "--yes", code=6)
    assert "PV556" in said
    assert "83 more instances" in said
    assert site.left() == {}


def test_no_valid_host_is_told_and_made_anew(operator: Operator) -> None:
    operator.spec(workers=1, size="m1.giant")
    said = operator.run("up", "--no-wait", "--yes", code=8)
    assert "No valid host was found" in said
    assert operator.machines()["web-worker-1"].state is State.FAILED
    operator.spec(workers=1)
    operator.run("up", "--no-wait", "--yes")
    worker = operator.machines()["web-worker-1"]
    assert worker.labels is not None
    assert (worker.state, worker.labels.generation) == (State.RUNNING, 2)
    operator.down()


def test_thirty_machines_at_once(operator: Operator, site: Site) -> None:
    operator.spec(workers=27)
    began = time.monotonic()
    operator.run("up", "--no-wait", "--yes")
    print(f"30 machines were up after {time.monotonic() - began:.0f} s")
    machines = operator.machines()
    assert len(machines) == 30
    assert {m.state for m in machines.values()} == {State.RUNNING}
    operator.down()


def test_lost_answers_make_nothing_twice(operator: Operator, site: Site) -> None:
    operator.spec(workers=3)
    posts = [("POST", f"/{kind}") for kind in ("networks", "subnets", "routers", "security-groups", "servers")]
    joined = ("PUT", "/add_router_interface")
    with site.nova.lose(*posts, times=2), site.neutron.lose(*posts, joined, times=5):
        operator.run("up", "--no-wait", "--yes")
        assert (site.nova.lost, site.neutron.lost) == (2, 5)
    assert len(operator.machines()) == 6
    assert site.left()["server"] == 6
    assert site.left()["network"] == 1
    with site.nova.lose(("DELETE", ""), times=4), site.neutron.lose(("DELETE", ""), times=4):
        operator.down()
        assert (site.nova.lost, site.neutron.lost) == (4, 4)


# ---- what the program's own commands do not show


def test_nova_refuses_a_batch_above_the_quota(site: Site, tmp_path: Path) -> None:
    given = {"floating_ip": False, "router": False, "key_name": "-", "security_groups": ["-"]}
    cloud = provider(tmp_path, given)
    names = [f"big-w-{n}" for n in range(1, 91)]
    token = batch_token(model.UID, dict.fromkeys(names, 1))
    inputs = model.make_parts(cloud, cloud.parts(model.wanted(given, ["a"], "x")))
    body = {"size": "m1.tiny", "image": cloud.resolve("cirros"), "options": {}, "address": ""}
    requests = [
        Request(
            MACHINE,
            name,
            "openstack",
            Labels("big", model.UID, name, 1, "you", "2030-01-01T00:00:00Z", "0"),
            token,
            body,
            payload=model.PAYLOAD,
            inputs=inputs,
        )
        for name in names
    ]
    errors = [outcome.error for outcome in cloud.create(requests)]
    assert {error.kind for error in errors if error} == {Kind.QUOTA}
    assert len(errors) == 90
    left = list(cloud.list(None))
    assert [o.kind for o in left] == ["subnet", "network"]
    model.good(cloud.delete(left))


def test_an_image_is_uploaded_once_and_verified(site: Site, tmp_path: Path) -> None:
    data = _disk()
    packed = bz2.compress(data[: len(data) // 2]) + bz2.compress(data[len(data) // 2 :])
    with _served(tmp_path / "served", "disk.img.bz2", packed) as url:
        image = f"{url}#sha256={hashlib.sha256(packed).hexdigest()}"
        cloud = provider(tmp_path, {"floating_ip": False, "router": False})
        wanted = model.wanted({"floating_ip": False, "router": False}, ["demo-w-1"], image)
        [part] = [p for p in cloud.parts(wanted) if p.kind == "image"]
        [made] = model.good(cloud.create([part]))
        assert model.good(provider(tmp_path, {}).create([part])) == [made]
    [shown] = [o for o in cloud.list(model.OWNER) if o.kind == "image"]
    assert (shown.id, shown.labels, str(shown.state)) == (part.token, part.labels, "running")
    item = Cloud(Settings()).call("image", "GET", f"/images/{made.id}")
    assert item["os_hash_value"] == hashlib.sha512(data).hexdigest()
    model.good(cloud.delete([shown]))
    # An id is spent once it is deleted: the engine asks for the next generation.
    assert [o.error.kind for o in cloud.create([part]) if o.error] == [Kind.ALREADY_EXISTS]


def _disk() -> bytes:
    """Return an empty qcow2 of 1 GiB: glance looks inside what it is given."""
    fields = (b"QFI\xfb", 3, 0, 0, 16, 1 << 30, 0, 2, 3 << 16, 1 << 16, 1, 0, 0, 0, 0, 0, 4, 104)
    head = struct.pack(">4sIQIIQIIQQIIQQQQII", *fields)
    return head + bytes((4 << 16) - len(head))


@contextmanager
def _served(where: Path, name: str, data: bytes) -> Iterator[str]:
    """Serve one file on loopback."""
    where.mkdir()
    (where / name).write_bytes(data)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(where))

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/{name}"
        server.shutdown()
        thread.join()


class TestConformance(Conformance):
    """The suite that every provider passes, on the real services."""

    @pytest.fixture
    def rig(self, site: Site, tmp_path: Path) -> Patient:
        given = {"floating_ip": False, "router": False}
        connected = provider(tmp_path, given)
        wanted = model.wanted(given, ["core-0"], connected.resolve("cirros"))

        def connect() -> OpenStack:
            made = provider(tmp_path, given)
            made._cloud._connection, made._cloud._proxies = connected._cloud._connection, connected._cloud._proxies
            return made

        def lose_answer(operation: str) -> AbstractContextManager[None]:
            return site.nova.lose(LOST[operation])

        def break_batch(operation: str, _after: int) -> AbstractContextManager[None]:
            # One call makes the whole batch, so what can break is its answer.
            return site.nova.lose(LOST[operation], times=1)

        return Patient(connect, wanted, model.PAYLOAD, lose_answer, break_batch, many=4, patience=PATIENCE, pause=0.5)

"""The real Ignition applies what we bind, and the tree that it writes is the one that was meant."""

from __future__ import annotations

import hashlib
import stat
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from provision.apply.bodies_served import ServedBodies
from provision.apply.reception import reception
from provision.firstboot.additions.assemble import additions
from provision.firstboot.compile import compile_cluster
from provision.firstboot.payload import fit, stub
from provision.firstboot.recipe import bind
from provision.model import Labels, Request
from provision.provider import Context
from provision.spec.model import Etcd, Update
from provision.state.local import LocalStore
from provision.state.lock import Holder
from tests.ignition import real
from tests.unit.firstboot.clusters import (
    BUTANE,
    KEY,
    PLANNED,
    SECRETS,
    TRAITS,
    butane,
    cluster,
    machine,
    materials,
    pool,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provision.firstboot.additions.model import Additions
    from provision.firstboot.recipe import Recipe
    from provision.provider import Traits
    from provision.spec.model import Cluster

UID = "6f6dbb0c-5d2f-4a8e-9a9b-0d5ad6ff2a11"
TEMPLATE = """\
variant: fcos
version: 1.4.0
storage:
  files:
    - path: /etc/hostname
      contents: {inline: "chosen-by-the-user\\n"}
    - path: /etc/app/token
      mode: 0600
      contents: {inline: 'token={{ secret("registry") }} of {{ machine.name }}'}
    - path: /etc/app/large
      contents:
        inline: |
          LARGE
systemd:
  units:
    - name: app.service
      enabled: true
      contents: |
        [Service]
        Environment=TOKEN={{ secret("registry") }} ROLE={{ vars.role }}
        ExecStart=/bin/true
        [Install]
        WantedBy=multi-user.target
    - name: etcd-member.service
      dropins:
        - name: 30-mine.conf
          contents: |
            [Service]
            Environment=ETCD_HEARTBEAT_INTERVAL=300
""".replace("LARGE", "a line of the large file\n          " * 50)


def compiled(wanted: Cluster, name: str, traits: Traits = PLANNED) -> Recipe:
    found = compile_cluster(wanted, traits={**TRAITS, "qemu": traits}, additions_version=1)
    assert found.report.ok, found.report.render()
    return found.recipes[name]


def meant(text: str, recipe: Recipe) -> str:
    """Put materials into a text by plain replacement, which is what must come out in the end."""
    for name, material in materials(recipe).items():
        text = text.replace(f"(~provision.slot.{name}~)", material)
    return text


def see(root: Path, added: Additions, recipe: Recipe, *, but: tuple[str, ...] = ()) -> None:
    """Compare a tree with the additions that were meant for it."""
    for file in added.files:
        if file.path in but:
            continue
        path = root / file.path.lstrip("/")
        found = path.stat()
        assert path.read_text() == meant(file.text, recipe), file.path
        assert stat.S_IMODE(found.st_mode) == file.mode, file.path
        assert found.st_uid == {"root": 0, "etcd": 102}.get(str(file.owner), file.owner), file.path
    units = root / "etc/systemd/system"
    presets = (root / "etc/systemd/system-preset/20-ignition.preset").read_text()
    for unit in added.units:
        if unit.text is not None:
            assert (units / unit.name).read_text() == unit.text
        assert (f"enable {unit.name}\n" in presets) is bool(unit.enabled)
        for drop_in in unit.drop_ins:
            assert (units / f"{unit.name}.d" / drop_in.name).read_text() == drop_in.text
    for user in added.users:
        keys = list((root / "home" / user.name / ".ssh").rglob("*ignition")) + list(
            (root / "home" / user.name / ".ssh").glob("authorized_keys")
        )
        assert [k.read_text().split() for k in keys] == [" ".join(user.keys).split()]


@pytest.mark.parametrize("os", ["lab", "flatcar", "fcos"])
@pytest.mark.parametrize("provider", ["qemu", "openstack"])
def test_a_voter_gets_what_was_meant(os: str, provider: str, folder: Path) -> None:
    machines = pool(3, os=os, provider=provider, etcd=True)
    planned = provider == "qemu"
    etcd = Etcd(bootstrap="static", tls=True) if planned else Etcd(bootstrap="discovery")
    wanted = cluster(*machines, etcd=etcd, update=Update("reboot", "sun 04:00", "2h"))
    recipe = compiled(wanted, "demo-core-2")
    root = real.apply(bind(recipe, materials(recipe)), folder)
    added = additions(machines[1], wanted, TRAITS[provider], 1)
    see(root, added, recipe)
    assert (root / "etc/hostname").read_text() == "demo-core-2\n"
    assert (root / "etc/provision/tls/etcd.key").exists() is planned
    assert KEY in "".join(p.read_text() for p in (root / "home/core/.ssh").rglob("*") if p.is_file())


def test_the_users_config_wins_over_ours_and_secrets_arrive_as_they_are(folder: Path) -> None:
    of = machine("demo-core-1", config=butane(TEMPLATE), template=True, variables={"role": "web"}, etcd=True)
    wanted = cluster(of, secrets=SECRETS)
    recipe = compiled(wanted, of.name)
    root = real.apply(bind(recipe, materials(recipe)), folder)
    see(root, additions(of, wanted, PLANNED, 1), recipe, but=("/etc/hostname",))
    assert (root / "etc/hostname").read_text() == "chosen-by-the-user\n"
    assert (root / "etc/app/token").read_text() == "token=s3cret%2Fvalue of demo-core-1"
    assert stat.S_IMODE((root / "etc/app/token").stat().st_mode) == 0o600
    # systemd reads %% as %
    assert "TOKEN=s3cret%%2Fvalue ROLE=web\n" in (root / "etc/systemd/system/app.service").read_text()
    drop_ins = sorted(p.name for p in (root / "etc/systemd/system/etcd-member.service.d").iterdir())
    assert drop_ins == ["20-provision.conf", "30-mine.conf"], "the user's comes after ours, and so overrides it"


@contextmanager
def served(bodies: dict[str, bytes]) -> Iterator[str]:
    """Serve bodies by path on a free port; what is not there is a 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def bound(**traits: Any) -> tuple[Recipe, str, Traits]:
    remarks = "".join(f"        # remark {n}\n" for n in range(400))
    large = butane(BUTANE.replace("        [Service]\n", f"{remarks}        [Service]\n"))
    recipe = compiled(cluster(*pool(3, etcd=True, config=large)), "demo-core-1")
    return recipe, bind(recipe, materials(recipe)), replace(PLANNED, **traits)


def test_a_stub_unfolds_into_the_whole(folder: Path) -> None:
    recipe, config, traits = bound(payload_limit=8000)
    data = fit(config, recipe.spec_version, traits)
    assert len(data) <= 8000 < len(config)
    see_whole(data, config, folder)


def outside(config: str, version: str, base: str) -> str:
    """Return the stub, of less than a kibibyte, for a config that lies at /body."""
    traits = replace(PLANNED, payload_limit=1024)
    return stub(version, f"{base}/body", hashlib.sha512(config.encode()).hexdigest(), traits)


def test_an_external_stub_fetches_its_body(folder: Path) -> None:
    recipe, config, _ = bound()
    with served({"/body": config.encode()}) as base:
        see_whole(outside(config, recipe.spec_version, base), config, folder)


def test_an_exchanged_body_is_refused(folder: Path) -> None:
    recipe, config, _ = bound()
    with (
        served({"/body": config.replace("core", "evil").encode()}) as base,
        pytest.raises(real.Refused, match="hash verification failed"),
    ):
        real.apply(outside(config, recipe.spec_version, base), folder)


def test_up_itself_serves_what_this_computer_keeps(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the store to the machine: what `serve` keeps, the reception of `up` hands out, and Ignition takes."""
    monkeypatch.setenv("PROVISION_DATA_DIR", str(folder / "data"))
    recipe, config, traits = bound(payload_limit=1024)
    context = Context(folder, folder, lambda: datetime.now(UTC), folder)
    labels = Labels("demo", UID, "demo-core-1-body", 1, "ada", "never", "0" * 16)
    options = {"store": "serve", "cluster": "demo"}
    (made,) = ServedBodies(options, context).create([Request("body", "b", "serve", labels, "t", payload=config)])
    assert made.observed
    stored = made.observed.outputs
    state = LocalStore(folder / "state")
    with state.lock(Holder.current()), reception(state, folder / "discovery", set()) as open_to:
        base = open_to.url("127.0.0.1")
        see_whole(stub(recipe.spec_version, base + stored["url"], stored["sha512"], traits), config, folder)
        for path in ("/bodies/" + "0" * 64, stored["url"] + ".json", "/bodies/..%2Fnever"):
            assert httpx.get(base + path, trust_env=False).status_code == 404, path


def see_whole(data: str, config: str, folder: Path) -> None:
    """A stub's tree is the whole config's tree."""
    whole, stub = folder / "whole", folder / "stub"
    whole.mkdir()
    stub.mkdir()
    assert listing(real.apply(data, stub)) == listing(real.apply(config, whole))


def listing(root: Path) -> dict[str, tuple[int, int, list[bytes]]]:
    # Ignition's own report holds the time; the preset is in it, too.
    files = (p for p in root.rglob("*") if p.is_file() and p.name != ".ignition-result.json")
    return {str(p.relative_to(root)): (p.stat().st_mode, p.stat().st_uid, lines(p)) for p in files}


def lines(path: Path) -> list[bytes]:
    found = path.read_bytes().splitlines()
    # Ignition writes this one in no order.
    return sorted(found) if path.name == "20-ignition.preset" else found

"""The vCenter simulator: built once from the Debian package's library and the Go files beside this one, then started
for each test process; and what tests do with it.
"""

from __future__ import annotations

import atexit
import datetime as dt
import functools
import hashlib
import ipaddress
import json
import os
import ssl
import subprocess
import tempfile
import urllib.request
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from provision import paths
from provision.model import MACHINE, Labels, MachineWanted, Owner, Wanted
from provision.provider import Context
from provision_vmware import VMware, sdk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provision.model import Json, Observed
    from provision.provider import Outcome

HOME = Path(__file__).parent
GO = "/usr/share/gocode"
"""Where Debian's golang-github-vmware-govmomi-dev puts its sources."""

UID = "7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b"
OWNER = Owner("demo", UID)
USER, PASSWORD = "admin", "secret"
PAYLOAD = "H4sIAAAAAAACA6uuBQBDv6ajAgAAAA=="
"""``{}``, gzipped and in base64, as `Traits.encoding` says."""


def binary() -> Path:
    """Return the simulator's program, built in the cache directory when its sources have changed."""
    sources = sorted(HOME.glob("*.go"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    home = Path(os.environ.get("PROVISION_LAB_CACHE", paths.cache())) / "vcsim"
    program = home / f"vcsim-{digest}"
    if program.exists():
        return program
    if not Path(GO, "src/github.com/vmware/govmomi").is_dir():
        raise RuntimeError("there is no govmomi: tools/packages lab")
    home.mkdir(parents=True, exist_ok=True)
    plain = {"GO111MODULE": "off", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOPATH": GO, "GOCACHE": str(home / "go")}
    draft = home / f"{program.name}.{os.getpid()}"
    line = ["go", "build", "-p", "2", "-ldflags", "-s -w", "-o", str(draft), *map(str, sources)]
    subprocess.run(line, cwd=HOME, env={**os.environ, **plain}, check=True)
    for old in home.glob("vcsim-????????????????"):
        old.unlink()
    return draft.rename(program)


@dataclass(frozen=True)
class Certificates:
    """A CA, and a server's certificate that it has signed, as files."""

    ca: Path
    certificate: Path
    key: Path
    fingerprint: str


@functools.cache
def certificates() -> Certificates:
    home = Path(tempfile.mkdtemp(prefix="vcsim-tls-"))
    atexit.register(lambda: [f.unlink() for f in home.iterdir()] and home.rmdir())
    authority, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vcsim's CA")])
    begin = datetime.now(UTC) - dt.timedelta(hours=1)

    def issued(subject: str, key: Any, *, ca: bool) -> x509.Certificate:
        who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        made = x509.CertificateBuilder().subject_name(who).issuer_name(name).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(begin)
        made = made.not_valid_after(begin + dt.timedelta(days=2))
        made = made.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        if not ca:
            local = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            made = made.add_extension(x509.SubjectAlternativeName([local]), critical=False)
        return made.sign(authority, hashes.SHA256())

    top, own = issued("vcsim's CA", authority, ca=True), issued("vcsim", server, ca=False)
    found = Certificates(home / "ca.pem", home / "own.pem", home / "own.key", own.fingerprint(hashes.SHA256()).hex(":"))
    found.ca.write_bytes(top.public_bytes(serialization.Encoding.PEM))
    found.certificate.write_bytes(own.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    found.key.write_bytes(server.private_bytes(serialization.Encoding.PEM, *plain))
    return found


@dataclass(frozen=True)
class Simulator:
    """A running simulator, and its side door."""

    server: str
    esxi: bool

    def ask(self, path: str, body: object = None) -> Any:
        trusted = ssl.create_default_context(cafile=certificates().ca)
        request = urllib.request.Request(f"https://{self.server}/lab/{path}", data=json.dumps(body).encode())
        with urllib.request.urlopen(request, context=trusted, timeout=30) as answer:
            return json.loads(answer.read())

    def faults(self, *faults: Json) -> None:
        """Set the bad luck that strikes from now on; none heals."""
        self.ask("faults", list(faults))

    def set(self, **settings: int) -> None:
        """Set TaskMS, IPMS (milliseconds) or Sessions."""
        self.ask("settings", settings)

    def world(self) -> Any:
        return self.ask("world")

    def machines(self) -> dict[str, Json]:
        """Return provision's machines by name, past the API."""
        return {m["name"]: m for m in self.world()["machines"] if "provision.labels" in m["extra"]}

    def counted(self) -> Counter[str]:
        """Return the calls since the last count."""
        return Counter(self.ask("calls")["calls"])

    def sessions(self) -> int:
        return int(self.ask("calls")["sessions"])

    def options(self, **others: Any) -> Json:
        """Return the provider's options for it."""
        given: Json = {"server": self.server, "ca_file": str(certificates().ca), "datastore": "LocalDS_0"}
        if self.esxi:
            given |= {"esxi": True, "network": "VM Network", "image": f"base.ova#sha256={'0' * 64}"}
        else:
            given |= {"image": "flatcar", "network": "VM Network", "resource_pool": "DC0_C0", "console": False}
        return {**given, **others}


@contextmanager
def running(*, esxi: bool = False, **flags: str) -> Iterator[Simulator]:
    """Run a simulator; it ends when its standard input does, however this process ends."""
    tls = certificates()
    line = [str(binary()), f"-cert={tls.certificate}", f"-key={tls.key}", f"-user={USER}", f"-password={PASSWORD}"]
    line += ["-esxi"] * esxi + [f"-{name.replace('_', '-')}={value}" for name, value in flags.items()]
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        word, _, server = process.stdout.readline().strip().partition(" ")
        assert word == "ready", "the simulator did not start"
        yield Simulator(server, esxi)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=20)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VSPHERE_USER", USER)
    monkeypatch.setenv("VSPHERE_PASSWORD", PASSWORD)


@pytest.fixture
def vcenter(credentials: None) -> Iterator[Simulator]:
    """A vCenter: a cluster of three hosts, two datastores, a datastore cluster, a template, strangers' machines."""
    with running() as simulator:
        yield simulator
        sdk.close_all()


@pytest.fixture
def esxi(credentials: None) -> Iterator[Simulator]:
    """A standalone host."""
    with running(esxi=True) as simulator:
        yield simulator
        sdk.close_all()


def provider(given: Json, where: Path) -> VMware:
    return VMware(given, Context(where, where, lambda: datetime.now(UTC), where))


def labels(name: str = "", generation: int = 1, **others: Any) -> Labels:
    about = Labels("demo", UID, name, generation, "you@example.com", "2027-01-01T00:00:00Z", "0123456789abcdef")
    return replace(about, **others)


def machine(name: str, given: Json, **others: Any) -> MachineWanted:
    values: Json = {
        "pool": "web",
        "os": "flatcar",
        "size": {"cpus": 2, "memory": "2GiB"},
        "image": "",
        "options": given,
    }
    return MachineWanted(name, **{**values, **others})


def wanted(given: Json, names: Iterable[str], **others: Any) -> Wanted:
    own = {key: others.pop(key) for key in list(others) if key in set(MachineWanted.__slots__)}
    return Wanted(
        cluster="demo",
        uid=UID,
        labels=labels(),
        machines=tuple(machine(name, given, **own) for name in names),
        options=given,
        **{"subnet": "10.99.0.0/24", **others},
    )


def good(outcomes: Iterable[Outcome]) -> list[Observed]:
    """Return what was made, and fail on any error."""
    done = list(outcomes)
    for outcome in done:
        if outcome.error:
            raise outcome.error
    return [outcome.observed for outcome in done if outcome.observed]


def names(cloud: VMware) -> list[str]:
    return sorted(o.name for o in cloud.list(OWNER) if o.kind == MACHINE)

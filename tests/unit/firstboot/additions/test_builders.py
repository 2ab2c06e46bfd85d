from __future__ import annotations

import tomllib
from dataclasses import replace
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

import pytest

from provision.firstboot.additions.assemble import SLOTS, additions
from provision.firstboot.additions.system import VERSIONS, newest_ignition, system
from provision.firstboot.markers import SLOTS as MARKERS
from provision.spec.model import Cluster, Etcd, Update
from tests.unit.firstboot.clusters import ASSIGNED, EC2, KEY, PLANNED, cluster, pool

if TYPE_CHECKING:
    from provision.firstboot.additions.model import Additions, Unit

SYSTEMS = ("lab", "flatcar", "container-linux", "fcos", "debian")


def added(os: str = "lab", traits: Any = PLANNED, *, voter: bool = True, **changes: Any) -> Additions:
    machines = pool(3, os=os, etcd=voter)
    wanted: Cluster = cluster(*machines, **changes)
    return additions(machines[0], wanted, traits, 1)


def text(of: Additions, path: str) -> str | None:
    return next((f.text for f in of.files if f.path == path), None)


def unit(of: Additions, name: str) -> Unit | None:
    return next((u for u in of.units if u.name == name), None)


def environment(of: Additions, name: str) -> dict[str, str]:
    found = unit(of, name)
    assert found is not None
    lines = found.drop_ins[0].text.splitlines()
    pairs = (line[len('Environment="') : -1].partition("=") for line in lines if line.startswith("Environment="))
    return {key: value for key, _, value in pairs}


@pytest.mark.parametrize("os", SYSTEMS)
@pytest.mark.parametrize("traits", [PLANNED, ASSIGNED, EC2])
def test_every_system_and_platform_has_additions(os: str, traits: Any) -> None:
    bootstrap = "static" if traits.planned_addresses else "discovery"
    found = added(os, traits, etcd=Etcd(bootstrap=bootstrap, tls=traits.planned_addresses), update=Update("reboot"))
    held = {name for f in found.files for name in MARKERS.findall(f.text)}
    assert held <= SLOTS.keys()
    assert {"deadline", "nonce", "phone-home-url", "etcd-bootstrap"} <= held
    assert len({f.path for f in found.files}) == len(found.files)
    assert newest_ignition(os)


def test_the_hostname_and_the_keys() -> None:
    found = added()
    assert text(found, "/etc/hostname") == "demo-core-1\n"
    assert [(u.name, u.keys) for u in found.users] == [("core", (KEY,))]
    assert added(ssh_keys=()).users == ()
    assert added("debian").users[0].name == "debian"


def test_the_planned_address_is_configured_where_no_dhcp_gives_it() -> None:
    networkd = text(added(subnet=IPv4Network("10.99.0.0/20")), "/etc/systemd/network/10-provision-private.network")
    assert networkd is not None
    assert "Path=pci-0000:00:04.0\n" in networkd
    assert "Address=10.99.0.2/20\n" in networkd
    keyfile = next(f for f in added("fcos").files if f.path.endswith(".nmconnection"))
    assert "address1=10.99.0.2/16\n" in keyfile.text
    assert keyfile.mode == 0o600, "NetworkManager takes no file that others may read"
    assert not [f for f in added(traits=EC2).files if "private" in f.path]


def test_a_voter_with_a_planned_address() -> None:
    found = environment(added(), "etcd-member.service")
    assert found["ETCD_NAME"] == "demo-core-1"
    assert found["ETCD_ADVERTISE_CLIENT_URLS"] == "http://10.99.0.2:2379"
    assert found["ETCD_LISTEN_PEER_URLS"] == "http://0.0.0.0:2380"
    assert found["ETCD_HEARTBEAT_INTERVAL"] == "500"
    assert not {"ETCD_DISCOVERY", "ETCD_INITIAL_CLUSTER"} & found.keys(), "how the others are found is a slot"
    assert text(added(), "/etc/provision/etcd.env") == "(~provision.slot.etcd-bootstrap~)\n"


def test_a_voter_whose_address_the_platform_chooses() -> None:
    found = added(traits=ASSIGNED, etcd=Etcd(bootstrap="discovery"))
    assert not {k for k in environment(found, "etcd-member.service") if "ADVERTISE" in k}
    member = unit(found, "etcd-member.service")
    assert member is not None
    assert "After=network-online.target provision-address.service\n" in member.drop_ins[0].text
    assert "EnvironmentFile=/run/provision/etcd-address\n" in member.drop_ins[0].text
    assert unit(found, "provision-address.service") is not None
    assert "route get" in (text(found, "/etc/provision/etcd-address") or "")


def test_a_voter_that_is_found_by_dns_advertises_its_name() -> None:
    found = added(traits=ASSIGNED, etcd=Etcd(bootstrap="srv", domain="example.com"))
    assert environment(found, "etcd-member.service")["ETCD_INITIAL_ADVERTISE_PEER_URLS"] == (
        "http://demo-core-1.example.com:2380"
    )
    assert unit(found, "provision-address.service") is None


@pytest.mark.parametrize(
    ("os", "seen", "owner"),
    [("lab", "/etc/provision/tls", "etcd"), ("flatcar", "/etc/ssl/certs", 232), ("fcos", "/etc/provision/tls", "root")],
)
def test_tls_files_lie_where_etcd_sees_them(os: str, seen: str, owner: str | int) -> None:
    found = added(os, etcd=Etcd(bootstrap="static", tls=True))
    name = system(os).etcd.unit
    variables = environment(found, name)
    assert variables["ETCD_PEER_KEY_FILE"] == f"{seen}/etcd.key"
    assert variables["ETCD_ADVERTISE_CLIENT_URLS"].startswith("https://")
    assert variables.get("ETCD_SSL_DIR") == ("/etc/provision/tls" if os == "flatcar" else None)
    modes = {f.path: (f.mode, f.owner) for f in found.files if "/tls/" in f.path}
    assert modes == {
        "/etc/provision/tls/ca.crt": (0o644, "root"),
        "/etc/provision/tls/etcd.crt": (0o644, "root"),
        "/etc/provision/tls/etcd.key": (0o600, owner),
    }


def test_images_of_etcd_have_a_tag() -> None:
    assert environment(added("flatcar", etcd=Etcd(version="3.5")), "etcd-member.service")["ETCD_IMAGE_TAG"] == "v3.5.21"
    whole = unit(added("fcos", etcd=Etcd(version="3.5")), "provision-etcd.service")
    assert whole is not None
    assert "quay.io/coreos/etcd:v3.5.21 " in (whole.text or "")
    assert system("fcos").tag("3.9") == "v3.9.0"
    assert "ETCD_IMAGE_TAG" not in environment(added("lab"), "etcd-member.service")


def test_others_have_no_etcd() -> None:
    found = added(voter=False, etcd=Etcd(bootstrap="static", tls=True))
    assert not [u for u in found.units if "etcd" in u.name]
    assert not [f for f in found.files if "etcd" in f.path or "tls" in f.path]


@pytest.mark.parametrize(
    ("update", "conf"),
    [
        (Update(), "REBOOT_STRATEGY=off\n"),
        (Update("reboot"), "REBOOT_STRATEGY=reboot\n"),
        (
            Update("etcd-lock", "sun 04:00", "1h30m"),
            'REBOOT_STRATEGY=etcd-lock\nLOCKSMITHD_REBOOT_WINDOW_START="Sun 04:00"\n'
            'LOCKSMITHD_REBOOT_WINDOW_LENGTH="90m"\n',
        ),
        (
            Update("reboot", "04:00", "1d"),
            'REBOOT_STRATEGY=reboot\nLOCKSMITHD_REBOOT_WINDOW_START="04:00"\nLOCKSMITHD_REBOOT_WINDOW_LENGTH="1440m"\n',
        ),
    ],
)
def test_locksmith(update: Update, conf: str) -> None:
    assert text(added("flatcar", update=update), "/etc/flatcar/update.conf") == conf
    assert text(added("container-linux", update=update), "/etc/coreos/update.conf") == conf


def test_locksmith_reaches_an_etcd_with_tls() -> None:
    found = added("flatcar", update=Update("etcd-lock"), etcd=Etcd(bootstrap="static", tls=True))
    assert environment(found, "locksmithd.service")["LOCKSMITHD_ENDPOINT"] == "https://127.0.0.1:2379"
    assert unit(added("flatcar", update=Update("etcd-lock")), "locksmithd.service") is None


@pytest.mark.parametrize(
    ("update", "meaning"),
    [
        (Update(), {"enabled": False}),
        (Update("reboot"), {"strategy": "immediate"}),
        (
            Update("reboot", "sun 04:00", "2h"),
            {
                "strategy": "periodic",
                "periodic": {"window": [{"days": ["Sun"], "start_time": "04:00", "length_minutes": 120}]},
            },
        ),
    ],
)
def test_zincati(update: Update, meaning: dict[str, Any]) -> None:
    found = text(added("fcos", update=update), "/etc/zincati/config.d/90-provision-updates.toml")
    assert tomllib.loads(found or "") == {"updates": meaning}


def test_a_daily_window_is_one_of_seven_days() -> None:
    found = text(
        added("fcos", update=Update("reboot", "04:00", "2h")), "/etc/zincati/config.d/90-provision-updates.toml"
    )
    assert len(tomllib.loads(found or "")["updates"]["periodic"]["window"][0]["days"]) == 7


def test_the_deadline_is_there_even_for_never() -> None:
    machines = pool(1)
    for ttl in (None, 60):
        found = additions(machines[0], replace(cluster(*machines), ttl=ttl), PLANNED, 1)
        assert unit(found, "provision-deadline.timer") == unit(added(voter=False), "provision-deadline.timer")


def test_versions() -> None:
    assert VERSIONS == (1,)
    with pytest.raises(FileNotFoundError):
        system("lab", 99)

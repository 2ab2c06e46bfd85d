"""VMware on the simulator: machines as their specs say, bad luck of every kind, and the real program end to end."""

from __future__ import annotations

import base64
import gzip
import json
import signal
import time
from typing import TYPE_CHECKING

import pytest

from provision.errors import Kind, ProviderError
from provision.model import MACHINE, Change, State
from provision.testing.rig import Rig, observed
from provision_vmware import sdk
from tests.lab.bench import Operator
from tests.lab.vcsim import image, lab
from tests.lab.vcsim.lab import credentials, esxi, vcenter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from provision.model import Json
    from provision_vmware import VMware

__all__ = ["credentials", "esxi", "vcenter"]

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

GIB = 1024**2  # KiB


def ready(simulator: lab.Simulator, where: Path, **options: object) -> tuple[Rig, VMware]:
    """Return a rig whose folder is made."""
    given = simulator.options(**options)
    rig = Rig(lambda: lab.provider(given, where), lab.wanted(given, ["core-0"]), lab.PAYLOAD)
    rig.parts()
    return rig, rig.provider  # type: ignore[return-value]


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


def failure(act: Callable[[], object]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        act()
    return caught.value


# ---- machines are what their requests say


def test_a_clone_is_what_its_request_says(vcenter: lab.Simulator, tmp_path: Path) -> None:
    rig, _ = ready(vcenter, tmp_path, network="DC0_DVPG0", console=True, hardware_version=17)
    rig.wanted = lab.wanted(rig.wanted.options, ["core-0"], size={"cpus": 4, "memory": "8GiB", "disk": "20GiB"})
    rig.make(rig.machine("core-0"), rig.machine("core-1"))
    made = vcenter.machines()
    core = made["core-0"]
    assert (core["cpus"], core["memory"], core["version"], core["on"]) == (4, 8192, "vmx-17", True)
    assert [d["kb"] for d in core["disks"]] == [20 * GIB]
    assert core["folder"] == f"demo.{lab.UID}"
    assert core["networks"][0].startswith("dvportgroup-")
    assert core["extra"]["guestinfo.ignition.config.data"] == lab.PAYLOAD
    assert core["extra"]["guestinfo.ignition.config.data.encoding"] == "gzip+base64"
    assert "you@example.com" in core["annotation"]
    assert core["serial"] == core["files"].rpartition("/")[0] + "/console.out"
    assert "provision.unfinished" not in core["extra"]
    assert core["macs"] != made["core-1"]["macs"]
    assert core["disks"][0]["file"] != made["core-1"]["disks"][0]["file"]


def test_a_linked_clone_hangs_on_the_template(vcenter: lab.Simulator, tmp_path: Path) -> None:
    rig, _ = ready(vcenter, tmp_path, linked_clone=True)
    rig.make(rig.machine("core-0"))
    template = next(m for m in vcenter.world()["machines"] if m["name"] == "flatcar")
    assert vcenter.machines()["core-0"]["disks"][0]["parent"] == template["disks"][0]["file"]


def test_a_datastore_cluster_gives_its_member_with_most_room(vcenter: lab.Simulator, tmp_path: Path) -> None:
    given = vcenter.options(datastore_cluster="DC0_POD0")
    del given["datastore"]
    rig = Rig(lambda: lab.provider(given, tmp_path), lab.wanted(given, ["core-0"]), lab.PAYLOAD)
    rig.parts()
    rig.make(rig.machine("core-0"))
    assert vcenter.machines()["core-0"]["files"].startswith("[LocalDS_1]")


def test_static_addresses_reach_the_first_boot(vcenter: lab.Simulator, tmp_path: Path) -> None:
    rig, cloud = ready(vcenter, tmp_path, addresses={"gateway": "10.99.0.1/24", "dns": ["10.99.0.2", "10.99.0.3"]})
    rig.wanted = lab.wanted(rig.wanted.options, ["core-0"], address="10.99.0.10")
    rig.make(rig.machine("core-0"))
    kargs = vcenter.machines()["core-0"]["extra"]["guestinfo.afterburn.initrd.network-kargs"]
    assert kargs == "ip=10.99.0.10::10.99.0.1:255.255.255.0:core-0:ens192:none:10.99.0.2:10.99.0.3"
    (seen,) = rig.listed()
    assert (seen.state, seen.addresses) == (State.RUNNING, {"private": "10.99.0.10"})
    assert cloud.traits.planned_addresses
    assert cloud.traits.no_dhcp


def test_a_machine_runs_when_its_guest_has_an_address(vcenter: lab.Simulator, tmp_path: Path) -> None:
    """Addresses of the guest's own bridges and link-local ones are none; before there is one it is pending."""
    rig, _ = ready(vcenter, tmp_path)
    vcenter.set(IPMS=3000)
    rig.make(rig.machine("core-0"))
    (seen,) = rig.listed()
    assert (seen.state, seen.addresses) == (State.PENDING, {})
    assert "open-vm-tools" in seen.detail
    until(lambda: rig.listed()[0].state is State.RUNNING)
    assert rig.listed()[0].addresses["private"].startswith("127.77.")


def test_ignition_overwrites_the_property_and_nothing_is_amiss(vcenter: lab.Simulator, tmp_path: Path) -> None:
    rig, cloud = ready(vcenter, tmp_path)
    (made,) = rig.make(rig.machine("core-0"))
    before = rig.listed()
    vcenter.ask("extra", {"VM": "core-0", "Key": "guestinfo.ignition.config.data", "Value": "e30K"})
    vcenter.ask("extra", {"VM": "core-0", "Key": "guestinfo.ignition.config.data.encoding", "Value": "base64"})
    assert rig.listed() == before
    list(cloud.change([Change(made, labels=lab.labels("core-0", expires="never"))]))
    extra = vcenter.machines()["core-0"]["extra"]
    assert extra["guestinfo.ignition.config.data"] == "e30K"


def test_console(vcenter: lab.Simulator, tmp_path: Path) -> None:
    rig, cloud = ready(vcenter, tmp_path, console=True)
    (made,) = rig.make(rig.machine("core-0"))
    until(lambda: "booting core-0" in cloud.console(made))
    list(cloud.delete([made]))
    assert not [f for f in vcenter.world()["files"] if "core-0" in f]
    rig, cloud = ready(vcenter, tmp_path)
    assert failure(lambda: cloud.console(rig.make(rig.machine("core-1"))[0])).code == "NoConsole"


def test_power(vcenter: lab.Simulator, tmp_path: Path) -> None:
    rig, cloud = ready(vcenter, tmp_path)
    (made,) = rig.make(rig.machine("core-0"))
    for on in (False, False, True, True):
        cloud.power(made, on)
        assert vcenter.machines()["core-0"]["on"] is on
    assert rig.listed()[0].state in (State.PENDING, State.RUNNING)


def test_a_host_copies_the_images_disk(esxi: lab.Simulator, tmp_path: Path) -> None:
    ova = image.made(tmp_path)
    given = esxi.options(image=ova.name)
    wanted = lab.wanted(given, ["core-0"], size={"cpus": 2, "memory": "4GiB"})
    rig = Rig(lambda: lab.provider(given, tmp_path), wanted, lab.PAYLOAD)
    assert rig.provider.import_image(ova.name, lambda *_: None) == ova.template  # type: ignore[attr-defined]
    assert rig.parts() == []
    (made,) = rig.make(rig.machine("core-0"))
    core = esxi.machines()["core-0"]
    assert (core["cpus"], core["memory"], core["on"]) == (2, 4096, True)
    assert [d["file"] for d in core["disks"]] == [core["files"].removesuffix(".vmx") + "-boot.vmdk"]
    assert core["extra"]["guestinfo.ignition.config.data"] == lab.PAYLOAD
    until(lambda: "booting core-0" in rig.provider.console(made))  # type: ignore[attr-defined]
    assert lab.good(rig.provider.delete([made])) == []
    assert esxi.machines() == {}
    assert not [f for f in esxi.world()["files"] if "core-0" in f]


def test_a_hosts_half_made_machine_goes_with_its_disk(esxi: lab.Simulator, tmp_path: Path) -> None:
    ova = image.made(tmp_path)
    given = esxi.options(image=ova.name)
    rig = Rig(lambda: lab.provider(given, tmp_path), lab.wanted(given, ["core-0"]), lab.PAYLOAD)
    rig.provider.import_image(ova.name, lambda *_: None)  # type: ignore[attr-defined]
    esxi.faults({"method": "ReconfigVM_Task", "drop": True})
    failure(lambda: rig.make(rig.machine("core-0")))
    esxi.faults()
    assert [f for f in esxi.world()["files"] if "core-0-boot" in f]
    (left,) = rig.listed()
    assert (left.state, left.token) == (State.FAILED, "")
    assert lab.good(rig.provider.delete([left])) == []
    assert not [f for f in esxi.world()["files"] if "core-0" in f]


# ---- images


def test_an_ova_is_imported_once(vcenter: lab.Simulator, tmp_path: Path) -> None:
    ova = image.made(tmp_path)
    given = vcenter.options(image=ova.name)
    cloud = lab.provider(given, tmp_path)
    told: list[tuple[int, int]] = []
    assert "not imported" in cloud.check(lab.wanted(given, ["core-0"])).render()
    for _ in range(2):
        assert cloud.import_image(ova.name, lambda done, total: told.append((done, total))) == ova.template
    (upload,) = vcenter.ask("calls")["uploads"]
    assert upload["size"] == upload["content_length"] == len(ova.disk)
    assert told[-1] == (len(ova.disk), len(ova.disk))
    made = next(m for m in vcenter.world()["machines"] if m["name"] == ova.template)
    assert (made["folder"], made["template"]) == ("images", True)
    rig = Rig(lambda: lab.provider(given, tmp_path), lab.wanted(given, ["core-0"]), lab.PAYLOAD)
    assert rig.provider.check(rig.wanted).ok
    rig.parts()
    rig.make(rig.machine("core-0"))
    assert vcenter.machines()["core-0"]["cpus"] == 2


def test_a_wrong_digest_imports_nothing(vcenter: lab.Simulator, tmp_path: Path) -> None:
    ova = image.made(tmp_path)
    cloud = lab.provider(vcenter.options(), tmp_path)
    error = failure(lambda: cloud.import_image(f"{ova.path}#sha256={'0' * 64}", lambda *_: None))
    assert (error.kind, error.code) == (Kind.INVALID, "WrongDigest")
    assert vcenter.ask("calls")["uploads"] is None
    assert "images" not in vcenter.world()["folders"]


def test_a_torn_import_leaves_nothing_and_is_never_taken_for_whole(vcenter: lab.Simulator, tmp_path: Path) -> None:
    ova = image.made(tmp_path)
    cloud = lab.provider(vcenter.options(), tmp_path)
    for fault in ({"method": "NFC", "drop": True}, {"method": "NFC", "http": 500}):
        vcenter.faults(fault)
        failure(lambda: cloud.import_image(ova.name, lambda *_: None))
        assert not [m for m in vcenter.world()["machines"] if ova.template in m["name"]]
    # The abort is lost as well: what is left has another name, and the next import clears it away.
    vcenter.faults({"method": "NFC", "drop": True}, {"method": "HttpNfcLeaseAbort", "drop": True})
    failure(lambda: cloud.import_image(ova.name, lambda *_: None))
    vcenter.faults()
    assert [m["name"] for m in vcenter.world()["machines"] if ova.template in m["name"]] == [
        f"importing-{ova.template}"
    ]
    assert cloud.import_image(ova.name, lambda *_: None) == ova.template
    assert [m["name"] for m in vcenter.world()["machines"] if ova.template in m["name"]] == [ova.template]


# ---- the connection


def check(simulator: lab.Simulator, where: Path, **options: object) -> str:
    given = simulator.options(**options)
    return lab.provider(given, where).check(lab.wanted(given, ["core-0"])).render()


def test_whom_the_connection_trusts(vcenter: lab.Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = lab.certificates().fingerprint
    own = {k: v for k, v in vcenter.options().items() if k != "ca_file"}

    def asked(**options: str) -> str:
        sdk.close_all()
        given = {**own, **options}
        return lab.provider(given, tmp_path).check(lab.wanted(given, ["core-0"])).render()

    assert asked(pin=good) == ""
    assert asked(pin=good.replace(":", "").upper()) == ""
    assert asked(ca_file=str(lab.certificates().ca)) == ""
    # A right pin before does not make a wrong one right.
    wrong = asked(pin="00" * 32)
    assert "PV565" in wrong
    assert good.upper() in wrong
    assert "cannot be verified" in asked()  # the system's CAs do not know it, on loopback either
    assert "cannot be used" in asked(ca_file="no-such-file.pem")


def test_bad_credentials(vcenter: lab.Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VSPHERE_PASSWORD", "wrong")
    assert "PV565" in (found := check(vcenter, tmp_path))
    assert "InvalidLogin" in found
    monkeypatch.delenv("VSPHERE_PASSWORD")
    assert "VSPHERE_PASSWORD is not set" in check(vcenter, tmp_path)


def test_a_server_that_does_not_answer(vcenter: lab.Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "127.0.0.1:1" in check(vcenter, tmp_path, server="127.0.0.1:1")
    monkeypatch.setattr(sdk, "TIMEOUT", 1.0)
    vcenter.faults({"method": "RetrieveServiceContent", "hang_ms": 4000})
    began = time.monotonic()
    assert "PV565" in check(vcenter, tmp_path)
    assert time.monotonic() - began < 3.5
    vcenter.faults()


def test_a_server_that_falls_silent_does_not_hold_the_program(
    vcenter: lab.Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdk, "GOODBYE", 0.5)
    assert list(lab.provider(vcenter.options(), tmp_path).list(lab.OWNER)) == []
    vcenter.faults({"method": "Logout", "hang_ms": 4000})
    began = time.monotonic()
    sdk.close_all()
    assert time.monotonic() - began < 3
    vcenter.faults()


def test_too_many_sessions(vcenter: lab.Simulator, tmp_path: Path) -> None:
    cloud = lab.provider(vcenter.options(), tmp_path)
    assert list(cloud.list(lab.OWNER)) == []
    assert vcenter.sessions() == 1
    vcenter.set(Sessions=1)
    other = sdk.Session(cloud._settings, tmp_path)
    error = failure(lambda: other.content)
    assert (error.kind, error.retryable) == (Kind.THROTTLED, True)
    sdk.close_all()
    assert vcenter.sessions() == 0


def test_an_expired_session_is_renewed_where_it_is_noticed(vcenter: lab.Simulator, tmp_path: Path) -> None:
    rig, cloud = ready(vcenter, tmp_path, console=True)
    vcenter.ask("expire")
    rig.make(rig.machine("core-0"))
    vcenter.ask("expire")
    assert [o.name for o in rig.listed()] == ["core-0"]
    # While tasks are awaited, too: the collector goes with the session.
    vcenter.set(TaskMS=1500)
    batch = [rig.machine(f"worker-{n}") for n in range(3)]
    from threading import Timer

    timer = Timer(0.7, vcenter.ask, ["expire"])
    timer.start()
    assert len([observed(o) for o in cloud.create(batch)]) == 3
    timer.join()
    assert lab.names(cloud) == ["core-0", "worker-0", "worker-1", "worker-2"]


# ---- what is wrong is said before anything is made


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"image": "no-such-template"}, "PV568", "there is no template 'no-such-template'"),
        ({"network": "no-such-network"}, "PV567", "there is no network 'no-such-network'"),
        ({"datastore": "no-such-store"}, "PV567", "LocalDS_0"),
        ({"datacenter": "DC7"}, "PV567", "there is no datacenter 'DC7'"),
        ({"resource_pool": "no-such-pool"}, "PV567", "no resource pool"),
        ({"esxi": True}, "PV566", "VMware vCenter Server"),
        ({"addresses": {"gateway": "10.1.0.1/24"}}, "PV573", "is not within"),
        ({"image": "x.ova"}, "PV568", "needs its SHA-256"),
    ],
)
def test_the_preflight(vcenter: lab.Simulator, tmp_path: Path, options: Json, code: str, words: str) -> None:
    found = check(vcenter, tmp_path, **options)
    assert code in found
    assert words in found


def test_the_preflight_finds_all_in_one_go(vcenter: lab.Simulator, tmp_path: Path) -> None:
    vcenter.ask("space", {"Datastore": "LocalDS_0", "Free": 0})
    given = vcenter.options(network="nowhere", image="nothing")
    wanted = lab.wanted(given, ["core-0"], size="huge", zones=("a",))
    codes = {finding.code for finding in lab.provider(given, tmp_path).check(wanted)}
    assert codes >= {"PV567", "PV568", "PV569", "PV572"}


def test_a_full_datastore(vcenter: lab.Simulator, tmp_path: Path) -> None:
    rig, _ = ready(vcenter, tmp_path)
    vcenter.ask("space", {"Datastore": "LocalDS_0", "Free": 0})
    assert "PV570" in rig.connect().check(rig.wanted).render()
    error = failure(lambda: rig.make(rig.machine("core-0")))
    assert (error.kind, error.code) == (Kind.CAPACITY, "NoDiskSpace")
    assert "LocalDS_0" in error.message
    assert vcenter.machines() == {}


def test_a_missing_privilege(vcenter: lab.Simulator, tmp_path: Path) -> None:
    rig, _ = ready(vcenter, tmp_path)
    vcenter.faults({"method": "CloneVM_Task", "fault": "NoPermission"})
    error = failure(lambda: rig.make(rig.machine("core-0")))
    assert error.kind is Kind.AUTH
    assert "VirtualMachine.Inventory.CreateFromExisting" in error.message
    vcenter.faults()


# ---- nothing is lost, nothing is double


def test_a_strangers_machine_of_the_name_is_left_alone(vcenter: lab.Simulator, tmp_path: Path) -> None:
    rig, cloud = ready(vcenter, tmp_path)
    (made,) = rig.make(rig.machine("core-0"))
    other = failure(lambda: rig.make(rig.machine("core-0", 2)))
    assert other.kind is Kind.ALREADY_EXISTS
    vcenter.ask("extra", {"VM": "core-0", "Key": "provision.labels", "Value": "{}"})
    foreign = failure(lambda: rig.make(rig.machine("core-0")))
    assert foreign.kind is Kind.INVALID
    [outcome] = cloud.delete([made])
    assert outcome.error is not None
    assert outcome.error.code == "NotOurs"
    folder = next(o for o in cloud.list(lab.OWNER) if o.kind != MACHINE)
    [outcome] = cloud.delete([folder])
    assert outcome.error is not None
    assert (outcome.error.kind, "core-0" in outcome.error.message) == (Kind.CONFLICT, True)
    vcenter.ask(
        "extra", {"VM": "core-0", "Key": "provision.labels", "Value": json.dumps(lab.labels("core-0").to_dict())}
    )


def test_a_lost_answer_to_each_step(vcenter: lab.Simulator, tmp_path: Path) -> None:
    """Whatever step's answer is lost, the same request again ends with one machine that runs."""
    rig, cloud = ready(vcenter, tmp_path, console=True, hardware_version=17)
    methods = ("FindChild", "CloneVM_Task", "UpgradeVM_Task", "ReconfigVM_Task", "PowerOnVM_Task", "WaitForUpdatesEx")
    for number, method in enumerate(methods):
        for after in (True, False):
            name = f"{'after' if after else 'drop'}-{number}"
            vcenter.faults({"method": method, "after": after, "drop": not after, "times": 1})
            error = failure(lambda name=name: rig.make(rig.machine(name)))
            assert error.retryable
            rig.make(rig.machine(name))
    made = vcenter.machines()
    assert len(made) == 2 * len(methods)
    assert all(m["on"] and m["version"] == "vmx-17" and m["serial"] for m in made.values())
    seen = {o.name: o for o in rig.listed()}
    for number, method in enumerate(("PowerOffVM_Task", "DeleteDatastoreFile_Task", "Destroy_Task")):
        vcenter.faults({"method": method, "after": True, "times": 1})
        target = seen[f"after-{number}"]
        [outcome] = cloud.delete([target])
        assert outcome.error is not None
        assert lab.good(cloud.delete([target])) == []
    assert not [f for f in vcenter.world()["files"] if any(f"after-{n}/" in f for n in range(3))]


def test_many_threads_share_one_filter(vcenter: lab.Simulator, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    rig, cloud = ready(vcenter, tmp_path)
    vcenter.set(TaskMS=1000)
    vcenter.counted()
    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(lambda n: next(iter(cloud.create([rig.machine(f"worker-{n}")]))), range(10)))
    assert not [o.error for o in made if o.error]
    counted = vcenter.counted()
    assert counted["CreatePropertyCollector"] == 1
    assert counted["CloneVM_Task"] == 10
    assert counted["WaitForUpdatesEx"] <= 30


# ---- the real program

SPEC = """version: 1
cluster: demo
owner: you@example.com
ttl: 8h
os: fcos
ssh:
  keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqQY9XQ1PMqBoLYcZBOlGUsMYCfR3TnQ3ZRnWRmwHeV you@example.com]
  from: [10.0.0.0/8]
network: {subnet: 10.99.0.0/24}
etcd: {bootstrap: static, version: "3.5"}
providers:
  vmware: OPTIONS
pools:
  core: {count: 3, etcd: true, size: {cpus: 2, memory: 2GiB}}
  web: {count: 2, size: {cpus: 1, memory: 1GiB}}
"""
NAMES = ["demo-core-1", "demo-core-2", "demo-core-3", "demo-web-1", "demo-web-2"]


def operator(simulator: lab.Simulator, where: Path, **options: object) -> Operator:
    home = where / "operator"
    home.mkdir()
    given = simulator.options(addresses={"gateway": "10.99.0.1/24"}, **options)
    (home / "cluster.yaml").write_text(SPEC.replace("OPTIONS", json.dumps(given)))
    return Operator(home)


def nothing_left(simulator: lab.Simulator) -> None:
    world = simulator.world()
    assert simulator.machines() == {}
    assert world["rules"] == {}
    assert not [f for f in world["folders"] if f.startswith("demo.")]
    assert not [f for f in world["files"] if "demo-" in f]
    assert simulator.sessions() == 0


def test_a_clusters_life(vcenter: lab.Simulator, tmp_path: Path) -> None:
    vcenter.set(TaskMS=100, IPMS=200)
    me = operator(vcenter, tmp_path, console=True)
    assert me.run("up", "--no-wait", "--yes").code == 0
    made = vcenter.machines()
    assert sorted(made) == NAMES
    config = json.loads(
        gzip.decompress(base64.b64decode(made["demo-core-1"]["extra"]["guestinfo.ignition.config.data"]))
    )
    assert config["ignition"]["version"].startswith("3.")
    [members] = vcenter.world()["rules"].values()
    assert sorted(members) == NAMES[:3]
    assert me.run("plan").out.startswith("Nothing to do")
    for name in NAMES:  # each has read its config, and overwritten it
        vcenter.ask("extra", {"VM": name, "Key": "guestinfo.ignition.config.data", "Value": "e30K"})
    assert me.run("plan", "--detailed-exitcode").code == 0
    assert "demo" in me.run("list").out
    assert "booting demo-core-1" in me.run("console", "demo-core-1").out
    assert me.run("up", "--replace", "demo-core-2", "--no-wait", "--yes").code == 0
    again = vcenter.machines()
    assert again["demo-core-2"]["macs"] != made["demo-core-2"]["macs"]
    assert again["demo-core-1"]["macs"] == made["demo-core-1"]["macs"]
    [members] = vcenter.world()["rules"].values()
    assert sorted(members) == NAMES[:3]  # the new one was put back
    assert me.run("plan").out.startswith("Nothing to do")
    assert me.run("down", "--yes").code == 0
    nothing_left(vcenter)


def test_ctrl_c_in_mid_clone(vcenter: lab.Simulator, tmp_path: Path) -> None:
    """Twice, so that the program leaves while vCenter copies; then `up` goes on, and `down` leaves nothing."""
    vcenter.set(TaskMS=4000)
    me = operator(vcenter, tmp_path)
    process = me.start("up", "--no-wait", "--yes")
    calls: list[str] = []
    until(lambda: calls.extend(vcenter.ask("calls")["calls"] or []) or "CloneVM_Task" in calls)  # type: ignore[func-returns-value]
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert vcenter.sessions() == 0
    vcenter.set(TaskMS=200)
    assert me.run("up", "--no-wait", "--yes").code == 0
    assert sorted(vcenter.machines()) == NAMES
    assert me.run("plan").out.startswith("Nothing to do")
    assert me.run("down", "--yes").code == 0
    nothing_left(vcenter)


def test_down_after_ctrl_c_in_mid_clone(vcenter: lab.Simulator, tmp_path: Path) -> None:
    """The clones that vCenter still makes are not lost: the folder stays until they are gone too."""
    vcenter.set(TaskMS=6000)
    me = operator(vcenter, tmp_path)
    process = me.start("up", "--no-wait", "--yes")
    calls: list[str] = []
    until(lambda: calls.extend(vcenter.ask("calls")["calls"] or []) or "CloneVM_Task" in calls)  # type: ignore[func-returns-value]
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    process.communicate(timeout=60)
    for _ in range(4):
        if me.run("down", "--yes").code == 0:
            break
    nothing_left(vcenter)


def test_every_mutating_call_lost_once(vcenter: lab.Simulator, tmp_path: Path) -> None:
    methods = (
        "CreateFolder", "CloneVM_Task", "ReconfigVM_Task", "PowerOnVM_Task", "ReconfigureComputeResource_Task",
        "PowerOffVM_Task", "DeleteDatastoreFile_Task", "Destroy_Task", "UnregisterAndDestroy_Task",
    )  # fmt: skip
    vcenter.faults(*({"method": method, "after": True, "times": 1} for method in methods))
    me = operator(vcenter, tmp_path, console=True)
    assert me.run("up", "--no-wait", "--yes").code == 0
    assert sorted(vcenter.machines()) == NAMES
    assert vcenter.ask("calls")["ever"] == len(NAMES)
    assert me.run("down", "--yes").code == 0
    vcenter.faults()
    nothing_left(vcenter)


def test_bad_luck_is_told_in_three_lines(vcenter: lab.Simulator, tmp_path: Path) -> None:
    me = operator(vcenter, tmp_path, network="no-such-network")
    refused = me.run("up", "--no-wait", "--yes")
    assert refused.code == 6
    assert "PV567" in refused.err
    assert "there are:" in refused.err
    assert "Traceback" not in refused.err
    assert vcenter.machines() == {}
    nothing_left(vcenter)


def test_images_are_imported_by_the_program(vcenter: lab.Simulator, tmp_path: Path) -> None:
    ova = image.made(tmp_path)
    me = operator(vcenter, tmp_path, image=ova.name)
    refused = me.run("up", "--no-wait", "--yes")
    assert refused.code == 6
    assert "provision image import" in refused.err
    done = me.run("image", "import")
    assert done.code == 0
    assert ova.template in done.out
    assert me.run("up", "--no-wait", "--yes").code == 0
    assert me.run("down", "--yes").code == 0
    nothing_left(vcenter)
    assert [m["name"] for m in vcenter.world()["machines"] if m["folder"] == "images"] == [ova.template]


def test_a_cluster_on_a_host(esxi: lab.Simulator, tmp_path: Path) -> None:
    ova = image.made(tmp_path)
    me = operator(esxi, tmp_path, image=ova.name)
    assert me.run("image", "import").code == 0
    done = me.run("up", "--no-wait", "--yes")
    assert done.code == 0
    assert sorted(esxi.machines()) == NAMES
    assert "PV574" in done.err or "PV574" in done.out  # all members on one host
    assert me.run("down", "--yes").code == 0
    nothing_left(esxi)

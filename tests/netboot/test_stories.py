"""Whole stories over HTTP: from power-on to up, into a boot loop, through a lost answer, to a reinstallation."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from provision.model import utc_text
from provision.netboot.entry import Desired, Mode, State
from tests.netboot import bench as benches
from tests.netboot.bench import CONFIG, mac, until


def nonce_of(script: str) -> str:
    return re.search(r"/ignition/([0-9a-f]{32})", script)[1]


def test_from_power_on_to_up(bench):
    machine = bench.put(1)
    assert bench.web.get("/boot.ipxe").text.startswith("#!ipxe\nchain --replace --autofree http://127.0.0.1:")
    assert nonce_of(bench.booting()) == machine.nonce
    assert until(lambda: bench.store.progress("m1").state is State.LOADING)
    answer = bench.web.get(f"/ignition/{machine.nonce}")
    assert (answer.status_code, answer.content) == (200, CONFIG)
    assert answer.headers["content-type"] == "application/vnd.coreos.ignition+json"
    assert answer.headers["cache-control"] == "no-store"
    assert until(lambda: bench.store.progress("m1").state is State.IGNITED)
    assert bench.home(machine).status_code == 200
    progress = bench.store.progress("m1")  # on the disk before the answer
    assert progress.state is State.UP
    assert progress.spent
    assert list(progress.times) == ["loading", "ignited", "up"]
    assert [e["state"] for e in bench.events] == ["loading", "ignited", "up"]


def test_a_config_is_spent_when_its_machine_is_up(bench):
    machine = bench.put(1)
    bench.booting()
    for _ in range(3):  # answers may be lost
        assert bench.web.get(f"/ignition/{machine.nonce}").status_code == 200
    bench.home(machine)
    assert bench.web.get(f"/ignition/{machine.nonce}").status_code == 410
    assert "kernel" not in bench.script()
    assert "boots again" in until(lambda: bench.store.progress("m1").failure)


def test_a_config_is_spent_a_quarter_of_an_hour_after_its_first_use(bench):
    machine = bench.put(1)
    bench.booting()
    assert bench.web.get(f"/ignition/{machine.nonce}").status_code == 200
    bench.clock.ahead = 890
    assert bench.web.get(f"/ignition/{machine.nonce}").status_code == 200
    bench.clock.ahead = 910
    assert bench.web.get(f"/ignition/{machine.nonce}").status_code == 410
    assert "sanboot" in bench.script()
    assert "never reported" in until(lambda: bench.store.progress("m1").failure)


def test_what_is_spent_stays_spent_when_the_service_starts_again(tmp_path):
    with benches.bench(tmp_path) as bench:
        machine = bench.put(1)
        bench.booting()
        bench.home(machine)
    with benches.bench(tmp_path) as bench:
        assert bench.web.get(f"/ignition/{machine.nonce}").status_code == 410
        assert bench.store.progress("m1").state is State.UP


def test_not_ready_is_503_and_asks_again(bench):
    machine = bench.put(1, None)
    assert bench.web.get(f"/ignition/{machine.nonce}").status_code == 503
    assert f"chain --replace --autofree {bench.running.url}/boot.ipxe" in bench.script()
    bench.store.put(machine, CONFIG)
    assert until(lambda: bench.web.get(f"/ignition/{machine.nonce}").status_code == 200)


def test_a_machine_waits_until_its_boot_files_are_here(bench):
    kernel = benches.artefact(bench.folder, "late", b"late")
    source = bench.folder / "sources" / "late"
    source.rename(source.with_suffix(".away"))
    bench.put(1, kernel=kernel)
    assert "not ready" in bench.script()
    assert until(lambda: "cannot be read" in bench.running.service.cache.failures.get(kernel.path, ""))
    source.with_suffix(".away").rename(source)
    assert bench.booting()


def test_a_boot_loop_is_counted_and_stopped(bench):
    bench.put(1, max_boots=3)
    bench.booting()
    assert "kernel" in bench.script()
    assert "kernel" in bench.script()
    assert "sanboot" in bench.script()
    progress = until(lambda: (p := bench.store.progress("m1")).failure and p)
    assert progress.boots == 3
    assert progress.failure.startswith("boot loop: told to boot 3 times")
    bench.put(1, nonce="0" * 31 + "1")  # a new story
    assert "kernel" in until(lambda: (t := bench.script()) and "kernel" in t and t)


def test_install_then_boot_locally(bench):
    machine = bench.put(1, mode=Mode.INSTALL)
    bench.booting()
    assert bench.web.get(f"/ignition/{machine.nonce}").status_code == 200
    assert bench.web.post(f"/installed/{machine.nonce}").status_code == 200
    assert bench.store.progress("m1").state is State.INSTALLED
    for _ in range(10):
        assert "sanboot" in bench.script()
    assert not bench.store.progress("m1").failure
    assert bench.web.get(f"/ignition/{machine.nonce}").status_code == 410
    bench.home(machine)
    assert bench.store.progress("m1").state is State.UP


def test_reinstall_opens_the_config_again_under_another_nonce(bench):
    machine = bench.put(1, reinstall=True)
    first = nonce_of(bench.booting())
    assert bench.web.get(f"/ignition/{first}").status_code == 200
    bench.home(machine)
    assert bench.web.get(f"/ignition/{first}").status_code == 410
    second = nonce_of(bench.script())
    assert second != first
    assert bench.web.get(f"/ignition/{second}").status_code == 200
    assert bench.web.get(f"/ignition/{first}").status_code == 410
    bench.home(machine)
    assert bench.web.get(f"/ignition/{second}").status_code == 410


def test_a_stranger_boots_from_its_disk_and_is_seen(bench):
    bench.put(1)
    text = bench.web.get("/ipxe?mac=52-54-00-ff-ff-ff&uuid=4C4C4544-0042-3510-8051-B4C04F4A5931&serial=ABC").text
    assert "kernel" not in text
    assert "sanboot" in text
    (found,) = until(bench.store.strangers)
    assert (found.mac, found.serial) == ("52:54:00:ff:ff:ff", "ABC")
    bench.put(9, macs=("52:54:00:ff:ff:ff",))
    assert until(lambda: not bench.store.strangers())


def test_uuid_and_serial_find_a_machine_and_makers_nothings_do_not(bench):
    bench.put(1, macs=(), uuid="4c4c4544-0042-3510-8051-b4c04f4a5931", serial="ABC123")
    bench.put(2, macs=(), uuid="00000000-0000-0000-0000-000000000000", serial="To be filled by O.E.M.")
    ask = lambda query: bench.web.get(f"/ipxe?{query}").text  # noqa: E731
    until(lambda: "kernel" in ask("uuid=4C4C4544-0042-3510-8051-B4C04F4A5931&mac=52-54-00-00-00-77"))
    assert "kernel" in ask("serial=ABC123&uuid=00000000-0000-0000-0000-000000000000")
    assert "unknown machine" in ask("uuid=00000000-0000-0000-0000-000000000000&mac=52-54-00-00-00-78")
    assert "unknown machine" in ask("serial=To+be+filled+by+O.E.M.&mac=52-54-00-00-00-79")


def test_firmware_without_ipxe(bench):
    machine = bench.put(1)
    bench.booting()
    name = mac(1).replace(":", "-")
    for path in (f"/pxelinux.cfg/01-{name}", f"/pxelinux/pxelinux.cfg/01-{name}"):
        text = bench.web.get(path).text
        assert "  KERNEL http://" in text
        assert f"ignition.config.url={bench.running.url}/ignition/{machine.nonce}" in text
    assert bench.web.get("/pxelinux.cfg/0A000001").status_code == 404
    assert bench.web.get("/pxelinux.cfg/default").status_code == 404
    for path in (f"/grub/grub.cfg-01-{name}", f"/grub?mac={mac(1)}"):
        assert "linux (http,127.0.0.1:" in bench.web.get(path).text
    raw = bench.raw(f"GET /grub?mac={name} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert b"\r\nContent-Length: " in raw  # GRUB does not know it in lower case
    assert "LOCALBOOT" in bench.web.get("/pxelinux.cfg/01-52-54-00-ff-ff-ff").text


@pytest.mark.parametrize("what", ["deadline", "local", "removed"])
def test_what_must_not_boot_is_sent_to_its_disk(bench, what):
    machine = bench.put(1, max_boots=0)  # asking is no boot loop here
    bench.booting()
    if what == "deadline":
        bench.put(1, max_boots=0, deadline=utc_text(datetime.now(UTC) - timedelta(minutes=1)))
    elif what == "local":
        bench.put(1, max_boots=0, desired=Desired.LOCAL)
    else:
        bench.store.remove("m1")
    assert until(lambda: "sanboot" in bench.script())
    assert bench.web.get(f"/ignition/{machine.nonce}").status_code in {404, 410}


def test_a_report_of_failed_units_is_kept(bench):
    machine = bench.put(1)
    bench.home(machine, ("etcd-member.service",))
    progress = bench.store.progress("m1")
    assert progress.state is State.UP
    assert progress.failure == "failed units: etcd-member.service"
    assert progress.report == {"machine": "m1", "failed": ["etcd-member.service"]}


def test_an_ignition_that_is_too_old_is_named(bench):
    machine = bench.put(1, b'{"ignition":{"version":"3.5.0"}}')
    accept = "application/vnd.coreos.ignition+json;version=3.3.0, */*;q=0.1"
    bench.web.get(f"/ignition/{machine.nonce}", headers={"accept": accept})
    assert "reads configs up to 3.3.0, this one is 3.5.0" in until(lambda: bench.store.progress("m1").failure)


def test_states_metrics_metadata_health_discovery(bench):
    bench.put(1)
    bench.booting()
    bench.web.get("/ipxe?mac=52-54-00-ff-ff-ff")
    states = bench.web.get("/states").json()
    assert [(s.get("id") or s["mac"], s["state"]) for s in states] == [
        ("m1", "loading"),
        ("52:54:00:ff:ff:ff", "unknown"),
    ]
    text = bench.web.get("/metrics").text
    assert 'provision_netboot_machines{state="loading"} 1' in text
    assert "provision_netboot_strangers 1" in text
    assert "PROVISION_CLUSTER=demo\n" in bench.web.get(f"/metadata?mac={mac(1)}").text
    assert bench.web.get("/metadata?mac=52-54-00-ff-ff-ff").status_code == 404
    assert bench.web.get("/healthz").text == "ok\n"
    token = bench.web.get("/discovery/new?size=3").text
    assert token.startswith(f"{bench.store.service().discovery_url}/")
    assert bench.web.get(f"{token}/_config/size").json()["node"]["value"] == "3"


def test_the_live_view_tells_of_changes(bench):
    machine = bench.put(1)
    bench.booting()
    with bench.web.stream("GET", "/states?watch") as answer:
        lines = answer.iter_lines()
        assert '"state":"loading"' in next(lines)
        bench.home(machine)
        assert '"state":"up"' in next(lines)

"""Machines on real qemu processes: made once, found by anybody, gone without a trace."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from provision.errors import Kind, ProviderError
from provision.model import Change, Owner, State
from provision_qemu import network
from tests.unit.providers.qemu.kit import PAYLOAD, Kit, environment, made, processes, until

FULL = Path(__file__).with_name("full.py")


def test_a_machine_runs_detached_and_is_found_by_another_instance(kit):
    machine = kit.make("one")
    assert machine.state is State.RUNNING
    (found,) = Kit(kit.root, uid=kit.uid).list()
    assert found == machine
    (pid,) = processes(kit.root)
    process = psutil.Process(pid)
    assert os.getsid(pid) != os.getsid(0)
    assert Path(f"/proc/{pid}/fd/0").samefile(os.devnull)
    assert process.parent() is None or process.parent().pid != os.getpid()


def test_what_is_reported(kit):
    machine = kit.make("one")
    assert (machine.kind, machine.name, machine.provider) == ("machine", "one", "qemu")
    assert machine.labels == kit.labels("one")
    assert machine.token == kit.request("one").token
    assert machine.addresses == {"private": "10.99.0.7"}
    assert machine.size == "1 cpu, 32 MiB"
    assert set(machine.reach) == {"ssh", "etcd"}
    for where in machine.reach.values():
        host, port = where.split(":")
        socket.create_connection((host, int(port)), 5).close()


def test_the_same_token_makes_one_machine(kit):
    assert kit.make("one") == kit.make("one")
    assert len(processes(kit.root)) == 1


def test_another_token_under_the_same_name_is_refused(kit):
    first = kit.make("one")
    with pytest.raises(ProviderError) as error:
        kit.make("one", generation=2)
    assert error.value.kind is Kind.ALREADY_EXISTS
    assert kit.only() == first


def test_creates_of_one_machine_in_parallel_make_it_once(kit):
    others = [Kit(kit.root, uid=kit.uid) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        machines = list(pool.map(lambda k: k.make("one"), others))
    assert len({m.id for m in machines}) == 1
    assert len(processes(kit.root)) == 1


def test_creates_and_deletes_of_many_machines_in_parallel(kit):
    names = [f"n{i}" for i in range(6)]
    with ThreadPoolExecutor(6) as pool:
        machines = list(pool.map(kit.make, names))
        assert [m.name for m in kit.list()] == names
        assert len({port for m in machines for port in m.reach.values()}) == 12
        list(pool.map(kit.delete, machines))
    assert kit.list() == []


def test_delete_leaves_nothing_and_again_is_success(kit):
    machine = kit.make("one")
    ssh = int(machine.reach["ssh"].split(":")[1])
    kit.delete(machine)
    kit.delete(machine)
    assert kit.list() == []
    assert processes(kit.root) == []
    assert list(kit.context.work.iterdir()) == []
    with socket.socket() as freed:
        freed.bind(("127.0.0.1", ssh))


def test_a_late_delete_does_not_hit_the_successor(kit):
    first = kit.make("one")
    kit.delete(first)
    second = kit.make("one", generation=2)
    kit.delete(first)
    assert kit.only() == second


def test_list_tells_owners_apart(kit):
    other = Kit(kit.root)
    mine, theirs = kit.make("one"), other.make("one")
    assert kit.list() == [mine]
    assert {m.id for m in kit.qemu.list(None)} == {mine.id, theirs.id}
    assert list(kit.qemu.list(Owner("another-name", kit.uid))) == []
    assert {m.id for m in kit.qemu.list(Owner("tiny", ""))} == {mine.id, theirs.id}
    assert list(kit.qemu.list(Owner("another-name", ""))) == []


def test_a_killed_qemu_is_stopped_and_is_not_made_again(kit):
    machine = kit.make("one")
    (pid,) = processes(kit.root)
    os.kill(pid, signal.SIGKILL)
    until(lambda: kit.only().state is State.STOPPED)
    assert kit.only().detail == "qemu was killed or crashed"
    assert kit.make("one").state is State.STOPPED
    assert kit.only().id == machine.id
    assert kit.only().reach == {}


def test_a_qemu_that_ends_by_itself_is_switched_off(kit):
    kit.make("one")
    (pid,) = processes(kit.root)
    os.kill(pid, signal.SIGTERM)
    until(lambda: kit.only().state is State.STOPPED)
    assert kit.only().detail == "switched off"


def test_a_qemu_process_that_ignores_sigterm_is_killed(kit, monkeypatch):
    monkeypatch.setattr("provision_qemu.process.TERM_LIMIT", 0.3)
    machine = kit.make("one")
    (pid,) = processes(kit.root)
    os.kill(pid, signal.SIGSTOP)
    kit.delete(machine)
    assert processes(kit.root) == []


def test_a_reused_pid_is_never_taken_for_the_machine(kit):
    machine = kit.make("one")
    (pid,) = processes(kit.root)
    os.kill(pid, signal.SIGKILL)
    until(lambda: kit.only().state is State.STOPPED)
    (kit.directory("one") / "qemu.pid").write_text(f"{os.getpid()}\n")
    assert kit.only().state is State.STOPPED
    kit.delete(machine)  # and we are still here


def test_power(kit):
    machine = kit.make("one")
    kit.qemu.power(machine, True)
    (pid,) = processes(kit.root)
    os.kill(pid, signal.SIGTERM)
    until(lambda: kit.only().state is State.STOPPED)
    kit.qemu.power(machine, False)
    kit.qemu.power(machine, True)
    again = kit.only()
    assert again.state is State.RUNNING
    assert again.id == machine.id
    assert processes(kit.root) != [pid]


def test_power_off_forces_a_guest_that_does_not_listen(kit, monkeypatch):
    monkeypatch.setattr("provision_qemu.machines.POWER_OFF_LIMIT", 0.2)
    machine = kit.make("one")
    kit.qemu.power(machine, False)
    assert kit.only().state is State.STOPPED
    assert kit.only().detail == "switched off"  # by the order `quit`, not by a signal


def test_labels_and_protection_change_in_place(kit):
    machine = kit.make("one")
    later = machine.labels.expiring("never")
    changed = made(kit.qemu.change([Change(machine, labels=later, protected=True)]))
    assert (changed.labels, changed.protected) == (later, True)
    assert changed == kit.only()
    (refused,) = kit.qemu.delete([machine])
    assert refused.error.kind is Kind.CONFLICT
    assert kit.only().state is State.RUNNING


def test_protection_from_the_start(kit):
    machine = made(kit.qemu.create([replace(kit.request("one"), protect=True)]))
    assert machine.protected


def test_the_console_is_what_the_machine_wrote(kit):
    machine = kit.make("one")
    until(lambda: "SeaBIOS" in kit.qemu.console(machine))
    kit.delete(machine)
    with pytest.raises(ProviderError) as error:
        kit.qemu.console(machine)
    assert error.value.kind is Kind.NOT_FOUND


def test_nobody_else_can_read_what_may_be_secret(kit):
    kit.make("one")
    directory = kit.directory("one")
    assert (directory / "config.ign").read_text() == PAYLOAD
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(directory.parent.stat().st_mode) == 0o700
    for name in ("config.ign", "request.json", "labels.json", "run.json"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
    assert PAYLOAD not in (directory / "request.json").read_text()


def test_a_work_directory_of_any_length_and_spelling(tmp_path):
    deep = tmp_path / ("long name, with = and ü" * 5) / ("x" * 100)
    deep.mkdir(parents=True)
    kit = Kit(deep)
    machine = kit.make("a" * 63)
    assert machine.state is State.RUNNING
    kit.qemu.power(machine, True)
    from provision_qemu import qmp

    assert qmp.execute(kit.directory("a" * 63), "query-status")["status"] == "running"
    kit.delete(machine)


@pytest.mark.parametrize("damage", [lambda file: file.write_text("{"), lambda file: file.unlink()])
@pytest.mark.parametrize("name", ["request.json", "labels.json"])
def test_damaged_files_are_reported_and_removed_with_their_process(kit, name, damage):
    kit.make("one")
    damage(kit.directory("one") / name)
    broken = kit.only()
    assert (broken.name, broken.state, broken.labels) == ("one", State.FAILED, None)
    assert "cannot be read" in broken.detail
    kit.delete(broken)
    assert kit.list() == []


@pytest.mark.parametrize("name", ["run.json", "lock"])
def test_lost_files_of_a_stopped_machine_keep_nobody_from_deleting_it(kit, name):
    machine = kit.make("one")
    (pid,) = processes(kit.root)
    os.kill(pid, signal.SIGKILL)
    until(lambda: kit.only().state is State.STOPPED)
    (kit.directory("one") / name).unlink()
    assert kit.only().state is State.STOPPED
    kit.delete(machine)
    assert kit.list() == []


def test_a_running_machine_without_its_ports_is_still_listed(kit):
    kit.make("one")
    (kit.directory("one") / "run.json").unlink()
    assert kit.only().state is State.RUNNING
    assert kit.only().reach == {}


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path):
    script = f"mount -t tmpfs -o size=64k none {tmp_path} && exec {sys.executable} {FULL} {tmp_path}"
    namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    run = subprocess.run([*namespace, "sh", "-c", script], capture_output=True, text=True, env=environment())
    assert run.returncode == 0, run.stderr


def test_a_port_that_was_taken_meanwhile_is_replaced(kit, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        answers = [{"ssh": number, "etcd": number}, network.free_ports()]
        monkeypatch.setattr(network, "free_ports", lambda: answers.pop(0))
        machine = kit.make("one")
    assert str(number) not in machine.reach["ssh"]
    assert answers == []


def test_a_taken_segment_is_named(kit):
    group, port = network.segment(kit.uid)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((group, port))
        with pytest.raises(ProviderError) as error:
            kit.make("one")
    assert error.value.kind is Kind.CONFLICT
    assert f"ip={group}" in error.value.message
    assert kit.list() == []


def test_qemu_that_refuses_is_quoted_and_leaves_nothing(kit):
    with pytest.raises(ProviderError) as error:
        kit.make("one", size={"memory": "1000000TiB"})
    assert error.value.message.startswith("qemu does not start machine one: ")
    assert error.value.kind is Kind.CAPACITY
    assert kit.list() == []
    assert list(kit.context.work.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ({"size": "t3.micro"}, Kind.INVALID, "not a size"),
        ({"size": {"memory": "1GB"}}, Kind.INVALID, "not an amount"),
        ({"size": {"memory": "32MiB", "disk": "1KiB"}}, Kind.INVALID, "not an amount"),
        ({"image": "nowhere.qcow2"}, Kind.NOT_FOUND, "No such file"),
        ({"image": "https://example.com/a.qcow2"}, Kind.INVALID, "SHA-256"),
    ],
)
def test_requests_that_cannot_be_met(kit, body, kind, words):
    with pytest.raises(ProviderError, match=words) as error:
        kit.make("one", **body)
    assert error.value.kind is kind
    assert kit.list() == []


def test_a_disk_smaller_than_its_image_is_refused(kit):
    os.truncate(kit.image, 3 << 20)
    with pytest.raises(ProviderError, match="smaller than its image"):
        kit.make("one", size={"memory": "32MiB", "disk": "2MiB"})
    assert kit.list() == []


def test_the_kernel_of_an_image_is_kept_with_the_machine(kit):
    folder = kit.root / "image"
    folder.mkdir()
    kit.image.rename(folder / "disk")
    (folder / "kernel-6").write_bytes(b"no kernel at all")
    (folder / "image.json").write_text('{"disk": "disk", "kernel": "kernel-6"}')
    with pytest.raises(ProviderError, match="kernel"):  # QEMU has read it
        kit.make("one", image=str(folder))
    with (folder / "kernel-6").open("wb") as kernel:
        kernel.write(_kernel())
    machine = kit.make("one", image=str(folder))
    (folder / "kernel-6").unlink()
    os.kill(processes(kit.root)[0], signal.SIGTERM)
    until(lambda: kit.only().state is State.STOPPED)
    kit.qemu.power(machine, True)
    assert kit.only().state is State.RUNNING


def _kernel() -> bytes:
    """Return the least that QEMU takes for a Linux kernel: a boot header of protocol 2.0 (Documentation/x86/boot)."""
    image = bytearray(64 << 10)
    image[0x1F1] = 4  # sectors of the part that runs in real mode
    image[0x1FE:0x200] = b"\x55\xaa"
    image[0x202:0x206] = b"HdrS"
    image[0x206:0x208] = (0x0200).to_bytes(2, "little")
    return bytes(image)


def test_parts_are_unsupported(kit):
    (outcome,) = kit.qemu.create([replace(kit.request("one"), kind="network")])
    assert outcome.error.kind is Kind.UNSUPPORTED


@pytest.mark.parametrize("name", ["../up", "", "A", "a-", "a" * 64])
def test_names_that_are_no_directories_of_ours(kit, name):
    (outcome,) = kit.qemu.create([replace(kit.request("one"), name=name)])
    assert outcome.error.kind is Kind.INVALID


def test_without_qemu_the_package_is_named(kit, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProviderError) as error:
        kit.make("one")
    assert error.value.kind is Kind.UNSUPPORTED
    assert "qemu-utils" in error.value.hint

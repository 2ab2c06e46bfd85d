"""Machines by the stub of Vagrant: what is made, what is said of it, and what goes wrong."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from provision.errors import Kind, ProviderError
from provision.model import State
from provision_vagrant import machines, runner
from tests.unit.providers.vagrant.kit import PAYLOAD, Kit, made

LARGE = json.dumps({"ignition": {"version": "3.3.0"}, "storage": {"files": [{"path": "/x", "mode": 420}] * 60}})
CLOUD = "#cloud-config\nhostname: old\n"


def until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it has not come true in time"
        time.sleep(0.05)


def error_of(outcomes) -> ProviderError:
    (outcome,) = outcomes
    assert outcome.error is not None
    return outcome.error


def test_those_who_come_together_go_up_in_one_call(kit):
    kit.network()
    found = []
    names = ["core-0", "core-1", "core-2"]
    threads = [threading.Thread(target=lambda n=n: found.append(kit.make(n))) for n in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(m.name for m in found) == names
    ups = [call for call in kit.calls() if call.startswith("up ")]
    # The first one may have gone ahead on a busy computer; what came meanwhile went together.
    assert len(ups) <= 2
    assert {m.state for m in kit.machines()} == {State.RUNNING}


def test_a_machine_reads_its_own_config(kit):
    kit.network()
    for n in range(2):
        kit.make(f"core-{n}", payload=PAYLOAD + " " * n)
    for n, machine in enumerate(kit.hypervisor()):
        n = int(machine["name"][-1])
        digest = hashlib.sha256((PAYLOAD + " " * n).encode()).hexdigest()
        assert machine["files"] == {f"machines/core-{n}/config.ign": digest}
    config = kit.directory / "machines/core-0/config.ign"
    assert config.stat().st_mode & 0o007 == 0
    assert kit.directory.stat().st_mode & 0o007 == 0


def test_the_answer_says_how_to_reach_it(kit):
    kit.network()
    machine = kit.make("core-0", address="10.99.0.7", size={"cpus": 2, "memory": "2GiB"})
    assert machine.addresses == {"private": "10.99.0.7"}
    assert machine.reach == {"ssh": "10.99.0.7:22", "etcd": "10.99.0.7:2379"}
    assert machine.size == "2 cpus, 2048 MiB"
    assert kit.vagrant.console(machine) == "core-0 boots\n"


def test_one_that_fails_holds_up_no_other(kit):
    kit.network()
    full = {"class": "Fog::Errors::Error", "words": "virDomainCreate: Cannot allocate memory"}
    kit.faults(up={"core-1": full})
    requests = [kit.request(f"core-{n}") for n in range(3)]
    outcomes = {o.name: o for o in kit.vagrant.create(requests)}
    assert outcomes["core-1"].error.kind is Kind.CAPACITY
    assert "Cannot allocate memory" in outcomes["core-1"].error.message
    assert [m.name for m in kit.machines()] == ["core-0", "core-2"]


def test_a_missing_box_is_said_and_leaves_nothing(kit):
    kit.network()
    error = error_of(kit.vagrant.create([kit.request("core-0", options={"box": "nowhere"})]))
    assert error.kind is Kind.NOT_FOUND
    assert "The box 'nowhere' could not be found" in error.message
    assert ".log" in error.hint
    assert kit.machines() == []


def test_a_machine_that_runs_without_ssh_is_there(kit):
    """Whether Vagrant can log in is not what makes a machine: its first boot reports by itself."""
    kit.network()
    silent = {"class": "Vagrant::Errors::VMBootTimeout", "words": "Timed out while waiting", "late": True}
    kit.faults(up={"core-0": silent})
    (outcome,) = kit.vagrant.create([kit.request("core-0")])
    assert outcome.observed.state is State.RUNNING
    assert outcome.notes == ("core-0 runs, but Vagrant could not log in",)


def test_a_cloud_config_needs_ssh(kit):
    kit.network()
    silent = {"class": "Vagrant::Errors::VMBootTimeout", "words": "Timed out while waiting", "late": True}
    kit.faults(up={"core-0": silent})
    request = kit.request("core-0", payload=CLOUD)
    error = error_of(kit.vagrant.create([request]))
    assert error.kind is Kind.UNAVAILABLE
    assert [m.name for m in kit.machines()] == ["core-0"]  # nothing is lost
    kit.faults()
    made(kit.vagrant.create([request]))  # and the same request ends it
    assert kit.hypervisor()[0]["files"] == {
        "machines/core-0/user-data": hashlib.sha256(CLOUD.encode()).hexdigest(),
    }


def test_a_hung_vagrant_is_ended_and_nothing_is_lost(kit, monkeypatch):
    monkeypatch.setattr(runner, "GRACE", ((runner.signal.SIGINT, 0.2), (runner.signal.SIGKILL, 0.0)))
    kit.network()
    kit.make("core-0")
    kit.faults(up={"core-1": {"hang": True}})
    request = kit.request("core-1", options={"box": "tiny", "timeout": 2})
    began = time.monotonic()
    error = error_of(kit.vagrant.create([request]))
    assert time.monotonic() - began < 60
    assert (error.code, error.retryable) == ("hung", True)
    assert "`vagrant up` did not end within 2 s" in error.message
    assert {m.name: m.state for m in kit.machines()} == {"core-0": State.RUNNING, "core-1": State.FAILED}
    assert not any(str(kit.root) in line for line in _command_lines())
    kit.faults()
    made(kit.vagrant.create([request]))
    assert [m.state for m in kit.machines()] == [State.RUNNING, State.RUNNING]


def test_while_vagrant_works_the_last_states_are_told(kit):
    kit.network()
    kit.make("core-0")
    at = machines.place.at(kit.context.work, kit.uid)
    calls = len(kit.calls())
    with at.locked():
        (seen,) = kit.machines()
    assert seen.state is State.RUNNING
    assert len(kit.calls()) == calls


def test_a_vagrant_that_outlives_us_holds_the_directory(kit):
    """Killed in the middle: the machine is being brought up as long as Vagrant is at work, and then it is up."""
    kit.network()
    kit.faults(up={"wait": True})
    code = f"""
import sys
from pathlib import Path
from tests.unit.providers.vagrant.kit import Kit
kit = Kit(Path({str(kit.root)!r}), uid={kit.uid!r})
kit.make("core-0")
"""
    ours = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[4])
    until(lambda: any(c.startswith("up ") for c in kit.calls()))
    ours.kill()
    ours.wait()
    (seen,) = kit.machines()
    assert (seen.state, seen.detail) == (State.PENDING, "being brought up")
    (kit.home / "go").touch()
    until(lambda: [m.state for m in kit.machines()] == [State.RUNNING])
    made(kit.vagrant.create([kit.request("core-0")]))
    assert len(kit.hypervisor()) == 1


def test_another_token_is_another_machine(kit):
    kit.network()
    kit.make("core-0")
    error = error_of(kit.vagrant.create([kit.request("core-0", 2)]))
    assert error.kind is Kind.ALREADY_EXISTS


def test_a_machine_that_somebody_removed_is_made_anew(kit):
    kit.network()
    machine = kit.make("core-0")
    for file in (kit.home / "hypervisor").iterdir():
        file.unlink()
    assert kit.machines() == []
    again = kit.make("core-0", generation=2)
    assert again.id != machine.id


def test_a_machine_without_network_is_refused(kit):
    with pytest.raises(ProviderError, match="the network that machine core-0 needs is not there"):
        kit.make("core-0")


def test_off_and_on(kit):
    kit.network()
    machine = kit.make("core-0")
    kit.vagrant.power(machine, False)
    (off,) = kit.machines()
    assert (off.state, off.reach) == (State.STOPPED, {})
    made(kit.vagrant.create([kit.request("core-0")]))  # a token that was used starts nothing
    assert [m.state for m in kit.machines()] == [State.STOPPED]
    calls = len(kit.calls())
    kit.vagrant.power(machine, False)
    assert [c.split()[0] for c in kit.calls()[calls:]] == ["status"]
    kit.vagrant.power(machine, True)
    assert [m.state for m in kit.machines()] == [State.RUNNING]
    with pytest.raises(ProviderError, match="no machine core-0 any more"):
        kit.vagrant.power(replace(machine, id=machine.id[:-1] + "x"), True)


def test_all_go_in_one_call_and_the_directory_last(kit):
    network = kit.network()
    made_ = [kit.make(f"core-{n}") for n in range(3)]
    (refused,) = kit.vagrant.delete([network])
    assert "still has machines: core-0, core-1, core-2" in refused.error.message
    assert not any(o.error for o in kit.vagrant.delete(made_))
    assert [c.split()[0] for c in kit.calls()].count("destroy") == 1
    assert not any(o.error for o in kit.vagrant.delete([network, network]))
    assert list(kit.context.work.iterdir()) == []


def test_a_failed_destroy_keeps_what_is_known(kit):
    kit.network()
    machine = kit.make("core-0")
    kit.faults(destroy={"core-0": {"class": "VagrantPlugins::X", "words": "the domain does not go"}})
    (outcome,) = kit.vagrant.delete([machine])
    assert "the domain does not go" in outcome.error.message
    assert [m.id for m in kit.machines()] == [machine.id]
    kit.faults()


def test_a_damaged_record_is_found_and_removed(kit):
    kit.network()
    kit.make("core-0")
    (kit.directory / "machines/core-0/machine.json").write_text("{")
    (seen,) = kit.machines()
    assert (seen.state, seen.labels) == (State.FAILED, None)
    assert not any(o.error for o in kit.vagrant.delete([seen]))
    assert (kit.machines(), kit.hypervisor()) == ([], [])


def test_a_machine_that_only_vagrant_knows_is_found_and_removed(kit):
    kit.network()
    kit.make("core-0")
    shutil.rmtree(kit.directory / "machines/core-0")
    (seen,) = kit.machines()
    assert "no record" in seen.detail
    assert not any(o.error for o in kit.vagrant.delete([seen]))
    assert (kit.machines(), kit.hypervisor()) == ([], [])


def test_a_machine_without_directory_is_found_in_the_index(kit):
    kit.network()
    kit.make("core-0")
    shutil.rmtree(kit.directory)
    kit.network()
    shutil.rmtree(kit.directory)
    (seen,) = kit.vagrant.list(None)
    assert (seen.name, seen.state) == ("core-0", State.FAILED)
    (outcome,) = kit.vagrant.delete([seen])
    assert f"provision-{kit.uid[:8]}-core-0" in outcome.error.hint


def test_an_environment_that_leads_elsewhere_is_not_followed(kit, monkeypatch, tmp_path):
    monkeypatch.setenv("VAGRANT_CWD", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("VAGRANT_DEFAULT_PROVIDER", "docker")
    kit.network()
    kit.make("core-0")
    assert kit.hypervisor()[0]["cwd"] == str(kit.directory)
    environment = runner.Runner(tmp_path, "libvirt", tmp_path).environment()
    assert "VAGRANT_CWD" not in environment
    assert environment["VAGRANT_DEFAULT_PROVIDER"] == "libvirt"


def test_paths_begin_at_the_spec(kit):
    kit.network()
    options = {"box": {"name": "tiny", "url": "tiny.box"}, "ssh": {"private_key": "id"}}
    request = kit.request("core-0", options=options)
    made(kit.vagrant.create([request]))
    text = (kit.directory / "Vagrantfile").read_text()
    assert f'box_url = "{kit.root}/tiny.box"' in text
    assert f'private_key_path = "{kit.root}/id"' in text
    assert request.body["options"]["box"]["url"] == "tiny.box"  # what the engine keeps is untouched


def test_on_vmware_the_config_is_encoded(tmp_path, monkeypatch):
    kit = _elsewhere("vmware", tmp_path, monkeypatch)
    encoded = base64.b64encode(gzip.compress(PAYLOAD.encode())).decode()
    kit.make("core-0", payload=encoded)
    assert kit.hypervisor()[0]["files"] == {
        "machines/core-0/config.gz.b64": hashlib.sha256(encoded.encode()).hexdigest(),
    }
    wrong = error_of(kit.vagrant.create([kit.request("core-1", payload=PAYLOAD)]))
    assert "not gzip+base64" in wrong.message


def test_on_virtualbox_what_is_too_large_is_a_stub(tmp_path, monkeypatch):
    kit = _elsewhere("virtualbox", tmp_path, monkeypatch)
    kit.make("core-0", payload=LARGE)
    kit.make("core-1", payload=PAYLOAD)
    stub = json.loads((kit.directory / "machines/core-0/stub.ign").read_text())
    replacing = stub["ignition"]["config"]["replace"]
    digest = hashlib.sha512(LARGE.encode()).hexdigest()
    assert replacing["verification"]["hash"] == f"sha512-{digest}"
    assert replacing["source"].startswith("http://10.0.2.2:")
    files = {name for machine in kit.hypervisor() for name in machine["files"]}
    assert files == {"machines/core-0/stub.ign", "machines/core-1/config.ign"}


def _elsewhere(hypervisor, tmp_path, monkeypatch) -> Kit:
    from tests.unit.providers.vagrant import kit as kits

    plugin = {"vmware": "vmware_desktop"}.get(hypervisor, hypervisor)
    context = kits.kit(tmp_path, monkeypatch, hypervisor=hypervisor)
    kit = context.__enter__()
    kit.boxes({"name": "tiny", "provider": plugin, "version": "0"})
    kit.network()
    return kit


def _command_lines():
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
            if b"stub.py" in line:
                yield (line + (process / "environ").read_bytes()).decode(errors="replace")
        except OSError:  # it has ended meanwhile
            continue

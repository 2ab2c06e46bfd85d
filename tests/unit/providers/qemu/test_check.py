from __future__ import annotations

import shutil
from dataclasses import replace

import jsonschema
import pytest

from provision.diagnostics import Severity
from provision.model import MachineWanted, Wanted
from provision_qemu import accelerator, network
from provision_qemu.check import Host, check, this_computer

ROOMY = Host(cpus=4, memory=16000, available=12000, disk=1 << 40)


@pytest.fixture
def machine(kit):
    return MachineWanted("core-1", "core", "lab", {"memory": "256MiB"}, str(kit.image), {}, address="10.99.0.1")


def codes(kit, *machines, host=ROOMY, subnet="10.99.0.0/24", **options) -> list[str]:
    return [f.code for f in report(kit, *machines, host=host, subnet=subnet, **options)]


def report(kit, *machines, host=ROOMY, subnet="10.99.0.0/24", **options):
    wanted = Wanted("tiny", kit.uid, kit.labels(""), machines, options, subnet)
    return check(wanted, {**kit.qemu.options, **options}, kit.context, host)


def test_nothing_to_find(kit, machine):
    assert codes(kit, machine) == []
    assert not kit.context.work.exists()


def test_all_findings_at_once(kit, machine, tmp_path, monkeypatch):
    bad = replace(machine, name="Core_1", size={"ram": 1, "cpus": 0}, image="none.qcow2", address="10.98.0.1")
    found = report(kit, bad, host=Host(4, 500, 400, 10), subnet="10.99.0.0/24")
    assert [f.code for f in found] == ["PV502", "PV506", "PV503", "PV503", "PV504", "PV509", "PV512"]
    assert all(f.hint for f in found)


def test_findings_of_a_pool_are_made_once(kit, machine):
    others = [replace(machine, name=f"core-{n}", address="", size={"memory": "1GB"}) for n in (1, 2, 3)]
    assert codes(kit, *others) == ["PV503"]


def test_missing_programs_are_named_with_their_packages(kit, machine, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = list(report(kit, machine))
    assert [f.code for f in found] == ["PV500", "PV500"]
    assert "qemu-system-x86" in found[0].hint
    assert "qemu-utils" in found[1].hint


def test_forced_kvm_without_a_device(kit, machine, monkeypatch, tmp_path):
    monkeypatch.setattr(accelerator, "DEVICE", tmp_path / "kvm")
    assert codes(kit, machine, accelerator="kvm") == ["PV501"]
    assert codes(kit, machine, accelerator="auto") == []


def test_an_unbuilt_lab_system(kit, machine, monkeypatch, tmp_path):
    monkeypatch.setenv("PROVISION_CACHE_DIR", str(tmp_path))
    (found,) = report(kit, replace(machine, image="lab"))
    assert found.code == "PV504"
    assert "python -m provision_qemu.labos" in found.hint


def test_a_download_is_not_begun(kit, machine):
    assert codes(kit, replace(machine, image=f"https://127.0.0.1:1/a#sha256={'0' * 64}")) == []
    assert codes(kit, replace(machine, image="https://127.0.0.1:1/a")) == ["PV504"]


def test_a_disk_smaller_than_its_image(kit, machine):
    with kit.image.open("ab") as file:
        file.truncate(2 << 20)
    (found,) = report(kit, replace(machine, size={"disk": "1MiB"}))
    assert (found.code, found.hint) == ("PV505", "write at least 2MiB")


@pytest.mark.parametrize("address", ["10.98.0.1", "10.99.0.0", "10.99.0.255"])
def test_addresses_that_are_no_machines(kit, machine, address):
    assert codes(kit, replace(machine, address=address)) == ["PV506"]


def test_a_subnet_that_is_qemus_own(kit, machine):
    inside = replace(machine, address="10.0.2.9")
    assert codes(kit, inside, subnet="10.0.0.0/16") == ["PV507"]


def test_addresses_given_twice(kit, machine, monkeypatch):
    other = replace(machine, name="core-2")
    assert codes(kit, machine, other) == ["PV508"]
    monkeypatch.setattr(network, "second_mac", lambda uid, name: "52:54:01:00:00:00")
    assert codes(kit, machine, replace(other, address="10.99.0.2")) == ["PV508"]


@pytest.mark.parametrize(
    ("host", "code", "severity"),
    [
        (replace(ROOMY, memory=255), "PV509", Severity.ERROR),
        (replace(ROOMY, available=575), "PV510", Severity.WARNING),
        (replace(ROOMY, disk=200 << 20), "PV512", Severity.ERROR),
        (replace(ROOMY, disk=300 << 20), "PV513", Severity.WARNING),
    ],
)
def test_what_the_computer_lacks(kit, machine, host, code, severity):
    large = replace(machine, size={"memory": "256MiB", "disk": "1GiB"})
    found = list(report(kit, large, host=host))
    assert [(f.code, f.severity) for f in found] == [(code, severity)]


def test_processors(kit, machine):
    assert codes(kit, replace(machine, size={"cpus": 5})) == ["PV511"]
    three = [replace(machine, name=f"core-{n}", address="", size={"cpus": 3}) for n in (1, 2, 3)]
    assert codes(kit, *three) == ["PV511"]
    assert codes(kit, *three[:2]) == []


def test_machines_that_run_are_not_counted_again(kit, machine):
    kit.make("core-1")
    assert codes(kit, machine, host=Host(1, 0, 0, 0)) == []


def test_this_computer(kit):
    host = this_computer(kit.context.work / "not" / "yet")
    assert host.cpus >= 1
    assert 0 < host.available <= host.memory
    assert host.disk == pytest.approx(shutil.disk_usage(kit.root).free, rel=0.2)


def test_every_code_is_documented():
    import re
    import tomllib
    from importlib import resources

    documented = tomllib.loads(resources.files("provision_schemas").joinpath("codes/qemu.toml").read_text())
    source = resources.files("provision_qemu").joinpath("check.py").read_text()
    assert set(re.findall(r'"(PV\d{3})"', source)) == set(documented)
    assert all(500 <= int(code[2:]) < 520 and entry.keys() == {"title", "text"} for code, entry in documented.items())


def test_the_options_schema():
    import json
    from importlib import resources

    schema = json.loads(resources.files("provision_qemu").joinpath("options.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    sha = "a" * 64
    good = [{}, {"image": "lab"}, {"image": {"url": "https://a/b", "sha256": sha}}, {"accelerator": "kvm"}]
    bad = [{"image": 1}, {"image": {"url": "https://a/b"}}, {"image": {"url": "/b", "sha256": sha}}, {"accel": "kvm"}]
    assert all(validator.is_valid(options) for options in good)
    assert not any(validator.is_valid(options) for options in bad)

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from provision.firstboot.compile import CompiledCluster, compile_cluster
from provision.firstboot.recipe import describe
from provision.firstboot.slots import Kind
from provision.plan.compare import differences
from provision.spec.model import Etcd, NodeConfig, Reception, Secret, Update
from tests.unit.firstboot.clusters import BUTANE, KEY, SECRETS, TRAITS, butane, cluster, machine, pool

if TYPE_CHECKING:
    from provision.spec.model import Cluster

SECRET_FILE = BUTANE.replace("inline: hello", "inline: '{{ secret(\"registry\") }}'")


def compiled(wanted: Cluster, **changes: Any) -> CompiledCluster:
    return compile_cluster(wanted, **{"traits": TRAITS, "additions_version": 1, **changes})


def prints(wanted: Cluster) -> dict[str, str]:
    found = compiled(wanted)
    assert found.report.ok, found.report.render()
    return {name: recipe.fingerprint for name, recipe in found.recipes.items()}


def finding(wanted: Cluster, **changes: Any) -> tuple[str, str, str]:
    (only,) = compiled(wanted, **changes).report.errors
    return only.code, str(only.span), only.message


BASE = cluster(
    *pool(3, "core", etcd=True, config=butane()),
    *pool(2, "worker", 10, config=butane(SECRET_FILE, file="worker.bu"), template=True),
    secrets=SECRETS,
)


def test_the_same_spec_gives_the_same_bytes() -> None:
    first, second = compiled(BASE), compiled(BASE)
    assert {n: describe(r) for n, r in first.recipes.items()} == {n: describe(r) for n, r in second.recipes.items()}
    assert first.recipes["demo-core-1"].fingerprint != first.recipes["demo-core-2"].fingerprint


GROWN = cluster(
    *pool(5, "core", etcd=True, config=butane()),
    *(replace(m, etcd=False) for m in BASE.machines if m.pool == "worker"),
    secrets=SECRETS,
)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(replace(BASE, ttl=7200), id="a longer life"),
        pytest.param(replace(BASE, ttl=None), id="no end at all"),
        pytest.param(replace(BASE, secrets={"registry": Secret(file="new.txt")}), id="a secret from elsewhere"),
        pytest.param(replace(BASE, secrets={"registry": Secret(env="X", max_size=9)}), id="another size of secret"),
        pytest.param(replace(BASE, etcd=Etcd(bootstrap="auto")), id="auto for static"),
        pytest.param(replace(BASE, protect=True, owner="other", digest="1" * 64), id="what is only on labels"),
        pytest.param(GROWN, id="five voters"),
    ],
)
def test_what_moves_no_machine(changed: Cluster) -> None:
    before, after = prints(BASE), prints(changed)
    assert {name: after[name] for name in before} == before


def test_certificates_are_slots() -> None:
    tls = replace(BASE, etcd=Etcd(bootstrap="static", tls=True))
    recipe = compiled(tls).recipes["demo-core-1"]
    assert {"etcd-ca", "etcd-certificate", "etcd-key"} <= recipe.slots.keys()
    assert not {"etcd-ca", "etcd-key"} & compiled(tls).recipes["demo-worker-1"].slots.keys()


def test_one_changed_unit_moves_the_pool_that_has_it_and_the_plan_names_it() -> None:
    other = butane(BUTANE.replace("/bin/true", "/bin/false"))
    changed = replace(BASE, machines=tuple(replace(m, config=other) if m.etcd else m for m in BASE.machines))
    before, after = compiled(BASE).recipes, compiled(changed).recipes
    moved = [name for name in before if before[name].fingerprint != after[name].fingerprint]
    assert moved == ["demo-core-1", "demo-core-2", "demo-core-3"]
    told = differences(before[moved[0]].meaning, after[moved[0]].meaning)
    assert told == ("unit app.service changed",)


def test_a_changed_file_is_named() -> None:
    other = butane(BUTANE.replace("inline: hello", "inline: goodbye"))
    changed = replace(BASE, machines=tuple(replace(m, config=other) if m.etcd else m for m in BASE.machines))
    before, after = compiled(BASE).recipes["demo-core-1"], compiled(changed).recipes["demo-core-1"]
    assert differences(before.meaning, after.meaning) == ("file /etc/motd changed",)


def test_slots_by_what_a_machine_is() -> None:
    recipes = compiled(BASE).recipes
    common = {"deadline", "nonce", "phone-home-url"}
    assert recipes["demo-core-1"].slots.keys() == common | {"etcd-bootstrap"}
    assert recipes["demo-worker-1"].slots.keys() == common | {"secret.registry"}
    assert recipes["demo-worker-1"].slots["secret.registry"].max_size == 100


def test_equal_machines_are_compiled_once() -> None:
    """Their bodies share what does not tell them apart; a config with an error is reported once."""
    broken = butane(BUTANE.replace("enabled: true", "enabled: maybe"))
    found = compiled(cluster(*pool(50, config=broken)))
    assert len(found.report.errors) == 1
    assert found.recipes == {}


@pytest.mark.parametrize(
    ("entry", "place", "what"),
    [
        ("systemd: {units: [{name: provision-x.service}]}", 3, "provision-x.service"),
        ("systemd: {units: [{name: a.service, dropins: [{name: 20-provision.conf}]}]}", 3, "20-provision.conf of a"),
        ("systemd: {units: [{name: a.service, dropins: [{name: 50-provision-x.conf}]}]}", 3, "50-provision-x.conf"),
        ("storage: {files: [{path: /etc/provision/deadline}]}", 3, "/etc/provision/deadline"),
        ("storage: {directories: [{path: /etc/provision}]}", 3, "/etc/provision is"),
        ("storage: {links: [{path: /etc/provision/tls, target: /x}]}", 3, "/etc/provision/tls"),
        ("storage: {files: [{path: /etc/systemd/network/10-provision-private.network}]}", 3, "10-provision-private"),
    ],
)
def test_reserved_names_are_refused_where_they_stand(entry: str, place: int, what: str) -> None:
    config = butane(f"variant: fcos\nversion: 1.4.0\n{entry}\n")
    code, span, message = finding(cluster(*pool(2, config=config)))
    assert (code, span.split(":")[:2]) == ("PV409", ["core.bu", str(place)])
    assert what in message
    assert "reserved" in message


@pytest.mark.parametrize("path", ["/opt/bin/provision-tool", "/etc/provisioning/x", "/home/core/10-provision-x.conf"])
def test_other_names_are_the_users(path: str) -> None:
    assert prints(
        cluster(*pool(1, config=butane(f"variant: fcos\nversion: 1.4.0\nstorage: {{files: [path: {path}]}}\n")))
    )


def test_reserved_names_in_ignition_json() -> None:
    text = '{\n  "ignition": {"version": "3.2.0"},\n\t"systemd": {"units": [{"name": "provision-x.service"}]}\n}'
    config = NodeConfig("ignition", text, "core.ign", Path())
    assert finding(cluster(*pool(1, config=config)))[:2] == ("PV409", "core.ign:3:33")


@pytest.mark.parametrize("template", [False, True])
def test_forged_markers_are_refused(template: bool) -> None:
    text = BUTANE.replace("inline: hello", "inline: (~provision.slot.nonce~)")
    wanted = cluster(*pool(1, config=butane(text), template=template))
    code, span, message = finding(wanted)
    assert code == "PV404"
    assert span == "core.bu:7:17"
    assert "(~provision." in message


def test_forged_markers_in_local_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("(~provision.slot.etcd-key~)")
    config = butane(BUTANE.replace("inline: hello", "local: x"), directory=tmp_path)
    assert finding(cluster(*pool(1, config=config)))[0] == "PV404"


def test_halves_that_do_not_fit_together() -> None:
    text = "variant: fcos\nversion: 1.4.0\nstorage: {links: [{path: /etc/systemd/network, target: /opt/network}]}\n"
    code, span, message = finding(cluster(*pool(2, config=butane(text))))
    assert (code, span) == ("PV240", "core.bu:1:1")
    assert "link" in message


def test_an_inline_config_is_reported_in_the_spec() -> None:
    text = "variant: fcos\nversion: 1.4.0\nsystemd: {units: [{name: provision-x.service}]}\n"
    inline = NodeConfig("butane", text, "cluster.yaml", Path(), line=20, column=9)
    spec = "\n" * 19 + "".join(f"        {line}\n" for line in text.splitlines())
    wanted = cluster(*pool(1, config=inline), sources={"cluster.yaml": spec})
    assert finding(wanted)[:2] == ("PV409", "cluster.yaml:22:34")
    assert "provision-x" in compiled(wanted).report.render().split("-->")[1]


def test_a_config_for_a_newer_image_is_refused() -> None:
    newer = butane(BUTANE.replace("1.4.0", "1.6.0"))
    assert prints(cluster(*pool(1, config=newer, os="fcos")))
    code, span, message = finding(cluster(*pool(1, config=newer, os="lab")))
    assert (code, span) == ("PV408", "core.bu:2:10")
    assert "Ignition 3.5.0, and lab reads 3.3.0" in message


def test_an_unknown_version_of_the_additions_is_refused() -> None:
    assert finding(BASE, additions_version=2)[0] == "PV420"


@pytest.mark.parametrize(
    ("os", "etcd", "strategy", "code"),
    [
        ("flatcar", None, "etcd-lock", "PV417"),
        ("fcos", Etcd(bootstrap="static"), "etcd-lock", "PV417"),
        ("flatcar", Etcd(bootstrap="static", version="3.6"), "etcd-lock", "PV417"),
        ("lab", None, "reboot", "PV419"),
    ],
)
def test_update_strategies_that_cannot_be(os: str, etcd: Etcd | None, strategy: str, code: str) -> None:
    wanted = cluster(*pool(1, os=os, etcd=etcd is not None), etcd=etcd, update=Update(strategy))
    assert code in [f.code for f in compiled(wanted).report]


def test_keys_are_fetched_from_where_machines_reach_this_computer() -> None:
    machines = pool(3, provider="ec2", etcd=True)
    wanted = cluster(*machines, etcd=Etcd(tls=True, fetched=True))
    assert [f.code for f in compiled(wanted).report] == ["PV463"]
    open_to = compiled(replace(wanted, reception=Reception("203.0.113.7", 4001)))
    assert open_to.report.ok
    kinds = {slot.kind for slot in open_to.recipes["demo-core-1"].slots.values()}
    assert Kind.KEY not in kinds
    assert open_to.bootstrap is not None
    assert open_to.bootstrap.mode == "static"


def test_machines_without_etcd_cannot_take_the_lock() -> None:
    machines = (*pool(1, os="flatcar", etcd=True), *pool(2, "worker", 5, os="flatcar"))
    found = compiled(cluster(*machines, update=Update("etcd-lock"), etcd=Etcd(bootstrap="static", version="3.5")))
    assert [f.code for f in found.report if f.code.startswith("PV4") and f.code < "PV450"] == ["PV418"]
    strategy = {
        name: next(f for f in r.meaning["storage"]["files"] if f["path"] == "/etc/flatcar/update.conf")
        for name, r in found.recipes.items()
    }
    assert strategy["demo-core-1"]["contents"]["contents"] == "REBOOT_STRATEGY=etcd-lock\n"
    assert strategy["demo-worker-1"]["contents"]["contents"] == "REBOOT_STRATEGY=off\n"
    assert "ETCD_ENABLE_V2=true" in json.dumps(found.recipes["demo-core-1"].body)


def test_a_full_channel_is_reported_once_for_a_pool() -> None:
    noise = "".join(f"{hash((n, 'x')):x}" for n in range(3000))
    text = BUTANE.replace("inline: hello", f"inline: {noise}")
    found = compiled(cluster(*pool(3, provider="ec2", config=butane(text))))
    assert [f.code for f in found.report.errors] == ["PV407"]
    assert not found.fills["demo-core-1"].fits


def test_without_a_node_config() -> None:
    recipe = compiled(cluster(machine("demo-core-1"))).recipes["demo-core-1"]
    assert recipe.body["passwd"]["users"] == [{"name": "core", "sshAuthorizedKeys": [KEY]}]

"""What a right spec becomes."""

from __future__ import annotations

import os
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from provision.errors import SpecError
from provision.spec import lock as locks
from provision.spec.files import Disk, FileError
from provision.spec.load import check, load, load_text
from provision.spec.model import Cluster, Etcd, NodeConfig, Secret, Update
from tests.unit.spec import plugins
from tests.unit.spec.gallery import BASE, HERE, KEY

FULL = f"""\
version: 1
x-vars: &vars {{role: db, weight: 1.5}}
cluster: demo
owner: you@example.com
ttl: never
protect: true
budget: {{per_hour: 1.50, per_month: 300}}
os: flatcar
ssh: {{keys: ["{KEY}"], key_files: [id_test.pub], from: [203.0.113.0/24]}}
network: {{subnet: 10.1.0.0/24}}
etcd: {{bootstrap: {{discovery: "https://discovery.example.com"}}, version: "3.5", tls: true}}
update: {{strategy: etcd-lock, window: {{start: "sun 04:00", length: 2h}}}}
secrets: {{a: {{env: A}}, b: {{file: b.txt, max_size: 10}}, c: {{command: [pass, show, c]}}}}
providers:
  here: {{image: base}}
  cloud: {{region: west-1, disk: {{gib: 8, kind: ssd}}}}
pools:
  core:
    count: 3
    provider: here
    size: {{cpus: 1, memory: 768MiB}}
    etcd: true
    template: true
    vars: *vars
    config:
      butane: |

        variant: flatcar
        version: 1.0.0
  work:
    count: 2
    provider: cloud
    size: t3.medium
    image: mine
    zones: [a, b]
    config: core.bu
    options: {{disk: {{gib: 20}}}}
machines:
  demo-core-2: {{size: {{cpus: 2}}, vars: {{role: backup}}, address: 10.1.0.10}}
  demo-work-2:
    zones: [c]
    options: {{disk: {{kind: hdd}}}}
    config: {{ignition: '{{"ignition": {{}}}}'}}
    image: other
"""


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return load_text(FULL, files=Disk(HERE / "files"), find_plugin=plugins.find)


def base(**sections: str) -> str:
    return "".join(f"{line}\n" for line in {**BASE, **sections}.values())


def test_the_cluster_as_a_whole(cluster: Cluster) -> None:
    assert (cluster.name, cluster.owner, cluster.ttl, cluster.protect) == ("demo", "you@example.com", None, True)
    assert (cluster.budget.per_hour, cluster.budget.per_month) == (1.5, 300)
    assert cluster.ssh_keys == (KEY,)  # the file holds the same key again
    assert cluster.ssh_from == ("203.0.113.0/24",)
    assert cluster.subnet == IPv4Network("10.1.0.0/24")
    assert cluster.etcd == Etcd("discovery", "https://discovery.example.com", "", "3.5", True)
    assert cluster.update == Update("etcd-lock", "sun 04:00", "2h")
    assert cluster.secrets == {
        "a": Secret(env="A"),
        "b": Secret(file="b.txt", max_size=10),
        "c": Secret(command=("pass", "show", "c")),
    }
    assert cluster.warnings == ()
    assert [m.name for m in cluster.voters()] == ["demo-core-1", "demo-core-2", "demo-core-3"]
    assert cluster.pools() == ("core", "work")


def test_a_machine_has_its_pools_settings_and_its_own(cluster: Cluster) -> None:
    first, second = cluster.machine("demo-core-1"), cluster.machine("demo-core-2")
    assert first.variables == {"role": "db", "weight": 1.5}
    assert second.variables == {"role": "backup", "weight": 1.5}
    assert (first.size, second.size) == ({"cpus": 1, "memory": "768MiB"}, {"cpus": 2})
    assert (first.address, second.address) == ("10.1.0.11", "10.1.0.10")
    assert (first.image, first.index, first.etcd, first.template) == ("base", 1, True, True)


def test_options_are_laid_over_each_other(cluster: Cluster) -> None:
    first, second = cluster.machine("demo-work-1"), cluster.machine("demo-work-2")
    assert first.options == {"region": "west-1", "disk": {"gib": 20, "kind": "ssd"}}
    assert second.options == {"region": "west-1", "disk": {"gib": 20, "kind": "hdd"}}
    assert (first.image, second.image) == ("mine", "other")
    assert (first.zones, second.zones) == (("a", "b"), ("c",))
    assert cluster.providers["cloud"]["disk"] == {"gib": 8, "kind": "ssd"}


def test_node_configs_say_where_their_text_stands(cluster: Cluster) -> None:
    inline = cluster.machine("demo-core-1").config
    assert inline is not None
    assert (inline.format, inline.file) == ("butane", "cluster.yaml")
    assert (inline.line, inline.column) == (27, 9)
    assert inline.text.splitlines()[1] == FULL.splitlines()[inline.line].strip()
    directory = HERE / "files"
    assert cluster.machine("demo-work-1").config == NodeConfig(
        "butane", "variant: flatcar\nversion: 1.0.0\n", "core.bu", directory
    )
    quoted = cluster.machine("demo-work-2").config
    assert quoted is not None
    assert (quoted.file, quoted.line, quoted.column) == ("cluster.yaml#$.machines.demo-work-2.config.ignition", 1, 1)
    assert cluster.sources[quoted.file] == quoted.text
    assert cluster.sources["core.bu"].startswith("variant")


def test_settings_lead_to_where_they_stand(cluster: Cluster) -> None:
    first, second = cluster.machine("demo-core-1"), cluster.machine("demo-core-2")
    assert cluster.origin(first, "size") == ("pools", "core", "size")
    assert cluster.origin(second, "size") == ("machines", "demo-core-2", "size")
    assert cluster.origin(second, "count") == ("pools", "core", "count")
    place = cluster.place(("pools", "core", "count", "nothing", "below"))
    assert place is not None
    assert FULL.splitlines()[place.line - 1].strip() == "count: 3"
    with pytest.raises(KeyError, match="nobody"):
        cluster.machine("nobody")


def test_defaults() -> None:
    cluster = load_text(base(), find_plugin=plugins.find)
    machine = cluster.machines[0]
    assert (cluster.etcd, cluster.update, cluster.protect, cluster.ttl) == (None, Update(), False, 8 * 3600)
    assert (machine.config, machine.size, machine.image, machine.zones) == (None, "", "", ())
    assert machine.address == "10.99.0.10"


@pytest.mark.parametrize(
    ("text", "etcd"),
    [
        ("{}", Etcd("auto")),
        ("{bootstrap: static}", Etcd("static")),
        ("{bootstrap: {discovery: private}}", Etcd("discovery", "private")),
        ("{bootstrap: {srv: example.com}}", Etcd("srv", domain="example.com")),
    ],
)
def test_ways_to_bootstrap(text: str, etcd: Etcd) -> None:
    spec = base(etcd=f"etcd: {text}", pools="pools: {core: {count: 1, etcd: true}}")
    assert load_text(spec, find_plugin=plugins.find).etcd == etcd


def test_warnings_stay_with_the_cluster() -> None:
    cluster = load_text(base(ssh="ssh: {}"), find_plugin=plugins.find)
    assert [warning.code for warning in cluster.warnings] == ["PV030"]


def test_the_digest_moves_with_the_spec_and_every_file_that_it_names(tmp_path: Path) -> None:
    def digest(spec: str, config: str) -> str:
        (tmp_path / "core.bu").write_text(config)
        (tmp_path / "cluster.yaml").write_text(spec)
        return load(tmp_path / "cluster.yaml", find_plugin=plugins.find).digest

    spec = base(pools="pools: {core: {count: 1, config: core.bu}}")
    first = digest(spec, "variant: flatcar\n")
    assert digest(spec, "variant: flatcar\n") == first
    assert len({first, digest(spec, "variant: flatcar\n\n"), digest(spec + "\n", "variant: flatcar\n")}) == 3


def test_the_same_spec_elsewhere_has_the_same_digest(tmp_path: Path) -> None:
    digests = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "core.bu").write_text("variant: flatcar\n")
        (tmp_path / name / "cluster.yaml").write_text(base(pools="pools: {core: {count: 1, config: core.bu}}"))
        digests.add(load(tmp_path / name / "cluster.yaml", find_plugin=plugins.find).digest)
    assert len(digests) == 1


def test_files_are_named_as_the_spec_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("deploy").mkdir()
    Path("deploy/core.bu").write_text("variant: flatcar\n")
    Path("deploy/cluster.yaml").write_text(base(pools="pools: {core: {count: 1, config: core.bu}}"))
    cluster = load("deploy/cluster.yaml", find_plugin=plugins.find)
    config = cluster.machines[0].config
    assert config is not None
    assert (cluster.file, config.file) == ("deploy/cluster.yaml", "deploy/core.bu")
    assert config.directory == cluster.directory == tmp_path / "deploy"


def test_a_growing_pool_keeps_the_others_addresses(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(base(pools="pools: {a: {count: 2}, b: {count: 1}}"))
    before = load(file, find_plugin=plugins.find)
    locks.write(locks.path_for(file), locks.Lock.fresh(before))
    file.write_text(base(pools="pools: {a: {count: 3}, b: {count: 1}}"))
    after = load(file, find_plugin=plugins.find)
    assert after.machine("demo-b-1").address == before.machine("demo-b-1").address
    assert len({m.address for m in after.machines}) == 4


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.bu", "butane"),
        ("a.butane", "butane"),
        ("a.ign", "ignition"),
        ("a.json", "ignition"),
        ("a.clc", "container-linux"),
        ("a.cloud-config", "cloud-config"),
        ("cloud.yaml", "cloud-config"),
        ("butane.yml", "butane"),
    ],
)
def test_the_format_follows_from_the_name(tmp_path: Path, name: str, kind: str) -> None:
    texts = {"cloud.yaml": "#cloud-config\nhostname: x\n", "butane.yml": "# a comment\nvariant: flatcar\n"}
    (tmp_path / name).write_text(texts.get(name, ""))
    spec = base(pools=f"pools: {{core: {{count: 1, config: {name}}}}}")
    config = load_text(spec, files=Disk(tmp_path), find_plugin=plugins.find).machines[0].config
    assert config is not None
    assert config.format == kind


def test_a_missing_spec_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as missing:
        load(tmp_path / "nope.yaml")
    assert [f.code for f in missing.value.report] == ["PV003"]
    assert "provision init" in missing.value.report.render()
    assert [f.code for f in check(tmp_path).report] == ["PV003"]


def test_a_spec_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_bytes(b"version: 1\nowner: caf\xe9\n")
    assert "not UTF-8 text (byte 21)" in check(tmp_path / "cluster.yaml").report.render()


def test_a_byte_order_mark_is_no_part_of_the_spec(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_bytes(b"\xef\xbb\xbf" + base().encode())
    assert load(tmp_path / "cluster.yaml", find_plugin=plugins.find).name == "demo"


def test_files_that_never_end_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "/dev/zero"):
        with pytest.raises(FileError, match="not a regular file"):
            Disk(tmp_path).read(name)


def test_a_file_is_read_once(tmp_path: Path) -> None:
    files = Disk(tmp_path)
    (tmp_path / "a").write_text("first")
    assert files.read("a") == "first"
    (tmp_path / "a").write_text("second")
    assert files.read("a") == "first"


def test_the_installed_plugins_are_asked_when_none_are_given() -> None:
    with pytest.raises(SpecError) as wrong:
        load_text(base(providers="providers: {no-such-provider: }"))
    assert [f.code for f in wrong.value.report] == ["PV050"]


def test_a_broken_lock_stops_the_spec_and_hides_none_of_its_findings(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(base(ttl="ttl: soon"))
    (tmp_path / "cluster.lock").write_text("version: 1\nuid: 7\n")
    codes = {f.code for f in check(tmp_path / "cluster.yaml", find_plugin=plugins.find).report}
    assert codes == {"PV014", "PV012", "PV016"}
    (tmp_path / "cluster.yaml").write_text(base())
    loaded = check(tmp_path / "cluster.yaml", find_plugin=plugins.find)
    assert loaded.cluster is None
    assert str(tmp_path / "cluster.lock") in loaded.report.render()


def test_a_cluster_can_be_replaced_in_part(cluster: Cluster) -> None:
    assert replace(cluster, warnings=()).digest == cluster.digest

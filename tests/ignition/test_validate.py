"""The real ignition-validate accepts whatever the additions' model can render."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from provision.firstboot import ignition
from provision.firstboot.additions.model import HOME, Additions, DropIn, File, Unit, User
from provision.firstboot.additions.render_ignition3 import render
from provision.firstboot.compile import compile_cluster
from provision.firstboot.recipe import bind
from provision.spec.model import Etcd, Flannel, Runtime
from tests.ignition import real
from tests.unit.firstboot.clusters import KEY, TRAITS, cluster, materials, pool

VERSIONS = [v for v in ignition.VERSIONS if v <= real.NEWEST]
names = st.from_regex(r"[a-z][a-z0-9_.-]{0,20}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
values = st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters="\\"), max_size=40)
units = st.builds(
    lambda lines: "[Service]\n" + "".join(f"Environment={v}\n" for v in lines), st.lists(values, max_size=4)
)

files = st.builds(
    File,
    path=st.builds(lambda a, b: f"{a}/{b}", st.sampled_from([HOME, "/etc", "/var/lib/x"]), names),
    text=texts,
    mode=st.integers(0, 0o777),
    owner=st.sampled_from(["root", "etcd", 0, 232]),
)
drop_ins = st.builds(DropIn, name=names.map(lambda n: f"{n}.conf"), text=units)
services = st.builds(
    Unit,
    name=names.map(lambda n: f"{n}.service"),
    text=st.none() | units.map(lambda text: f"{text}[Install]\nWantedBy=multi-user.target\n"),
    enabled=st.none() | st.booleans(),
    drop_ins=st.lists(drop_ins, max_size=2, unique_by=lambda d: d.name).map(tuple),
)
additions = st.builds(
    Additions,
    files=st.lists(files, max_size=4, unique_by=lambda f: f.path).map(tuple),
    units=st.lists(services, max_size=4, unique_by=lambda u: u.name).map(tuple),
    users=st.sampled_from([(), (User("core", (KEY,)),)]),
)


@settings(max_examples=40)
@given(added=additions, version=st.sampled_from(VERSIONS))
def test_the_real_one_accepts_what_is_rendered(added: Additions, version: str) -> None:
    config = ignition.serialise(render(added, version))
    assert real.validate(config) == ""
    assert [f for f in ignition.validate(json.loads(config)) if f.error] == []


def test_the_real_one_is_asked() -> None:
    assert "unsupported config version" in real.validate('{"ignition":{"version":"9.9.9"}}')


hosts = st.from_regex(r"[a-z][a-z0-9.-]{0,20}(:[0-9]{1,5})?", fullmatch=True)
mirrors = st.lists(hosts.map(lambda host: f"https://{host}"), max_size=2).map(tuple)
registries = st.lists(hosts, max_size=2, unique=True).map(tuple)
dockers = st.builds(
    Runtime,
    mirrors=mirrors,
    insecure_registries=registries,
    storage_driver=st.sampled_from(["", "overlay2", "btrfs"]),
    log_driver=st.sampled_from(["", "json-file", "local"]),
    log_max_size=st.sampled_from(["", "1k", "10m"]),
    log_max_files=st.none() | st.integers(1, 9),
    live_restore=st.none() | st.booleans(),
)
containerds = st.builds(Runtime, engine=st.just("containerd"), mirrors=mirrors, insecure_registries=registries)
podmans = st.builds(Runtime, mirrors=mirrors, insecure_registries=registries, log_driver=st.sampled_from(["", "none"]))


@settings(max_examples=25)
@given(
    case=st.one_of(
        st.tuples(
            st.just("flatcar"), dockers | containerds, st.sampled_from([None, Flannel("10.1.0.0/16", 26, "udp")])
        ),
        st.tuples(st.just("fcos"), podmans, st.none()),
    ),
    tls=st.booleans(),
)
def test_the_real_one_accepts_what_specs_ask_for(case: tuple[str, Runtime, Flannel | None], tls: bool) -> None:
    os, runtime, flannel = case
    machines = pool(1, os=os, etcd=True)
    etcd = Etcd(bootstrap="static", tls=tls)
    wanted = cluster(*machines, runtime=runtime, flannel=flannel, etcd=etcd)
    found = compile_cluster(wanted, traits=TRAITS, additions_version=1)
    assert found.report.ok, found.report.render()
    recipe = found.recipes["demo-core-1"]
    assert real.validate(bind(recipe, materials(recipe))) == ""

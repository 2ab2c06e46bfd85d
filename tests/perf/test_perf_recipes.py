"""Compiling and fingerprinting a thousand machines of three pools, and the size of what each platform is handed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from provision.firstboot.compile import compile_cluster
from provision.firstboot.payload import fill, fit
from provision.firstboot.recipe import bind
from provision.provider import Traits
from tests.unit.firstboot.clusters import EC2, PLANNED, butane, cluster, materials, pool

if TYPE_CHECKING:
    from provision.firstboot.compile import CompiledCluster
    from provision.spec.model import Cluster

pytestmark = pytest.mark.perf

TEMPLATE = "variant: fcos\nversion: 1.4.0\nstorage: {files: [{path: /x, contents: {inline: '{{ machine.name }}'}}]}\n"
CHANNELS = {
    "EC2": EC2,
    "OpenStack": Traits(payload_limit=65_535, encoding="base64"),
    "vSphere": Traits(payload_limit=65_536, encoding="gzip+base64"),
    "QEMU": PLANNED,
}


def thousand(*, template: bool) -> Cluster:
    config = butane(TEMPLATE) if template else butane()
    return cluster(
        *pool(5, "core", etcd=True, config=butane()),
        *pool(495, "web", 10, config=config, template=template),
        *pool(500, "batch", 510, config=config, template=template),
    )


def compiled(wanted: Cluster) -> CompiledCluster:
    return compile_cluster(wanted, traits={"qemu": PLANNED}, additions_version=1)


@pytest.mark.parametrize("template", [False, True], ids=["as-they-are", "interpolated"])
def test_a_thousand_machines(template: bool, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = thousand(template=template)
    compiled(wanted)

    def once() -> float:
        start = time.process_time()
        prints = {recipe.fingerprint for recipe in compiled(wanted).recipes.values()}
        assert len(prints) == 1000
        return time.process_time() - start

    best = min(once() for _ in range(3))
    with capsys.disabled():
        words = "interpolated" if template else "as they are"
        print(f"\n1,000 machines of 3 pools, {words}: {best:.2f} s CPU to compile and fingerprint")


def test_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    recipe = compiled(cluster(*pool(5, etcd=True))).recipes["demo-core-1"]
    for name, traits in CHANNELS.items():
        size, foretold = len(fit(bind(recipe, materials(recipe)), "3.3.0", traits)), fill(recipe, traits)
        with capsys.disabled():
            limit = traits.payload_limit or "no limit"
            print(
                f"\n{name}: {size:,} bytes of a voter without a node config, at most {foretold.size:,}; {limit}", end=""
            )

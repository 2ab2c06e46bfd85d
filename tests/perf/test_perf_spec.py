"""Reading a spec: CPU time and memory for one of a usual size and one of a thousand machines that all differ."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from provision.spec.load import check_text
from tests.unit.spec import plugins

pytestmark = pytest.mark.perf

HEAD = """\
version: 1
cluster: demo
owner: you@example.com
ttl: 8h
os: flatcar
ssh: {keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b]}
network: {subnet: 10.0.0.0/16}
etcd: {}
providers: {here: }
pools:
  core: {count: 3, etcd: true}
  work: {count: 997}
"""
OWN = "{zones: [a, b], size: {cpus: 1, memory: 1GiB}, vars: {rack: r1}, options: {image: own}}"
SPECS = {
    "1,000 machines of 2 pools": HEAD,
    "1,000 machines that all differ": HEAD
    + "machines:\n"
    + "".join(f"  demo-work-{n}: {OWN}\n" for n in range(1, 998)),
}


@pytest.mark.parametrize("name", SPECS)
def test_reading_a_spec(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    def once() -> float:
        before = time.process_time()
        loaded = check_text(SPECS[name], find_plugin=plugins.find)
        assert loaded.cluster is not None
        assert len(loaded.cluster.machines) == 1000
        return time.process_time() - before

    once()
    cost = min(once() for _ in range(5))
    tracemalloc.start()
    once()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with capsys.disabled():
        print(f"\nspec of {name}: {cost * 1000:.0f} ms CPU, {peak / 2**20:.1f} MiB at most")

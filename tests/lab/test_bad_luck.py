"""What goes wrong on real machines: runs that are killed while they boot, machines that never report, no image."""

from __future__ import annotations

import hashlib
import http.server
import json
import signal
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from .bench import Operator, etcd, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.vm, pytest.mark.timeout(2400)]

HEAD = """\
version: 1
cluster: luck
owner: lab@example.com
ttl: 2h
os: lab
ssh: {keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b]}
network: {subnet: 10.97.0.0/24}
"""


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    operator = Operator(tmp_path)
    try:
        yield operator
    finally:
        operator.clean_up()


def write(operator: Operator, spec: str) -> None:
    (operator.directory / "cluster.yaml").write_text(HEAD + spec)


ONE_VOTER = """\
etcd: {version: "3.4", bootstrap: {discovery: private}}
providers: {qemu: {image: lab}}
pools: {core: {count: 1, etcd: true, size: {cpus: 1, memory: 640MiB}}}
"""


def test_a_run_that_is_killed_and_one_that_is_interrupted(operator: Operator) -> None:
    """While the machine boots. It goes on, and a later run meets it with the same token, at the same port."""
    write(operator, ONE_VOTER)
    first = operator.start("up")
    until(lambda: "provision-lab: initramfs" in operator.heard("luck-core-1"))
    first.kill()
    first.communicate()
    pids, kept = operator.processes(), [operator.kept(name) for name in ("etcd.json", "reception.json")]
    assert len(pids) == 1

    with socket.create_server(("127.0.0.1", kept[1]["port"])):
        refused = operator.run("up")
    assert refused.code == 1
    assert f"cannot listen on 127.0.0.1 port {kept[1]['port']}" in refused.err
    assert "end the program that has taken this port" in refused.err
    assert "Traceback" not in refused.err

    second = operator.start("up")
    assert second.stderr
    until(lambda: "ended" in second.stderr.readline())
    second.send_signal(signal.SIGINT)
    _, err = second.communicate(timeout=60)
    assert second.returncode == 130
    assert "Traceback" not in err
    assert "error: interrupted while waiting for the cluster to work" in err
    assert "`up` again waits on, `provision down` removes all" in err
    assert operator.processes() == pids

    third = operator.up()
    assert third.code == 0
    assert operator.processes() == pids
    token, port = (operator.kept(name) for name in ("etcd.json", "reception.json"))
    assert [{**token, "formed": False}, port] == kept
    (machine,) = operator.status()["machines"]
    assert [m["name"] for m in etcd(machine["reach"]["etcd"], "cluster/member/list")["members"]] == ["luck-core-1"]
    operator.leaves_nothing()


SILENT = """\
providers: {qemu: {image: lab}}
pools:
  stuck: {count: 1, size: {cpus: 1, memory: 512MiB}, config: stuck.bu}
  misled: {count: 1, size: {cpus: 1, memory: 512MiB}, config: misled.bu}
"""
STUCK = """\
variant: fcos
version: 1.4.0
systemd:
  units:
    - name: stuck.service
      enabled: true
      contents: |
        [Unit]
        Before=multi-user.target
        [Service]
        Type=oneshot
        TimeoutStartSec=infinity
        ExecStart=/bin/sh -c 'echo "stuck: waiting for what never comes" >/dev/console; exec sleep infinity'
        [Install]
        WantedBy=multi-user.target
"""
MISLED = """\
variant: fcos
version: 1.4.0
storage:
  files:
    - path: /etc/remote
      contents:
        source: http://10.0.2.2:{port}/remote
        verification: {{hash: sha512-{digest}}}
"""


def test_machines_that_never_report(operator: Operator) -> None:
    """One hangs in a unit, one in Ignition, to which a file is served that is not the one it was promised."""
    write(operator, SILENT)
    (operator.directory / "stuck.bu").write_text(STUCK)
    with serving(b"another file") as port:
        promised = hashlib.sha512(b"this file").hexdigest()
        (operator.directory / "misled.bu").write_text(MISLED.format(port=port, digest=promised))
        assert operator.run("validate", "--strict", "cluster.yaml").code == 0
        misled = operator.up()
        assert misled.code == 9
        assert "switched off before the first boot was done: luck-misled-1" in misled.err
        assert "Ignition failed in stage files" in misled.err.partition("the end of luck-misled-1's console:")[2]
        assert "hash verification failed" in misled.err
        until(lambda: "stuck: waiting for what never comes" in operator.heard("luck-stuck-1"))

    assert operator.run("status").code == 9
    (operator.directory / "cluster.yaml").write_text(HEAD + SILENT.replace("misled: {count: 1", "misled: {count: 0"))
    silent = operator.run("up", "--yes", "--timeout", "15")
    assert silent.code == 9
    assert "no report of the first boot in time from luck-stuck-1" in silent.err
    assert "stuck: waiting for what never comes" in silent.err.partition("the end of luck-stuck-1's console:")[2]
    assert "`up` again waits on, `down` removes all" in silent.err
    assert len(operator.processes()) == 1
    operator.leaves_nothing()


@contextmanager
def serving(body: bytes) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_no_image(operator: Operator) -> None:
    write(operator, "providers: {qemu: {image: missing.qcow2}}\npools: {core: {count: 1}}\n")
    refused = operator.up()
    assert refused.code == 6
    assert "missing.qcow2" in refused.err
    assert "nothing was made" in refused.err
    assert operator.processes() == []
    assert json.loads(operator.run("list", "--json").out)["clusters"] == []


def test_more_memory_than_there_is(operator: Operator) -> None:
    write(operator, "providers: {qemu: {image: lab}}\npools: {core: {count: 2, size: {memory: 900GiB}}}\n")
    refused = operator.up()
    assert refused.code == 6
    assert "memory" in refused.err
    assert operator.processes() == []

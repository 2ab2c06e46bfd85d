"""Bootstrap by DNS SRV records: the zone that we print, served by dnsmasq, found by etcd's own resolver.

Everything runs in a network namespace of its own, where the resolver can be ours and the standard ports are free.
"""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

from provision.etcd import variables
from provision.pki.authority import Usage
from provision.spec.model import Etcd
from tests.etcd.lab import FAST, decided, etcd, program
from tests.etcd.test_tls import Certificates

DOMAIN = "etcd.example.org"
SCRIPT = """
set -eu
ip link set lo up
mount --bind resolv.conf /etc/resolv.conf
dnsmasq --conf-file="$PWD/dnsmasq.conf" --no-daemon --user=root --group=root --pid-file= >dnsmasq.log 2>&1 &
until getent hosts "demo-core-1.$DOMAIN" >/dev/null; do sleep 0.05; done
for n in 1 2 3; do
  env -i PATH="$PATH" $(cat "demo-core-$n.env") "$ETCD" >"demo-core-$n.log" 2>&1 &
done
export ETCDCTL_API=3 ETCDCTL_CACERT=pki/ca.pem ETCDCTL_CERT=pki/operator.pem ETCDCTL_KEY=pki/operator.key
for n in 1 2 3; do
  ETCDCTL_ENDPOINTS=${ETCDCTL_ENDPOINTS:+$ETCDCTL_ENDPOINTS,}$SCHEME://demo-core-$n.$DOMAIN:2379
done
export ETCDCTL_ENDPOINTS
for try in $(seq 20); do
  if timeout 4 etcdctl endpoint health >health.log 2>&1; then
    etcdctl member list -w json
    exit 0
  fi
  sleep 0.1
done
for log in *.log; do echo "--- $log"; tail -n 5 "$log"; done >&2
exit 1
"""


def dnsmasq_options(zone: str) -> str:
    """Return our zone's records as dnsmasq's configuration."""
    lines = ["port=53", "listen-address=127.0.0.1", "bind-interfaces", "no-resolv", "no-hosts", f"local=/{DOMAIN}/"]
    for record in zone.splitlines():
        if found := re.fullmatch(r"(\S+)\. \d+ IN SRV (\d+) (\d+) (\d+) (\S+)\.", record):
            owner, priority, weight, port, target = found.groups()
            lines.append(f"srv-host={owner},{target},{port},{priority},{weight}")
        elif found := re.fullmatch(r"(\S+)\. \d+ IN A (\S+)", record):
            lines.append(f"host-record={found[1]},{found[2]}")
        else:
            pytest.fail(f"not understood: {record}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("version", "tls"), [("3.4", True), ("3.5", True), ("3.5", False)])
def test_three_members_meet_by_srv_records(tmp_path, version, tls):
    for name in ("etcd", "etcdctl", "dnsmasq", "ip"):
        program(name)
    certificates = Certificates(tmp_path / "pki")
    certificates.client("operator")
    nodes = [named(certificates, n, tls=tls) for n in (1, 2, 3)]
    boot = decided(nodes, Etcd(version=version, bootstrap="srv", domain=DOMAIN, tls=tls))
    (tmp_path / "dnsmasq.conf").write_text(dnsmasq_options(variables.zone(boot)))
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    for node in nodes:
        settings = variables.first(node, boot, cluster_token="uid-1")
        # All three share one namespace: each listens on its own address only.
        settings["ETCD_LISTEN_CLIENT_URLS"] = variables.url(node.scheme, node.address, 2379)
        settings |= {"ETCD_LISTEN_PEER_URLS": node.peer_url, "ETCD_DATA_DIR": str(tmp_path / node.name)}
        (tmp_path / f"{node.name}.env").write_text("\n".join(f"{k}={v}" for k, v in settings.items()))
    # The PID namespace ends all processes with the script.
    spaces = ["--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child"]
    environment = {"PATH": os.environ["PATH"], "DOMAIN": DOMAIN, "SCHEME": nodes[0].scheme, "ETCD": etcd(version)}
    done = subprocess.run(
        ["unshare", *spaces, "bash", "-c", SCRIPT],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    members = json.loads(done.stdout)["members"]
    assert {m["name"] for m in members} == {node.name for node in nodes}
    assert {url for m in members for url in m["peerURLs"]} == {f"{n.scheme}://{n.name}.{DOMAIN}:2380" for n in nodes}
    assert all(m["clientURLs"] for m in members)


def named(certificates, number, *, tls):
    name, address = f"demo-core-{number}", f"127.0.1.{number}"
    # etcd's peers check each other against the domain too.
    files = certificates.issue(name, Usage.PEER, f"{name}.{DOMAIN}", DOMAIN, address)
    return variables.Node(name, address, timing=FAST, files=files if tls else None)

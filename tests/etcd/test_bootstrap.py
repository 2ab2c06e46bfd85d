"""Clusters of real etcd processes form in every mode, with exactly the variables that machines get."""

from __future__ import annotations

import pytest

from provision.etcd import variables
from provision.etcd.client import EtcdClient
from provision.spec.model import Etcd
from tests.etcd.lab import BOTH, decided, healthy


def form(lab, client, size):
    token = client.new(size)
    members = [m.start() for m in lab.discovered(token, lab.nodes(size).values())]
    verdict = healthy(members)
    shown = client.show(token)
    assert {m.name for m in shown.members} == {m.name for m in verdict.members}
    assert shown.complete
    assert verdict.leader in {m.name for m in members}


@BOTH
@pytest.mark.parametrize("size", [1, 3, 5])
def test_from_our_discovery_service(lab, ours, size):
    form(lab, ours, size)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_from_debians_discovery_service_driven_by_our_client(lab, debians, size):
    form(lab, debians, size)


@BOTH
def test_static(lab):
    nodes = lab.nodes(3).values()
    boot = decided(nodes, Etcd(version=lab.version, bootstrap="auto"))
    assert boot.mode == "static"
    members = [lab.member(n, variables.first(n, boot, cluster_token="uid-1")).start() for n in nodes]
    healthy(members)
    with EtcdClient(members[0].url) as first, EtcdClient(members[2].url) as last:
        first.put("colour", "grün")
        assert last.get("colour") == "grün"
        first.delete("colour")
        assert last.get("colour") is None

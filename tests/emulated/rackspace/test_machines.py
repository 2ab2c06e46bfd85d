"""Machines and parts through the contract: what is on the wire, what is read, what is refused, who is asked."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from provision.errors import Kind, ProviderError
from provision.model import MACHINE, Change
from provision_rackspace import parts
from tests.emulated.rackspace import lab
from tests.emulated.rackspace.proxy import API_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from provision_rackspace import Rackspace
    from tests.emulated.rackspace.lab import Strict


@pytest.fixture
def cloud(strict: Strict, tmp_path: Path) -> Rackspace:
    return lab.provider({}, tmp_path)


def test_what_is_on_the_wire(cloud: Rackspace, strict: Strict) -> None:
    inputs = lab.make_parts(cloud, {})
    made = lab.machine("demo-core-1", {}, lab.image(cloud))
    [request] = lab.requests([made], inputs)
    lab.good(cloud.create([replace(request, protect=True)]))
    [server] = strict.servers()
    assert server["user_data"] == lab.PAYLOAD
    assert server["config_drive"] is True
    assert server["key_name"] == f"provision-demo-{lab.UID}"
    assert server["flavorRef"] == lab.SIZE
    own = inputs[f"rackspace.network.{lab.UID}"]["id"]
    assert [n["uuid"] for n in server["networks"]] == [own, parts.PUBLIC_NET, parts.SERVICE_NET]
    assert server["metadata"]["provision:uid"] == lab.UID
    assert server["metadata"]["provision:token"] == request.token
    [found] = [o for o in cloud.list(None) if o.kind == MACHINE]
    assert (found.labels, found.token, found.protected) == (request.labels, request.token, True)
    assert (found.size, found.zone) == (lab.SIZE, "DFW")


def test_a_machine_inside_only_on_an_existing_network(strict: Strict, tmp_path: Path) -> None:
    cloud = lab.provider({}, tmp_path)
    own = lab.make_parts(cloud, {})[f"rackspace.network.{lab.UID}"]["id"]
    given = {"network": {"name": f"provision-demo-{lab.UID}"}, "public": False, "servicenet": False, "key_name": "x"}
    other = lab.provider(given, tmp_path)
    assert list(other.parts(lab.wanted(given, []))) == []
    [outcome] = other.create(lab.requests([lab.machine("demo-a", given, lab.image(cloud))]))
    assert outcome.error
    assert outcome.error.kind is Kind.INVALID  # the key pair is not there
    [made] = lab.requests([lab.machine("demo-a", {**given, "key_name": f"provision-demo-{lab.UID}"}, lab.image(cloud))])
    lab.good(other.create([made]))
    assert [n["uuid"] for n in strict.servers()[0]["networks"]] == [own]
    [found] = [o for o in other.list(None) if o.kind == MACHINE]
    assert found.addresses.keys() == {"private"}
    [network] = [o for o in other.list(lab.OWNER) if o.kind == "network"]
    [refused] = other.delete([network])
    assert refused.error
    assert refused.error.kind is Kind.CONFLICT  # it passes when the machine is gone


def test_labels_and_protection_are_one_call(cloud: Rackspace, strict: Strict) -> None:
    inputs = lab.make_parts(cloud, {})
    lab.good(cloud.create(lab.requests([lab.machine("demo-a", {}, lab.image(cloud))], inputs)))
    [found] = [o for o in cloud.list(None) if o.kind == MACHINE]
    assert found.labels is not None
    later = found.labels.expiring("2027-02-01T00:00:00Z")
    strict.ask("forget", {})
    lab.good(cloud.change([Change(found, later, protected=True)]))
    assert strict.counts() == {"POST /servers/*/metadata": 1}
    [found] = [o for o in cloud.list(None) if o.kind == MACHINE]
    assert (found.labels, found.protected) == (later, True)
    [kept] = cloud.delete([found])
    assert kept.error
    assert kept.error.code == "Protected"


def test_two_regions_and_two_accounts_at_once(strict: Strict, tmp_path: Path) -> None:
    (tmp_path / "other.cfg").write_text(f"[rackspace_cloud]\nusername = other\napi_key = {API_KEY}\n")
    options = [
        {"region": region, **account} for region in ("DFW", "ORD") for account in ({}, {"credentials": "other.cfg"})
    ]

    def life(given: dict[str, str]) -> set[str]:
        cloud = lab.provider(given, tmp_path)
        inputs = lab.make_parts(cloud, given)
        made = [lab.machine(f"demo-{n}-a", given, lab.image(cloud)) for n in range(3)]
        lab.good(cloud.create(lab.requests(made, inputs)))
        found = list(cloud.list(lab.OWNER))
        assert {o.zone for o in found if o.kind == MACHINE} == {given["region"]}
        return {o.id for o in found if o.kind == MACHINE}

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(life, options))
    assert [len(each) for each in ids] == [3] * 4
    assert len(set.union(*ids)) == 12
    assert len({server["where"] for server in strict.servers()}) == 4


def test_a_token_that_expired_is_renewed_once(cloud: Rackspace, strict: Strict) -> None:
    list(cloud.list(None))
    strict.ask("expire", {})
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: list(cloud.list(None)), range(3)))
    assert strict.counts()["login"] == 2


def test_a_wrong_key_is_said_once_and_never_shown(
    strict: Strict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("RAX_API_KEY", "hunter2")
    with pytest.raises(ProviderError) as caught:
        list(lab.provider({}, tmp_path).list(None))
    assert caught.value.kind is Kind.AUTH
    assert strict.counts() == {"login": 1}  # not sent again as if it were a password
    assert "hunter2" not in f"{caught.value} {caught.value.hint} {caplog.text}"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 503}, Kind.UNAVAILABLE),
        ({"status": 429}, Kind.THROTTLED),
        ({"reset": True}, Kind.UNAVAILABLE),
    ],
)
def test_a_login_that_fails_for_now_is_no_wrong_key(
    cloud: Rackspace, strict: Strict, fault: dict[str, object], kind: Kind
) -> None:
    strict.faults({"call": "login", **fault})
    with pytest.raises(ProviderError) as caught:
        list(cloud.list(None))
    assert (caught.value.kind, caught.value.retryable) == (kind, True)
    strict.faults()
    assert list(cloud.list(None)) == []


def test_nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAX_USERNAME", "demo")
    monkeypatch.setenv("RAX_API_KEY", API_KEY)
    cloud = lab.provider({"auth_url": "http://127.0.0.1:1/v2.0/", "region": "DFW"}, tmp_path)
    with pytest.raises(ProviderError) as caught:
        list(cloud.list(None))
    assert (caught.value.kind, caught.value.code) == (Kind.UNAVAILABLE, "NoConnection")


def test_user_data_is_never_logged(cloud: Rackspace, strict: Strict, caplog: pytest.LogCaptureFixture) -> None:
    inputs = lab.make_parts(cloud, {})
    secret = "c2VjcmV0" * 20
    strict.faults({"call": "POST /servers", "status": 400, "message": f"Invalid user_data. Value: {secret}"})
    [request] = lab.requests([lab.machine("demo-a", {}, lab.image(cloud))], inputs)
    with caplog.at_level(logging.DEBUG):
        [outcome] = cloud.create([replace(request, payload=secret)])
    assert outcome.error
    assert secret not in f"{outcome.error} {caplog.text}"

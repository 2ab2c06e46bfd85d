"""The strict GCE itself: on each rule a naive client fails, as it would at Google."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import pytest

from provision.model import utc_text
from tests.emulated.gce import lab

if TYPE_CHECKING:
    from tests.emulated.gce.lab import Strict

INSTANCES = f"zones/{lab.ZONE}/instances"
DISK: dict[str, Any] = {"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": lab.IMAGE}}
NIC = {"network": "global/networks/default", "subnetwork": f"regions/{lab.REGION}/subnetworks/default"}
BODY: dict[str, Any] = {
    "name": "m",
    "machineType": f"zones/{lab.ZONE}/machineTypes/e2-small",
    "disks": [DISK],
    "networkInterfaces": [NIC],
}
NETWORK = "global/networks/default"


def insert(strict: Strict, **others: Any) -> tuple[int, Any]:
    query = {name: others.pop(name) for name in ("requestId",) if name in others}
    return strict.send("POST", INSTANCES, {**BODY, **others}, **query)


def ended(strict: Strict, answer: Any) -> Any:
    """Return an operation at its end, as its wait tells it."""
    return strict.send("POST", f"zones/{lab.ZONE}/operations/{answer['name']}/wait")[1]


def made(strict: Strict, **others: Any) -> Any:
    status, answer = insert(strict, **others)
    assert status == 200, answer
    done = ended(strict, answer)
    assert "error" not in done
    return done


def ahead(**delta: float) -> str:
    return utc_text(datetime.now(UTC) + timedelta(**delta))


def limited(**others: Any) -> dict[str, Any]:
    return {"scheduling": {"instanceTerminationAction": "DELETE", "terminationTime": ahead(hours=1), **others}}


def metadata(*values: str) -> dict[str, Any]:
    return {"metadata": {"items": [{"key": f"k{n}", "value": value} for n, value in enumerate(values)]}}


def disk(**params: Any) -> dict[str, Any]:
    return {"disks": [{**DISK, "initializeParams": {**DISK["initializeParams"], **params}}]}


def nic(**others: Any) -> dict[str, Any]:
    return {"networkInterfaces": [{**NIC, **others}]}


ARM = f"zones/{lab.ZONE}/machineTypes/t2a-standard-1"
SPOT = {"provisioningModel": "SPOT", "automaticRestart": False, "onHostMaintenance": "TERMINATE"}
GOOD: dict[str, dict[str, Any]] = {
    "the plain one": {},
    "labels": {"labels": {"a_b-1": "x-_9", "empty": ""}},
    "the largest metadata value": metadata("x" * 262_144),
    "a limit": limited(),
    "spot": {"scheduling": SPOT},
    "an address": nic(networkIP="10.128.0.9"),
    "ARM on ARM": {"machineType": ARM, **disk(sourceImage=lab.ARM_IMAGE)},
    "whole URLs": nic(network=f"https://www.googleapis.com/compute/v1/projects/{lab.PROJECT}/{NETWORK}"),
}
BAD: dict[str, dict[str, Any]] = {
    # the schema
    "an unknown field": {"userData": "x"},
    "an unknown field, deep": nic(privateIp="10.128.0.9"),
    "a wrong type": {"canIpForward": "yes"},
    "a number for a text": {"description": 7},
    "a list for an object": {"tags": ["web"]},
    "an enum": {"scheduling": {"provisioningModel": "CHEAP"}},
    "a metadata key's pattern": {"metadata": {"items": [{"key": "user data", "value": "x"}]}},
    "a required field": {"metadata": {"items": [{"key": "k"}]}},
    "a name's pattern": {"name": "Web_1"},
    "a long name": {"name": "a" * 64},
    # the rules
    "a label's key": {"labels": {"provision:uid": "x"}},
    "a label's value": {"labels": {"owner": "you@example.com"}},
    "a long label": {"labels": {"k": "x" * 64}},
    "many labels": {"labels": {f"k{n}": "v" for n in range(65)}},
    "a large metadata value": metadata("x" * 262_145),
    "much metadata": metadata("x" * 262_144, "x" * 262_144),
    "a metadata key twice": {"metadata": {"items": [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]}},
    "a limit without an action": {"scheduling": {"terminationTime": ahead(hours=1)}},
    "two limits": limited(maxRunDuration={"seconds": "3600"}),
    "a limit at once": limited(terminationTime=ahead(seconds=5)),
    "a limit too far": limited(terminationTime=ahead(days=121)),
    "a limit that is no time": limited(terminationTime="tomorrow"),
    "an action without a limit": {"scheduling": {"instanceTerminationAction": "DELETE"}},
    "spot that restarts": {"scheduling": {**SPOT, "automaticRestart": True}},
    "spot that migrates": {"scheduling": {**SPOT, "onHostMaintenance": "MIGRATE"}},
    "another zone's machine type": {"machineType": "zones/us-central1-b/machineTypes/e2-small"},
    "a machine type that is none": {"machineType": f"zones/{lab.ZONE}/machineTypes/t3.small"},
    "a bare machine type": {"machineType": "e2-small"},
    "no disk": {"disks": []},
    "two boot disks": {"disks": [DISK, DISK]},
    "an image that is none": disk(sourceImage=f"{lab.IMAGE}-none"),
    "an obsolete image": disk(sourceImage=lab.OLD_IMAGE),
    "an image of another architecture": disk(sourceImage=lab.ARM_IMAGE),
    "a disk that is too small": disk(diskSizeGb="9"),
    "a disk type that is none": disk(diskType=f"zones/{lab.ZONE}/diskTypes/gp3"),
    "a bare disk type": disk(diskType="pd-ssd"),
    "no interface": {"networkInterfaces": []},
    "a network that is none": nic(network="global/networks/none"),
    "a bare network": nic(network="default"),
    "a subnetwork of another network": nic(subnetwork=f"regions/{lab.REGION}/subnetworks/other"),
    "a subnetwork of another region": nic(subnetwork="regions/europe-west1/subnetworks/default"),
    "an address outside": nic(networkIP="10.129.0.9"),
    "Google's first address": nic(networkIP="10.128.0.1"),
    "Google's last address": nic(networkIP="10.128.15.254"),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_is_right_is_taken(strict: Strict, case: str) -> None:
    made(strict, **GOOD[case])


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_refused_and_makes_nothing(strict: Strict, case: str) -> None:
    status, answer = insert(strict, **BAD[case])
    assert status in (400, 404), answer
    assert strict.world() == {}


def test_unknown_parameters_methods_and_things_are_refused(strict: Strict) -> None:
    assert strict.send("GET", INSTANCES, labels="x")[0] == 400
    assert strict.send("GET", INSTANCES, maxResults="many")[0] == 400
    assert strict.send("GET", INSTANCES, maxResults=501)[0] == 400
    assert strict.send("GET", "zones/Nowhere/instances")[0] == 400
    assert strict.send("GET", f"{INSTANCES}/none")[0] == 404
    assert strict.send("GET", "zones/a/machines")[0] == 404
    assert strict.send("GET", INSTANCES, project="other-project")[0] == 404
    assert strict.send("POST", INSTANCES)[0] == 400
    assert strict.send("GET", INSTANCES, {"name": "m"})[0] == 400


@pytest.mark.parametrize(
    "text", ["labels.a", "name = ", '(name = "a"', 'name eq "a" AND x eq "b"', "labels.a = b c", "provision"]
)
def test_filters_that_are_none_are_refused(strict: Strict, text: str) -> None:
    assert strict.send("GET", INSTANCES, filter=text)[0] == 400


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("labels.a:*", ["m", "n"]),
        ('labels.a = "1"', ["m"]),
        ('(labels.a = "1") OR (labels.a = "2")', ["m", "n"]),
        ('(labels.a = "1") (labels.b = "2")', []),
        ("name != m", ["n"]),
        ('name eq "m|n"', ["m", "n"]),
        ("name eq .", ["m", "n"]),
        ("name eq x.*", []),
        ("name ne m", ["n"]),
    ],
)
def test_filters(strict: Strict, text: str, names: list[str]) -> None:
    made(strict, labels={"a": "1"})
    made(strict, name="n", labels={"a": "2"})
    items = strict.send("GET", INSTANCES, filter=text)[1].get("items", [])
    assert [item["name"] for item in items] == names


def test_a_page_is_a_page_and_its_token_is_of_one_filter(strict: Strict) -> None:
    for name in ("m", "n", "o"):
        made(strict, name=name)
    _, first = strict.send("GET", "aggregated/instances", maxResults=2)
    token = first["nextPageToken"]
    _, second = strict.send("GET", "aggregated/instances", maxResults=2, pageToken=token)
    names = [
        i["name"] for page in (first, second) for part in page["items"].values() for i in part.get("instances", [])
    ]
    assert (names, "nextPageToken" in second) == (["m", "n", "o"], False)
    assert first["items"]["zones/us-central1-b"]["warning"]["code"] == "NO_RESULTS_ON_PAGE"
    assert strict.send("GET", "aggregated/instances", pageToken=token, filter="name eq m")[0] == 400


def test_a_name_is_taken_once(strict: Strict) -> None:
    made(strict)
    status, answer = insert(strict)
    assert (status, answer["errors"][0]["reason"]) == (409, "alreadyExists")


def test_a_request_id_makes_one_machine_and_tells_of_its_failure_too(strict: Strict) -> None:
    number = str(uuid.uuid4())
    first, again = (insert(strict, requestId=number)[1] for _ in range(2))
    assert first["name"] == again["name"]
    assert strict.ask("ever") == 1
    other = str(uuid.uuid4())
    strict.faults({"action": "instances.insert", "code": "ZONE_RESOURCE_POOL_EXHAUSTED", "times": 1})
    failed = ended(strict, insert(strict, name="n", requestId=other)[1])
    assert failed["error"]["errors"][0]["code"] == "ZONE_RESOURCE_POOL_EXHAUSTED"
    assert insert(strict, name="n", requestId=other)[1]["error"] == failed["error"]
    assert strict.world()["instances"] == ["m"]


@pytest.mark.parametrize("number", ["7", "00000000-0000-0000-0000-000000000000"])
def test_a_request_id_is_a_uuid(strict: Strict, number: str) -> None:
    assert insert(strict, requestId=number)[0] == 400


def test_a_machine_comes_up_and_goes_in_its_own_time(strict: Strict) -> None:
    strict.set(latency=0.3)
    _, answer = insert(strict)
    assert (answer["status"], strict.machine("m")["status"]) == ("RUNNING", "PROVISIONING")
    began = time.monotonic()
    assert ended(strict, answer)["status"] == "DONE"
    assert time.monotonic() - began > 0.1  # the wait held it back
    assert strict.machine("m")["status"] == "STAGING"
    strict.wait_settled()
    assert strict.machine("m")["status"] == "RUNNING"
    _, answer = strict.send("DELETE", f"{INSTANCES}/m")
    assert strict.machine("m")["status"] == "STOPPING"
    assert insert(strict)[0] == 409  # the name is taken until it has gone
    ended(strict, answer)
    assert strict.world() == {}


def test_an_operation_that_is_none_is_not_waited_for(strict: Strict) -> None:
    assert strict.send("POST", f"zones/{lab.ZONE}/operations/none/wait")[0] == 404


def test_protected_machines_stay(strict: Strict) -> None:
    made(strict, deletionProtection=True)
    status, answer = strict.send("DELETE", f"{INSTANCES}/m")
    assert status == 400
    assert "protected against deletion" in answer["message"]
    strict.send("POST", f"{INSTANCES}/m/setDeletionProtection", deletionProtection="false")
    assert strict.send("DELETE", f"{INSTANCES}/m")[0] == 200


def test_labels_are_changed_by_who_knows_them(strict: Strict) -> None:
    made(strict, labels={"a": "1"})
    known = strict.machine("m")["labelFingerprint"]
    set_labels = f"{INSTANCES}/m/setLabels"
    assert strict.send("POST", set_labels, {"labels": {"a": "2"}})[0] == 412
    assert strict.send("POST", set_labels, {"labels": {"a": "2"}, "labelFingerprint": known})[0] == 200
    assert strict.send("POST", set_labels, {"labels": {"a": "3"}, "labelFingerprint": known})[0] == 412
    assert strict.machine("m")["labels"] == {"a": "2"}


def test_a_limit_is_moved_on_a_stopped_machine_alone(strict: Strict) -> None:
    made(strict, **limited())
    move, body = f"{INSTANCES}/m/setScheduling", limited(terminationTime=ahead(hours=9))["scheduling"]
    assert strict.send("POST", move, body)[0] == 400
    ended(strict, strict.send("POST", f"{INSTANCES}/m/stop")[1])
    assert strict.send("POST", move, body)[0] == 200


def test_an_address_is_of_one_machine(strict: Strict) -> None:
    made(strict, **nic(networkIP="10.128.0.9"))
    status, answer = insert(strict, name="n", **nic(networkIP="10.128.0.9"))
    assert (status, answer["errors"][0]["reason"]) == (400, "IP_IN_USE_BY_ANOTHER_RESOURCE")


def test_quotas_end_operations(strict: Strict) -> None:
    strict.set(quotas={"CPUS": 2.0})
    made(strict)
    done = ended(strict, insert(strict, name="n")[1])
    assert done["error"]["errors"][0]["code"] == "QUOTA_EXCEEDED"
    assert strict.world()["instances"] == ["m"]


PROPERTIES = {"machineType": "e2-small", "disks": [DISK], "networkInterfaces": [NIC]}


def bulk(strict: Strict, names: list[str], **others: Any) -> tuple[int, Any]:
    body = {
        "count": str(len(names)),
        "perInstanceProperties": {name: {} for name in names},
        "instanceProperties": PROPERTIES,
        **others,
    }
    return strict.send("POST", f"{INSTANCES}/bulkInsert", body)


def test_a_bulk_is_all_or_nothing(strict: Strict) -> None:
    assert "error" not in ended(strict, bulk(strict, ["a", "b"])[1])
    done = ended(strict, bulk(strict, ["b", "c"])[1])
    assert done["error"]["errors"][0]["code"] == "RESOURCE_ALREADY_EXISTS"
    strict.set(quotas={"CPUS": 6.0})
    assert "error" in ended(strict, bulk(strict, ["d", "e"])[1])
    assert strict.world()["instances"] == ["a", "b"]


@pytest.mark.parametrize(
    "others",
    [
        {"count": "3"},
        {"perInstanceProperties": {}},
        {"namePattern": "a-##"},
        {"instanceProperties": {**PROPERTIES, "machineType": f"zones/{lab.ZONE}/machineTypes/e2-small"}},
        {"instanceProperties": {**PROPERTIES, **disk(diskType=f"zones/{lab.ZONE}/diskTypes/pd-ssd")}},
        {"instanceProperties": {**PROPERTIES, "deletionProtection": True}},
    ],
)
def test_a_bulk_has_rules_of_its_own(strict: Strict, others: dict[str, Any]) -> None:
    assert bulk(strict, ["a", "b"], **others)[0] == 400
    assert strict.world() == {}


RULE: dict[str, Any] = {"name": "r", "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]}


@pytest.mark.parametrize(
    "others",
    [
        {"allowed": [{"IPProtocol": "ssh"}]},
        {"allowed": [{"IPProtocol": "all", "ports": ["22"]}]},
        {"denied": [{"IPProtocol": "tcp"}]},
        {"sourceRanges": ["10.0.0.0/8", "2001:db8::/32"]},
        {"sourceRanges": ["everywhere"]},
        {"targetTags": ["Not_A_Tag"]},
        {"network": "global/networks/none"},
        {"ports": ["22"]},
    ],
)
def test_firewall_rules(strict: Strict, others: dict[str, Any]) -> None:
    assert strict.send("POST", "global/firewalls", {**RULE, **others})[0] in (400, 404)
    assert strict.world() == {}


def test_a_rule_without_sources_is_for_the_whole_world(strict: Strict) -> None:
    assert strict.send("POST", "global/firewalls", {**RULE, "sourceRanges": []})[0] == 200
    assert strict.send("GET", "global/firewalls/r")[1]["sourceRanges"] == ["0.0.0.0/0"]
    assert strict.send("PATCH", "global/firewalls/r", {"description": "no name"})[0] == 400


@pytest.mark.parametrize("cidr", ["10.128.0.0/24", "10.0.0.0/7", "10.0.0.0/30", "10.0.0.1/24"])
def test_subnetworks(strict: Strict, cidr: str) -> None:
    body = {"name": "s", "network": NETWORK, "ipCidrRange": cidr}
    assert strict.send("POST", f"regions/{lab.REGION}/subnetworks", body)[0] == 400


def test_what_is_in_use_is_not_deleted(strict: Strict) -> None:
    strict.send("POST", "global/networks", {"name": "n", "autoCreateSubnetworks": False})
    body = {"name": "s", "network": "global/networks/n", "ipCidrRange": "10.9.0.0/24"}
    strict.send("POST", f"regions/{lab.REGION}/subnetworks", body)
    made(strict, **nic(network="global/networks/n", subnetwork=f"regions/{lab.REGION}/subnetworks/s"))
    for path in ("global/networks/n", f"regions/{lab.REGION}/subnetworks/s", f"zones/{lab.ZONE}/disks/m"):
        status, answer = strict.send("DELETE", path)
        assert (status, answer["errors"][0]["reason"]) == (400, "resourceInUseByAnotherResource")


def test_faults_strike_before_or_after_the_work(strict: Strict) -> None:
    strict.faults({"action": "instances.insert", "reason": "rateLimitExceeded", "status": 403, "times": 1})
    assert insert(strict)[0] == 403
    assert strict.world() == {}
    strict.faults({"action": "instances.insert", "reset": True, "after": True, "times": 1})
    with pytest.raises((URLError, ConnectionError)):
        insert(strict)
    assert strict.world()["instances"] == ["m"]


def test_random_faults_are_the_same_for_the_same_seed(strict: Strict) -> None:
    def codes() -> list[str]:
        strict.ask("baseline", {})
        strict.faults({"action": "*", "reason": "backendError", "status": 503, "chance": 0.5}, seed=7)
        for _ in range(20):
            strict.send("GET", "global/networks")
        return [call["code"] for call in strict.calls()]

    first = codes()
    assert first == codes()
    assert 0 < first.count("backendError") < 20

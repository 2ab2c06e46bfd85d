"""Calls about instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulated.gce import catalogue, rules
from tests.emulated.gce.discovery import Refusal, invalid
from tests.emulated.gce.world import LINK, World, fingerprint, taken

if TYPE_CHECKING:
    from tests.emulated.gce.discovery import Call

PIECE = 64
"""Bytes of the serial console in one answer."""


def insert(world: World, call: Call, code: str) -> dict[str, Any]:
    given, zone = call.body or {}, call["zone"]
    _zone(zone)
    item = _built(world, zone, given["name"], given)
    made = _placed(world, zone, item)
    answer = world.begin("insert", zone, made, lambda: _run(world, zone, made))
    _refuse_later(world, answer, [made], code)
    return answer


def bulk_insert(world: World, call: Call, code: str) -> dict[str, Any]:
    """https://cloud.google.com/compute/docs/instances/multiple/create-in-bulk"""
    given, zone = call.body or {}, call["zone"]
    _zone(zone)
    names = list(given.get("perInstanceProperties", {}))
    if bool(names) == bool(given.get("namePattern")) or not names:
        raise invalid("exactly one of namePattern and perInstanceProperties is needed (the first is not known here)")
    if int(given.get("count", "0")) != len(names):
        raise invalid("Invalid value for field 'resource.count': it differs from the number of names")
    properties = given.get("instanceProperties", {})
    if "/" in properties.get("machineType", "/"):
        raise Refusal(400, "invalid", "INTERNAL_ERROR: instanceProperties.machineType is a name, not a URL")
    for disk in properties.get("disks", []):
        if "/" in disk.get("initializeParams", {}).get("diskType", ""):
            raise invalid("Invalid value for field 'diskType': a name, not a URL")
    whole = _with_urls(zone, properties)
    taken_names = [name for name in names if (zone, name) in world.things["instances"]]
    if taken_names:
        answer = world.begin("bulkInsert", zone, None)
        link = f"projects/{world.project}/zones/{zone}/instances/{taken_names[0]}"
        world.fail(answer, "RESOURCE_ALREADY_EXISTS", f"The resource '{link}' already exists", 409)
        return answer
    made = [_placed(world, zone, _built(world, zone, name, whole)) for name in names]
    answer = world.begin("bulkInsert", zone, None, lambda: [_run(world, zone, item) for item in made] and None)
    _refuse_later(world, answer, made, code)
    return answer


def delete(world: World, call: Call, code: str) -> dict[str, Any]:
    item = world.get("instances", call["zone"], call["instance"])
    rules.deletable(item)
    before, item["status"] = item["status"], "STOPPING"

    def effect() -> None:
        if code:
            item["status"] = before
        else:
            _vanish(world, call["zone"], item)

    answer = world.begin("delete", call["zone"], item, effect)
    if code:
        world.fail(answer, code, code, 500)
    return answer


def set_labels(world: World, call: Call, code: str) -> dict[str, Any]:
    item, given = world.get("instances", call["zone"], call["instance"]), call.body or {}
    rules.labels(given.get("labels", {}))
    if given.get("labelFingerprint") != item["labelFingerprint"]:
        raise Refusal(412, "conditionNotMet", "Labels fingerprint either invalid or resource labels have changed")
    item["labels"] = given.get("labels", {})
    item["labelFingerprint"] = fingerprint(item["labels"])
    return world.begin("setLabels", call["zone"], item)


def set_scheduling(world: World, call: Call, code: str) -> dict[str, Any]:
    item, given = world.get("instances", call["zone"], call["instance"]), call.body or {}
    if item["status"] != "TERMINATED":
        raise invalid("Invalid value for field 'resource.scheduling': the instance must be in TERMINATED state")
    rules.scheduling(given)
    item["scheduling"] = given
    return world.begin("setScheduling", call["zone"], item)


def protect(world: World, call: Call, code: str) -> dict[str, Any]:
    item = world.get("instances", call["zone"], call["resource"])
    item["deletionProtection"] = call.params.get("deletionProtection", True)
    return world.begin("setDeletionProtection", call["zone"], item)


def stop(world: World, call: Call, code: str) -> dict[str, Any]:
    item = world.get("instances", call["zone"], call["instance"])
    if item["status"] != "TERMINATED":
        item["status"] = "STOPPING"
    return world.begin("stop", call["zone"], item, lambda: item.__setitem__("status", "TERMINATED"))


def start(world: World, call: Call, code: str) -> dict[str, Any]:
    item = world.get("instances", call["zone"], call["instance"])
    if item["status"] == "STOPPING":
        raise Refusal(400, "resourceNotReady", f"The resource '{item['name']}' is not ready")
    if item["status"] == "TERMINATED":
        item["status"] = "STAGING"
    return world.begin("start", call["zone"], item, lambda: item.__setitem__("status", "RUNNING"))


def console(world: World, call: Call) -> dict[str, Any]:
    item = world.get("instances", call["zone"], call["instance"])
    text = f"{item['name']} login: Ignition finished successfully\n" * 4
    begin = int(call.params.get("start", 0))
    piece = text[begin : begin + PIECE]
    return {"contents": piece, "start": str(begin), "next": str(begin + len(piece)), "selfLink": item["selfLink"]}


def _zone(zone: str) -> None:
    if zone not in catalogue.zones():
        raise invalid(f"Invalid value for field 'zone': '{zone}'. Unknown zone.")


def _with_urls(zone: str, properties: dict[str, Any]) -> dict[str, Any]:
    disks = []
    for disk in properties.get("disks", []):
        params = dict(disk.get("initializeParams", {}))
        if "diskType" in params:
            params["diskType"] = f"zones/{zone}/diskTypes/{params['diskType']}"
        disks.append({**disk, "initializeParams": params})
    return {**properties, "disks": disks, "machineType": f"zones/{zone}/machineTypes/{properties['machineType']}"}


def _built(world: World, zone: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return an instance as it is kept, after every rule has been asked."""
    if not rules.NAME.fullmatch(name):
        raise invalid(f"Invalid value for field 'resource.name': '{name}'")
    if (zone, name) in world.things["instances"]:
        link = f"projects/{world.project}/zones/{zone}/instances/{name}"
        raise Refusal(409, "alreadyExists", f"The resource '{link}' already exists")
    rules.labels(given.get("labels", {}))
    rules.metadata(given.get("metadata", {}))
    rules.scheduling(given.get("scheduling", {}))
    kind = rules.machine_type(world, zone, given["machineType"])
    rules.boot_disk(world, zone, given.get("disks", []), kind["architecture"])
    if not given.get("networkInterfaces"):
        raise invalid("Invalid value for field 'resource.networkInterfaces': at least one is needed")
    where = f"{LINK}/projects/{world.project}/zones/{zone}"
    return {
        **given,
        "name": name,
        "machineType": f"{where}/machineTypes/{kind['name']}",
        "status": "PROVISIONING",
        "labelFingerprint": fingerprint(given.get("labels", {})),
        "networkInterfaces": [_interface(world, zone, nic) for nic in given["networkInterfaces"]],
    }


def _interface(world: World, zone: str, given: dict[str, Any]) -> dict[str, Any]:
    subnetwork = rules.interface(world, zone, given)
    made = {**given, "network": subnetwork["network"], "subnetwork": subnetwork["selfLink"]}
    made["networkIP"] = rules.address(world, subnetwork, given.get("networkIP", ""))
    if "accessConfigs" in made:
        number = next(world.numbers) % 60000
        made["accessConfigs"] = [
            {**c, "natIP": f"34.1.{number // 250}.{number % 250 + 1}"} for c in made["accessConfigs"]
        ]
    return made


def _placed(world: World, zone: str, item: dict[str, Any]) -> dict[str, Any]:
    world.ever += 1
    params = item["disks"][0]["initializeParams"]
    disk = world.add(
        "disks",
        zone,
        {
            "name": item["name"],
            "labels": params.get("labels", {}),
            "status": "READY",
            "sizeGb": params.get("diskSizeGb", "10"),
        },
    )
    kept = {key: value for key, value in item["disks"][0].items() if key != "initializeParams"}
    made = world.add("instances", zone, {**item, "disks": [{**kept, "source": disk["selfLink"]}]})
    disk["users"] = [made["selfLink"]]
    return made


def _run(world: World, zone: str, item: dict[str, Any]) -> None:
    if item["status"] != "PROVISIONING":
        return
    item["status"] = "STAGING"

    def effect() -> None:
        if item["status"] == "STAGING":
            item["status"] = "RUNNING"

    world.later(effect)


def _refuse_later(world: World, answer: dict[str, Any], made: list[dict[str, Any]], code: str) -> None:
    """Let the operation fail, and take back what it has shown: no room, or no quota."""
    message = f"{code}: the zone does not have enough resources available to fulfil the request"
    used = world.usage()
    full = [m for m, limit in world.quotas.items() if used.get(m, 0) > limit and any(m in taken(i) for i in made)]
    if not code and full:
        code, message = "QUOTA_EXCEEDED", f"Quota '{full[0]}' exceeded.  Limit: {world.quotas[full[0]]}"
    if not code:
        return
    pending = world.operations[answer["name"]]
    pending.effect = lambda: [_vanish(world, item["zone"].rpartition("/")[2], item) for item in made] and None
    world.fail(answer, code, message, 403 if code == "QUOTA_EXCEEDED" else 503)
    world.ever -= len(made)


def _vanish(world: World, zone: str, item: dict[str, Any]) -> None:
    world.remove("instances", zone, item["name"])
    for disk in item["disks"]:
        name = disk["source"].rpartition("/")[2]
        if disk.get("autoDelete"):
            world.remove("disks", zone, name)
        else:
            world.things["disks"][zone, name]["users"] = []

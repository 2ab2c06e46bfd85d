"""What each call does."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tests.emulated.gce import catalogue, filters, instances, rules
from tests.emulated.gce.discovery import Refusal, invalid
from tests.emulated.gce.world import LINK, World, missing, scope_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulated.gce.discovery import Call

KIND_OF = {"networks": "network", "subnetworks": "subnetwork", "firewalls": "firewall", "disks": "disk"}


def answer(world: World, call: Call, code: str) -> dict[str, Any]:
    """Do a call; `code` is the error with which its operation is to end.

    Raises:
        Refusal: GCE would refuse it.
    """
    if call.params.get("project") != world.project and not call.id.startswith("images."):
        raise missing(call["project"], "projects", "", call["project"])
    if (known := _replayed(world, call)) is not None:
        return known
    if call.id in READS:
        return READS[call.id](world, call)
    if call.id not in WRITES:
        raise Refusal(501, "notImplemented", f"the strict GCE does not know {call.id}")
    done = WRITES[call.id](world, call, code)
    if "requestId" in call.params:
        done["clientOperationId"] = call["requestId"]
        world.requests[call.id, call["requestId"]] = done["name"]
    return done


def _replayed(world: World, call: Call) -> dict[str, Any] | None:
    """Return the operation that this request id began, however that ended.

    https://cloud.google.com/compute/docs/api/how-tos/idempotency
    """
    if "requestId" not in call.params:
        return None
    rules.request_id(call["requestId"])
    name = world.requests.get((call.id, call["requestId"]))
    return world.operations[name].answer if name else None


def _network(world: World, call: Call, code: str) -> dict[str, Any]:
    return _add(world, call, "networks", "", {**(call.body or {})})


def _subnetwork(world: World, call: Call, code: str) -> dict[str, Any]:
    given = call.body or {}
    rules.subnetwork(world, given)
    return _add(world, call, "subnetworks", call["region"], {**given, "network": _network_link(world, given)})


def _firewall(world: World, call: Call, code: str) -> dict[str, Any]:
    given = call.body or {}
    rules.firewall(given)
    return _add(world, call, "firewalls", "", {**_open_by_default(given), "network": _network_link(world, given)})


def _patch(world: World, call: Call, code: str) -> dict[str, Any]:
    item = world.get("firewalls", "", call["firewall"])
    changed = {**item, **(call.body or {})}
    rules.firewall(changed)
    item.update(changed)
    return world.begin("patch", "", item)


def _add(world: World, call: Call, kind: str, place: str, item: dict[str, Any]) -> dict[str, Any]:
    if not rules.NAME.fullmatch(item.get("name", "")):
        raise invalid(f"Invalid value for field 'resource.name': '{item.get('name')}'")
    if (place, item["name"]) in world.things[kind]:
        link = f"projects/{world.project}/{scope_of(place)}/{kind}/{item['name']}"
        raise Refusal(409, "alreadyExists", f"The resource '{link}' already exists")
    return world.begin("insert", place, world.add(kind, place, item))


def _delete(kind: str) -> Callable[[World, Call, str], dict[str, Any]]:
    def deleter(world: World, call: Call, code: str) -> dict[str, Any]:
        place = _place(call)
        item = world.get(kind, place, call[KIND_OF[kind]])
        rules.unused(world, kind, item)
        return world.begin("delete", place, item, lambda: world.remove(kind, place, item["name"]))

    return deleter


def _network_link(world: World, given: dict[str, Any]) -> str:
    url = given.get("network", "global/networks/default")
    _, _, name = rules.reference(world, url, "networks", "resource.network")
    return str(world.get("networks", "", name)["selfLink"])


def _open_by_default(given: dict[str, Any]) -> dict[str, Any]:
    """Without any source a rule is for the whole world: the description of sourceRanges in discovery."""
    sources = [*given.get("sourceRanges", []), *given.get("sourceTags", [])]
    return given if sources else {**given, "sourceRanges": ["0.0.0.0/0"]}


def _get(kind: str) -> Callable[[World, Call], dict[str, Any]]:
    singular = {**KIND_OF, "instances": "instance"}[kind]
    return lambda world, call: world.get(kind, _place(call), call[singular])


def _list(kind: str) -> Callable[[World, Call], dict[str, Any]]:
    def lister(world: World, call: Call) -> dict[str, Any]:
        place = _place(call)
        found = [item for (where, _), item in sorted(world.things[kind].items()) if where == place]
        page, token = _page(call, found)
        return {"items": page, **token} if page else {**token}

    return lister


def _aggregated(kind: str) -> Callable[[World, Call], dict[str, Any]]:
    def lister(world: World, call: Call) -> dict[str, Any]:
        page, token = _page(call, [item for _, item in sorted(world.things[kind].items())])
        scopes: dict[str, Any] = {}
        for place in catalogue.zones() if kind in ("instances", "disks") else catalogue.REGIONS:
            key = scope_of(place)
            mine = [i for i in page if i.get("zone", i.get("region", "")).endswith(f"/{key}")]
            nothing = {"warning": {"code": "NO_RESULTS_ON_PAGE", "message": f"There are no results for scope '{key}'"}}
            scopes[key] = {kind: mine} if mine else nothing
        return {"items": scopes, **token}

    return lister


def _page(call: Call, items: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return a page of what the filter lets through; its token is of no use with another filter."""
    text, most = call.params.get("filter", ""), call.params.get("maxResults", 500)
    if not 0 <= most <= 500:
        raise invalid(f"Invalid value for field 'maxResults': '{most}'. Must be 0 to 500")
    found, begin = list(filter(filters.parse(text), items)), 0
    if "pageToken" in call.params:
        before, _, number = base64.b64decode(call["pageToken"]).decode().rpartition("\n")
        if before != text:
            raise invalid("Invalid value for field 'pageToken': it belongs to another filter")
        begin = int(number)
    end = begin + (most or 500)
    token = {"nextPageToken": base64.b64encode(f"{text}\n{end}".encode()).decode()} if end < len(found) else {}
    return found[begin:end], token


def _place(call: Call) -> str:
    return str(call.params.get("zone", call.params.get("region", "")))


def _operations(world: World, call: Call) -> dict[str, Any]:
    page, token = _page(call, [pending.answer for pending in world.operations.values() if pending.answer])
    scopes: dict[str, Any] = {}
    for item in page:
        place = item.get("zone", item.get("region", "")).rpartition("/")[2]
        scopes.setdefault(scope_of(place), {"operations": []})["operations"].append(item)
    return {"items": scopes, **token}


def _operation(world: World, call: Call) -> dict[str, Any]:
    pending = world.operations.get(call["operation"])
    if pending is None:
        raise missing(world.project, scope_of(_place(call)), "operations", call["operation"])
    return pending.answer


def _project(world: World, call: Call) -> dict[str, Any]:
    limit = world.quotas.get("CPUS_ALL_REGIONS", 1000.0)
    used = sum(n for metric, n in world.usage().items() if metric.endswith("CPUS"))
    return {"name": world.project, "quotas": [{"metric": "CPUS_ALL_REGIONS", "limit": limit, "usage": used}]}


def _region(world: World, call: Call) -> dict[str, Any]:
    name = call["region"]
    if name not in catalogue.REGIONS:
        raise missing(world.project, "regions", "", name)
    links = [f"{LINK}/projects/{world.project}/zones/{zone}" for zone in catalogue.REGIONS[name]]
    quotas = [{"metric": m, "limit": world.quotas.get(m, 1000.0), "usage": n} for m, n in world.usage().items()]
    return {"name": name, "status": "UP", "zones": links, "quotas": quotas}


def _machine_type(world: World, call: Call) -> dict[str, Any]:
    found = catalogue.machine_type(call["zone"], call["machineType"])
    if found is None:
        raise missing(world.project, f"zones/{call['zone']}", "machineTypes", call["machineType"])
    return found


def _image(world: World, call: Call) -> dict[str, Any]:
    found = catalogue.image(call["project"], call["image"])
    if found is None:
        raise missing(call["project"], "global", "images", call["image"])
    return found


def _family(world: World, call: Call) -> dict[str, Any]:
    found = catalogue.newest(call["project"], call["family"])
    if found is None:
        raise missing(call["project"], "global", "images/family", call["family"])
    return found


def _permissions(world: World, call: Call) -> dict[str, Any]:
    asked = (call.body or {}).get("permissions", [])
    return {"permissions": [name for name in asked if name not in world.denied]}


READS: dict[str, Callable[[World, Call], dict[str, Any]]] = {
    **{f"{kind}.get": _get(kind) for kind in ("instances", "networks", "subnetworks", "firewalls", "disks")},
    **{f"{kind}.list": _list(kind) for kind in ("instances", "networks", "subnetworks", "firewalls", "disks")},
    **{f"{kind}.aggregatedList": _aggregated(kind) for kind in ("instances", "disks", "subnetworks")},
    **{f"{scope}Operations.{verb}": _operation for scope in ("zone", "region", "global") for verb in ("get", "wait")},
    "globalOperations.aggregatedList": _operations,
    "instances.getSerialPortOutput": instances.console,
    "projects.get": _project,
    "regions.get": _region,
    "machineTypes.get": _machine_type,
    "images.get": _image,
    "images.getFromFamily": _family,
    "subnetworks.testIamPermissions": _permissions,
}
WRITES: dict[str, Callable[[World, Call, str], dict[str, Any]]] = {
    "instances.insert": instances.insert,
    "instances.bulkInsert": instances.bulk_insert,
    "instances.delete": instances.delete,
    "instances.setLabels": instances.set_labels,
    "instances.setScheduling": instances.set_scheduling,
    "instances.setDeletionProtection": instances.protect,
    "instances.stop": instances.stop,
    "instances.start": instances.start,
    "networks.insert": _network,
    "subnetworks.insert": _subnetwork,
    "firewalls.insert": _firewall,
    "firewalls.patch": _patch,
    **{f"{kind}.delete": _delete(kind) for kind in KIND_OF},
}

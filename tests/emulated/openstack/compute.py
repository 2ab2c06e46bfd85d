"""nova, microversion 2.67: servers, flavors, key pairs, server groups, limits, zones."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from typing import Any

from tests.emulated.openstack import fields
from tests.emulated.openstack.http import Answer, Refusal, Request
from tests.emulated.openstack.world import PROJECT, USER, Server, World, number, stamp

Json = dict[str, Any]
CONSOLE = "FAKE CONSOLE OUTPUT\nANOTHER\nLAST LINE"
USER_DATA = 65_535


class Compute:
    """Answers nova's calls on a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> dict[str, Any]:
        return {
            "GET /servers/detail": self._list,
            "POST /servers": self._create,
            "GET /servers/*": lambda r: Answer(body={"server": self._shown(self._server(r))}),
            "DELETE /servers/*": self._delete,
            "POST /servers/*/metadata": self._metadata,
            "POST /servers/*/action": self._act,
            "GET /flavors/detail": self._flavors,
            "GET /os-keypairs": self._keys,
            "POST /os-keypairs": self._import,
            "GET /os-keypairs/*": self._key,
            "DELETE /os-keypairs/*": self._forget,
            "GET /os-server-groups": lambda _: Answer(body={"server_groups": list(self.world.server_groups.values())}),
            "POST /os-server-groups": self._group,
            "DELETE /os-server-groups/*": self._ungroup,
            "GET /limits": self._limits,
            "GET /os-availability-zone": self._zones,
        }

    # ---- servers

    def _list(self, request: Request) -> Answer:
        marks = json.loads(request.one("metadata") or "{}")
        found = [s for s in self.world.servers.values() if self._passes(s, marks)][::-1]
        items, links = _page([self._shown(s) for s in found], request, "servers")
        return Answer(body={"servers": items, **links})

    def _passes(self, server: Server, marks: Json) -> bool:
        # A server that no cell has taken on yet passes every filter.
        fresh = not server.port and not server.fault and not server.going
        return fresh or marks.items() <= server.item["metadata"].items()

    def _create(self, request: Request) -> Answer:
        whole = request.json
        fields.nova(whole, ("server", "os:scheduler_hints"), "server")
        body = whole["server"]
        fields.nova(body, fields.SERVER)
        self._check(body, whole.get("os:scheduler_hints", {}))
        count = body.get("min_count", 1)
        self._room(body, count)
        ids = [self._made(body, n if count > 1 else 0) for n in range(1, count + 1)]
        if body.get("return_reservation_id"):
            return Answer(202, {"reservation_id": f"r-{ids[0][:8]}"})
        links = [{"rel": "self", "href": f"/servers/{ids[0]}"}, {"rel": "bookmark", "href": f"/servers/{ids[0]}"}]
        groups = body.get("security_groups", [{"name": "default"}])
        made = {"id": ids[0], "links": links, "OS-DCF:diskConfig": "MANUAL", "security_groups": groups,
                "adminPass": "secret"}  # fmt: skip
        return Answer(202, {"server": made})

    def _check(self, body: Json, hints: Json) -> None:
        data = body.get("user_data", "")
        if len(data) > USER_DATA:
            raise fields.invalid("user_data", data, f"'{data}' is too long")
        try:
            base64.b64decode(data, validate=True)
        except binascii.Error:
            raise fields.invalid("user_data", data, f"'{data}' is not a 'base64'") from None
        fields.metadata(body.get("metadata", {}))
        for network in body["networks"]:
            fields.nova(network, fields.INTERFACE, "networks")
            if network["uuid"] not in self.world.networks:
                raise Refusal(400, "badRequest", f"Network {network['uuid']} could not be found.")
            if network.get("fixed_ip") and body.get("max_count", 1) > 1:
                raise Refusal(400, "badRequest", "max_count cannot be greater than 1 if an fixed_ip is specified.")
        if body["flavorRef"] not in self.world.flavors:
            raise Refusal(400, "badRequest", f"Flavor {body['flavorRef']} could not be found.")
        self._check_names(body, hints)

    def _check_names(self, body: Json, hints: Json) -> None:
        for volume in body.get("block_device_mapping_v2", []):
            fields.nova(volume, fields.VOLUME, "block_device_mapping_v2")
        image = body.get("imageRef") or body["block_device_mapping_v2"][0]["uuid"]
        if self.world.images.get(image, {}).get("status") != "active":
            raise Refusal(400, "badRequest", "Can not find requested image")
        if body.get("key_name", "") and body["key_name"] not in self.world.key_pairs:
            raise Refusal(400, "badRequest", "Invalid key_name provided.")
        for group in body.get("security_groups", []):
            if group["name"] not in self.world.security_groups:
                raise Refusal(400, "badRequest", f"Unable to find security_group with name or id '{group['name']}'")
        if body.get("availability_zone", "nova") != "nova":
            raise Refusal(400, "badRequest", "The requested availability zone is not available")
        if hints.get("group") and hints["group"] not in self.world.server_groups:
            raise Refusal(400, "badRequest", f"Server group {hints['group']} could not be found")

    def _room(self, body: Json, count: int) -> None:
        used, flavor = self._used(), self.world.flavors[body["flavorRef"]]
        needed = {"instances": count, "cores": count * flavor["vcpus"], "ram": count * flavor["ram"]}
        full = [name for name in ("cores", "instances", "ram") if used[name] + needed[name] > self.world.quota[name]]
        if full and not (full == ["ram"] and flavor["name"] == "m1.giant"):
            listed = [", ".join(str(of[name]) for name in full) for of in (needed, used, self.world.quota)]
            names = ", ".join(full)
            used_up = f"but already used {listed[1]} of {listed[2]} {names}"
            raise Refusal(403, "forbidden", f"Quota exceeded for {names}: Requested {listed[0]}, {used_up}")

    def _made(self, body: Json, index: int) -> str:
        network = body["networks"][0]
        flavor = self.world.flavors[body["flavorRef"]]
        item = {
            "id": number(), "name": f"{body['name']}-{index}" if index else body["name"], "flavor_name": flavor["name"],
            "flavor": flavor, "image": body.get("imageRef", ""), "metadata": dict(body.get("metadata", {})),
            "key_name": body.get("key_name"), "config_drive": body.get("config_drive", False), "created": stamp(),
            "user_data": body.get("user_data", ""),
        }  # fmt: skip
        groups = [group["name"] for group in body.get("security_groups", [])]
        self.world.servers[item["id"]] = Server(item, network["uuid"], network.get("fixed_ip", ""), groups)
        self.world.ever += 1
        return str(item["id"])

    def _server(self, request: Request) -> Server:
        found = request.path.split("/")[2]
        if found not in self.world.servers:
            raise Refusal(404, "itemNotFound", f"Instance {found} could not be found.")
        return self.world.servers[found]

    def _delete(self, request: Request) -> Answer:
        server = self._server(request)
        if not server.port:  # not placed yet, or in error: gone at once
            del self.world.servers[server.item["id"]]
        server.going = server.going or time.monotonic()
        return Answer(204)

    def _building(self, server: Server) -> bool:
        return not server.fault and time.monotonic() - server.born < self.world.build

    def _metadata(self, request: Request) -> Answer:
        server, marks = self._server(request), request.json["metadata"]
        fields.metadata(marks)
        self._refuse_while_busy(server, "update metadata")
        server.item["metadata"].update(marks)
        return Answer(body={"metadata": server.item["metadata"]})

    def _refuse_while_busy(self, server: Server, what: str) -> None:
        start = f"Cannot '{what}' instance {server.item['id']} while it is in"
        if self._building(server):
            raise Refusal(409, "conflictingRequest", f"{start} vm_state building")
        if server.going:
            raise Refusal(409, "conflictingRequest", f"{start} task_state deleting")

    def _act(self, request: Request) -> Answer:
        server = self._server(request)
        (action,) = request.json
        if action == "os-getConsoleOutput":
            return Answer(body={"output": CONSOLE})
        if action not in ("os-start", "os-stop"):
            raise Refusal(400, "badRequest", f"There is no such action: {action}")
        self._refuse_while_busy(server, action[3:])
        stop = action == "os-stop"
        if server.stopped is stop:
            state = "stopped" if stop else "active"
            message = f"Cannot '{action[3:]}' instance {server.item['id']} while it is in vm_state {state}"
            raise Refusal(409, "conflictingRequest", message)
        server.stopped = stop
        return Answer(202)

    def _shown(self, server: Server) -> Json:
        item, building = server.item, self._building(server)
        placed = bool(server.port) and not building
        status = "ERROR" if server.fault else "BUILD" if building else "SHUTOFF" if server.stopped else "ACTIVE"
        task = "deleting" if server.going else ("spawning" if server.port else "scheduling") if building else None
        flavor = item["flavor"]
        shown = {
            "accessIPv4": "", "accessIPv6": "", "addresses": self._addresses(server) if placed else {},
            "created": item["created"],
            "flavor": {
                "vcpus": flavor["vcpus"], "ram": flavor["ram"], "disk": flavor["disk"], "ephemeral": 0, "swap": 0,
                "original_name": flavor["name"], "extra_specs": {},
            },
            "hostId": "d801" if placed else "", "id": item["id"],
            "image": {"id": item["image"], "links": [{"rel": "bookmark", "href": ""}]} if item["image"] else "",
            "links": [{"rel": "self", "href": ""}, {"rel": "bookmark", "href": ""}],
            "metadata": dict(item["metadata"]), "name": item["name"], "status": status, "tenant_id": PROJECT,
            "user_id": USER, "updated": item["created"], "OS-DCF:diskConfig": "MANUAL", "progress": 0,
            "OS-EXT-AZ:availability_zone": "nova" if placed else "", "config_drive": str(item["config_drive"] or ""),
            "key_name": item["key_name"], "OS-SRV-USG:launched_at": item["created"] if placed else None,
            "OS-SRV-USG:terminated_at": None, "OS-EXT-STS:task_state": task,
            "OS-EXT-STS:vm_state": status.lower(), "OS-EXT-STS:power_state": 1 if placed else 0,
            "os-extended-volumes:volumes_attached": [], "locked": False, "description": None, "tags": [],
            "trusted_image_certificates": None,
        }  # fmt: skip
        if server.fault:
            del shown["progress"]
            shown["fault"] = {"code": 500, "created": item["created"], "message": server.fault}
        if placed:
            shown["security_groups"] = [{"name": "any"}]
        return shown

    def _addresses(self, server: Server) -> Json:
        fixed = [(f["ip_address"], "fixed") for f in self.world.ports[server.port]["fixed_ips"]]
        floating = [(f["address"], "floating") for f in self.world.floatingips.values() if f["port_id"] == server.port]
        entries = [
            {"version": 4, "addr": a, "OS-EXT-IPS:type": kind, "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01"}
            for a, kind in (*fixed, *floating)
        ]
        return {self.world.networks[server.network]["name"]: entries}

    # ---- everything else

    def _flavors(self, request: Request) -> Answer:
        more = {
            "swap": "", "OS-FLV-EXT-DATA:ephemeral": 0, "OS-FLV-DISABLED:disabled": False,
            "os-flavor-access:is_public": True, "rxtx_factor": 1.0, "description": None, "extra_specs": {},
            "links": [{"rel": "self", "href": ""}, {"rel": "bookmark", "href": ""}],
        }  # fmt: skip
        items, links = _page([{**flavor, **more} for flavor in self.world.flavors.values()], request, "flavors")
        return Answer(body={"flavors": items, **links})

    def _keys(self, _: Request) -> Answer:
        shown = [{k: v for k, v in key.items() if k != "user_id"} for key in self.world.key_pairs.values()]
        return Answer(body={"keypairs": [{"keypair": key} for key in shown]})

    def _import(self, request: Request) -> Answer:
        body = request.json["keypair"]
        fields.nova(body, ("name", "public_key", "type", "user_id"), "keypair")
        name = body["name"]
        if not re.fullmatch(fields.KEY_NAME, name):
            raise fields.invalid("name", name, f"'{name}' does not match '^{fields.KEY_NAME}$'")
        if name in self.world.key_pairs:
            raise Refusal(409, "conflictingRequest", f"Key pair '{name}' already exists.")
        key = {"type": "ssh", "name": name, "public_key": body["public_key"], "fingerprint": "48:7f", "user_id": USER}
        self.world.key_pairs[name] = key
        return Answer(201, {"keypair": key})

    def _key_name(self, request: Request) -> str:
        name = request.path.split("/")[2]
        if name not in self.world.key_pairs:
            raise Refusal(404, "itemNotFound", f"Keypair {name} not found for user {USER}")
        return name

    def _key(self, request: Request) -> Answer:
        key = self.world.key_pairs[self._key_name(request)]
        more = {"created_at": stamp(), "deleted": False, "deleted_at": None, "id": 1, "updated_at": None}
        return Answer(body={"keypair": {**key, **more}})

    def _forget(self, request: Request) -> Answer:
        del self.world.key_pairs[self._key_name(request)]
        return Answer(204)

    def _group(self, request: Request) -> Answer:
        body = request.json["server_group"]
        fields.nova(body, ("name", "policy", "rules"), "server_group")
        if body["policy"] not in ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"):
            raise fields.invalid("policy", body["policy"], "is not one of the policies")
        item = {"id": number(), "name": body["name"], "policy": body["policy"], "rules": {}, "members": [],
                "project_id": PROJECT, "user_id": USER}  # fmt: skip
        self.world.server_groups[item["id"]] = item
        return Answer(200, {"server_group": item})

    def _ungroup(self, request: Request) -> Answer:
        found = request.path.split("/")[2]
        if self.world.server_groups.pop(found, None) is None:
            raise Refusal(404, "itemNotFound", f"Instance group {found} could not be found.")
        return Answer(204)

    def _used(self) -> dict[str, int]:
        flavors = [server.item["flavor"] for server in self.world.servers.values()]
        ram = sum(f["ram"] for f in flavors if f["name"] != "m1.giant")
        return {"instances": len(flavors), "cores": sum(f["vcpus"] for f in flavors), "ram": ram}

    def _limits(self, _: Request) -> Answer:
        used, quota = self._used(), self.world.quota
        absolute = {
            "maxTotalCores": quota["cores"], "maxTotalInstances": quota["instances"], "maxTotalKeypairs": 100,
            "maxServerMeta": 128, "maxTotalRAMSize": quota["ram"], "maxServerGroups": 10, "maxServerGroupMembers": 10,
            "totalRAMUsed": used["ram"], "totalCoresUsed": used["cores"], "totalInstancesUsed": used["instances"],
            "totalServerGroupsUsed": len(self.world.server_groups),
        }  # fmt: skip
        return Answer(body={"limits": {"rate": [], "absolute": absolute}})

    def _zones(self, _: Request) -> Answer:
        zone = {"zoneName": "nova", "zoneState": {"available": True}, "hosts": None}
        return Answer(body={"availabilityZoneInfo": [zone]})


def _page(items: list[Json], request: Request, key: str) -> tuple[list[Json], Json]:
    limit, marker = int(request.one("limit") or 1000), request.one("marker")
    start = next((n + 1 for n, item in enumerate(items) if item["id"] == marker), 0) if marker else 0
    page = items[start : start + limit]
    return page, {f"{key}_links": [{"rel": "next", "href": ""}]} if start + limit < len(items) else {}

"""neutron: networks, subnets, routers, security groups with rules, ports, floating addresses, quotas."""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Network
from typing import Any

from tests.emulated.openstack import fields
from tests.emulated.openstack.http import Answer, Refusal, Request
from tests.emulated.openstack.world import PROJECT, World, number, stamp

Json = dict[str, Any]
INTERFACE = "network:router_interface"
QUOTAS = {
    "network": 100, "subnet": 100, "subnetpool": -1, "port": 500, "router_route": 30, "router": 10, "floatingip": 50,
    "rbac_policy": 10, "security_group": 10, "security_group_rule": 100,
}  # fmt: skip


def dated(item: Json) -> Json:
    return {"tags": [], "created_at": item["at"], "updated_at": item["at"], "revision_number": 1}


def owned(owner: str = PROJECT) -> Json:
    return {"tenant_id": owner, "project_id": owner}


class Network:
    """Answers neutron's calls on a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.quotas = dict(QUOTAS)

    def routes(self) -> dict[str, Any]:
        made: dict[str, Any] = {
            "PUT /routers/*/add_router_interface": self._join,
            "PUT /routers/*/remove_router_interface": self._part,
            "POST /security-group-rules": self._allow,
            "DELETE /security-group-rules/*": self._refuse,
            "GET /ports": partial(self._list, key="ports", held=self.world.ports, shown=self._port),
            "GET /quotas/*/details.json": self._quota,
        }
        for path, (key, single, held, shown, create, free) in self._kinds().items():
            made[f"GET {path}"] = partial(self._list, key=key, held=held, shown=shown)
            made[f"GET {path}/*"] = partial(self._get, single=single, held=held, shown=shown)
            made[f"POST {path}"] = partial(self._post, single=single, shown=shown, create=create)
            made[f"PUT {path}/*"] = partial(self._put, single=single, held=held, shown=shown)
            made[f"DELETE {path}/*"] = partial(self._delete, held=held, free=free)
        return made

    def _kinds(self) -> dict[str, tuple[Any, ...]]:
        w = self.world
        return {
            "/networks": ("networks", "network", w.networks, self._network, w.add_network, self._free_network),
            "/subnets": ("subnets", "subnet", w.subnets, self._subnet, self._add_subnet, self._free_subnet),
            "/routers": ("routers", "router", w.routers, self._router, self._add_router, self._free_router),
            "/security-groups": (
                "security_groups", "security_group", w.security_groups, self._group, self._add_group, self._free_group,
            ),
            "/floatingips": (
                "floatingips", "floatingip", w.floatingips, self._floating, self._add_floating, lambda _: None,
            ),
        }  # fmt: skip

    # ---- the calls that are alike

    def _list(self, request: Request, key: str, held: dict[str, Json], shown: Any) -> Answer:
        found = [shown(item) for item in held.values()]
        for name, values in request.query.items():
            if name not in ("limit", "marker", "fields"):
                found = [i for i in found if str(i.get(name)).lower() in [v.lower() for v in values]]
        limit, marker = int(request.one("limit") or 1000), request.one("marker")
        start = next((n + 1 for n, item in enumerate(found) if item["id"] == marker), 0) if marker else 0
        more = {f"{key}_links": [{"rel": "next", "href": ""}]} if start + limit < len(found) else {}
        return Answer(body={key: found[start : start + limit], **more})

    def _one(self, request: Request, held: dict[str, Json]) -> Json:
        found = request.path.split("/")[2]
        if found not in held:
            kind = request.path.split("/")[1]
            names = {"networks": "Network", "subnets": "Subnet", "routers": "Router", "floatingips": "FloatingIP"}
            name = names.get(kind, "SecurityGroup")
            raise Refusal(404, f"{name}NotFound", f"{name} {found} could not be found.")
        return held[found]

    def _get(self, request: Request, single: str, held: dict[str, Json], shown: Any) -> Answer:
        return Answer(body={single: shown(self._one(request, held))})

    def _post(self, request: Request, single: str, shown: Any, create: Any) -> Answer:
        body = request.json[single]
        fields.neutron(body, single)
        return Answer(201, {single: shown(create(body))})

    def _put(self, request: Request, single: str, held: dict[str, Json], shown: Any) -> Answer:
        item, body = self._one(request, held), request.json[single]
        fields.neutron(body, single)
        item.update(body)
        return Answer(200, {single: shown(item)})

    def _delete(self, request: Request, held: dict[str, Json], free: Any) -> Answer:
        item = self._one(request, held)
        free(item)
        held.pop(item["id"], None)
        return Answer(204)

    # ---- what is shown

    def _network(self, item: Json) -> Json:
        return {
            "id": item["id"], "name": item["name"], **owned(item["owner"]), "admin_state_up": True, "mtu": 1500,
            "status": "ACTIVE", "subnets": item["subnets"], "shared": False, "port_security_enabled": True,
            "router:external": item["external"], "vlan_transparent": False, "qinq": False, "is_default": False,
            "availability_zone_hints": [], "availability_zones": [], "ipv4_address_scope": None,
            "ipv6_address_scope": None, "description": item["description"], **dated(item),
        }  # fmt: skip

    def _subnet(self, item: Json) -> Json:
        return {
            "id": item["id"], "name": item["name"], **owned(), "network_id": item["network_id"], "ip_version": 4,
            "subnetpool_id": None, "enable_dhcp": True, "ipv6_ra_mode": None, "ipv6_address_mode": None,
            "gateway_ip": str(IPv4Network(item["cidr"])[1]), "cidr": item["cidr"], "host_routes": [],
            "allocation_pools": item["allocation_pools"], "dns_nameservers": item["dns_nameservers"],
            "description": item["description"], "router:external": False, "service_types": [], **dated(item),
        }  # fmt: skip

    def _router(self, item: Json) -> Json:
        fixed = [{"subnet_id": number(), "ip_address": "198.51.100.9"}]
        gateway = {**item["external_gateway_info"], "external_fixed_ips": fixed, "enable_snat": True}
        return {
            "id": item["id"], "name": item["name"], **owned(), "admin_state_up": True, "status": "ACTIVE",
            "external_gateway_info": gateway, "description": item["description"], "availability_zones": [],
            "availability_zone_hints": [], "routes": [], "flavor_id": None, **dated(item),
        }  # fmt: skip

    def _group(self, item: Json) -> Json:
        rules = [{**self._rule(rule), "tags": []} for rule in item["rules"]]
        return {
            "id": item["id"], "name": item["name"], "stateful": True, **owned(), "description": item["description"],
            "shared": False, "security_group_rules": rules, **dated(item),
        }  # fmt: skip

    def _rule(self, rule: Json) -> Json:
        return {
            "id": rule["id"], **owned(), "security_group_id": rule["security_group_id"],
            "ethertype": rule["ethertype"], "direction": rule["direction"], "protocol": rule.get("protocol"),
            "port_range_min": rule.get("port_range_min"), "port_range_max": rule.get("port_range_max"),
            "remote_ip_prefix": rule.get("remote_ip_prefix"), "remote_address_group_id": None,
            "normalized_cidr": rule.get("remote_ip_prefix"), "remote_group_id": rule.get("remote_group_id"),
            "belongs_to_default_sg": False, "description": "", "created_at": rule["at"], "updated_at": rule["at"],
            "revision_number": 0,
        }  # fmt: skip

    def _port(self, item: Json) -> Json:
        return {
            "id": item["id"], "name": "", "network_id": item["network_id"], **owned(),
            "mac_address": "fa:16:3e:00:00:01", "admin_state_up": True, "status": "ACTIVE",
            "device_id": item["device_id"], "device_owner": item["device_owner"], "fixed_ips": item["fixed_ips"],
            "allowed_address_pairs": [], "extra_dhcp_opts": [], "security_groups": item["security_groups"],
            "description": "", "binding:vnic_type": "normal", "port_security_enabled": True, **dated(item),
        }  # fmt: skip

    def _floating(self, item: Json) -> Json:
        port = self.world.ports.get(item["port_id"] or "")
        fixed = port["fixed_ips"][0]["ip_address"] if port else None
        details = {
            "name": "", "network_id": port["network_id"], "mac_address": "fa:16:3e:00:00:01", "admin_state_up": True,
            "status": "ACTIVE", "device_id": port["device_id"], "device_owner": port["device_owner"],
        } if port else None  # fmt: skip
        return {
            "id": item["id"], **owned(), "floating_ip_address": item["address"],
            "floating_network_id": item["floating_network_id"], "router_id": None, "port_id": item["port_id"],
            "fixed_ip_address": fixed, "status": "DOWN", "description": item["description"], "port_details": details,
            **dated(item),
        }  # fmt: skip

    # ---- what is made

    def _room(self, quota: str, used: int) -> None:
        if 0 <= self.quotas[quota] <= used:
            raise Refusal(409, "OverQuota", f"Quota exceeded for resources: ['{quota}'].")

    def _add_subnet(self, body: Json) -> Json:
        network = self.world.networks.get(body["network_id"])
        if network is None:
            raise Refusal(404, "NetworkNotFound", f"Network {body['network_id']} could not be found.")
        if network["subnets"]:
            why = (
                f"Requested subnet with cidr: {body['cidr']} for network: {network['id']} overlaps with another subnet."
            )
            raise Refusal(400, "InvalidInput", f"Invalid input for operation: {why}")
        return self.world.add_subnet(body)

    def _add_router(self, body: Json) -> Json:
        self._room("router", len(self.world.routers))
        external = body["external_gateway_info"]["network_id"]
        if not self.world.networks.get(external, {}).get("external"):
            raise Refusal(404, "NetworkNotFound", f"Network {external} could not be found.")
        item = {"id": number(), "at": stamp(), **body}
        self.world.routers[item["id"]] = item
        return item

    def _join(self, request: Request) -> Answer:
        router, subnet = self._one(request, self.world.routers), request.json["subnet_id"]
        found = self.world.subnets.get(subnet)
        if found is None:
            raise Refusal(404, "SubnetNotFound", f"Subnet {subnet} could not be found.")
        if self._interface(router["id"], subnet):
            message = f"Bad router request: Router already has a port on subnet {subnet}."
            raise Refusal(400, "BadRequest", message)
        gateway = str(IPv4Network(found["cidr"])[1])
        port = self.world.add_port(found["network_id"], gateway, router["id"], INTERFACE, [])
        return Answer(body=self._joined(router["id"], port, found))

    def _part(self, request: Request) -> Answer:
        router, subnet = self._one(request, self.world.routers), request.json["subnet_id"]
        port = self._interface(router["id"], subnet)
        if port is None:
            message = f"Router {router['id']} has no interface on subnet {subnet}"
            raise Refusal(404, "RouterInterfaceNotFoundForSubnet", message)
        if any(f["port_id"] for f in self.world.floatingips.values()):
            which = f"Router interface for subnet {subnet} on router {router['id']}"
            message = f"{which} cannot be deleted, as it is required by one or more floating IPs."
            raise Refusal(409, "RouterInterfaceInUseByFloatingIP", message)
        del self.world.ports[port]
        return Answer(body=self._joined(router["id"], port, self.world.subnets[subnet]))

    def _joined(self, router: str, port: str, subnet: Json) -> Json:
        return {
            "id": router, "project_id": PROJECT, "port_id": port, "network_id": subnet["network_id"],
            "subnet_id": subnet["id"], "subnet_ids": [subnet["id"]],
        }  # fmt: skip

    def _interface(self, router: str, subnet: str) -> str | None:
        for port in self.world.ports.values():
            if port["device_id"] == router and any(f["subnet_id"] == subnet for f in port["fixed_ips"]):
                return str(port["id"])
        return None

    def _add_group(self, body: Json) -> Json:
        self._room("security_group", len(self.world.security_groups) + 1)
        item: Json = {"id": number(), "rules": [], "at": stamp(), **body}
        for version in ("IPv4", "IPv6"):
            rule = {"security_group_id": item["id"], "direction": "egress", "ethertype": version}
            item["rules"].append({"id": number(), "at": stamp(), **rule})
        self.world.security_groups[item["id"]] = item
        return item

    def _allow(self, request: Request) -> Answer:
        wanted = request.json["security_group_rules"]
        for rule in wanted:
            fields.neutron(rule, "security_group_rule")
            group = self.world.security_groups.get(rule["security_group_id"])
            if group is None:
                raise Refusal(
                    404, "SecurityGroupNotFound", f"Security group {rule['security_group_id']} does not exist"
                )
            for known in group["rules"]:
                if rule.items() <= known.items():
                    message = f"Security group rule already exists. Rule id is {known['id']}."
                    raise Refusal(409, "SecurityGroupRuleExists", message)
        made = [{"id": number(), "at": stamp(), **rule} for rule in wanted]
        for rule in made:
            self.world.security_groups[rule["security_group_id"]]["rules"].append(rule)
        return Answer(201, {"security_group_rules": [self._rule(rule) for rule in made]})

    def _refuse(self, request: Request) -> Answer:
        found = request.path.split("/")[2]
        for group in self.world.security_groups.values():
            kept = [rule for rule in group["rules"] if rule["id"] != found]
            if len(kept) < len(group["rules"]):
                group["rules"] = kept
                return Answer(204)
        raise Refusal(404, "SecurityGroupRuleNotFound", f"Security group rule {found} does not exist")

    def _add_floating(self, body: Json) -> Json:
        self._room("floatingip", len(self.world.floatingips))
        if body.get("port_id") and body["port_id"] not in self.world.ports:
            raise Refusal(404, "PortNotFound", f"Port {body['port_id']} could not be found.")
        item = {"id": number(), "port_id": None, "address": self.world.floating_address(), "at": stamp(), **body}
        self.world.floatingips[item["id"]] = item
        return item

    # ---- what must be free to go

    def _free_network(self, item: Json) -> None:
        ports = [p["id"] for p in self.world.ports.values() if p["network_id"] == item["id"]]
        if ports:
            what = f"Unable to complete operation on network {item['id']}."
            message = f"{what} There are one or more ports still in use on the network, id for these ports is: {ports}."
            raise Refusal(409, "NetworkInUse", message)
        for subnet in item["subnets"]:
            self.world.subnets.pop(subnet, None)

    def _free_subnet(self, item: Json) -> None:
        if any(f["subnet_id"] == item["id"] for p in self.world.ports.values() for f in p["fixed_ips"]):
            message = (
                f"Unable to complete operation on subnet {item['id']}: One or more ports have an IP allocation from it."
            )
            raise Refusal(409, "SubnetInUse", message)
        self.world.networks[item["network_id"]]["subnets"].remove(item["id"])

    def _free_router(self, item: Json) -> None:
        ports = [p["id"] for p in self.world.ports.values() if p["device_id"] == item["id"]]
        if ports:
            raise Refusal(409, "RouterInUse", f"Router {item['id']} has ports still attached: {', '.join(ports)}")

    def _free_group(self, item: Json) -> None:
        if any(item["id"] in port["security_groups"] for port in self.world.ports.values()):
            raise Refusal(409, "SecurityGroupInUse", f"Security Group {item['id']} in use.")

    def _quota(self, _: Request) -> Answer:
        w = self.world
        used = {
            "network": len(w.networks) - 1, "subnet": len(w.subnets) - 1, "port": len(w.ports),
            "router": len(w.routers), "floatingip": len(w.floatingips), "security_group": len(w.security_groups) + 1,
        }  # fmt: skip
        entries = {k: {"limit": limit, "used": used.get(k, 0), "reserved": 0} for k, limit in self.quotas.items()}
        return Answer(body={"quota": entries})

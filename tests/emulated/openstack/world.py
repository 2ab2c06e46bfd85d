"""What there is in the strict OpenStack, and how time changes it: servers are built, and go, without being asked."""

from __future__ import annotations

import itertools
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Network
from typing import Any

Json = dict[str, Any]
PROJECT, USER = "1382641fd88e44fb885a772a1c74571c", "98f5e73e95ce407c8bd1cea3c4b489fb"
OTHERS = "6cc0da9692c34adebfb1bfe320f3f390"
FLAVORS = {"m1.tiny": (512, 1, 1), "m1.small": (2048, 1, 20), "m1.large": (8192, 4, 80), "m1.giant": (9_999_999, 1, 1)}
NOWHERE = "m1.giant"
"""The flavor that fits on no host."""


def number() -> str:
    return str(uuid.uuid4())


def stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Server:
    """A server; its status follows from when it was asked for."""

    item: Json
    network: str
    fixed_ip: str
    groups: list[str]
    born: float = field(default_factory=time.monotonic)
    going: float = 0.0
    stopped: bool = False
    port: str = ""
    fault: str = ""


@dataclass
class World:
    """All of it. `build` and `leave` are seconds that a server takes to come and to go."""

    build: float = 0.04
    leave: float = 0.04
    quota: dict[str, int] = field(default_factory=lambda: {"instances": 100, "cores": 200, "ram": 500_000})
    servers: dict[str, Server] = field(default_factory=dict)
    key_pairs: dict[str, Json] = field(default_factory=dict)
    server_groups: dict[str, Json] = field(default_factory=dict)
    flavors: dict[str, Json] = field(default_factory=dict)
    images: dict[str, Json] = field(default_factory=dict)
    deleted_images: set[str] = field(default_factory=set)
    networks: dict[str, Json] = field(default_factory=dict)
    subnets: dict[str, Json] = field(default_factory=dict)
    routers: dict[str, Json] = field(default_factory=dict)
    ports: dict[str, Json] = field(default_factory=dict)
    security_groups: dict[str, Json] = field(default_factory=dict)
    floatingips: dict[str, Json] = field(default_factory=dict)
    ever: int = 0

    def __post_init__(self) -> None:
        self._addresses = itertools.count(10)
        for name, (ram, vcpus, disk) in FLAVORS.items():
            flavor: Json = {"id": number(), "name": name, "ram": ram, "vcpus": vcpus, "disk": disk}
            self.flavors[flavor["id"]] = flavor
        public = self.add_network({"name": "public", "description": ""}, external=True)
        self.add_subnet({"name": "public", "network_id": public["id"], "cidr": "198.51.100.0/24"})

    def settle(self) -> None:
        """Let happen what time has brought."""
        now = time.monotonic()
        for server in list(self.servers.values()):
            if server.going and now - server.going >= self.leave:
                del self.servers[server.item["id"]]
                self.drop_port(server.port)
            elif not server.port and not server.fault and now - server.born >= self.build / 2:
                self._place(server)

    def _place(self, server: Server) -> None:
        if server.item["flavor_name"] == NOWHERE:
            server.fault = "No valid host was found. "
            return
        taken = {f["ip_address"] for p in self.ports.values() for f in p["fixed_ips"]}
        if server.fixed_ip in taken:
            server.fault = f"Fixed IP address {server.fixed_ip} is already in use on instance x."
            return
        server.port = self.add_port(server.network, server.fixed_ip, server.item["id"], "compute:nova", server.groups)

    def add_network(self, body: Json, external: bool = False) -> Json:
        owner = OTHERS if external else PROJECT
        item = {"id": number(), "subnets": [], "external": external, "owner": owner, "at": stamp(), **body}
        self.networks[item["id"]] = item
        return item

    def add_subnet(self, body: Json) -> Json:
        network = IPv4Network(body["cidr"])
        pools = [{"start": str(network[2]), "end": str(network[-2])}]
        item = {
            "id": number(),
            "description": "",
            "allocation_pools": pools,
            "dns_nameservers": [],
            "at": stamp(),
            **body,
        }
        self.subnets[item["id"]] = item
        self.networks[body["network_id"]]["subnets"].append(item["id"])
        return item

    def add_port(self, network: str, address: str, device: str, owner: str, groups: list[str]) -> str:
        subnet = next((s for s in self.subnets.values() if s["network_id"] == network), None)
        fixed = [{"subnet_id": subnet["id"], "ip_address": address or self._free(subnet)}] if subnet else []
        device_of = {"device_id": device, "device_owner": owner, "security_groups": groups}
        item: Json = {"id": number(), "network_id": network, "fixed_ips": fixed, "at": stamp(), **device_of}
        self.ports[item["id"]] = item
        return str(item["id"])

    def drop_port(self, port: str) -> None:
        self.ports.pop(port, None)
        for floating in self.floatingips.values():
            if floating["port_id"] == port:
                floating["port_id"] = None

    def floating_address(self) -> str:
        return f"198.51.100.{next(self._addresses) % 240 + 10}"

    def _free(self, subnet: Json) -> str:
        taken = {f["ip_address"] for p in self.ports.values() for f in p["fixed_ips"]}
        network, pool = IPv4Network(subnet["cidr"]), subnet["allocation_pools"][0]
        between = (str(a) for a in network.hosts() if int(a) >= int(IPv4Network(pool["start"]).network_address))
        return next(address for address in between if address not in taken)

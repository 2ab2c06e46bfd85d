"""What must be on the wire, and what mimic leaves out of its answers."""

from __future__ import annotations

import base64
import binascii
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from tests.emulated.openstack.http import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]
PUBLIC, SERVICE = "00000000-0000-0000-0000-000000000000", "11111111-1111-1111-1111-111111111111"
PSEUDO = [{"id": PUBLIC, "label": "public"}, {"id": SERVICE, "label": "private"}]
FIELDS = frozenset(
    ("name", "flavorRef", "imageRef", "networks", "metadata", "config_drive", "key_name", "user_data")
)  # fmt: skip
MIMICS_OWN = frozenset(("server_building", "server_error", "create_server_failure", "delete_server_failure"))


def bare(path: str) -> str:
    """Return a path without its ids: ``/servers/*/metadata``."""
    first, *rest = path.strip("/").split("/")
    return "/" + "/".join([first, *("*" if any(c.isdigit() for c in word) else word for word in rest)])


def check(body: Json, networks: Mapping[str, Json], keys: Mapping[str, Json]) -> None:
    """Refuse a server that Rackspace would refuse, or make without its first-boot config."""
    server = body["server"]
    if body.keys() != {"server"} or not server.keys() <= FIELDS:
        _refuse(f"unknown fields: {sorted(body.keys() | server.keys())}")
    if server.get("config_drive") is not True:
        _refuse("config_drive must be true: nothing else brings user data")
    for network in server["networks"]:
        if network.keys() != {"uuid"} or network["uuid"] not in {PUBLIC, SERVICE, *networks}:
            _refuse(f"Network {network} could not be found.")
    if server.get("key_name") and server["key_name"] not in keys:
        _refuse("Invalid key_name provided.")
    if not all(isinstance(server[key], str) and server[key] for key in ("name", "flavorRef", "imageRef")):
        _refuse("name, flavorRef and imageRef must be texts")
    _check_user_data(server.get("user_data"))
    check_metadata(server["metadata"])


def check_metadata(metadata: Json) -> None:
    """Refuse metadata that Rackspace would refuse."""
    if len(metadata) > 40 or any(len(key) > 255 or len(value) > 255 for key, value in metadata.items()):
        _refuse("Invalid metadata size: at most 40 entries of 255 characters")


def check_network(wanted: Json) -> None:
    """Refuse a cloud network without a label or with a range that is no range."""
    if wanted.keys() != {"label", "cidr"} or IPv4Network(wanted["cidr"]).num_addresses < 4:
        _refuse("The CIDR does not contain enough hosts.")


def complete(item: Json, asked: Json, networks: Mapping[str, Json]) -> None:
    """Write into a server's report what mimic did not keep."""
    item["metadata"] = {key: value for key, value in item["metadata"].items() if key not in MIMICS_OWN}
    item["config_drive"] = "True"
    wanted = [network["uuid"] for network in asked["networks"]]
    given = {PUBLIC: "public", SERVICE: "private"}
    there = {given[uuid]: item["addresses"][given[uuid]] for uuid in wanted if uuid in given}
    for uuid in wanted:
        if uuid in networks:
            address = IPv4Network(networks[uuid]["cidr"])[2 + sum(item["id"].encode()) % 200]
            there[networks[uuid]["label"]] = [{"addr": str(address), "version": 4}]
    item["addresses"] = there
    if item["status"] == "ERROR":
        item["fault"] = {"code": 500, "message": "No valid host was found.", "created": item["created"]}


def _check_user_data(text: object) -> None:
    if text is None:
        return
    if not isinstance(text, str) or len(text) > 65_535:
        _refuse("user_data is too long")
    try:
        base64.b64decode(str(text), validate=True)
    except binascii.Error:
        _refuse("user_data must be base64")


def _refuse(message: str) -> None:
    raise Refusal(400, "badRequest", message)

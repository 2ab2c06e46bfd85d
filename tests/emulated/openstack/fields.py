"""Which fields each call takes: what stands in no table is refused, as the real services refuse it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.emulated.openstack.http import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection

SERVER = frozenset((
    "name", "imageRef", "flavorRef", "networks", "security_groups", "metadata", "tags", "config_drive", "user_data",
    "key_name", "availability_zone", "min_count", "max_count", "return_reservation_id", "block_device_mapping_v2",
    "description",
))  # fmt: skip
VOLUME = frozenset((
    "boot_index", "uuid", "source_type", "destination_type", "volume_size", "volume_type", "delete_on_termination",
))  # fmt: skip
INTERFACE = frozenset(("uuid", "port", "fixed_ip", "tag"))
NEUTRON = {
    "network": frozenset(("name", "description", "admin_state_up")),
    "subnet": frozenset((
        "name", "description", "network_id", "ip_version", "cidr", "dns_nameservers", "allocation_pools", "enable_dhcp",
    )),
    "router": frozenset(("name", "description", "external_gateway_info")),
    "security_group": frozenset(("name", "description")),
    "security_group_rule": frozenset((
        "security_group_id", "direction", "ethertype", "protocol", "port_range_min", "port_range_max",
        "remote_ip_prefix", "remote_group_id",
    )),
    "floatingip": frozenset(("floating_network_id", "port_id", "description")),
}  # fmt: skip
METADATA_KEY = r"[a-zA-Z0-9-_:. ]{1,255}"
KEY_NAME = r"[_\- a-zA-Z0-9]+"


def nova(body: Any, known: Collection[str], where: str = "server") -> None:
    """Refuse what nova's schema does not know; the refusal repeats all of it, secrets included."""
    if not isinstance(body, dict) or body.keys() - set(known):
        unknown = ", ".join(f"'{key}'" for key in sorted(set(body) - set(known)))
        message = (
            f"Invalid input for field/attribute {where}. Value: {body}. "
            f"Additional properties are not allowed ({unknown} was unexpected)"
        )
        raise Refusal(400, "badRequest", message)


def invalid(field: str, value: object, why: str) -> Refusal:
    return Refusal(400, "badRequest", f"Invalid input for field/attribute {field}. Value: {value}. {why}")


def neutron(body: dict[str, Any], kind: str) -> None:
    if unknown := body.keys() - NEUTRON[kind]:
        raise Refusal(400, "HTTPBadRequest", f"Unrecognized attribute(s) '{', '.join(sorted(unknown))}'")
    if len(body.get("description", "")) > 255:
        why = f"Invalid input for description. Reason: '{body['description']}' exceeds maximum length of 255."
        raise Refusal(400, "HTTPBadRequest", why)


def metadata(marks: dict[str, Any]) -> None:
    for key, value in marks.items():
        if not re.fullmatch(METADATA_KEY, key):
            raise invalid("metadata", marks, f"'{key}' does not match any of the regexes: '^{METADATA_KEY}$'")
        if not isinstance(value, str) or len(value) > 255:
            raise invalid(key, value, f"{value!r} is too long or no string")
    if len(marks) > 128:
        raise Refusal(403, "forbidden", "Maximum number of metadata items exceeds 128")

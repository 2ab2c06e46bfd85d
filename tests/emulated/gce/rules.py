"""What GCE refuses beyond its schema. Every rule names its source; tests show that a naive client fails on each."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import TYPE_CHECKING, Any

from tests.emulated.gce import catalogue
from tests.emulated.gce.discovery import Refusal, invalid
from tests.emulated.gce.world import missing

if TYPE_CHECKING:
    from tests.emulated.gce.world import World

NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
VALUE_LIMIT, METADATA_LIMIT = 262_144, 524_288


def request_id(text: str) -> None:
    """A UUID, and not zero: the parameter's description in discovery."""
    try:
        number = uuid.UUID(text)
    except ValueError:
        number = uuid.UUID(int=0)
    if not number.int:
        raise invalid(f"Invalid value for field 'requestId': '{text}'. Request ID must be a valid non-zero UUID.")


def labels(given: dict[str, str]) -> None:
    """https://cloud.google.com/compute/docs/labeling-resources#requirements"""
    if len(given) > 64:
        raise invalid("Invalid value for field 'resource.labels': at most 64 labels")
    for key, value in given.items():
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key):
            raise invalid(f"Invalid value for field 'resource.labels': '{key}'. Label key is not valid")
        if not re.fullmatch(r"[a-z0-9_-]{0,63}", value):
            raise invalid(
                f"Invalid value for field 'resource.labels': '{value}'. Label value '{value}' violates format"
            )


def metadata(given: dict[str, Any]) -> None:
    """256 KiB a value, 512 KB in all (the descriptions in discovery); keys once."""
    items = given.get("items", [])
    keys = [item["key"] for item in items]
    if len(set(keys)) != len(keys):
        raise invalid("Invalid value for field 'resource.metadata': duplicate keys")
    for item in items:
        if len(item["value"].encode()) > VALUE_LIMIT:
            raise invalid(f"Value for field 'resource.metadata.items.{item['key']}' is too large: maximum size 262144")
    if sum(len(item["key"].encode()) + len(item["value"].encode()) for item in items) > METADATA_LIMIT:
        raise invalid("Value for field 'resource.metadata' is too large: maximum size 524288 bytes")


def scheduling(given: dict[str, Any]) -> None:
    """https://cloud.google.com/compute/docs/instances/limit-vm-runtime, and spot machines neither migrate nor restart:
    https://cloud.google.com/compute/docs/instances/spot"""
    limited = [name for name in ("terminationTime", "maxRunDuration") if name in given]
    if len(limited) > 1:
        raise invalid("maxRunDuration and terminationTime cannot both be set")
    if limited and "instanceTerminationAction" not in given:
        raise invalid("instanceTerminationAction is required with a limit on the run time")
    if given.get("provisioningModel") == "SPOT":
        if given.get("automaticRestart", True):
            raise invalid("Scheduling must have automaticRestart = false when provisioningModel is SPOT")
        if given.get("onHostMaintenance", "MIGRATE") != "TERMINATE":
            raise invalid("Scheduling must have onHostMaintenance = TERMINATE when provisioningModel is SPOT")
    elif "instanceTerminationAction" in given and not limited:
        raise invalid("instanceTerminationAction is for spot machines and limited run times")
    if "terminationTime" in given:
        _moment(given["terminationTime"])


def _moment(text: str) -> None:
    try:
        ahead = datetime.fromisoformat(text) - datetime.now(UTC)
    except (ValueError, TypeError):
        raise invalid(f"Invalid value for field 'terminationTime': '{text}'. Not an RFC 3339 time") from None
    if not timedelta(seconds=30) <= ahead <= timedelta(days=120):
        raise invalid(f"Invalid value for field 'terminationTime': '{text}'. Must be 30 seconds to 120 days ahead")


def reference(world: World, url: str, kind: str, field: str) -> tuple[str, str, str]:
    """Return project, place and name of what a URL, whole or partial, names.

    Bare names are refused, and what does not exist is 404.
    """
    tail = url.partition("/compute/v1/")[2] if "/compute/v1/" in url else url
    pattern = rf"(?:projects/([^/]+)/)?(?:global|zones/([^/]+)|regions/([^/]+))/{kind}/([^/]+)"
    if not (found := re.fullmatch(pattern, tail)):
        raise invalid(f"Invalid value for field '{field}': '{url}'. The URL is malformed.")
    return found[1] or world.project, found[2] or found[3] or "", found[4]


def machine_type(world: World, zone: str, url: str) -> dict[str, Any]:
    """A machine type's URL must be of the machine's own zone."""
    _, place, name = reference(world, url, "machineTypes", "resource.machineType")
    if place != zone:
        raise invalid(f"Invalid value for field 'resource.machineType': '{url}'. It is in another zone")
    found = catalogue.machine_type(zone, name)
    if found is None:
        raise invalid(f"Invalid value for field 'resource.machineType': '{url}'. Machine type {name} does not exist")
    return found


def boot_disk(world: World, zone: str, disks: list[dict[str, Any]], runs: str) -> dict[str, Any]:
    """A machine boots from one disk, made of an image that exists, holds it and runs on its processors."""
    boots = [disk for disk in disks if disk.get("boot")]
    if len(boots) != 1 or "initializeParams" not in boots[0]:
        raise invalid("Invalid value for field 'resource.disks': exactly one boot disk is needed")
    params = boots[0]["initializeParams"]
    project, _, name = reference(world, params.get("sourceImage", ""), "images", "sourceImage")
    image = catalogue.image(project, name)
    if image is None:
        raise missing(project, "global", "images", name)
    if image.get("deprecated", {}).get("state") == "OBSOLETE":
        raise invalid(f"Invalid value for field 'sourceImage': the image {name} is obsolete")
    if image["architecture"] != runs:
        raise invalid(f"Instance with architecture {runs} is not compatible with an image for {image['architecture']}")
    if int(params.get("diskSizeGb", "10")) < int(image["diskSizeGb"]):
        raise invalid("Requested disk size cannot be smaller than the image size")
    if "diskType" in params:
        _, place, kind = reference(world, params["diskType"], "diskTypes", "diskType")
        if place != zone or kind not in catalogue.DISK_TYPES:
            raise invalid(f"Invalid value for field 'diskType': '{params['diskType']}'")
    labels(params.get("labels", {}))
    return image


def interface(world: World, zone: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the subnetwork of an interface; it must exist, be of the network, and in the zone's region."""
    _, region, name = reference(world, given.get("subnetwork", ""), "subnetworks", "subnetwork")
    if region != catalogue.region_of(zone):
        raise invalid(f"Invalid value for field 'subnetwork': it is in {region}, the machine in {zone}")
    found = world.get("subnetworks", region, name)
    if "network" in given:
        _, _, network = reference(world, given["network"], "networks", "network")
        if world.get("networks", "", network)["selfLink"] != found["network"]:
            raise invalid(f"Invalid value for field 'subnetwork': it is not of the network {network}")
    return found


def address(world: World, subnetwork: dict[str, Any], asked: str) -> str:
    """Return the address that a machine gets: free, and neither of the first two nor of the last two of the range.

    https://cloud.google.com/vpc/docs/subnets#unusable-ip-addresses-in-every-subnet
    """
    block = IPv4Network(subnetwork["ipCidrRange"])
    mine = [nic for item in world.things["instances"].values() for nic in item["networkInterfaces"]]
    used = {nic["networkIP"] for nic in mine if nic["subnetwork"] == subnetwork["selfLink"]}
    first, last = int(block.network_address) + 2, int(block.broadcast_address) - 2
    if asked:
        if not first <= int(IPv4Address(asked)) <= last:
            raise invalid(f"Requested internal IP address {asked} is outside the range of {block}, or kept by Google")
        if asked in used:
            raise Refusal(400, "IP_IN_USE_BY_ANOTHER_RESOURCE", f"IP '{asked}' is already being used")
        return asked
    for number in range(first, last + 1):
        if str(IPv4Address(number)) not in used:
            return str(IPv4Address(number))
    raise Refusal(400, "IP_SPACE_EXHAUSTED", f"IP space of '{subnetwork['name']}' is exhausted.")


def subnetwork(world: World, given: dict[str, Any]) -> None:
    """A range of /8 to /29 that overlaps none of the network's (https://cloud.google.com/vpc/docs/subnets)."""
    try:
        block = IPv4Network(given["ipCidrRange"])
    except (KeyError, ValueError) as error:
        raise invalid(f"Invalid value for field 'resource.ipCidrRange': {error}") from None
    if not 8 <= block.prefixlen <= 29:
        raise invalid("Invalid value for field 'resource.ipCidrRange': /8 to /29")
    _, _, name = reference(world, given.get("network", ""), "networks", "resource.network")
    network = world.get("networks", "", name)
    for other in world.things["subnetworks"].values():
        if other["network"] == network["selfLink"] and block.overlaps(IPv4Network(other["ipCidrRange"])):
            raise invalid(f"Invalid IPCidrRange: {block} conflicts with existing subnetwork '{other['name']}'")


def firewall(given: dict[str, Any]) -> None:
    """https://cloud.google.com/firewall/docs/using-firewalls: one of allowed and denied, ports of tcp and udp alone, no
    mix of IPv4 and IPv6; without any source a rule is for the whole world."""
    if ("allowed" in given) == ("denied" in given):
        raise invalid("Firewall rule must have exactly one of allowed and denied")
    for rule in given.get("allowed", given.get("denied", [])):
        protocol = rule.get("IPProtocol", "")
        if protocol not in ("all", "tcp", "udp", "icmp", "esp", "ah", "sctp") and not protocol.isdigit():
            raise invalid(f"Invalid value for field 'allowed.IPProtocol': '{protocol}'")
        if "ports" in rule and protocol not in ("tcp", "udp", "sctp"):
            raise invalid("Ports are for tcp, udp and sctp")
    try:
        versions = {ip_network(cidr).version for cidr in given.get("sourceRanges", [])}
    except ValueError as error:
        raise invalid(f"Invalid value for field 'resource.sourceRanges': {error}") from None
    if len(versions) > 1:
        raise invalid("Source ranges cannot mix IPv4 and IPv6")
    for tag in (*given.get("sourceTags", []), *given.get("targetTags", [])):
        if not NAME.fullmatch(tag):
            raise invalid(f"Invalid value for field 'tags': '{tag}'")


def unused(world: World, kind: str, item: dict[str, Any]) -> None:
    """resourceInUseByAnotherResource: what others hang on is not deleted."""
    link = item["selfLink"]
    for other_kind, field in (("subnetworks", "network"), ("firewalls", "network")):
        for other in world.things[other_kind].values():
            if other.get(field) == link:
                raise _in_use(kind, item, f"{other_kind}/{other['name']}")
    for machine in world.things["instances"].values():
        if any(link in (nic["network"], nic["subnetwork"]) for nic in machine["networkInterfaces"]):
            raise _in_use(kind, item, f"instances/{machine['name']}")
    if item.get("users"):
        raise _in_use(kind, item, item["users"][0])


def _in_use(kind: str, item: dict[str, Any], by: str) -> Refusal:
    message = f"The {kind[:-1]} resource '{item['name']}' is already being used by '{by}'"
    return Refusal(400, "resourceInUseByAnotherResource", message)


def deletable(item: dict[str, Any]) -> None:
    """https://cloud.google.com/compute/docs/instances/preventing-accidental-vm-deletion"""
    if item.get("deletionProtection"):
        message = "Invalid resource usage: 'Resource cannot be deleted if it's protected against deletion.'."
        raise Refusal(400, "invalidResourceUsage", message)
